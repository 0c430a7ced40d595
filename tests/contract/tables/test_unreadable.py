"""A row that this version cannot read harms itself: every list of a store goes on without it, and tells its id."""

import inspect
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

import shared.adapters.tables
from shared.adapters.tables.access import Table, etag_of
from shared.adapters.tables.alerts import TableAlertLog
from shared.adapters.tables.changes import TableChangeLog
from shared.adapters.tables.endpoints import TableEndpointLog
from shared.adapters.tables.freezes import TableFreezeLog
from shared.adapters.tables.locks import TableCircuitLocks
from shared.adapters.tables.monitoring import TableProposalStore
from shared.adapters.tables.notifications import TableNotificationLog
from shared.adapters.tables.releases import TableReleaseStore
from shared.adapters.tables.routines import TableTaskStore
from shared.adapters.tables.rows import Row
from shared.adapters.tables.rows import replace as replacing
from shared.adapters.tables.slots import TableTrainingSlots
from shared.adapters.tables.trainings import TableTrainingStore
from shared.application.errors import Unreadable
from shared.application.listed import Listed
from shared.application.paging import Page
from shared.application.release.ports import ReleaseCommit
from shared.application.release.production import EndpointRead
from shared.domain.freezes.freeze import blocking
from shared.domain.release.model import Phase
from shared.domain.routines.task import EndKind, JobEnd, Routine
from tests.contract.tables.test_alert_log import a_record
from tests.contract.tables.test_change_log import a_change
from tests.contract.tables.test_notification_log import a_delivery, a_notice
from tests.contract.tables.test_task_store import PROPOSAL, TASK
from tests.contract.tables.test_training_store import a_run
from tests.domain.freezes.test_freeze import HOUR, a_freeze
from tests.support.builders import NOW, RELEASE_ID, a_command, a_release, a_rest, a_summary, an_entry

KEYS = ("a" * 32, "b" * 32)
COMMITS = ("a" * 40, "b" * 40)
CUT = '{"schema_v":1,"rel'
NEWER = '{"schema_v":99,"record":{}}'


async def notices(table: Table) -> None:
    log = TableNotificationLog(table)
    for key in KEYS:
        await log.accept(a_notice(key))
        await log.create(a_delivery(key))


@dataclass(frozen=True, kw_only=True)
class Case:
    """Two rows of a list: `keys` of its `partition` hold the record that is spoilt, by `column`; `lists` reads it.

    `known_as` is the id by which the list tells the spoilt one.
    """

    fill: Callable[[Table], Awaitable[object]]
    lists: Callable[[Table], Awaitable[Any]]
    partition: str
    holds: str
    column: str
    known_as: str
    spoilt: tuple[str, ...] = (CUT, NEWER)


async def alerts(table: Table) -> None:
    for key in KEYS:
        await TableAlertLog(table).accept(a_record(key=key))


async def changes(table: Table) -> None:
    for commit in COMMITS:
        change = a_change()
        claim = replace(change.claim, commit=commit)
        await TableChangeLog(table).accept(replace(change, claim=claim))


async def trainings(table: Table) -> None:
    for name in ("run-a", "run-b"):
        await TableTrainingStore(table).create(replace(a_run(), run_id=name))


async def tasks(table: Table) -> None:
    for circuit in ("P001-C001", "P001-C002"):
        task, store = replace(TASK, circuit=circuit), TableTaskStore(table)
        await store.create(task)
        end = JobEnd(attempt=1, job_name="job", kind=EndKind.COMPLETED, ended_at=NOW, detail="")
        await store.record_end(task, end)


async def proposals(table: Table) -> None:
    for circuit in ("P001-C001", "P001-C002"):
        await TableProposalStore(table).claim(replace(PROPOSAL, circuit=circuit))


async def endpoints(table: Table) -> None:
    for name in ENDPOINT_NAMES:
        await TableEndpointLog(table).put(EndpointRead(endpoint_name=name, at=NOW, running=()))


async def locks(table: Table) -> None:
    for circuit in ("P001-C001", "P001-C002"):
        await TableCircuitLocks(table).acquire(circuit, RELEASE_ID, NOW)


ENDPOINT_NAMES = "endpoint-p001", "endpoint-p002"

