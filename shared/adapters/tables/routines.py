"""TaskStore on Azure Tables.

`tasks|<routine>|<period>`  one row per task, by circuit
`routines`                  `open|<task id>` of tasks that are not done, `begun|<routine>|<period>` of periods whose
                            tasks are being made, `latest|<routine>` with the last period
`ended|<routine>`           `<time>|<task id>|<attempt>`, one row per ended job in the order of time
"""

from datetime import datetime

from shared.adapters.tables.access import Table
from shared.adapters.tables.reading import listed_rows
from shared.adapters.tables.record import Records
from shared.adapters.tables.rows import ENDED, ROUTINES, TASKS, Row, put_index, time_key
from shared.adapters.tables.writes import update_row
from shared.application.listed import Listed
from shared.application.routines.ports import StoredTask
from shared.contracts.stored.routines import JOB_END, TASK
from shared.domain.routines.task import JobEnd, Routine, Task, TaskRef


class TableTaskStore:
    """Tasks, which of them are open, and the ends of their jobs."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self._tasks = Records(table, TASK, _columns)

    async def create(self, task: Task) -> bool:
        """Lists the task first, so that a crash in between leaves a stale entry and never a task nobody sweeps."""
        if await self._table.get(_partition(task.routine, task.period), task.circuit, select=("RowKey",)):
            return False
        await self._table.write(put_index(_open_row(task)))
        return await self._tasks.create(task)

    async def load(self, ref: TaskRef) -> StoredTask | None:
        """One read of its row."""
        found = await self._tasks.load(_partition(ref.routine, ref.period), ref.circuit)
        return StoredTask(task=found[0], version=found[1]) if found else None

    async def save(self, task: Task, version: str) -> str:
        """The list of open ones first where the task joins it, last where it leaves it."""
        if not task.is_done:
            await self._table.write(put_index(_open_row(task)))
        version = await self._tasks.save(task, version)
        if task.is_done:
            await self._table.remove(ROUTINES, f"open|{task.task_id}")
        return version

    async def of(self, routine: Routine, period: str) -> Listed[Task]:
        """One partition, in the order of its keys."""
        return self._tasks.all_of(await self._table.query(_partition(routine, period)))

    async def open(self) -> Listed[TaskRef]:
        """The entries of the list."""
        rows = await self._table.query(ROUTINES, keys=("open|", "open}"))
        return listed_rows(
            rows, lambda row: TaskRef(routine=Routine(row["routine"]), period=row["period"], circuit=row["circuit"])
        )

    async def record_end(self, task: Task, end: JobEnd) -> None:
        """Writes the row; every writer writes the same content."""
        row: Row = {
            "PartitionKey": f"{ENDED}|{task.routine.value}",
            "RowKey": f"{time_key(end.ended_at)}|{task.task_id}|{end.attempt:03}",
            "circuit": task.circuit,
            "json": JOB_END.dump(end),
        }
        await self._table.write(put_index(row))

    async def ended_since(self, routine: Routine, since: datetime) -> Listed[tuple[str, JobEnd]]:
        """The rows from `since` on; those of its very millisecond are looked at one by one."""
        rows = await self._table.query(f"{ENDED}|{routine.value}", keys=(time_key(since), ":"))
        ended = listed_rows(
            rows, lambda row: (str(row["circuit"]), JOB_END.load(row["json"])), lambda row: row["RowKey"]
        )
        return Listed(((circuit, end) for circuit, end in ended if end.ended_at >= since), ended.unreadable)

    async def begin(self, routine: Routine, period: str) -> None:
        """Keeps the period on the list of those whose tasks are being made."""
        await self._table.write(put_index(_begun_row(routine, period)))

    async def begun(self) -> Listed[tuple[Routine, str]]:
        """The entries of that list."""
        rows = await self._table.query(ROUTINES, keys=("begun|", "begun}"))
        return listed_rows(rows, _period_of)

    async def complete(self, routine: Routine, period: str) -> None:
        """Moves `latest` on, never back, then takes the period off the list."""
        await update_row(
            self._table,
            ROUTINES,
            f"latest|{routine.value}",
            lambda before: {"period": period} if before.get("period", "") < period else None,
        )
        await self._table.remove(ROUTINES, f"begun|{routine.value}|{period}")

    async def latest(self, routine: Routine) -> str | None:
        """What `complete` kept."""
        row = await self._table.get(ROUTINES, f"latest|{routine.value}")
        return str(row["period"]) if row else None


def _partition(routine: Routine, period: str) -> str:
    return f"{TASKS}|{routine.value}|{period}"


def _columns(task: Task) -> Row:
    return {
        "PartitionKey": _partition(task.routine, task.period),
        "RowKey": task.circuit,
        "state": task.state.value,
    }


def _period_of(row: Row) -> tuple[Routine, str]:
    _, routine, period = row["RowKey"].split("|")
    return Routine(routine), period


def _begun_row(routine: Routine, period: str) -> Row:
    return {"PartitionKey": ROUTINES, "RowKey": f"begun|{routine.value}|{period}"}


def _open_row(task: Task) -> Row:
    return {
        "PartitionKey": ROUTINES,
        "RowKey": f"open|{task.task_id}",
        "routine": task.routine.value,
        "period": task.period,
        "circuit": task.circuit,
    }
