"""Every kind of record behind its port, in the same three steps, so that one suite can be run over all of them."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Any

from shared.adapters.tables.access import Table
from shared.adapters.tables.alerts import TableAlertLog
from shared.adapters.tables.changes import TableChangeLog
from shared.adapters.tables.freezes import TableFreezeLog
from shared.adapters.tables.monitoring import TableProposalStore
from shared.adapters.tables.notifications import TableNotificationLog
from shared.adapters.tables.routines import TableTaskStore
from shared.adapters.tables.trainings import TableTrainingStore
from shared.application.errors import ConcurrentUpdate
from tests.contract.tables.test_alert_log import KEY, a_record
from tests.contract.tables.test_change_log import a_change
from tests.contract.tables.test_notification_log import a_delivery, a_notice
from tests.contract.tables.test_task_store import PROPOSAL, TASK
from tests.contract.tables.test_training_store import a_run
from tests.domain.freezes.test_freeze import a_freeze
from tests.support.builders import NOW


@dataclass(frozen=True, kw_only=True)
class Kind:
    """One record. `create` says whether it is new, `load` who wrote it last and its version, `save` writes over that.

    `writes_before` and `reads_before` come first when a record is saved. One that `lasts` is saved only once.
    """

    create: Callable[[str], Awaitable[bool]]
    load: Callable[[], Awaitable[tuple[str, Any] | None]]
    save: Callable[[str, Any], Awaitable[object]]
    partitions: tuple[str, ...]
    writes_before: int = 0
    reads_before: int = 0
    lasts: bool = False


def alerts(table: Table) -> Kind:
    log = TableAlertLog(table)

    async def load() -> tuple[str, str] | None:
        stored = await log.load(KEY)
        return (stored.record.note, stored.version) if stored else None

    return Kind(
        create=lambda by: log.accept(a_record(note=by)),
        load=load,
        save=lambda by, version: log.save(a_record(note=by), version),
        partitions=("alerts",),
    )


def changes(table: Table) -> Kind:
    log, change = TableChangeLog(table), a_change()
    taken = ""

    async def create(by: str) -> bool:
        return (await log.accept(replace(change, title=by))).record.title == by

    async def save(by: str, version: str) -> None:
        """The branch moves with the first one; those after it find it where that one left it."""
        nonlocal taken
        await log.save(replace(change, title=by), version, moves="main", since=taken)
        taken = change.change_id

    async def load() -> tuple[str, str] | None:
        stored = await log.load(change.change_id)
        return (stored.record.title, stored.version) if stored else None

    return Kind(
        create=create,
        load=load,
        save=save,
        partitions=("changes",),
        reads_before=1,
    )


def trainings(table: Table) -> Kind:
    store, run = TableTrainingStore(table), a_run()

    async def load() -> tuple[str, str] | None:
        stored = await store.load(run.run_id)
        return (stored.run.waits_for, stored.version) if stored else None

    return Kind(
        create=lambda by: store.create(replace(run, waits_for=by)),
        load=load,
        save=lambda by, version: store.save(replace(run, waits_for=by), version),
        partitions=("trainings",),
    )


def tasks(table: Table) -> Kind:
    store = TableTaskStore(table)

    async def load() -> tuple[str, str] | None:
        stored = await store.load(TASK.ref)
        return (stored.task.detail, stored.version) if stored else None

    return Kind(
        create=lambda by: store.create(replace(TASK, detail=by)),
        load=load,
        save=lambda by, version: store.save(replace(TASK, detail=by), version),
        partitions=(f"tasks|{TASK.routine.value}|{TASK.period}", "routines"),
        writes_before=1,  # the list of open tasks
    )


def proposals(table: Table) -> Kind:
    store = TableProposalStore(table)

    async def create(by: str) -> bool:
        return (await store.claim(replace(PROPOSAL, note=by))).note == by

    async def load() -> tuple[str, Any] | None:
        found = await store.of([PROPOSAL.period])
        return (found[0].note, found[0]) if found else None

    return Kind(
        create=create,
        load=load,
        save=lambda by, before: store.save(replace(PROPOSAL, note=by), before),
        partitions=(f"proposals|{PROPOSAL.period}",),
        reads_before=1,
    )


def notices(table: Table) -> Kind:
    log, notice = TableNotificationLog(table), a_notice()

    async def load() -> tuple[str, str] | None:
        stored = await log.notice(notice.key)
        return (stored.notice.note, stored.version) if stored else None

    return Kind(
        create=lambda by: log.accept(replace(notice, note=by)),
        load=load,
        save=lambda by, version: log.save_notice(replace(notice, note=by), version),
        partitions=("notices",),
    )


def messages(table: Table) -> Kind:
    log, delivery = TableNotificationLog(table), a_delivery()

    async def load() -> tuple[str, str] | None:
        stored = await log.delivery(delivery.key)
        return (stored.delivery.note, stored.version) if stored else None

    return Kind(
        create=lambda by: log.create(replace(delivery, note=by)),
        load=load,
        save=lambda by, version: log.save(replace(delivery, note=by), version),
        partitions=("notices",),
    )


def freezes(table: Table) -> Kind:
    """The first lift stays, and whoever comes later is told whose it is."""
    log, freeze = TableFreezeLog(table), a_freeze()

    async def create(by: str) -> bool:
        return (await log.put(replace(freeze, why=by))).why == by

    async def load() -> tuple[str, Any] | None:
        found = await log.not_ended(NOW)
        return (found[0].lifted_by or found[0].why, found[0]) if found else None

    async def save(by: str, there: Any) -> None:
        kept = await log.lift(replace(there, lifted_at=NOW, lifted_by=by))
        if kept.lifted_by != by:
            raise ConcurrentUpdate(f"{kept.lifted_by} lifted it")

    return Kind(create=create, load=load, save=save, partitions=("freezes",), reads_before=1, lasts=True)
