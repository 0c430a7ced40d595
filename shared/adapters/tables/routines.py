"""TaskStore on Azure Tables.

`tasks|<routine>|<period>`  one row per task, by circuit
`routines`                  `open|<task id>` of tasks that are not done, `begun|<routine>|<period>` of periods whose
                            tasks are being made, `latest|<routine>` with the last period
`ended|<routine>`           `<time>|<task id>|<attempt>`, one row per ended job in the order of time
"""

import contextlib
import uuid
from datetime import datetime

from shared.adapters.tables.access import Table, Unsettled, etag_of
from shared.adapters.tables.rows import ENDED, ROUTINES, TASKS, Row, insert, join_text, put_index, replace, split_text
from shared.application.errors import ConcurrentUpdate, TransientFault
from shared.application.routines.ports import StoredTask
from shared.contracts.stored.routines import dump, load
from shared.domain.routines.task import JobEnd, Routine, Task, TaskRef

_TRIES = 5


class TableTaskStore:
    """Every write of a task carries a unique `op_id`: reading it back tells the own write from somebody else's."""

    def __init__(self, table: Table) -> None:
        self._table = table

    async def create(self, task: Task) -> bool:
        """Lists the task first, so that a crash in between leaves a stale entry and never a task nobody sweeps."""
        row = _row_of(task)
        if await self._table.get(row["PartitionKey"], row["RowKey"], select=("RowKey",)):
            return False
        await self._table.write(put_index(_open_row(task)))
        try:
            await self._table.write(insert(row))
        except Unsettled:
            there = await self._table.get(row["PartitionKey"], row["RowKey"])
            if there is None:
                raise
            return bool(there["op_id"] == row["op_id"])
        return True

    async def load(self, ref: TaskRef) -> StoredTask | None:
        """One read of its row."""
        row = await self._table.get(_partition(ref.routine, ref.period), ref.circuit)
        return StoredTask(task=_task_of(row), version=etag_of(row)) if row else None

    async def save(self, task: Task, version: str) -> str:
        """The list of open ones first where the task joins it, last where it leaves it."""
        if not task.is_done:
            await self._table.write(put_index(_open_row(task)))
        row = _row_of(task)
        with contextlib.suppress(Unsettled):  # reading back says what happened
            await self._table.write(replace(row, version))
        there = await self._table.get(row["PartitionKey"], row["RowKey"])
        if there is None or there["op_id"] != row["op_id"]:
            raise ConcurrentUpdate(f"task {task.task_id} changed since it was read")
        if task.is_done:
            await self._table.remove(ROUTINES, f"open|{task.task_id}")
        return etag_of(there)

    async def of(self, routine: Routine, period: str) -> list[Task]:
        """One partition, in the order of its keys."""
        return [_task_of(row) for row in await self._table.query(_partition(routine, period))]

    async def open(self) -> list[TaskRef]:
        """The entries of the list."""
        rows = await self._table.query(ROUTINES, keys=("open|", "open}"))
        return [TaskRef(routine=Routine(row["routine"]), period=row["period"], circuit=row["circuit"]) for row in rows]

    async def record_end(self, task: Task, end: JobEnd) -> None:
        """The row always says the same, whoever writes it."""
        row: Row = {
            "PartitionKey": f"{ENDED}|{task.routine.value}",
            "RowKey": f"{_moment(end.ended_at)}|{task.task_id}|{end.attempt:03}",
            "circuit": task.circuit,
            "json": dump(end),
        }
        await self._table.write(put_index(row))

    async def ended_since(self, routine: Routine, since: datetime) -> list[tuple[str, JobEnd]]:
        """The rows from `since` on; those of its very millisecond are looked at one by one."""
        rows = await self._table.query(f"{ENDED}|{routine.value}", keys=(_moment(since), ":"))
        ended = [(str(row["circuit"]), load(JobEnd, row["json"])) for row in rows]
        return [(circuit, end) for circuit, end in ended if end.ended_at >= since]

    async def begin(self, routine: Routine, period: str) -> None:
        """Keeps the period on the list of those whose tasks are being made."""
        await self._table.write(put_index(_begun_row(routine, period)))

    async def begun(self) -> list[tuple[Routine, str]]:
        """The entries of that list."""
        rows = await self._table.query(ROUTINES, keys=("begun|", "begun}"))
        parts = [row["RowKey"].split("|") for row in rows]
        return [(Routine(routine), period) for _, routine, period in parts]

    async def complete(self, routine: Routine, period: str) -> None:
        """Moves `latest` on, never back, then takes the period off the list."""
        for _ in range(_TRIES):
            before = await self._table.get(ROUTINES, f"latest|{routine.value}")
            if before and before["period"] >= period:
                break
            row: Row = {"PartitionKey": ROUTINES, "RowKey": f"latest|{routine.value}", "period": period}
            try:
                await self._table.write(replace(row, etag_of(before)) if before else insert(row))
            except Unsettled:
                continue
        else:
            raise TransientFault(f"the last period of {routine.value} kept changing")
        await self._table.remove(ROUTINES, f"begun|{routine.value}|{period}")

    async def latest(self, routine: Routine) -> str | None:
        """What `complete` kept."""
        row = await self._table.get(ROUTINES, f"latest|{routine.value}")
        return str(row["period"]) if row else None


def _partition(routine: Routine, period: str) -> str:
    return f"{TASKS}|{routine.value}|{period}"


def _moment(time: datetime) -> str:
    return f"{int(time.timestamp() * 1000):013}"


def _row_of(task: Task) -> Row:
    return {
        "PartitionKey": _partition(task.routine, task.period),
        "RowKey": task.circuit,
        "state": task.state.value,
        "op_id": uuid.uuid4().hex,
        **split_text("json", dump(task)),
    }


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


def _task_of(row: Row) -> Task:
    return load(Task, join_text("json", row))
