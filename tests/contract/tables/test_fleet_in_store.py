"""A release of a large fleet in the store: what is written for one event does not grow with the fleet."""

import json
from dataclasses import dataclass, field, replace

import pytest

from shared.adapters.tables.access import Table
from shared.adapters.tables.releases import TableReleaseStore
from shared.adapters.tables.rows import ROWS_MAX, TEXT_CHARS_MAX, RowLimitError
from shared.application.release.ports import ReleaseCommit, ReleaseStore
from shared.domain.release import commands as c
from shared.domain.release import events as e
from shared.domain.release.decide import Decision
from shared.domain.release.history import broken_at
from shared.domain.release.model import Phase, Progress, Release, Verdict
from tests.fakes.store import MemoryReleaseStore
from tests.support.builders import RELEASE_ID
from tests.support.drive_fleet import Drive, move_on, opened

azurite = pytest.mark.azurite

#: 200 circuits on 20 endpoints: more than the largest fleet foreseen for one workspace; Azure allows 20 per endpoint.
ENDPOINTS, CIRCUITS = 20, 10


@pytest.fixture(params=["memory", pytest.param("tables", marks=azurite)])
def store(request: pytest.FixtureRequest) -> ReleaseStore:
    """Each test runs on both."""
    return MemoryReleaseStore() if request.param == "memory" else TableReleaseStore(request.getfixturevalue("table"))


@dataclass
class Recorder:
    """Commits what a driver's release decides, one event at a time, as the queue's trigger does."""

    store: ReleaseStore
    rows: list[int] = field(default_factory=list)
    told: int = 0

    async def keep(self, drive: Drive) -> None:
        """Commits every decision that is not stored yet; `rows` has the number of rows of each commit."""
        for decision in drive.said[self.told :]:
            self.told += 1
            stored = await self.store.load(RELEASE_ID)
            before = stored.release if stored else None
            if decision.release != before or decision.commands:
                self.rows.append(_rows(before, decision))
                await self.store.commit(_change(decision, stored.version if stored else None))
            for command in decision.commands[:1]:  # one of them was sent, so that outboxes do not only grow
                await self.store.mark_sent(RELEASE_ID, [command.command_id])


def _change(decision: Decision, version: str | None) -> ReleaseCommit:
    entries = (decision.entry,) if decision.entry else ()
    event_ids = tuple(entry.event_id for entry in entries)
    return ReleaseCommit(
        release=decision.release, version=version, event_ids=event_ids, entries=entries, commands=decision.commands
    )


def _rows(before: Release | None, decision: Decision) -> int:
    """Release, changed targets, inbox, history and outbox."""
    known = {target.key: target for target in before.fleet} if before else {}
    changed = sum(known.get(target.key) != target for target in decision.release.fleet)
    return 1 + changed + 2 * bool(decision.entry) + len(decision.commands)


async def kept_up_to(store: ReleaseStore, phase: Phase, *circuits: int) -> tuple[Drive, Recorder]:
    """A release on the straight road, every decision of it stored."""
    drive, recorder = opened(*circuits), Recorder(store)
    while drive.release.phase is not phase:
        move_on(drive)
        await recorder.keep(drive)
    return drive, recorder


async def test_a_release_of_200_targets_is_kept_whole(store: ReleaseStore) -> None:
    """From the request to the watch, with every target as it is and in its order, and a history that verifies."""
    drive, recorder = await kept_up_to(store, Phase.WATCHING, *[CIRCUITS] * ENDPOINTS)
    stored = await store.load(RELEASE_ID)

    assert stored is not None
    assert stored.release == drive.release
    assert {target.progress for target in stored.release.fleet} == {Progress.DONE}
    assert len(stored.release.fleet) == ENDPOINTS * CIRCUITS
    assert broken_at(await store.history(RELEASE_ID)) is None
    assert max(recorder.rows) <= ROWS_MAX


@pytest.mark.parametrize("phase", [Phase.CHECKING, Phase.UPDATING, Phase.WATCHING])
async def test_no_commit_grows_with_the_fleet(phase: Phase) -> None:
    """As many rows for ten circuits on an endpoint as for two: only what an event is about is written."""
    _, few = await kept_up_to(MemoryReleaseStore(), phase, *[2] * ENDPOINTS)
    _, many = await kept_up_to(MemoryReleaseStore(), phase, *[CIRCUITS] * ENDPOINTS)

    assert max(many.rows[-ENDPOINTS:]) <= 50
    listing = CIRCUITS - 2  # freezing an endpoint writes its targets, at most the twenty that Azure allows
    assert max(many.rows) <= max(few.rows) + listing


async def test_an_answer_about_one_of_200_targets_writes_two_of_them() -> None:
    """The one that is through and the one that is begun in its lane."""
    store = MemoryReleaseStore()
    drive, recorder = await kept_up_to(store, Phase.UPDATING, *[CIRCUITS] * ENDPOINTS)
    drive.answered("P001-C001")
    await recorder.keep(drive)
    stored = await store.load(RELEASE_ID)

    assert recorder.rows[-1] == 1 + 2 + 2 + 1  # release, targets, inbox and history, one command
    assert stored is not None
    assert stored.release == drive.release


async def test_a_held_and_retried_fleet_is_kept_whole(store: ReleaseStore) -> None:
    """What is done, failed and waiting is read back as it was, in each of the three."""
    drive, recorder = await kept_up_to(store, Phase.UPDATING, 3, 3)
    drive.answered("P001-C001")
    drive.finish(e.Outcome.REFUSED)
    for event in (e.RetryRequested, e.RollbackRequested):
        await recorder.keep(drive)
        stored = await store.load(RELEASE_ID)
        assert stored is not None
        assert stored.release == drive.release
        drive.tell(drive.by(event))


@azurite
async def test_rows_of_a_large_fleet_stay_far_below_the_limits_of_the_table(table: Table) -> None:
    """Properties below 32,768 characters, rows far below one MiB, although people wrote long details."""
    drive, _ = await kept_up_to(TableReleaseStore(table), Phase.CHECKING, *[CIRCUITS] * ENDPOINTS)
    recorder = Recorder(TableReleaseStore(table), told=len(drive.said))
    while drive.release.phase is Phase.CHECKING:
        key = drive.keys(Progress.CHANGING)[0]
        drive.answered(key, verdict=Verdict.INCONCLUSIVE, detail="ü" * 500)
    await recorder.keep(drive)
    rows = await table.query(RELEASE_ID, keys=("release", "target}"))

    assert len(rows) == 1 + ENDPOINTS * CIRCUITS
    assert max(len(value) for row in rows for value in row.values() if isinstance(value, str)) <= TEXT_CHARS_MAX
    assert max(len(json.dumps(row, default=str)) for row in rows) < 64 * 1024


async def test_a_commit_of_everything_at_once_is_refused(store: ReleaseStore) -> None:
    """Nobody can write commands for 200 targets in one transaction; the core never asks for it."""
    drive, _ = await kept_up_to(store, Phase.UPDATING, 1, 1)
    stored = await store.load(RELEASE_ID)
    assert stored is not None
    changes = [command for said in drive.said for command in said.commands if isinstance(command, c.ChangeTarget)]
    looks = tuple(replace(changes[0], command_id=f"{RELEASE_ID}-look-{number}") for number in range(200))

    with pytest.raises((ValueError, RowLimitError), match="limit is 90"):
        await store.commit(ReleaseCommit(release=drive.release, version=stored.version, commands=looks))
