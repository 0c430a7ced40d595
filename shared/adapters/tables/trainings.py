"""TrainingStore on Azure Tables, all in the partition `trainings`, so that a run and its places in the lists are one
transaction:

`run|<run id>`                    the run
`open|<requested at>|<run id>`    until it is settled: its phase and when it is looked at
`ended|<inverted end>|<run id>`   once it has
`failed|<inverted end>|<run id>`  and it failed
"""

import uuid
from datetime import UTC, datetime
from typing import Any

from shared.adapters.tables.access import Table, Unsettled, etag_of
from shared.adapters.tables.rows import (
    TRAININGS,
    Operation,
    Row,
    insert,
    join_text,
    plain_key,
    put_index,
    replace,
    split_text,
    time_text,
)
from shared.application.errors import ConcurrentUpdate, TransientFault
from shared.application.training.ports import OpenRun, StoredRun
from shared.contracts.stored.training import decode_run, encode_run
from shared.domain.training.model import Phase, TrainingRun

_TIME_MAX_MS = 9_999_999_999_999  # the year 2286
_OPEN, _ENDED, _FAILED = "open", "ended", "failed"


class TableTrainingStore:
    """Each write carries a unique `op_id`, by which an unanswered one is recognised when the row is read back."""

    def __init__(self, table: Table) -> None:
        self._table = table

    async def create(self, run: TrainingRun) -> bool:
        """Makes the run durable unless it is there."""
        op_id = uuid.uuid4().hex
        try:
            await self._table.write(insert(_row_of(run, op_id)), put_index(_open_row(run)))
        except Unsettled:
            there = await self._table.get(TRAININGS, _run_key(run.run_id), ("op_id",))
            if there is None:
                raise
            return str(there["op_id"]) == op_id
        return True

    async def load(self, run_id: str) -> StoredRun | None:
        """The run."""
        row = await self._table.get(TRAININGS, _run_key(run_id))
        return StoredRun(run=decode_run(join_text("run", row)), version=etag_of(row)) if row else None

    async def save(self, run: TrainingRun, version: str) -> str:
        """Replaces the run and its places in the lists."""
        op_id = uuid.uuid4().hex
        try:
            etags = await self._table.write(replace(_row_of(run, op_id), version), *_listed(run))
        except Unsettled as error:
            there = await self._table.get(TRAININGS, _run_key(run.run_id))
            if there is None:
                raise TransientFault(f"training run {run.run_id} is gone") from error
            if there["op_id"] != op_id:
                if etag_of(there) == version:
                    raise
                raise ConcurrentUpdate(f"training run {run.run_id} changed since it was loaded") from error
            return etag_of(there)
        return etags[0]

    async def open_runs(self) -> list[OpenRun]:
        """The oldest request first."""
        rows = await self._table.query(TRAININGS, keys=(f"{_OPEN}|", f"{_OPEN}~"))
        return [_open_run(row) for row in rows]

    async def ended_ids(self, limit: int) -> list[str]:
        """The latest end first."""
        rows = await self._table.query(TRAININGS, keys=(f"{_ENDED}|", f"{_ENDED}~"), limit=limit)
        return [str(row["run_id"]) for row in rows]

    async def failed_since(self, at: datetime, limit: int) -> list[str]:
        """The latest first."""
        keys = (f"{_FAILED}|", f"{_FAILED}|{_inverted(at)}~")
        rows = await self._table.query(TRAININGS, keys=keys, limit=limit)
        return [str(row["run_id"]) for row in rows]


def _listed(run: TrainingRun) -> list[Operation]:
    if run.ended_at is None:
        return [put_index(_open_row(run))]
    key = f"{_inverted(run.ended_at)}|{run.run_id}"
    row: Row = {"PartitionKey": TRAININGS, "run_id": run.run_id}
    places = [_ENDED, _FAILED] if run.phase is Phase.FAILED else [_ENDED]
    opened: Row = {"PartitionKey": TRAININGS, "RowKey": _open_key(run)}
    return [
        ("delete", opened, {}) if run.settled else put_index(_open_row(run)),
        *(put_index({**row, "RowKey": f"{place}|{key}"}) for place in places),
    ]


def _row_of(run: TrainingRun, op_id: str) -> Row:
    texts = split_text("run", encode_run(run))
    about: dict[str, Any] = {"phase": run.phase.value, "circuit": f"{run.request.plant_id}/{run.request.circuit_id}"}
    return {"PartitionKey": TRAININGS, "RowKey": _run_key(run.run_id), "op_id": op_id, **about, **texts}


def _open_row(run: TrainingRun) -> Row:
    return {
        "PartitionKey": TRAININGS,
        "RowKey": _open_key(run),
        "run_id": run.run_id,
        "phase": run.phase.value,
        "serial": run.serial,
        "look_at": time_text(run.look_at or run.since),
    }


def _open_run(row: Row) -> OpenRun:
    return OpenRun(
        run_id=str(row["run_id"]),
        phase=Phase(row["phase"]),
        serial=int(row["serial"]),
        look_at=datetime.fromisoformat(str(row["look_at"])),
    )


def _run_key(run_id: str) -> str:
    return f"run|{plain_key(run_id)}"


def _open_key(run: TrainingRun) -> str:
    return f"{_OPEN}|{run.requested_at.astimezone(UTC):%Y%m%dT%H%M%S%f}|{run.run_id}"


def _inverted(at: datetime) -> str:
    return f"{_TIME_MAX_MS - int(at.timestamp() * 1000):013}"
