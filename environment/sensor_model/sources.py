"""Files that a load reads: which days they touch, in which portions they are loaded, and their rows for `judging`."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import pyarrow as pa

from sensor_model import judging
from sensor_model.ledger import Entry
from sensor_model.raw import RawFile, rows_of_days
from sensor_model.table import table_schema

ROWS_PER_COMMIT = 500_000
"""About what is held in memory at once, in rows; a day is never cut, so that it arrives as a whole."""


@dataclass(frozen=True, kw_only=True)
class Source:
    """A good file to read. `is_news`: its rows of closed days are judged; those of other files were, once."""

    file: RawFile
    rows: int
    first: date
    last: date
    columns: tuple[str, ...]
    is_news: bool


def known_source(file: RawFile, entry: Entry) -> Source | None:
    """A file that was loaded before, as the ledger has it; None when it has no rows."""
    if entry.first is None or entry.last is None:
        return None
    columns = tuple(filter(None, entry.columns.split(",")))
    return Source(file=file, rows=entry.rows, first=entry.first, last=entry.last, columns=columns, is_news=False)


def groups_of_days(sources: Iterable[Source], kept_per_day: float) -> Iterator[tuple[date, date]]:
    """First and last day of groups of days one after the other, with about ROWS_PER_COMMIT rows of files and table.

    A file's rows count as spread evenly over its days, and `kept_per_day` are the table's.
    """
    per_day: defaultdict[date, float] = defaultdict(float)
    for source in sources:
        days = (source.last - source.first).days + 1
        for number in range(days):
            per_day[source.first + timedelta(days=number)] += source.rows / days
    group: list[date] = []
    size = 0.0
    for day in sorted(per_day):
        rows = per_day[day] + kept_per_day
        if group and (size + rows > ROWS_PER_COMMIT or day - group[-1] > timedelta(days=1)):
            yield group[0], group[-1]
            group, size = [], 0.0
        group.append(day)
        size += rows
    if group:
        yield group[0], group[-1]


def rows_of(
    raw: Path,
    sources: Sequence[Source],
    columns: Sequence[str],
    optional: Sequence[str],
    first: date,
    last: date,
    closed: date,
) -> pa.Table:
    """The rows of these days of all files, as `judging` takes them; `rank` is the place in `sources`."""
    schema = table_schema(tuple(columns))
    for name in optional:
        schema = schema.append(pa.field(judging.has(name), pa.bool_()))
    schema = schema.append(pa.field(judging.RANK, pa.int32()))
    parts = [schema.empty_table()]
    for rank, source in enumerate(sources):
        since = first if source.is_news else max(first, closed + timedelta(days=1))
        if since > last:
            continue
        for batch in rows_of_days(raw / source.file.path, source.columns, since, last):
            parts.append(_shaped(batch, source.columns, schema, rank))
    return pa.concat_tables(parts)


def _shaped(batch: pa.RecordBatch, has: Sequence[str], schema: pa.Schema, rank: int) -> pa.Table:
    said = {judging.has(name) for name in has}
    arrays = []
    for each in schema:
        if each.name == judging.RANK:
            arrays.append(pa.repeat(pa.scalar(rank, pa.int32()), len(batch)))
        elif each.type == pa.bool_():
            arrays.append(pa.repeat(pa.scalar(each.name in said), len(batch)))
        elif each.name in batch.schema.names:
            arrays.append(batch[each.name])
        else:
            arrays.append(pa.nulls(len(batch), each.type))
    return pa.Table.from_arrays(arrays, schema=schema)
