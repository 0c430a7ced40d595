"""Is the sensor table as it should be? Looked at after every run, with bounded memory: aggregates, and a few days."""

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

import pyarrow as pa
from deltalake import DeltaTable

from sensor_model.closing import changed_days, closed_through
from sensor_model.features import FILL_STEPS_MAX
from sensor_model.raw import CLOCK_SKEW
from sensor_model.table import count_rows, query

DAYS = 14
"""How many of the latest days are looked at row by row, unless the command says otherwise."""

GAP_H = FILL_STEPS_MAX
"""Longer gaps are listed: windows that touch one are left out of training and scoring."""

LISTED_MAX = 100


@dataclass(kw_only=True)
class Verification:
    """`problems` mean that the table is wrong; `warnings` that data is missing. `facts` are for the report."""

    problems: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)


def verify(table: DeltaTable, table_uri: str, now: datetime, days: int = DAYS) -> Verification:
    """Version, rows, latest date of each sensor, gaps; keys, dates and closed days of the last `days` days."""
    found = Verification()
    files = pa.table(table.get_add_actions(flatten=True))
    closed = closed_through(table)
    found.facts = {
        "table_version": table.version(),
        "table_files": files.num_rows,
        "table_rows": count_rows(table),
        "closed_through": closed.isoformat() if closed else None,
    }
    if found.facts["table_rows"] == 0:
        found.warnings.append("the table has no rows")
        return found
    latest = _sensors(table, found, now.date())
    since = latest - timedelta(days=days - 1)
    _check_rows(table, found, since, now)
    _list_gaps(table, found, since, now.date())
    if latest < now.date() - timedelta(days=1):
        found.warnings.append(f"the latest row of all sensors is of {latest}: no data arrives")
    if closed:
        found.problems += changed_days(table_uri, min(since, closed - timedelta(days=days - 1)))
    return found


def _sensors(table: DeltaTable, found: Verification, today: date) -> date:
    """Note rows and latest date of every sensor; those that are behind are a warning. Returns the latest of all, which
    no row of a day yet to come can be."""
    rows = query(
        table,
        f"SELECT sensor_id, max(date) FILTER (WHERE date <= DATE '{today}') AS latest, "  # nosec B608 # a date
        "count(*) AS rows FROM readings WHERE sensor_id IS NOT NULL GROUP BY sensor_id ORDER BY sensor_id",
    ).to_pylist()
    latest: date = max((row["latest"] for row in rows if row["latest"]), default=today)
    behind = [row["sensor_id"] for row in rows if (row["latest"] or date.min) < latest - timedelta(days=1)]
    found.facts["sensors"] = {
        row["sensor_id"]: {"latest": row["latest"].isoformat() if row["latest"] else None, "rows": row["rows"]}
        for row in rows
    }
    if behind:
        listed = ", ".join(behind[:LISTED_MAX])
        found.warnings.append(f"{len(behind)} sensor(s) have no rows of {latest} or the day before: {listed}")
    return latest


def _check_rows(table: DeltaTable, found: Verification, since: date, now: datetime) -> None:
    limit = (now + CLOCK_SKEW).strftime("%Y-%m-%dT%H:%M:%S")
    counts = query(
        table,
        "SELECT count(*) FILTER (WHERE date <> CAST(timestamp AS DATE)) AS misdated, "  # nosec B608 # dates only
        f"count(*) FILTER (WHERE timestamp > TIMESTAMP '{limit}Z') AS future, "
        f"count(*) AS rows FROM readings WHERE date >= DATE '{since}'",
    ).to_pylist()[0]
    doubled = query(
        table,
        "SELECT count(*) AS keys FROM (SELECT sensor_id, timestamp FROM readings "  # nosec B608 # dates only
        f"WHERE date >= DATE '{since}' GROUP BY sensor_id, timestamp HAVING count(*) > 1)",
    ).to_pylist()[0]["keys"]
    keyless = query(
        table, "SELECT count(*) AS rows FROM readings WHERE sensor_id IS NULL OR timestamp IS NULL OR date IS NULL"
    ).to_pylist()[0]["rows"]
    if keyless:
        found.problems.append(f"{keyless} row(s) without sensor_id, timestamp or date, which nobody reads: delete them")
    found.facts["verified_since"] = since.isoformat()
    found.facts["verified_rows"] = counts["rows"]
    if counts["misdated"]:
        found.problems.append(f"{counts['misdated']} row(s) whose date is not the UTC day of their timestamp")
    if counts["future"]:
        found.problems.append(f"{counts['future']} row(s) with a timestamp that is yet to come")
    if doubled:
        found.problems.append(f"{doubled} key(s) (sensor_id, timestamp) are there more than once")


def _list_gaps(table: DeltaTable, found: Verification, since: date, today: date) -> None:
    rows = query(
        table,
        "SELECT sensor_id, before, timestamp FROM (SELECT sensor_id, timestamp, lag(timestamp) OVER "  # nosec B608
        f"(PARTITION BY sensor_id ORDER BY timestamp) AS before FROM readings "
        f"WHERE date >= DATE '{since}' AND date <= DATE '{today}') "
        f"WHERE timestamp - before > INTERVAL '{GAP_H} hours' ORDER BY sensor_id, timestamp LIMIT {LISTED_MAX}",
    ).to_pylist()
    found.facts["gaps"] = [
        {"sensor_id": row["sensor_id"], "after": row["before"].isoformat(), "until": row["timestamp"].isoformat()}
        for row in rows
    ]
    if rows:
        found.warnings.append(f"{len(rows)} gap(s) of more than {GAP_H} hours since {since}")
