"""How rows of the table are made: keys, long texts, sizes, and the operations of one transaction.

Limits are those of Azure Tables with a margin (R-FAULT-22): a property holds 32,768 characters, a row 1 MiB and 255
properties, a transaction 100 operations and 4 MiB; keys hold no `/ \\ # ?` and no control characters.
"""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from typing import Any

from azure.core import MatchConditions
from azure.data.tables import UpdateMode

Row = dict[str, Any]
Operation = tuple[str, Row, Mapping[str, Any]]

TEXT_CHARS_MAX = 30_000
ROWS_MAX = 90
ROW_BYTES_MAX = 1_000_000
COMMIT_BYTES_MAX = 3_670_016  # 3.5 MiB
_TIME_MAX_MS = 9_999_999_999_999  # the year 2286
_OVERHEAD_BYTES = 800  # the MIME part and headers of one operation
_JSON_CHARS_MAX = 6  # characters of JSON that a byte of a row may become at most: an escape, and a bit of punctuation

OPEN, CLOSED, LOCKS, JOBS, INTAKE, FREEZES = "open", "closed", "locks", "jobs", "intake", "freezes"
ALERTS, PACE, ENDPOINTS = "alerts", "pace", "endpoints"
TRAININGS, TRAINING_SLOTS = "trainings", "training-slots"
CHANGES = "changes"
ROUTINES, NOTICES = "routines", "notices"
PARTITIONS = frozenset(
    {OPEN, CLOSED, LOCKS, JOBS, INTAKE, FREEZES, ALERTS, PACE, ENDPOINTS, TRAININGS, TRAINING_SLOTS, CHANGES, ROUTINES}
) | {NOTICES}
"""The partitions of a fixed name; no release may be called like one of them."""

TASKS, ENDED, PROPOSALS = "tasks", "ended", "proposals"
PARTITIONS_BEGIN_WITH = frozenset({TASKS, ENDED, PROPOSALS})
"""Of the partitions that go on behind a `|`, which no release id holds. All others are called like their release."""

_RELEASE_ID = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
_PLAIN_KEY = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")


class RowLimitError(ValueError):
    """A commit that the table can never take. Trying again does not help: make it smaller."""


def is_release_id(text: str) -> bool:
    """True when `text` can be a release's partition key."""
    return _RELEASE_ID.fullmatch(text) is not None and text not in PARTITIONS


def check_release_id(text: str) -> str:
    """`text` itself. Raises ValueError when it cannot be a release's partition key."""
    if not is_release_id(text):
        raise ValueError(f"{text!r} cannot be a release id: it must match {_RELEASE_ID.pattern} and be no index's name")
    return text


def hashed(text: str) -> str:
    """A key for any text from outside: 40 hexadecimal digits."""
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()[:40]


def plain_key(text: str) -> str:
    """`text` itself where the table takes it as a key, else its hash behind a mark that plain keys cannot have."""
    return text if _PLAIN_KEY.fullmatch(text) else f"~{hashed(text)}"


def split_text(name: str, text: str) -> Row:
    """`text` as properties `name_00`, `name_01`, ...; ASCII texts only, so that characters are UTF-16 units."""
    starts = range(0, max(len(text), 1), TEXT_CHARS_MAX)
    return {f"{name}_{number:02}": text[start : start + TEXT_CHARS_MAX] for number, start in enumerate(starts)}


def join_text(name: str, row: Mapping[str, Any]) -> str:
    """The text that `split_text` took apart."""
    is_part = _part_of(name).fullmatch
    return "".join(row[part] for part in sorted(filter(is_part, row)))


@cache
def _part_of(name: str) -> re.Pattern[str]:
    return re.compile(rf"{name}_\d\d")


def time_text(time: datetime | None) -> str:
    """A time, or its absence, as a property that reads back exactly as it was."""
    return time.isoformat() if time else ""


def time_of(text: str) -> datetime | None:
    """The time that `time_text` wrote."""
    return datetime.fromisoformat(text) if text else None


def time_key(at: datetime) -> str:
    """A key that sorts by time, to the millisecond, the earliest first."""
    return f"{int(at.timestamp() * 1000):013}"


def latest_first_key(at: datetime) -> str:
    """A key that sorts by time, to the millisecond, the latest first."""
    return f"{_TIME_MAX_MS - int(at.timestamp() * 1000):013}"


def time_of_latest_first(key: str) -> datetime:
    """The time, to the millisecond, in a key that begins as `latest_first_key` wrote it."""
    return datetime.fromtimestamp((_TIME_MAX_MS - int(key[:13])) / 1000, UTC)


def insert(row: Row) -> Operation:
    """Creates a row; refused when it exists."""
    return "create", row, {}


def replace(row: Row, etag: str) -> Operation:
    """Replaces a row; refused when it changed since `etag`."""
    condition = {"etag": etag, "match_condition": MatchConditions.IfNotModified}
    return "update", row, {"mode": UpdateMode.REPLACE, **condition}


def put_guarded(row: Row) -> Operation:
    """Writes a row, whatever was there: only beside the write of a row whose ETag stands for this one too."""
    return put_index(row)


def delete(row: Row, etag: str = "") -> Operation:
    """Deletes a row; refused when it changed since `etag`. Without one only where another row's ETag stands for it."""
    return "delete", row, {"etag": etag, "match_condition": MatchConditions.IfNotModified} if etag else {}


def put_index(row: Row) -> Operation:
    """Writes a row of an index, whatever was there: only for rows that always say the same."""
    return "upsert", row, {"mode": UpdateMode.REPLACE}


def check_limits(operations: Sequence[Operation]) -> None:
    """Raises RowLimitError, before anything is sent, when the operations do not fit one transaction."""
    where = operations[0][1]["PartitionKey"]
    if len(operations) > ROWS_MAX:
        raise RowLimitError(f"{len(operations)} rows in one commit of {where}; the limit is {ROWS_MAX}")
    sizes = [_row_bytes(row) for _, row, _ in operations]
    for (_, row, _), size in zip(operations, sizes, strict=True):
        if size > ROW_BYTES_MAX:
            raise RowLimitError(f"row {row['RowKey']} of {where} has {size} bytes; the limit is {ROW_BYTES_MAX}")
    if sum(sizes) * _JSON_CHARS_MAX < COMMIT_BYTES_MAX - len(operations) * _OVERHEAD_BYTES:
        return  # however much escaping adds
    total = sum(len(json.dumps(row, default=str)) + _OVERHEAD_BYTES for _, row, _ in operations)
    if total > COMMIT_BYTES_MAX:
        raise RowLimitError(f"{total} bytes in one commit of {where}; the limit is {COMMIT_BYTES_MAX}")


def _row_bytes(row: Row) -> int:
    """The size the service counts: names and texts in UTF-16, and a few bytes for everything else."""
    return sum(2 * len(name) + (2 * len(value) if isinstance(value, str) else 16) for name, value in row.items())
