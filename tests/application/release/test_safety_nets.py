"""Dispatch, the sweeper, trying later and dead letters: whatever was missed is made good, and twice does no harm."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest

from shared.application.errors import TransientFault
from shared.application.ports import IntakeResult
from shared.application.release.dead_letters import ROUNDS_MAX, dead_lettered
from shared.application.release.dispatch import dispatch
from shared.application.release.ports import Stored
from shared.application.release.summary import summary_of
from shared.application.release.sweep import release_nets
from shared.application.release.try_later import try_later
from shared.application.work.dead_letters import DeadLetter, bury
from shared.application.work.pause import TRIES_MAX
from shared.application.work.sweep import sweep
from shared.domain.release import events as e
from shared.domain.release.commands import AcquireCircuit, Command, ScheduleEvent
from shared.domain.release.model import Phase
from tests.fakes.queues import MemoryCommandQueue
from tests.fakes.store import MemoryReleaseStore
from tests.support.benches.release import Bench
from tests.support.builders import NOW, RELEASE_ID, a_command, a_release, an_event

KEY = "P001-C001"


async def swept(bench: Bench) -> dict[str, int]:
    """How much one sweep made good of releases; nothing may fail in it."""
    report = await sweep(release_nets(bench.ports))
    assert report.failed == {}
    return report.made_good


def dead(message_id: str = "m-1", queue: str = "effects", body: str = "{}") -> DeadLetter:
    """A message that nobody could process."""
    return DeadLetter(queue=queue, message_id=message_id, reason="MaxDeliveryCountExceeded", body=body)


class ForgetfulStore(MemoryReleaseStore):
    """The process dies before it can note that a command was sent."""

    async def mark_sent(self, release_id: str, command_ids: Sequence[str]) -> None:
        raise TransientFault("died before it was noted")


async def test_dispatching_again_after_a_crash_sends_under_the_same_id(bench: Bench) -> None:
    """The broker drops the second copy: one message, however often it is sent."""
    bench.store = ForgetfulStore()
    await bench.put(a_release(), a_command(1))

    for _ in range(3):
        with pytest.raises(TransientFault):
            await dispatch(await bench.stored(RELEASE_ID), bench.ports)

    assert [key for key, _, _ in bench.commands.sent] == [a_command(1).command_id]
    assert list(bench.store.partitions[RELEASE_ID].outbox) == [a_command(1).command_id]


async def test_what_was_sent_before_a_fault_is_not_sent_again(bench: Bench) -> None:
    """A long outbox becomes shorter with every try, however unreliable the bus is."""

    class Queue(MemoryCommandQueue):
        async def send(self, command: Command, **options: object) -> None:
            if command == a_command(3):
                raise TransientFault("the namespace does not answer")
            await super().send(command)

    bench.commands = Queue()
    await bench.put(a_release(), *(a_command(number) for number in range(1, 5)))

    with pytest.raises(TransientFault):
        await dispatch(await bench.stored(RELEASE_ID), bench.ports)

    assert list(bench.store.partitions[RELEASE_ID].outbox) == [a_command(number).command_id for number in (3, 4)]


async def test_a_scheduled_event_leaves_for_its_own_queue_not_before_its_time(bench: Bench) -> None:
    """Under the event's id, so that a second copy is dropped."""
    at = NOW + timedelta(minutes=5)
    event = an_event()
    command = ScheduleEvent(command_id="c", release_id=RELEASE_ID, serial=1, not_before=at, event=event)
    await bench.put(a_release(), command)

    await dispatch(await bench.stored(RELEASE_ID), bench.ports)

    assert bench.events.sent == [(event.event_id, event, at)]
    assert bench.commands.sent == []


async def test_an_ended_release_leaves_the_open_index_only_after_its_commands_left(bench: Bench) -> None:
    """Otherwise nobody would come back for them."""
    bench.store = ForgetfulStore()
    await bench.put(a_release(Phase.RELEASED), a_command(1))
    with pytest.raises(TransientFault):
        await dispatch(await bench.stored(RELEASE_ID), bench.ports)

    assert list(bench.store.entries) == [RELEASE_ID]
    assert bench.store.closed == {}


async def test_the_sweeper_sends_what_an_outbox_still_holds(bench: Bench) -> None:
    """A crash between commit and dispatch loses nothing."""
    await bench.put(a_release(), a_command(1), a_command(2))

    assert await swept(bench) == {"releases": 2, "locks": 0}
    assert [key for key, _, _ in bench.commands.sent] == [a_command(n).command_id for n in (1, 2)]
    assert bench.store.partitions[RELEASE_ID].outbox == {}


