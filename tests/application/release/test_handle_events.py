"""Load, decide, commit, dispatch: once per event, however often the event comes."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from shared.application.errors import ConcurrentUpdate, TransientFault
from shared.application.ports import IntakeResult
from shared.application.release.handle_events import COMMIT_TRIES, handle_events
from shared.application.release.ports import ReleaseCommit, Stored
from shared.domain.release import events as e
from shared.domain.release.commands import Command
from shared.domain.release.model import Phase
from shared.domain.release.policy import Stage
from tests.fakes.queues import MemoryCommandQueue
from tests.fakes.store import MemoryReleaseStore
from tests.support.benches.release import Bench
from tests.support.benches.road import decide
from tests.support.builders import NOW, RELEASE_ID, a_candidate, a_command, a_plan, a_release, an_actor


def verified(event_id: str = "verified") -> e.CandidateVerified:
    return e.CandidateVerified(
        event_id=event_id,
        release_id=RELEASE_ID,
        occurred_at=NOW,
        serial=1,
        candidate=a_candidate(),
        plan=a_plan(),
    )


def dead(number: int) -> e.MessageDeadLettered:
    return e.MessageDeadLettered(
        event_id=f"dead-{number}",
        release_id=RELEASE_ID,
        occurred_at=NOW,
        queue="effects",
        message_id=f"m-{number}",
        reason="MaxDeliveryCountExceeded",
    )


async def test_a_straight_release_ends_as_released(bench: Bench) -> None:
    """Every use case together, on the road without faults."""
    rid = await bench.registered()
    for phase, stage in (
        (Phase.AWAITING_REGISTRY_APPROVAL, Stage.REGISTRY),
        (Phase.AWAITING_PRODUCTION_APPROVAL, Stage.PRODUCTION),
    ):
        await bench.run_until(rid, phase)
        await decide(bench, rid, stage, an_actor())
    await bench.run_until(rid, Phase.RELEASED)
    await bench.deliver()

    assert [place.value for place, _ in bench.platform.puts] == ["test", "production"]
    assert await bench.locks.held() == []
    assert list(bench.store.closed) == [rid]
    assert f"switchyard.release.{Phase.RELEASED.value}" in {kind for kind, _, _ in bench.facts.facts.values()}


async def test_a_duplicate_is_ignored(bench: Bench) -> None:
    """The inbox knows it: nothing is decided, told or sent a second time."""
    await bench.put(a_release(Phase.VERIFYING))
    await handle_events(RELEASE_ID, [dead(1)], bench.ports)
    once = bench.store.partitions[RELEASE_ID]
    release, told, sent = once.release, list(once.history), len(bench.events.sent)

    await handle_events(RELEASE_ID, [dead(1)], bench.ports)

    assert (once.release, once.history, len(bench.events.sent)) == (release, told, sent)


async def test_a_duplicate_within_one_burst_is_ignored(bench: Bench) -> None:
    """The same event twice in one batch."""
    await bench.put(a_release(Phase.VERIFYING))

    await handle_events(RELEASE_ID, [dead(1), dead(1)], bench.ports)

    assert [entry.event_id for entry in bench.store.partitions[RELEASE_ID].history] == ["dead-1"]


async def test_a_burst_is_one_commit(bench: Bench) -> None:
    """Events fold: each is decided on what the one before it left."""
    await bench.put(a_release(Phase.VERIFYING))

    release = await handle_events(RELEASE_ID, [verified(), dead(1)], bench.ports)

    partition = bench.store.partitions[RELEASE_ID]
    assert release is not None
    assert (release.phase, release.held_phase) == (Phase.HELD, Phase.AWAITING_REGISTRY_APPROVAL)
    assert partition.version == 2
    assert len(partition.history) == 2


async def test_a_long_burst_is_split_so_that_each_commit_fits(bench: Bench) -> None:
    """25 events are three commits; the store refuses more than 90 rows."""
    await bench.put(a_release(Phase.VERIFYING))

    await handle_events(RELEASE_ID, [dead(n) for n in range(25)], bench.ports)

    partition = bench.store.partitions[RELEASE_ID]
    assert (partition.version, len(partition.history)) == (4, 25)


async def test_an_event_of_no_release_is_recorded_with_the_reason(bench: Bench) -> None:
    """Nothing that was accepted is lost (I13)."""
    assert await handle_events(RELEASE_ID, [dead(1)], bench.ports) is None

    result, subject, reason = bench.intake.records["dead-1"]
    assert (result, subject) == (IntakeResult.NOT_OURS, RELEASE_ID)
    assert "release that does not exist" in reason


async def test_a_release_whose_opening_was_given_up_is_off_the_list(bench: Bench) -> None:
    """It was listed before it would have opened, and every sweep would look for it."""
    await bench.store.add_open(RELEASE_ID, NOW)
    await handle_events(RELEASE_ID, [dead(1)], bench.ports)
    assert (await bench.store.open(10)).records == []


async def test_a_wish_that_is_refused_on_the_queue_is_told_in_the_history(bench: Bench) -> None:
    """Between the answer and the queue the gate may have closed."""
    await bench.put(a_release(Phase.VERIFYING))
    late = e.RetryRequested(event_id="retry", release_id=RELEASE_ID, occurred_at=NOW, actor=an_actor(), reason="")

    await handle_events(RELEASE_ID, [late], bench.ports)

    (entry,) = bench.store.partitions[RELEASE_ID].history
    assert entry.note.startswith("refused: retrying is not possible")
    assert bench.release(RELEASE_ID).phase is Phase.VERIFYING


class RacingStore(MemoryReleaseStore):
    """Another worker commits first, `races` times."""

    def __init__(self, races: int) -> None:
        super().__init__()
        self.races = races

    async def commit(self, change: ReleaseCommit) -> int:
        if change.version is not None and self.races > 0:
            self.races -= 1
            partition = self.partitions[change.release.release_id]
            partition.release = replace(partition.release, look=partition.release.look + 1)
            partition.version += 1
        return await super().commit(change)


async def test_a_lost_race_is_decided_again_on_what_the_other_worker_left(bench: Bench) -> None:
    """Not overwritten: both changes are there."""
    bench.store = RacingStore(races=COMMIT_TRIES - 1)
    await bench.put(a_release(Phase.VERIFYING))

    release = await handle_events(RELEASE_ID, [dead(1)], bench.ports)

    assert release is not None
    assert release.phase is Phase.HELD
    assert len(bench.store.partitions[RELEASE_ID].history) == 1


async def test_losing_every_race_sends_the_message_back(bench: Bench) -> None:
    """A limit on every retry."""
    bench.store = RacingStore(races=COMMIT_TRIES)
    await bench.put(a_release(Phase.VERIFYING))

    with pytest.raises(ConcurrentUpdate, match="try again later"):
        await handle_events(RELEASE_ID, [dead(1)], bench.ports)

    assert bench.store.partitions[RELEASE_ID].history == []


class ForgetfulStore(MemoryReleaseStore):
    """Recalls what it is told to; `loads` counts how often it was asked for the release itself."""

    def __init__(self) -> None:
        super().__init__()
        self.recalled: Stored | None = None
        self.loads = 0

    async def recall(self, release_id: str) -> Stored | None:
        return self.recalled

    async def load(self, release_id: str, event_ids: Sequence[str] = ()) -> Stored | None:
        self.loads += 1
        return await super().load(release_id, event_ids)


@pytest.mark.parametrize("is_current", [True, False])
async def test_what_is_recalled_is_decided_on_and_proven_by_the_commit(bench: Bench, is_current: bool) -> None:
    """Nothing is read while it is still so; else it is read, and decided again."""
    store = ForgetfulStore()
    bench.store = store
    await bench.put(a_release(Phase.VERIFYING), a_command(1))
    store.recalled = await store.load(RELEASE_ID)
    if not is_current:
        await handle_events(RELEASE_ID, [dead(1)], bench.ports)
    loads = store.loads

    release = await handle_events(RELEASE_ID, [dead(2)], bench.ports)

    assert release is not None
    assert release.phase is Phase.HELD
    assert store.loads - loads == (0 if is_current else 1)
    assert [entry.event_id for entry in store.partitions[RELEASE_ID].history] == ["dead-1", "dead-2"][is_current:]
    assert store.partitions[RELEASE_ID].outbox == {}
    assert a_command(1).command_id in [key for key, _, _ in bench.commands.sent]


async def test_an_event_that_means_nothing_to_what_is_recalled_is_decided_on_what_there_is(bench: Bench) -> None:
    """A process that remembers an earlier look would drop the one that is due."""
    store = ForgetfulStore()
    bench.store = store
    await bench.put(a_release(Phase.PROMOTING, look=1))
    recalled = await bench.stored(RELEASE_ID)
    store.recalled = replace(recalled, release=replace(recalled.release, look=0))
    look = e.LookDue(event_id="look-2", release_id=RELEASE_ID, occurred_at=NOW, serial=recalled.release.serial, look=2)

    release = await handle_events(RELEASE_ID, [look], bench.ports)

    assert release is not None
    assert release.look == 2


async def test_an_event_that_was_applied_is_not_applied_to_what_is_recalled(bench: Bench) -> None:
    """The inbox of what is recalled is not known: the commit is refused, and the event is seen to be there."""
    store = ForgetfulStore()
    bench.store = store
    await bench.put(a_release(Phase.VERIFYING))
    await handle_events(RELEASE_ID, [dead(1)], bench.ports)
    partition = store.partitions[RELEASE_ID]
    told = list(partition.history)
    store.recalled = partition.stored()

    await handle_events(RELEASE_ID, [dead(1)], bench.ports)

    assert partition.history == told


class BrokenCommandQueue(MemoryCommandQueue):
    """Takes no command until it is mended."""

    mended = False

    async def send(self, command: Command, **options: object) -> None:
        if not self.mended:
            raise TransientFault("the namespace does not answer")
        await super().send(command)


async def test_a_command_that_was_not_sent_stays_in_the_outbox_and_leaves_with_the_repeated_event(
    bench: Bench,
) -> None:
    """Committed once, sent in the end (I22)."""
    queue = BrokenCommandQueue()
    bench.commands = queue
    await bench.put(a_release(Phase.VERIFYING), a_command(1))
    with pytest.raises(TransientFault):
        await handle_events(RELEASE_ID, [dead(1)], bench.ports)
    held = bench.store.partitions[RELEASE_ID].outbox
    assert a_command(1).command_id in held

    queue.mended = True
    await handle_events(RELEASE_ID, [dead(1)], bench.ports)

    assert bench.store.partitions[RELEASE_ID].outbox == {}
    assert a_command(1).command_id in [key for key, _, _ in queue.sent]
    assert len(bench.store.partitions[RELEASE_ID].history) == 1
