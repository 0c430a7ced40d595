"""When a day is over, and proof that it did not change since: its rows are counted and hashed once it is closed.

A day is closed by a run, not by the clock alone: GRACE after the day's end, once there is data of a later day. So what
arrives after the load or a source was down is not too late. The fingerprints are a small Delta table beside the sensor
table, one row per closed day.
"""

import hashlib
from collections.abc import Collection, Iterator, Sequence
from datetime import date, datetime, timedelta

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from deltalake import DeltaTable, Transaction

from sensor_model.commits import on_top, until_committed
from sensor_model.table import (
    NoRowsError,
    create_if_missing,
    features_of,
    last_day,
    open_table,
    query,
    quoted,
)
from sensor_model.writable import has_features

CLOSED_THROUGH = "switchyard.closedThrough"
"""Where the table keeps the last closed day: a property, or in a table with features the version of a transaction."""

GRACE = timedelta(hours=6)
"""Two runs of every three hours: the last readings of a day arrive after midnight."""

DAYS_AT_ONCE = 16

_SCHEMA = pa.schema(
    [
        pa.field("date", pa.date32(), nullable=False),
        pa.field("rows", pa.int64(), nullable=False),
        pa.field("sha256", pa.string(), nullable=False),
        pa.field("features", pa.string(), nullable=False),
        pa.field("run", pa.string(), nullable=False),
    ]
)


def fingerprints_of(table_uri: str) -> str:
    """The address of the fingerprints."""
    return table_uri.rstrip("/") + "_days"


def closed_through(table: DeltaTable) -> date | None:
    """The last closed day, whose rows never change any more (R-DATA-4); None while no day is closed."""
    noted = table.metadata().configuration.get(CLOSED_THROUGH)
    counted = table.transaction_version(CLOSED_THROUGH)
    days = [date.fromisoformat(noted)] if noted else []
    days += [date.fromordinal(counted)] if counted else []
    return max(days, default=None)


def closable(table: DeltaTable, now: datetime) -> date:
    """The last day that may be closed at `now`: over by GRACE, and not the last one there is data of.

    Rows of a day that is yet to come are somebody's mistake and close nothing. NoRowsError when there are no others.
    """
    over = (now - GRACE).date() - timedelta(days=1)
    return min(over, last_day(table, now.date()) - timedelta(days=1))


def close_days(table_uri: str, now: datetime, run: str) -> date | None:
    """Close what may be closed; returns the last closed day. Nothing is ever opened again."""

    def attempt() -> date | None:
        table = open_table(table_uri)
        closed = closed_through(table)
        try:
            last = closable(table, now)
        except NoRowsError:
            return closed
        if closed is not None and last <= closed:
            return closed
        _note_closed(table, last, run)
        return last

    return until_committed(attempt, table_uri, "closing days")


def _note_closed(table: DeltaTable, last: date, run: str) -> None:
    """One commit. A property of a table with features would change what its readers must know, a transaction's version
    does not; a load of before knows the property only, so it stays wherever it can be."""
    if has_features(table):
        partitions = table.metadata().partition_columns
        noted = on_top(also=Transaction(CLOSED_THROUGH, last.toordinal()), run=run)
        table.create_write_transaction([], "append", table.schema(), partitions, commit_properties=noted)
    else:
        table.alter.set_table_properties(
            {CLOSED_THROUGH: last.isoformat()}, raise_if_not_exists=False, commit_properties=on_top(run=run)
        )


def forget_days(table_uri: str, days: Collection[date]) -> None:
    """Drop the fingerprints of days that a backfill changes; `fingerprint_days` makes them anew.

    Before the change, so that a run that dies leaves none that is wrong, and after it, for those made in between.
    """

    def attempt() -> None:
        listed = ", ".join(f"DATE '{day}'" for day in sorted(days))
        fingerprints = create_if_missing(fingerprints_of(table_uri), _SCHEMA)
        if query(fingerprints, f"SELECT date FROM readings WHERE date IN ({listed})"):  # nosec B608 # dates only
            fingerprints.delete(f"date IN ({listed})", commit_properties=on_top())

    if days:
        until_committed(attempt, fingerprints_of(table_uri), "the fingerprints of days")


