"""Which raw files were dealt with, and how: a small Delta table beside the sensor table, one row per file.

It saves reading, and it is what people ask when they miss data. It is no part of being correct: a run that lost it
loads the same files again and changes nothing.
"""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import date, datetime

import pyarrow as pa

from sensor_model.commits import on_top, until_committed
from sensor_model.raw import RawFile
from sensor_model.table import create_if_missing, query

LOADED = "loaded"
QUARANTINED = "quarantined"

_SCHEMA = pa.schema(
    [
        pa.field("path", pa.string(), nullable=False),
        pa.field("size", pa.int64(), nullable=False),
        pa.field("modified", pa.timestamp("us", tz="UTC"), nullable=False),
        pa.field("state", pa.string(), nullable=False),
        pa.field("reason", pa.string(), nullable=False),
        pa.field("detail", pa.string(), nullable=False),
        pa.field("rows", pa.int64(), nullable=False),
        pa.field("first", pa.date32()),
        pa.field("last", pa.date32()),
        pa.field("columns", pa.string(), nullable=False),
        pa.field("ignored", pa.string(), nullable=False),
        pa.field("repeated", pa.int64(), nullable=False),
        pa.field("late", pa.int64(), nullable=False),
        pa.field("violations", pa.int64(), nullable=False),
        pa.field("run", pa.string(), nullable=False),
    ]
)


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One file. `columns` were loaded, `ignored` were not; names with commas. `late` and `violations` count the rows of
    closed days that were not applied: new ones, and ones that differ from the table's."""

    path: str
    size: int
    modified: datetime
    state: str
    reason: str = ""
    detail: str = ""
    rows: int = 0
    first: date | None = None
    last: date | None = None
    columns: str = ""
    ignored: str = ""
    repeated: int = 0
    late: int = 0
    violations: int = 0
    run: str = ""

    def is_of(self, file: RawFile) -> bool:
        """Whether the file has not changed since."""
        return (self.path, self.size, self.modified) == (file.path, file.size, file.modified)


def ledger_of(table_uri: str) -> str:
    """The ledger's address."""
    return table_uri.rstrip("/") + "_files"


def read_ledger(table_uri: str) -> dict[str, Entry]:
    """Every entry, by path."""
    rows = query(create_if_missing(ledger_of(table_uri), _SCHEMA), "SELECT * FROM readings")
    return {row["path"]: Entry(**row) for row in rows.to_pylist()}


def record(table_uri: str, entries: Iterable[Entry]) -> None:
    """Write entries over those of the same paths; without entries nothing happens."""
    rows = pa.Table.from_pylist([asdict(entry) for entry in entries], schema=_SCHEMA)
    if rows.num_rows == 0:
        return

    def attempt() -> None:
        merger = create_if_missing(ledger_of(table_uri), _SCHEMA).merge(
            rows, "old.path = new.path", source_alias="new", target_alias="old", commit_properties=on_top()
        )
        merger.when_matched_update_all().when_not_matched_insert_all().execute()

    until_committed(attempt, ledger_of(table_uri), "the ledger of files")
