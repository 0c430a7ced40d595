"""A sweep passes over releases that rest, by the index alone; and a rest ends before anything can change."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest

from shared.application.errors import TransientFault
from shared.application.release.handle_events import handle_events
from shared.application.release.ports import ReleaseCommit, Stored
from shared.application.release.resting import REST_MIN, may_rest, rests_until
from shared.application.release.summary import summary_of
from shared.application.release.sweep import AUDIT_EVERY, release_nets
from shared.application.work.sweep import sweep
from shared.domain.release import events as e
from shared.domain.release.model import LOOKED_AT, TERMINAL, Phase
from shared.domain.release.model_machine import LIVE
from tests.fakes.store import MemoryReleaseStore
from tests.support.benches.release import Bench
from tests.support.builders import NOW, RELEASE_ID, a_fleet_release, a_release

KEY = "P001-C001"
GATE = Phase.AWAITING_REGISTRY_APPROVAL


class CountedStore(MemoryReleaseStore):
    """Counts the reads of releases and of pages, and may die before it commits."""

    def __init__(self) -> None:
        super().__init__()
        self.loaded: list[str] = []
        self.dies = False

    async def load(self, release_id: str, event_ids: Sequence[str] = ()) -> Stored | None:
        self.loaded.append(release_id)
        return await super().load(release_id, event_ids)

    async def commit(self, change: ReleaseCommit) -> int:
        if self.dies:
            raise TransientFault("died")
        return await super().commit(change)


@pytest.fixture
def store(bench: Bench) -> CountedStore:
    bench.store = CountedStore()
    return bench.store


async def at_rest(bench: Bench, store: CountedStore, release_id: str = RELEASE_ID, phase: Phase = GATE) -> None:
    """A release that one sweep has laid to rest."""
    await bench.put(a_release(phase, release_id=release_id), may_rest=True)
    await sweep(release_nets(bench.ports))
    assert store.entries[release_id].resting is not None
    store.loaded.clear()


async def test_a_release_at_rest_is_not_read_by_a_sweep(bench: Bench, store: CountedStore) -> None:
    """Nor is the one that holds a circuit, for its lock."""
    await at_rest(bench, store)
    await bench.locks.acquire(KEY, RELEASE_ID, bench.clock.now())
    bench.clock.advance(60)

    report = await sweep(release_nets(bench.ports))

    assert (store.loaded, report.made_good, report.failed) == ([], {"releases": 0, "locks": 0}, {})
    assert bench.locks.locks[KEY].holder == RELEASE_ID


async def test_what_is_overdue_at_rest_is_brought_back(bench: Bench, store: CountedStore) -> None:
    """The rest ends where a message should have come long ago."""
    await at_rest(bench, store)
    deadline_at = bench.release(RELEASE_ID).deadline_at
    assert deadline_at is not None
    bench.clock.time = deadline_at + timedelta(seconds=31)

    await sweep(release_nets(bench.ports))

    assert [type(event) for _, event, _ in bench.events.sent] == [e.DeadlinePassed]


async def test_a_rest_ends_before_the_next_commit(bench: Bench, store: CountedStore) -> None:
    """Whoever dies in between leaves a release that every sweep reads."""
    await at_rest(bench, store)
    expired = e.DeadlinePassed(event_id="late", release_id=RELEASE_ID, occurred_at=NOW, serial=2)
    bench.clock.advance(2 * 86_400)
    store.dies = True
    with pytest.raises(TransientFault):
        await handle_events(RELEASE_ID, [expired], bench.ports)
    store.loaded.clear()

    await sweep(release_nets(bench.ports))

    assert store.loaded == [RELEASE_ID]
    assert store.entries[RELEASE_ID].resting is None


async def test_what_a_rest_says_is_what_the_release_says(bench: Bench, store: CountedStore) -> None:
    """The summary follows from the release alone."""
    await at_rest(bench, store)
    assert store.entries[RELEASE_ID].summary == summary_of(bench.release(RELEASE_ID))


async def test_a_commit_of_older_code_is_found_within_hours(bench: Bench, store: CountedStore) -> None:
    """It wakes nobody. Every release that rests is compared with its entry in a minute of its own."""
    await at_rest(bench, store)
    partition = store.partitions[RELEASE_ID]
    partition.release, partition.version = replace(partition.release, reason="by older code"), partition.version + 1
    for _ in range(int(AUDIT_EVERY / timedelta(minutes=1))):
        bench.clock.advance(60)
        await sweep(release_nets(bench.ports))

    assert store.loaded == [RELEASE_ID]
    assert store.entries[RELEASE_ID].summary == summary_of(partition.release)


@pytest.mark.parametrize("phase", sorted(LIVE | TERMINAL))
def test_only_what_waits_for_long_may_rest(phase: Phase) -> None:
    """Not what has ended, nor what is looked at in a moment, nor the work on many targets."""
    release = a_release(phase)
    assert may_rest(release, release.phase_since) == (phase not in LOOKED_AT | TERMINAL)


def test_work_on_many_targets_never_rests() -> None:
    """Their answers come at any moment."""
    soon = NOW + timedelta(minutes=5)
    assert rests_until(a_fleet_release(Phase.UPDATING, look_at=soon)) is None
    assert rests_until(a_fleet_release(Phase.WATCHING, look_at=soon)) == soon + timedelta(seconds=30)


def test_a_step_with_rare_looks_may_rest() -> None:
    """A sweep has to come a whole look interval after the look."""
    release = a_release(Phase.WAITING_FOR_CIRCUIT, look_at=NOW + timedelta(hours=1))
    assert rests_until(release) == NOW + timedelta(hours=1, seconds=30)
    assert may_rest(release, NOW + timedelta(hours=1, seconds=30) - REST_MIN)
    assert not may_rest(release, NOW + timedelta(hours=1, seconds=31) - REST_MIN)
