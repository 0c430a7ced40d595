"""From raw files to the sensor table: what is new is merged by (sensor_id, timestamp), and what is closed stays.

The table follows from the files that landed and from when days were closed, not from the order or number of runs: of
two files with one key the later one counts, and all files of an open day are looked at together. Every commit is made
on the very version after which the files were listed, so that two runs at once end as if one came after the other.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from functools import partial
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
from deltalake import DeltaTable, Field, write_deltalake
from deltalake.schema import PrimitiveType

from sensor_model import judging
from sensor_model.closing import closed_through, forget_days
from sensor_model.commits import on_top
from sensor_model.ledger import LOADED, QUARANTINED, Entry, read_ledger
from sensor_model.raw import BadFile, Inspected, RawFile, inspect, list_files, without_nan
from sensor_model.sources import Source, groups_of_days, known_source, rows_of
from sensor_model.table import (
    TableError,
    create_sensor_table,
    features_of,
    query,
    quoted,
    rows_per_day,
    table_schema,
)
from sensor_model.writable import check_writable, has_features

PATH = "raw:path"
REASON = "raw:reason"
LATE = "late"
VIOLATION = "violation"


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What a run is asked for. `features` every file must have; `add_columns` the table takes from files that have
    them; `backfill` are sensors whose closed days may receive rows they lack."""

    raw: Path
    table: str
    run: str
    now: datetime
    features: tuple[str, ...]
    add_columns: tuple[str, ...] = ()
    backfill: frozenset[str] = frozenset()
    retry_quarantined: bool = False


@dataclass(kw_only=True)
class Loaded:
    """What a run did. `rows` counts inserted, updated and unchanged rows; `refused` are the rows that were not applied,
    with PATH, REASON and the values the table has; `entries` are for the ledger."""

    table: DeltaTable
    version_before: int
    entries: list[Entry] = field(default_factory=list)
    still_quarantined: list[Entry] = field(default_factory=list)
    other_files: list[str] = field(default_factory=list)
    files_seen: int = 0
    rows: Counter[str] = field(default_factory=Counter)
    refused: list[pa.Table] = field(default_factory=list)