async def test_the_sweeper_leaves_waits_alone_that_are_not_late(bench: Bench) -> None:
    """The scheduled message is on its way."""
    release = await bench.put(a_release(Phase.PROMOTING))
    assert release.look_at is not None
    bench.clock.time = release.look_at + timedelta(seconds=30)

    assert await swept(bench) == {"releases": 0, "locks": 0}


async def test_the_sweeper_brings_back_a_look_that_did_not_come(bench: Bench) -> None:
    """A lost message costs a minute, not the release."""
    release = await bench.put(a_release(Phase.PROMOTING))
    assert release.look_at is not None
    bench.clock.time = release.look_at + timedelta(seconds=31)

    assert await swept(bench) == {"releases": 1, "locks": 0}
    await bench.deliver()

    assert bench.release(RELEASE_ID).phase is Phase.HELD
    assert "PromoteCandidate" in [type(command).__name__ for _, command, _ in bench.commands.sent]


async def test_the_sweeper_brings_back_a_deadline_that_did_not_come(bench: Bench) -> None:
    """No release waits longer than it says."""
    release = await bench.put(a_release(Phase.AWAITING_REGISTRY_APPROVAL))
    assert release.deadline_at is not None
    bench.clock.time = release.deadline_at + timedelta(seconds=31)

    assert await swept(bench) == {"releases": 1, "locks": 0}
    assert [type(event) for _, event, _ in bench.events.sent] == [e.DeadlinePassed]
    await bench.deliver()

    assert bench.release(RELEASE_ID).phase is Phase.EXPIRED


async def test_a_late_look_is_sent_again_every_minute_and_acts_once(bench: Bench) -> None:
    """The message id carries the minute, because the broker remembers ids for ten; the event id does not."""
    release = await bench.put(a_release(Phase.PROMOTING))
    assert release.look_at is not None
    bench.clock.time = release.look_at + timedelta(minutes=1)
    for _ in range(3):
        await swept(bench)
        await swept(bench)
        bench.clock.advance(60)

    looks = [event for _, event, _ in bench.events.sent if isinstance(event, e.LookDue)]
    assert (len(looks), len({event.event_id for event in looks})) == (3, 1)
    await bench.deliver()
    assert [type(command).__name__ for _, command, _ in bench.commands.sent].count("PromoteCandidate") == 1


@pytest.mark.parametrize(("phase", "cool_down_s"), [(Phase.FAILED, 0), (Phase.RELEASED, 180)])
async def test_the_sweeper_frees_the_circuit_of_an_ended_release(bench: Bench, phase: Phase, cool_down_s: int) -> None:
    """L2; with the cool-down that protects the next holder when production was touched (I7)."""
    await bench.put(a_release(phase))
    await bench.locks.acquire(KEY, RELEASE_ID, bench.clock.now())

    report = await swept(bench)

    lock = bench.locks.locks[KEY]
    assert (report, lock.holder) == ({"releases": 0, "locks": 1}, "")
    assert lock.free_from == bench.clock.now() + timedelta(seconds=cool_down_s)


class SlowStore(MemoryReleaseStore):
    """The release ends while it is read."""

    def __init__(self, bench: Bench) -> None:
        super().__init__()
        self._bench = bench

    async def load(self, release_id: str, event_ids: Sequence[str] = ()) -> Stored | None:
        self._bench.clock.advance(90)
        return await super().load(release_id, event_ids)


async def test_a_slow_sweep_shortens_no_cool_down(bench: Bench) -> None:
    """It counts from when the circuit is given back, not from when the sweep began (I7)."""
    bench.store = SlowStore(bench)
    await bench.store.close(summary_of(await bench.put(a_release(Phase.RELEASED))), NOW, 1)
    await bench.locks.acquire(KEY, RELEASE_ID, bench.clock.now())

    await swept(bench)

    assert bench.locks.locks[KEY].free_from == bench.clock.now() + timedelta(seconds=180)


async def test_the_sweeper_never_takes_the_circuit_from_a_release_that_goes_on(bench: Bench) -> None:
    """However long it takes; also not from a holder that is not opened yet."""
    await bench.put(a_release(Phase.TESTING))
    await bench.locks.acquire(KEY, RELEASE_ID, bench.clock.now())
    await bench.locks.acquire("P001-C002", "not-opened-yet", bench.clock.now())
    bench.clock.advance(10 * 86_400)

    assert (await swept(bench))["locks"] == 0