CASES = {
    "TableAlertLog.latest": Case(
        fill=alerts,
        lists=lambda table: records(TableAlertLog(table).latest(10)),
        partition="alerts",
        holds=f"|{KEYS[0]}",
        column="json_00",
        known_as=KEYS[0],
    ),
    "TableAlertLog.undecided": Case(
        fill=alerts,
        lists=lambda table: TableAlertLog(table).undecided(10),
        partition="alerts",
        holds=f"o|{KEYS[0]}",
        column="accepted_at",
        known_as=KEYS[0],
    ),
    "TableChangeLog.latest": Case(
        fill=changes,
        lists=lambda table: records(TableChangeLog(table).latest(10)),
        partition="changes",
        holds=f"|{COMMITS[0]}",
        column="json_00",
        known_as=COMMITS[0],
    ),
    "TableTrainingStore.open_runs": Case(
        fill=trainings,
        lists=lambda table: TableTrainingStore(table).open_runs(),
        partition="trainings",
        holds="|run-a",
        column="phase",
        known_as="run-a",
    ),
    "TableTaskStore.of": Case(
        fill=tasks,
        lists=lambda table: TableTaskStore(table).of(TASK.routine, TASK.period),
        partition=f"tasks|{TASK.routine.value}|{TASK.period}",
        holds="P001-C001",
        column="json_00",
        known_as="P001-C001",
    ),
    "TableTaskStore.open": Case(
        fill=tasks,
        lists=lambda table: TableTaskStore(table).open(),
        partition="routines",
        holds=replace(TASK, circuit="P001-C001").task_id,
        column="routine",
        known_as=replace(TASK, circuit="P001-C001").task_id,
    ),
    "TableTaskStore.ended_since": Case(
        fill=tasks,
        lists=lambda table: TableTaskStore(table).ended_since(TASK.routine, NOW - timedelta(hours=1)),
        partition=f"ended|{TASK.routine.value}",
        holds=replace(TASK, circuit="P001-C001").task_id,
        column="json",
        known_as=replace(TASK, circuit="P001-C001").task_id,
    ),
    "TableProposalStore.of": Case(
        fill=proposals,
        lists=lambda table: TableProposalStore(table).of([PROPOSAL.period]),
        partition=f"proposals|{PROPOSAL.period}",
        holds="P001-C001",
        column="json_00",
        known_as="P001-C001",
    ),
    "TableNotificationLog.open_notices": Case(
        fill=notices,
        lists=lambda table: TableNotificationLog(table).open_notices(5),
        partition="notices",
        holds=f"|{KEYS[0]}",
        column="due_at",
        known_as=KEYS[0],
    ),
    "TableNotificationLog.open_deliveries": Case(
        fill=notices,
        lists=lambda table: TableNotificationLog(table).open_deliveries(NOW + timedelta(hours=1), 5),
        partition="notices",
        holds=f"|{KEYS[0]}",
        column="due_at",
        known_as=KEYS[0],
    ),
    "TableEndpointLog.all": Case(
        fill=endpoints,
        lists=lambda table: TableEndpointLog(table).all(),
        partition="endpoints",
        holds=ENDPOINT_NAMES[0],
        column="json_00",
        known_as=ENDPOINT_NAMES[0],
    ),
    "TableCircuitLocks.held": Case(
        fill=locks,
        lists=lambda table: TableCircuitLocks(table).held(),
        partition="locks",
        holds="P001-C001",
        column="free_from",
        known_as="P001-C001",
    ),
}
ELSEWHERE = {
    "TableFreezeLog.not_ended": "one that is unreadable counts, so that it is among them; a test of its own below",
    "TableTaskStore.begun": "its rows are their keys; a test of its own below",
    "TableTrainingSlots.taken": "all slots are one row; a test of its own below",
    "TableReleaseStore.history": "of one release, which is refused as a whole; a test of its own below",
    "TableTrainingStore.listed": "a row is nothing but its key",
    "ReleaseIndex.open": "the release is read instead; a test of its own below",
    "ReleaseIndex.ended": "the release is read instead; a test of its own below",
    "TableTrainingStore.failed_since": "a row is nothing but its key",
}


LISTS = ("list[", "shared.application.listed.Listed[", "shared.application.paging.Page[")


async def records(page: Awaitable[Page[Any]]) -> Listed[Any]:
    return (await page).records


def lists_of_stores() -> set[str]:
    """Every public method of a table store that answers with many records."""
    folder = Path(shared.adapters.tables.__file__).parent
    found = set()
    for path in folder.glob("*.py"):
        module = import_module(f"shared.adapters.tables.{path.stem}")
        for store in vars(module).values():
            if not inspect.isclass(store) or store.__module__ != module.__name__ or path.stem in ("access", "record"):
                continue
            for name, method in vars(store).items():
                answer = str(inspect.signature(method).return_annotation) if inspect.iscoroutinefunction(method) else ""
                if not name.startswith("_") and answer.startswith(LISTS):
                    found.add(f"{store.__name__}.{name}")
    return found


def test_every_list_of_a_store_is_tried_with_a_row_that_cannot_be_read() -> None:
    """A new one has to say what it does with such a row."""
    assert lists_of_stores() == CASES.keys() | ELSEWHERE.keys()


async def spoil(table: Table, partition: str, holds: str, column: str, text: str) -> None:
    """Writes `text` into the column of the rows whose key holds this."""
    rows: list[Row] = [row for row in await table.query(partition) if holds in row["RowKey"] and column in row]
    assert rows
    for row in rows:
        await table.write(replacing({**row, column: text}, etag_of(row)))