class Loader:
    """One run's loading. `attempt` may be called again after a conflict: files are inspected only once."""

    def __init__(self, wanted: Wanted) -> None:
        self._wanted = wanted
        self._inspected: dict[RawFile, Inspected | BadFile] = {}

    def attempt(self) -> Loaded:
        """Load what is new. Raises CommitFailedError when somebody else changed the table meanwhile."""
        wanted = self._wanted
        table = create_sensor_table(wanted.table, wanted.features)
        check_writable(table, wanted.features, wanted.add_columns)
        loaded = Loaded(table=table, version_before=table.version())
        files, loaded.other_files = list_files(wanted.raw)  # only now: see the module's second paragraph
        loaded.files_seen = len(files)
        ledger = read_ledger(wanted.table)
        known = tuple(dict.fromkeys((*features_of(table), *wanted.add_columns)))
        sources = [
            source for file in files if (source := self._source(file, ledger.get(file.path), known, loaded)) is not None
        ]
        self._add_columns(table, sources)
        touched = [source for source in sources if source.is_news or self._is_asked_again(ledger.get(source.file.path))]
        for first, last in groups_of_days(touched, rows_per_day(table)):
            overlapping = [source for source in sources if source.first <= last and source.last >= first]
            self._load_days(loaded, overlapping, first, last)
        self._count_refused(loaded)
        return loaded

    def _source(self, file: RawFile, entry: Entry | None, known: tuple[str, ...], loaded: Loaded) -> Source | None:
        """How the file is read; None when it is not. What was found out about it goes to `loaded.entries`."""
        wanted = self._wanted
        if entry is not None and entry.is_of(file):
            if entry.state == QUARANTINED and not wanted.retry_quarantined:
                loaded.still_quarantined.append(entry)
                return None
            if entry.state == LOADED and not self._is_asked_again(entry):
                return known_source(file, entry)
        found = self._inspect(file, known)
        noted = partial(Entry, path=file.path, size=file.size, modified=file.modified, run=wanted.run)
        if isinstance(found, BadFile):
            loaded.entries.append(noted(state=QUARANTINED, reason=found.reason, detail=str(found)))
            return None
        is_news = entry is None or not entry.is_of(file) or entry.state == QUARANTINED or bool(wanted.backfill)
        judged = entry if entry is not None and not is_news else None
        loaded.entries.append(
            noted(
                state=LOADED,
                rows=found.rows,
                first=found.first,
                last=found.last,
                columns=",".join(found.columns),
                ignored=",".join((*found.new, *found.unusable)),
                repeated=found.repeated,
                late=judged.late if judged else 0,
                violations=judged.violations if judged else 0,
            )
        )
        if found.first is None or found.last is None:
            return None
        return Source(
            file=file, rows=found.rows, first=found.first, last=found.last, columns=found.columns, is_news=is_news
        )

    def _is_asked_again(self, entry: Entry | None) -> bool:
        """Whether a loaded file has something that is wanted only now: a column, or late rows of a backfill."""
        if entry is None:
            return False
        has_column = bool(set(entry.ignored.split(",")) & set(self._wanted.add_columns))
        return has_column or bool(entry.late and self._wanted.backfill)

    def _inspect(self, file: RawFile, known: tuple[str, ...]) -> Inspected | BadFile:
        if file not in self._inspected:
            try:
                path = self._wanted.raw / file.path
                self._inspected[file] = inspect(path, self._wanted.features, known, self._wanted.now)
            except BadFile as bad:
                self._inspected[file] = bad
        return self._inspected[file]

    def _add_columns(self, table: DeltaTable, sources: Sequence[Source]) -> None:
        """Columns that were asked for and that a file has; rows that are there get null."""
        there = features_of(table)
        offered = {name for source in sources for name in source.columns}
        added = [name for name in self._wanted.add_columns if name not in there and name in offered]
        if added:
            fields = [Field(name, PrimitiveType("double"), nullable=True) for name in added]
            table.alter.add_columns(fields, commit_properties=on_top(run=self._wanted.run))

    def _load_days(self, loaded: Loaded, sources: Sequence[Source], first: date, last: date) -> None:
        """Merge the rows of some days in one commit, or in none when nothing changes."""
        table, run = loaded.table, self._wanted.run
        columns = features_of(table)
        optional = tuple(name for name in columns if name not in self._wanted.features)
        closed = closed_through(table) or date.min
        rows = rows_of(self._wanted.raw, sources, columns, optional, first, last, closed)
        if len(rows) == 0:
            return
        kept = _kept_rows(table, columns, first, last)
        is_closed = pc.less_equal(rows["date"], closed)
        admitted = self._judge_closed(loaded, sources, rows.filter(is_closed), kept, (columns, optional))
        winners = judging.latest(pa.concat_tables([rows.filter(pc.invert(is_closed)), admitted]), optional)
        compared = judging.compare(winners, kept, columns, optional)
        changed = pc.or_(pc.invert(compared.there), compared.differs)
        written = judging.to_write(compared, _schema_of(table, columns), optional).filter(changed)
        inserts = pc.sum(pc.invert(compared.there)).as_py() or 0
        updates = pc.sum(compared.differs).as_py() or 0
        loaded.rows.update(inserted=inserts, updated=updates, unchanged=len(winners) - inserts - updates)
        backfilled = pc.unique(admitted["date"]).to_pylist()
        forget_days(self._wanted.table, backfilled)
        if len(written):
            rows_in_order = written.sort_by([("sensor_id", "ascending"), ("timestamp", "ascending")])
            if updates or has_features(table) or len(table.schema().fields) > len(written.schema):
                _merge(table, rows_in_order, inserts, updates, run)
            else:
                _append(table, rows_in_order, run)
            forget_days(self._wanted.table, backfilled)

    def _judge_closed(
        self,
        loaded: Loaded,
        sources: Sequence[Source],
        rows: pa.Table,
        kept: pa.Table,
        columns: tuple[tuple[str, ...], tuple[str, ...]],
    ) -> pa.Table:
        """Rows of closed days that a backfill admits; late and differing ones go to `loaded.refused`."""
        compared = judging.compare(rows, kept, *columns)
        is_admitted = pc.is_in(
            compared.rows["sensor_id"], value_set=pa.array(sorted(self._wanted.backfill), pa.string())
        )
        is_late = pc.and_(pc.invert(compared.there), pc.invert(is_admitted))
        paths = pa.array([source.file.path for source in sources])
        for which, reason in ((is_late, LATE), (compared.differs, VIOLATION)):
            refused = compared.rows.filter(which)
            if len(refused):
                refused = refused.append_column(PATH, paths.take(refused[judging.RANK]))
                reasons = pa.array([reason] * len(refused))
                loaded.refused.append(refused.append_column(REASON, reasons).drop_columns([judging.RANK]))
        loaded.rows.update(unchanged=pc.sum(pc.and_(compared.there, pc.invert(compared.differs))).as_py() or 0)
        admitted = compared.rows.filter(pc.and_(pc.invert(compared.there), is_admitted))
        return admitted.select(rows.schema.names).cast(rows.schema)

    @staticmethod
    def _count_refused(loaded: Loaded) -> None:
        counts = {LATE: Counter[str](), VIOLATION: Counter[str]()}
        for refused in loaded.refused:
            counts[refused[REASON][0].as_py()].update(refused[PATH].to_pylist())
        for reason, by_path in counts.items():
            loaded.rows[reason] = by_path.total()
        loaded.entries = [
            replace(
                entry,
                late=entry.late + counts[LATE][entry.path],
                violations=entry.violations + counts[VIOLATION][entry.path],
            )
            for entry in loaded.entries
        ]