async def test_the_sweeper_passes_over_a_release_that_did_not_open(bench: Bench) -> None:
    """Listed, and the process died before the release was written."""
    await bench.store.add_open("never-written", bench.clock.now())

    assert await swept(bench) == {"releases": 0, "locks": 0}


async def test_every_try_waits_twice_as_long_up_to_five_minutes(bench: Bench) -> None:
    """5 s, 10 s, 20 s, ... 300 s, each follow-up under an id of its own."""
    message_id = "m"
    for _ in range(TRIES_MAX):
        await try_later(a_command(1), message_id, TransientFault("busy"), bench.ports)
        message_id = bench.commands.sent[-1][0]

    pauses = [(at - NOW).total_seconds() for _, _, at in bench.commands.sent if at is not None]
    assert pauses[:8] == [5, 10, 20, 40, 80, 160, 300, 300]
    assert [key for key, _, _ in bench.commands.sent] == [f"m-try-{n}" for n in range(1, TRIES_MAX + 1)]


async def test_the_same_try_sent_twice_makes_one_follow_up(bench: Bench) -> None:
    """A crash after sending must not double the message (finding 4)."""
    for _ in range(2):
        await try_later(an_event(), "m-try-3", TransientFault("busy"), bench.ports)

    assert [key for key, _, _ in bench.events.sent] == ["m-try-4"]


async def test_used_up_tries_raise_so_that_the_message_is_dead_lettered(bench: Bench) -> None:
    """Then a person is told."""
    fault = TransientFault("still busy")

    with pytest.raises(TransientFault, match="still busy"):
        await try_later(an_event(), f"m-try-{TRIES_MAX}", fault, bench.ports)

    assert bench.events.sent == []


async def test_a_dead_letter_holds_its_release_and_says_so(bench: Bench) -> None:
    """Automatic progress stops; the reason names queue and message."""
    await bench.put(a_release(Phase.TESTING))

    lost = AcquireCircuit(command_id="c", release_id=RELEASE_ID, serial=1, target_key=KEY)
    await dead_lettered(dead(), lost, bench.ports)
    await bench.deliver()

    release = bench.release(RELEASE_ID)
    assert (release.phase, release.held_phase) == (Phase.HELD, Phase.TESTING)
    assert "m-1 of effects could not be processed: MaxDeliveryCountExceeded" in release.reason
    ((result, subject, _),) = bench.intake.records.values()
    assert (result, subject) == (IntakeResult.QUARANTINED, "effects")


async def test_a_dead_letter_that_names_no_release_is_quarantined_with_its_beginning(bench: Bench) -> None:
    """Nobody can read it, so a person must; its first 1,000 characters are kept."""
    await bury(dead(body="x" * 5000), None, bench.intake, bench.clock)

    ((result, subject, reason),) = bench.intake.records.values()
    assert (result, subject) == (IntakeResult.QUARANTINED, "effects")
    assert reason == f"MaxDeliveryCountExceeded: {'x' * 1000}"


async def test_a_fact_that_cannot_be_published_is_quarantined_and_holds_nothing(bench: Bench) -> None:
    """The release is what it is, whether or not anybody hears of it."""
    await dead_lettered(dead(), a_command(), bench.ports)

    assert bench.events.sent == []
    ((result, *_),) = bench.intake.records.values()
    assert result is IntakeResult.QUARANTINED


async def test_news_of_a_dead_letter_that_nobody_can_process_ends_in_quarantine(bench: Bench) -> None:
    """A release that cannot be read does not send its news round for ever."""
    news: e.Event = an_event()
    for round_number in range(1, ROUNDS_MAX + 1):
        await dead_lettered(dead(f"m-{round_number}", "release-events"), news, bench.ports)
        _, news, _ = bench.events.sent[-1]
    await dead_lettered(dead("m-last", "release-events"), news, bench.ports)

    assert len(bench.events.sent) == ROUNDS_MAX
    assert [result for result, *_ in bench.intake.records.values()] == [IntakeResult.QUARANTINED] * (ROUNDS_MAX + 1)


async def test_a_release_without_a_look_is_swept_for_its_deadline_only(bench: Bench) -> None:
    """A gate has nothing to look at."""
    gate = await bench.put(replace(a_release(Phase.AWAITING_REGISTRY_APPROVAL), look_at=None))
    assert gate.deadline_at is not None
    bench.clock.time = gate.deadline_at + timedelta(minutes=1)

    assert await swept(bench) == {"releases": 1, "locks": 0}
    assert [type(event) for _, event, _ in bench.events.sent] == [e.DeadlinePassed]
