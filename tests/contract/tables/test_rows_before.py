"""Rows that older code wrote are found, read and changed; and rows written now have the same keys and columns."""

import json
from datetime import timedelta

import pytest
from azure.data.tables.aio import TableServiceClient

from shared.adapters.tables.access import Table
from shared.adapters.tables.alerts import TableAlertLog
from shared.adapters.tables.changes import TableChangeLog
from shared.adapters.tables.freezes import TableFreezeLog
from shared.adapters.tables.monitoring import TableProposalStore
from shared.adapters.tables.releases import TableReleaseStore
from shared.adapters.tables.routines import TableTaskStore
from shared.adapters.tables.rows import Row, insert
from shared.adapters.tables.trainings import TableTrainingStore
from shared.application.release.ports import ReleaseCommit
from shared.domain.routines.task import Routine
from tests.contract.tables.rows_before import ROWS_BEFORE, is_kept
from tests.support.builders import NOW, a_summary

pytestmark = pytest.mark.azurite

DAY, QUARTER = "2026-01-05", "2025-q4"
LONG_AGO = NOW - timedelta(days=1)


@pytest.fixture
async def before(table: Table) -> Table:
    """A table as older code left it."""
    for row in ROWS_BEFORE:
        await table.write(insert(row))
    return table


@pytest.fixture
def empty(service: TableServiceClient, table_name: str) -> Table:
    """Another one."""
    return Table(service, f"{table_name}empty")


async def alerts(before: Table, now: Table) -> None:
    log, new = TableAlertLog(before), TableAlertLog(now)
    undecided = {key for key, _ in await log.undecided(9)}
    latest = (await log.latest(9)).records
    assert (len(latest), len(undecided)) == (2, 1)
    for record in latest:
        stored = await log.load(record.key)
        assert stored is not None
        assert stored.record == record
        await log.save(record, stored.version)
        assert await new.accept(record)
        if record.key not in undecided:
            added = await new.load(record.key)
            assert added is not None
            await new.save(record, added.version)


async def changes(before: Table, now: Table) -> None:
    log, new = TableChangeLog(before), TableChangeLog(now)
    latest = (await log.latest(9)).records
    assert len(latest) == 2
    for record in latest:
        stored = await log.load(record.change_id)
        assert stored is not None
        assert stored.record == record
        await log.save(record, stored.version)
        await new.accept(record)
    await new.begin("main", await log.taken("main"))


async def trainings(before: Table, now: Table) -> None:
    store, new = TableTrainingStore(before), TableTrainingStore(now)
    (waiting,), (_, ended) = await store.open_runs(), (await store.listed(9)).records
    assert await store.failed_since(LONG_AGO, 9) == [ended]
    for run_id in (waiting.run_id, ended):
        stored = await store.load(run_id)
        assert stored is not None
        assert await new.create(stored.run)
        if run_id == ended:
            added = await new.load(run_id)
            assert added is not None
            await new.save(stored.run, added.version)
        else:
            await store.save(stored.run, stored.version)


async def tasks(before: Table, now: Table) -> None:
    store, new = TableTaskStore(before), TableTaskStore(now)
    found = await store.of(Routine.INFERENCE, DAY)
    assert len(found) == 2
    (waiting,) = await store.open()
    for task in found:
        stored = await store.load(task.ref)
        assert stored is not None
        if task.ref == waiting:
            await store.save(stored.task, stored.version)
        assert await new.create(stored.task)
        if task.is_done:
            added = await new.load(task.ref)
            assert added is not None
            await new.save(task, added.version)
    ended = await store.ended_since(Routine.INFERENCE, LONG_AGO)
    assert [end for _, end in ended] == [*found[1].ends]
    for end in found[1].ends:
        await new.record_end(found[1], end)
    assert await store.latest(Routine.INFERENCE) == DAY
    await new.begin(Routine.INFERENCE, DAY)
    await new.complete(Routine.INFERENCE, DAY)
    assert await store.begun() == [(Routine.DRIFT, QUARTER)]
    await new.begin(Routine.DRIFT, QUARTER)


async def proposals(before: Table, now: Table) -> None:
    store = TableProposalStore(before)
    (proposal,) = await store.of([QUARTER])
    await store.save(proposal, proposal)
    assert await TableProposalStore(now).claim(proposal) == proposal


async def freezes(before: Table, now: Table) -> None:
    found = await TableFreezeLog(before).not_ended(LONG_AGO)
    assert len(found) == 2
    for freeze in found:
        assert await TableFreezeLog(now).put(freeze) == freeze


async def releases(before: Table, now: Table) -> None:
    store, new = TableReleaseStore(before), TableReleaseStore(now)
    for release_id in ("rel-0123456789abcdef", "env-1-5-1-0123456789"):
        stored = await store.load(release_id)
        assert stored is not None
        entries = tuple(await store.history(release_id))
        commands = stored.unsent
        assert entries
        event_ids = ("opened",) if commands else ()
        await store.commit(ReleaseCommit(release=stored.release, version=stored.version))
        change = ReleaseCommit(
            release=stored.release, version=None, event_ids=event_ids, entries=entries, commands=commands
        )
        await new.commit(change)
    for entry in (await store.open(9)).records:
        assert entry.resting is None
        await new.add_open(entry.release_id, NOW)
    for ended in (await store.ended(9)).records:
        assert ended.summary is None
        await new.add_open(ended.release_id, NOW)
        await new.close(a_summary(ended.release_id), NOW, 1)


def contents(rows: list[Row]) -> dict[tuple[str, str], Row]:
    """Rows by their keys, without what differs in every write; records without the envelope of their text."""
    return {(row["PartitionKey"], row["RowKey"]): {name: _plain(name, row[name]) for name in row} for row in rows}


def _plain(name: str, value: object) -> object:
    if name == "op_id":
        return "its own"
    if name not in ("json", "json_00", "run_00"):
        return value
    outer = json.loads(str(value))
    (inside,) = [part for key, part in outer.items() if key not in ("v", "schema_v")] if len(outer) == 2 else [outer]
    return inside


ADDED_SINCE = {"in_force", "may_rest", "number", "summary_00", "woken"}
"""Columns that rows have got since; `test_change_log.py` reads a row without this one."""


async def test_old_rows_are_used_and_new_ones_lie_in_the_same_places(before: Table, empty: Table) -> None:
    """Everything that was stored is read, saved again, and written to an empty table as if it were new."""
    for use in (alerts, changes, trainings, tasks, proposals, freezes, releases):
        await use(before, empty)
    partitions = {row["PartitionKey"] for row in ROWS_BEFORE}
    for table in (before, empty):
        rows = [row for partition in partitions for row in await table.query(partition)]
        then, now = contents(ROWS_BEFORE), contents(rows)
        assert {place: set(row) - (ADDED_SINCE - set(then[place])) for place, row in now.items()} == {
            place: set(row) for place, row in then.items()
        }
        assert [place for place in then if not is_kept(then[place], now[place])] == []
