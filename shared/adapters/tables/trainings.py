"""TrainingStore on Azure Tables, all in the partition `trainings`, so that a run and its places in the lists are one
transaction:

`run|<run id>`                    the run
`open|<requested at>|<run id>`    until it is settled: its phase and when it is looked at
`ended|<inverted end>|<run id>`   once it has
`failed|<inverted end>|<run id>`  and it failed
"""

from datetime import UTC, datetime

from shared.adapters.tables.access import Table
from shared.adapters.tables.paging import page_of
from shared.adapters.tables.reading import listed_rows, row_id
from shared.adapters.tables.record import Records
from shared.adapters.tables.rows import TRAININGS, Operation, Row, latest_first_key, plain_key, put_index, time_text
from shared.application.listed import Listed
from shared.application.paging import Page
from shared.application.training.ports import OpenRun, StoredRun
from shared.contracts.stored.training import TRAINING
from shared.domain.training.model import TrainingPhase, TrainingRun

_OPEN, _ENDED, _FAILED = "open", "ended", "failed"


class TableTrainingStore:
    """Runs, and the three lists they are in."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self._runs = Records(table, TRAINING, _columns, text="run")

    async def create(self, run: TrainingRun) -> bool:
        """Makes the run durable unless it is there."""
        return await self._runs.create(run, put_index(_open_row(run)))

    async def load(self, run_id: str) -> StoredRun | None:
        """The run."""
        found = await self._runs.load(TRAININGS, _run_key(run_id))
        return StoredRun(run=found[0], version=found[1]) if found else None

    async def save(self, run: TrainingRun, version: str) -> str:
        """Replaces the run and its places in the lists."""
        return await self._runs.save(run, version, *_listed(run))

    async def open_runs(self) -> Listed[OpenRun]:
        """The oldest request first."""
        rows = await self._table.query(TRAININGS, keys=(f"{_OPEN}|", f"{_OPEN}~"))
        return listed_rows(rows, _open_run)

    async def listed(self, limit: int, after: str = "") -> Page[str]:
        """Open ones, the oldest request first, then ended ones, the latest end first."""
        rows, ended = list[Row](), after if after.startswith(f"{_ENDED}|") else ""
        if not ended:
            keys = (f"{_OPEN}|", f"{_OPEN}~")
            rows += await self._table.query(TRAININGS, keys=keys, limit=limit + 1, behind=after)
        if len(rows) <= limit:
            keys, missing = (f"{_ENDED}|", f"{_ENDED}~"), limit + 1 - len(rows)
            rows += await self._table.query(TRAININGS, keys=keys, limit=missing, behind=ended)
        return page_of(rows, limit, row_id)

    async def failed_since(self, at: datetime, limit: int) -> list[str]:
        """The latest first."""
        keys = (f"{_FAILED}|", f"{_FAILED}|{latest_first_key(at)}~")
        rows = await self._table.query(TRAININGS, keys=keys, limit=limit)
        return [row_id(row) for row in rows]


def _listed(run: TrainingRun) -> list[Operation]:
    if run.ended_at is None:
        return [put_index(_open_row(run))]
    key = f"{latest_first_key(run.ended_at)}|{run.run_id}"
    row: Row = {"PartitionKey": TRAININGS, "run_id": run.run_id}
    places = [_ENDED, _FAILED] if run.phase is TrainingPhase.FAILED else [_ENDED]
    opened: Row = {"PartitionKey": TRAININGS, "RowKey": _open_key(run)}
    return [
        ("delete", opened, {}) if run.settled else put_index(_open_row(run)),
        *(put_index({**row, "RowKey": f"{place}|{key}"}) for place in places),
    ]


def _columns(run: TrainingRun) -> Row:
    return {
        "PartitionKey": TRAININGS,
        "RowKey": _run_key(run.run_id),
        "phase": run.phase.value,
        "circuit": f"{run.request.plant_id}/{run.request.circuit_id}",
    }


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
        phase=TrainingPhase(row["phase"]),
        serial=int(row["serial"]),
        look_at=datetime.fromisoformat(str(row["look_at"])),
    )


def _run_key(run_id: str) -> str:
    return f"run|{plain_key(run_id)}"


def _open_key(run: TrainingRun) -> str:
    return f"{_OPEN}|{run.requested_at.astimezone(UTC):%Y%m%dT%H%M%S%f}|{run.run_id}"
