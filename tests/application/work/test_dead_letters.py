"""A dead letter ends: a queue of dead letters has no queue of dead letters of its own."""

from datetime import datetime

import pytest

from shared.application.errors import TransientFault
from shared.application.ports import IntakeResult
from shared.application.release.dead_letters import dead_lettered
from shared.application.work.dead_letters import DeadLetter, bury
from shared.domain.release.events import Event
from tests.fakes.intake import MemoryIntakeLog
from tests.fakes.queues import MemoryEventQueue
from tests.support.benches.release import Bench
from tests.support.builders import an_event

DEAD = DeadLetter(queue="release-events", message_id="m-1", reason="MaxDeliveryCountExceeded", body="{}")


class _Refusing(MemoryIntakeLog):
    """Its table takes no row."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self._error = error

    async def record(self, intake_id: str, result: IntakeResult, subject: str, reason: str, at: datetime) -> None:
        raise self._error


class _Short(MemoryEventQueue):
    """As Service Bus, whose sessions have names of 128 characters at most."""

    async def publish(self, event: Event, *, at: datetime | None = None, message_id: str | None = None) -> None:
        if len(event.release_id) > 128:
            raise ValueError("session_id cannot be longer than 128 characters")
        await super().publish(event, at=at, message_id=message_id)


async def test_what_fails_for_good_is_not_tried_again() -> None:
    """Neither where the record fails nor where the work does; each is tried all the same."""
    bench, tried = Bench(), []

    async def give_up(told: str) -> None:
        tried.append(told)
        raise KeyError("no such work")

    await bury(DEAD, give_up, bench.intake, bench.clock)
    await bury(DEAD, give_up, _Refusing(ValueError("a row beyond its limits")), bench.clock)

    assert tried == [DEAD.told, DEAD.told]
    assert [result for result, *_ in bench.intake.records.values()] == [IntakeResult.QUARANTINED]


async def test_what_may_pass_has_the_message_come_back() -> None:
    bench = Bench()

    async def give_up(_: str) -> None:
        raise TransientFault("the table does not answer")

    with pytest.raises(TransientFault):
        await bury(DEAD, give_up, bench.intake, bench.clock)
    with pytest.raises(TransientFault):
        await bury(DEAD, None, _Refusing(TransientFault("the table does not answer")), bench.clock)


async def test_news_that_no_queue_takes_end_in_the_record() -> None:
    """Whoever may send to the bus can name a release that no session can have."""
    bench = Bench(events=_Short())

    await dead_lettered(DEAD, an_event(release_id="r" * 129), bench.ports)

    assert bench.events.sent == []
    assert [result for result, *_ in bench.intake.records.values()] == [IntakeResult.QUARANTINED]