def fingerprint_days(table_uri: str, run: str) -> int:
    """Give every closed day of the table a fingerprint unless it has one; returns how many were made."""
    create_if_missing(fingerprints_of(table_uri), _SCHEMA)
    table = open_table(table_uri)
    closed = closed_through(table)
    if closed is None:
        return 0

    def attempt() -> int:
        fingerprints = create_if_missing(fingerprints_of(table_uri), _SCHEMA)
        known = query(fingerprints, "SELECT date FROM readings")["date"].to_pylist()
        closed_days = query(table, f"SELECT DISTINCT date FROM readings WHERE date <= DATE '{closed}'")  # nosec B608
        missing = sorted(set(closed_days["date"].to_pylist()) - set(known))
        if not missing:
            return 0
        features = features_of(table)
        rows = [
            {"date": day, "rows": count, "sha256": digest, "features": ",".join(features), "run": run}
            for day, count, digest in hashed_days(table, missing, features)
        ]
        fingerprints.merge(
            pa.Table.from_pylist(rows, schema=_SCHEMA),
            "kept.date = new.date",
            source_alias="new",
            target_alias="kept",
            commit_properties=on_top(),
        ).when_not_matched_insert_all().execute()
        return len(rows)

    return until_committed(attempt, fingerprints_of(table_uri), "the fingerprints of days")


def changed_days(table_uri: str, since: date) -> list[str]:
    """What is wrong with the closed days from `since` on, a sentence per day; nothing when they are as they were."""
    # The fingerprints first: what was closed before the table is read must be in it, whatever other runs do meanwhile.
    fingerprints = create_if_missing(fingerprints_of(table_uri), _SCHEMA)
    sql = f"SELECT date, rows, sha256, features FROM readings WHERE date >= DATE '{since}' ORDER BY date"  # nosec B608
    problems = []
    by_features: dict[str, dict[date, tuple[int, str]]] = {}
    for noted in query(fingerprints, sql).to_pylist():
        by_features.setdefault(noted["features"], {})[noted["date"]] = (noted["rows"], noted["sha256"])
    table = open_table(table_uri)
    for features, days in by_features.items():
        for day, count, digest in hashed_days(table, sorted(days), tuple(features.split(","))):
            rows, sha256 = days[day]
            if (count, digest) != (rows, sha256):
                problems.append(
                    f"the closed day {day} has changed: {count} rows, {rows} when it was closed"
                    if count != rows
                    else f"the closed day {day} has other values than when it was closed"
                )
    return sorted(problems)


def hashed_days(table: DeltaTable, days: Sequence[date], features: Sequence[str]) -> Iterator[tuple[date, int, str]]:
    """Day, number of rows and SHA-256 of the rows in their order; at most DAYS_AT_ONCE days are in memory."""
    names = ", ".join(quoted(name) for name in features)
    for start in range(0, len(days), DAYS_AT_ONCE):
        some = days[start : start + DAYS_AT_ONCE]
        rows = query(
            table,
            f"SELECT sensor_id, timestamp, date, {names} FROM readings "  # nosec B608 # names are checked, days are dates
            f"WHERE date >= DATE '{some[0]}' AND date <= DATE '{some[-1]}' ORDER BY date, sensor_id, timestamp",
        )
        for day in some:
            of_day = rows.filter(pc.equal(rows["date"], day))
            yield day, len(of_day), _digest(of_day, features)


def _digest(rows: pa.Table, features: Sequence[str]) -> str:
    """Of keys as text and microseconds, and of values as 8 bytes with NaN for null: however the rows are stored."""
    digest = hashlib.sha256()
    digest.update("\n".join(each or "" for each in rows["sensor_id"].to_pylist()).encode())
    digest.update(rows["timestamp"].cast(pa.timestamp("us", tz="UTC")).cast(pa.int64()).to_numpy().tobytes())
    for name in features:
        values = rows[name].cast(pa.float64()).to_numpy(zero_copy_only=False) if len(rows) else np.empty(0)
        digest.update(np.where(np.isnan(values), np.nan, values).tobytes())
    return digest.hexdigest()