@pytest.mark.azurite
@pytest.mark.parametrize("name", CASES)
async def test_a_list_goes_on_without_the_row_and_tells_its_id(
    table: Table, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    case = CASES[name]
    await case.fill(table)
    whole = await case.lists(table)
    for text in case.spoilt:
        await spoil(table, case.partition, case.holds, case.column, text)
        with caplog.at_level(logging.ERROR):
            found = await case.lists(table)

        assert isinstance(found, Listed)
        assert len(whole) == 2
        assert len(found) == 1
        (unreadable,) = found.unreadable
        assert case.known_as in unreadable.record_id
        assert unreadable.reason
        assert case.known_as in caplog.text


@pytest.mark.azurite
async def test_a_routine_that_this_version_does_not_know_harms_no_other(table: Table) -> None:
    store = TableTaskStore(table)
    await store.begin(Routine.DRIFT, "2026-q1")
    await table.write(("upsert", {"PartitionKey": "routines", "RowKey": "begun|from-the-future|2026-q1"}, {}))

    found = await store.begun()

    assert (list(found), len(found.unreadable)) == ([(Routine.DRIFT, "2026-q1")], 1)


@pytest.mark.azurite
@pytest.mark.parametrize(("scope", "covers_all"), [("P001", False), ("", True)])
async def test_a_freeze_that_cannot_be_read_counts_until_its_end(table: Table, scope: str, covers_all: bool) -> None:
    """Nobody may change what might be frozen: for its scope where that is there, else for the fleet."""
    log, freeze = TableFreezeLog(table), a_freeze("P001")
    await log.put(freeze)
    await log.put(a_freeze("P003"))
    await spoil(table, "freezes", freeze.freeze_id, "starts_at", "soon")
    await spoil(table, "freezes", freeze.freeze_id, "scope", scope)

    found = await log.not_ended(NOW)

    (unreadable,) = (each for each in found if each.unreadable)
    assert len(found) == 2
    assert (unreadable.freeze_id, unreadable.ends_at) == (freeze.freeze_id, freeze.ends_at)
    assert blocking([unreadable], ["P001-C001"], NOW) == unreadable
    assert bool(blocking([unreadable], ["P002-C001"], NOW)) == covers_all
    with pytest.raises(Unreadable):
        await log.lift(replace(freeze, lifted_at=NOW, lifted_by="Person"))
    assert await log.not_ended(freeze.ends_at + HOUR) == []


@pytest.mark.azurite
async def test_training_slots_that_cannot_be_read_are_neither_given_nor_overwritten(table: Table) -> None:
    slots = TableTrainingSlots(table)
    await slots.claim("run-a", NOW, 2)
    await spoil(table, "training-slots", "fleet", "slots", CUT)
    for call in (slots.taken(), slots.claim("run-b", NOW, 2), slots.free("run-a")):
        with pytest.raises(Unreadable, match="training slots"):
            await call


@pytest.mark.azurite
@pytest.mark.parametrize("part", ["release", "target|", "history|", "outbox|"])
@pytest.mark.parametrize("text", [CUT, NEWER, '{"switchyard":{"v":2,"kind":"StartTest","data":{}}}'])
async def test_one_release_that_cannot_be_read_is_refused_with_its_id(table: Table, part: str, text: str) -> None:
    change = ReleaseCommit(
        release=a_release(Phase.DEPLOYING_PRODUCTION), version=None, entries=(an_entry(1),), commands=(a_command(1),)
    )
    await TableReleaseStore(table).commit(change)
    await spoil(table, RELEASE_ID, part, "json_00", text)
    store = TableReleaseStore(table)  # of another process, that remembers nothing
    with pytest.raises(Unreadable, match=RELEASE_ID):
        await (store.history if part == "history|" else store.load)(RELEASE_ID)


@pytest.mark.azurite
async def test_a_release_whose_summary_cannot_be_read_is_read_itself(table: Table) -> None:
    """The index says nothing that the release does not say better: it is awake, and shown as it is."""
    store = TableReleaseStore(table)
    await store.add_open("rel-a", NOW)
    await store.rest(a_rest("rel-a", number=3))
    await store.close(a_summary("rel-b"), NOW, 1)
    for partition, holds in (("open", "rel-a"), ("closed", "|rel-b")):
        await spoil(table, partition, holds, "summary_00", '{"schema_v": 99}')

    (entry,), (ended,) = (await store.open(9)).records, (await store.ended(9)).records

    assert (entry.release_id, entry.resting, ended.release_id, ended.summary) == ("rel-a", None, "rel-b", None)
    await store.rest(a_rest("rel-a", number=4))
    assert [each.resting for each in (await store.open(9)).records] == [a_rest("rel-a", number=4)]