def _kept_rows(table: DeltaTable, columns: Sequence[str], first: date, last: date) -> pa.Table:
    """The table's rows of these days, with null for NaN as in raw rows. TableError when rows of these days may be under
    the dates beside them, where nobody would look for their keys."""
    names = ", ".join(quoted(name) for name in (*judging.KEYS, *columns))
    around = first - timedelta(days=1), last + timedelta(days=1)
    sql = (
        f"SELECT date, {names} FROM readings WHERE date >= DATE '{around[0]}' AND date <= DATE '{around[1]}' "  # nosec B608
        "AND sensor_id IS NOT NULL AND timestamp IS NOT NULL"
    )
    schema = table_schema(tuple(columns))
    rows = query(table, sql).cast(pa.schema([schema.field(name) for name in ("date", *judging.KEYS, *columns)]))
    if misdated := pc.sum(pc.not_equal(rows["date"], rows["timestamp"].cast(pa.date32()))).as_py():
        raise TableError(
            f"the table at {table.table_uri} has {misdated} row(s) of {around[0]} to {around[1]} whose date is not the "
            "UTC day of their timestamp: set it to CAST(timestamp AS DATE), with the session's zone at UTC"
        )
    rows = rows.filter(pc.and_(pc.greater_equal(rows["date"], first), pc.less_equal(rows["date"], last)))
    for name in columns:
        rows = rows.set_column(rows.schema.get_field_index(name), name, without_nan(rows[name]))
    return rows.drop_columns(["date"])


def _schema_of(table: DeltaTable, columns: tuple[str, ...]) -> pa.Schema:
    """What is written, in the table's order: columns that were added come after `date`, and those that are carried
    along are not written."""
    schema = table_schema(columns)
    return pa.schema([schema.field(each.name) for each in table.schema().fields if each.name in schema.names])


def _append(table: DeltaTable, rows: pa.Table, run: str) -> None:
    """One commit on the version `table` has, of rows whose keys it does not have and that have all its columns. A merge
    would do, but its files say that text is of a kind that many readers do not know, the engine of Azure ML's tables
    among them."""
    write_deltalake(table, rows, mode="append", commit_properties=on_top(run=run))
    table.update_incremental()


def _merge(table: DeltaTable, rows: pa.Table, inserts: int, updates: int, run: str) -> None:
    """One commit on the version `table` has. What it did is compared with what it was to do."""
    days = pc.min_max(rows["date"]).as_py()
    merger = table.merge(
        rows,
        predicate=(
            f"kept.date >= DATE '{days['min']}' AND kept.date <= DATE '{days['max']}' AND "
            "kept.sensor_id = new.sensor_id AND kept.timestamp = new.timestamp"
        ),
        source_alias="new",
        target_alias="kept",
        commit_properties=on_top(run=run),
    )
    values = {name: f"new.{name}" for name in rows.column_names}
    done = merger.when_matched_update(values).when_not_matched_insert(values).execute()
    if (done["num_target_rows_inserted"], done["num_target_rows_updated"]) != (inserts, updates):
        raise TableError(
            f"the merge of {days['min']} to {days['max']} inserted {done['num_target_rows_inserted']} rows and updated "
            f"{done['num_target_rows_updated']} instead of {inserts} and {updates}: look at the table's last version"
        )
