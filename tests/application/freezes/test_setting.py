"""Setting and lifting freezes: once each, by whom, and within which bounds."""

from dataclasses import replace

import pytest

from shared.application.freezes import freezes
from shared.application.freezes.freezes import NoSuchFreeze
from shared.application.release.people import Answer
from shared.domain.errors import Conflict, InvalidRequest, NotEligible
from tests.application.freezes.test_freezes import HOUR, froze, lifted
from tests.support.benches.release import Bench
from tests.support.benches.road import ENGINEER, MANAGER
from tests.support.builders import an_actor


async def test_freezing_twice_within_a_minute_sets_one_freeze(bench: Bench) -> None:
    """A click twice is one wish."""
    first = await freezes.set_freeze("P001", ENGINEER, "stocktaking", bench.ports, until=HOUR)
    bench.clock.advance(59)
    second = await freezes.set_freeze("P001", ENGINEER, " stocktaking\n", bench.ports, until=HOUR)
    other = await freezes.set_freeze("P001", MANAGER, "stocktaking", bench.ports, until=HOUR)

    assert (first.answer, second.answer, other.answer) == (Answer.ACCEPTED, Answer.ALREADY_DONE, Answer.ACCEPTED)
    assert second.freeze == first.freeze
    assert len(bench.freezes.freezes) == 2


async def test_a_freeze_that_was_lifted_is_not_taken_for_set(bench: Bench) -> None:
    """Whoever asks again must not believe that production is frozen."""
    await lifted(bench, await froze(bench))
    with pytest.raises(Conflict, match="Person 3 has just lifted this very freeze"):
        await froze(bench)
    bench.clock.advance(60)
    await froze(bench)
    assert len((await freezes.read_freezes(bench.ports)).current) == 1


async def test_the_first_lift_stays_and_is_kept_with_who_and_why(bench: Bench) -> None:
    """For whoever asks later."""
    freeze = await froze(bench)
    first = await freezes.lift_freeze(freeze.freeze_id, MANAGER, "done", bench.ports)
    second = await freezes.lift_freeze(freeze.freeze_id, ENGINEER, "me too", bench.ports)

    assert (first.answer, second.answer) == (Answer.ACCEPTED, Answer.ALREADY_DONE)
    assert second.freeze == first.freeze
    assert first.freeze == replace(
        freeze,
        lifted_at=bench.clock.now(),
        lifted_by=MANAGER.name,
        lifted_by_id=MANAGER.object_id,
        lift_reason="done",
    )


async def test_who_may_not_freeze_may_not_lift(bench: Bench) -> None:
    """And both need a reason; what has ended cannot be lifted."""
    freeze, stranger = await froze(bench), an_actor(9, groups=("Operators",))
    with pytest.raises(NotEligible):
        await freezes.set_freeze("fleet", stranger, "why", bench.ports, until=HOUR)
    with pytest.raises(NotEligible):
        await freezes.lift_freeze(freeze.freeze_id, stranger, "why", bench.ports)
    with pytest.raises(InvalidRequest, match="needs a reason"):
        await freezes.lift_freeze(freeze.freeze_id, ENGINEER, " ", bench.ports)
    bench.clock.advance(3600)
    with pytest.raises(NoSuchFreeze):
        await freezes.lift_freeze(freeze.freeze_id, ENGINEER, "late", bench.ports)


async def test_too_many_freezes_are_refused(bench: Bench) -> None:
    """Every change of production reads them all."""
    for number in range(freezes.FREEZES_MAX):
        await freezes.set_freeze("P001", ENGINEER, f"number {number}", bench.ports, until=HOUR)
    with pytest.raises(Conflict, match="200 freezes"):
        await freezes.set_freeze("P001", ENGINEER, "one more", bench.ports, until=HOUR)
