"""The load of the sensor table: raw parquet files in, a verified table and a report out. Running it again is harmless.

`python -m sensor_model.etl --raw DIR --table URI --output DIR --run NAME` is what Azure ML runs every three hours
(pipelines/etl.yml). The table is a folder or an abfss:// address: it is opened by the Delta library itself, since a
mounted folder cannot promise that two commits do not overwrite each other. Status 1 when the table is not as it should
be; bad files and rows that came too late are reported and do not stop the others.
"""

import argparse
import json
import logging
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from sensor_model import __version__
from sensor_model.closing import close_days, fingerprint_days, fingerprints_of
from sensor_model.commits import TooBusyError, until_committed
from sensor_model.data import FEATURES
from sensor_model.judging import kept
from sensor_model.ledger import LOADED, QUARANTINED, Entry, ledger_of, record
from sensor_model.loading import LATE, PATH, REASON, VIOLATION, Loaded, Loader, Wanted
from sensor_model.table import COLUMN, SENSOR_ID, TableError, open_table
from sensor_model.upkeep import RETENTION_H, RETENTION_MIN_H, Compaction, compact, compact_small, vacuum
from sensor_model.verification import DAYS, LISTED_MAX, Verification, verify

REPORT_FILE = "report.json"
REFUSED_FILE = "refused_rows.parquet"
EXAMPLES_MAX = 20

log = logging.getLogger("sensor_model.etl")


@dataclass(frozen=True, kw_only=True)
class Upkeep:
    """What is done after the load."""

    verify_days: int = DAYS
    retention_h: int = RETENTION_H
    delete_unused: bool = False


def run_etl(wanted: Wanted, output: Path, upkeep: Upkeep) -> dict[str, Any]:
    """Load, close, verify, tidy up; returns the report, which is also in `output` with the refused rows.

    Each step is safe to repeat, so that a run that died anywhere is made good by the next one. Raises TableError when
    the table cannot be loaded, TooBusyError, and OSError when storage fails.
    """
    loaded = until_committed(Loader(wanted).attempt, wanted.table, "the load")
    record(wanted.table, loaded.entries)
    close_days(wanted.table, wanted.now, wanted.run)
    fingerprint_days(wanted.table, wanted.run)
    compaction, trouble = _compacted(wanted)
    beside = (ledger_of(wanted.table), fingerprints_of(wanted.table))
    for small in beside:
        compact_small(small)
    unused = sum(len(vacuum(each, upkeep.retention_h, apply=upkeep.delete_unused)) for each in (wanted.table, *beside))
    table = open_table(wanted.table)
    verified = verify(table, wanted.table, wanted.now, upkeep.verify_days)
    verified.problems += trouble
    verified.warnings += _nothing_loaded(loaded)
    report = _report(wanted, loaded, verified)
    report["compaction"] = asdict(compaction) if compaction else None
    report["unused_files"] = {"count": unused, "deleted": upkeep.delete_unused, "older_than_h": upkeep.retention_h}
    _write(output, report, loaded.refused)
    return report


def _compacted(wanted: Wanted) -> tuple[Compaction | None, list[str]]:
    """What was done, and what is wrong; a table that cannot be tidied up is verified all the same."""
    try:
        return compact(wanted.table, wanted.run), []
    except TableError as error:
        return None, [f"the table could not be tidied up: {error}"]


def _nothing_loaded(loaded: Loaded) -> list[str]:
    """A source that writes in a form nobody can read does so in every file."""
    reasons = Counter(entry.reason for entry in loaded.entries if entry.state == QUARANTINED)
    if not reasons or any(entry.state == LOADED for entry in loaded.entries):
        return []
    listed = ", ".join(sorted(reasons))
    return [f"no new file could be loaded: {reasons.total()} in quarantine ({listed})"]


def _report(wanted: Wanted, loaded: Loaded, verified: Verification) -> dict[str, Any]:
    quarantined = [entry for entry in loaded.entries if entry.state == QUARANTINED]
    return {
        "run": wanted.run,
        "at": wanted.now.isoformat(),
        "code_version": __version__,
        "ok": not verified.problems,
        "problems": verified.problems,
        "warnings": verified.warnings,
        "files": {
            "seen": loaded.files_seen,
            "loaded": sum(entry.state == LOADED for entry in loaded.entries),
            "quarantined": [_told(entry) for entry in quarantined[:LISTED_MAX]],
            "quarantined_count": len(quarantined),
            "still_quarantined": [_told(entry) for entry in loaded.still_quarantined[:LISTED_MAX]],
            "still_quarantined_count": len(loaded.still_quarantined),
            "no_parquet": loaded.other_files[:LISTED_MAX],
        },
        "rows": {
            **{name: loaded.rows[name] for name in ("inserted", "updated", "unchanged", LATE, VIOLATION)},
            "repeated": sum(entry.repeated for entry in loaded.entries),
        },
        "new_columns": _ignored(loaded.entries),
        "refused_examples": _examples(loaded.refused),
        "table_version_before": loaded.version_before,
        **verified.facts,
    }


def _refused(wanted: Wanted, why: str) -> dict[str, Any]:
    """The report of a load that did nothing, with as much as the app reads of any."""
    return {
        "run": wanted.run,
        "at": wanted.now.isoformat(),
        "code_version": __version__,
        "ok": False,
        "problems": [why],
        "warnings": [],
        "files": {"quarantined_count": 0},
        "rows": {LATE: 0, VIOLATION: 0},
    }


def _told(entry: Entry) -> dict[str, str]:
    return {"path": entry.path, "reason": entry.reason, "detail": entry.detail}


def _ignored(entries: Sequence[Entry]) -> dict[str, int]:
    """Columns that were not loaded, each with the number of files that have it."""
    return dict(Counter(name for entry in entries for name in entry.ignored.split(",") if name))


def _examples(refused: Sequence[pa.Table]) -> list[dict[str, Any]]:
    """Some of the rows that were not applied, with what the table has where that differs."""
    told = []
    for row in (row for rows in refused for row in rows.slice(0, EXAMPLES_MAX).to_pylist()):
        values = {name: value for name, value in row.items() if kept(name) in row}
        differing = {name: {"raw": value, "table": row[kept(name)]} for name, value in values.items()}
        told.append(
            {
                "path": row[PATH],
                "reason": row[REASON],
                "sensor_id": row["sensor_id"],
                "timestamp": row["timestamp"].isoformat(),
                **({"values": differing} if row[REASON] == VIOLATION else {}),
            }
        )
    return told[:EXAMPLES_MAX]


def _write(output: Path, report: dict[str, Any], refused: Sequence[pa.Table]) -> None:
    output.mkdir(parents=True, exist_ok=True)
    if refused:
        pq.write_table(pa.concat_tables(refused), output / REFUSED_FILE)
    (output / REPORT_FILE).write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the load, print the report's main figures as one line of JSON; 1 when the table is not as it should be."""
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(message)s")
    wanted, output, upkeep = _options(arguments)
    try:
        report = run_etl(wanted, output, upkeep)
    except (TableError, TooBusyError) as error:
        _write(output, _refused(wanted, str(error)), [])
        sys.stderr.write(f"{error}\n")
        return 1
    for warning in report["warnings"]:
        log.warning("%s", warning)
    for entry in report["files"]["quarantined"]:
        log.warning("quarantined %s: %s (%s)", entry["path"], entry["detail"], entry["reason"])
    shown = {name: report[name] for name in ("run", "ok", "table_version", "closed_through", "rows")}
    sys.stdout.write(json.dumps({**shown, "quarantined": report["files"]["quarantined_count"]}) + "\n")
    if report["problems"]:
        sys.stderr.write(f"the sensor table is not as it should be: {'; '.join(report['problems'])}\n")
    return 0 if report["ok"] else 1


def _options(arguments: Sequence[str] | None) -> tuple[Wanted, Path, Upkeep]:
    parser = argparse.ArgumentParser(prog="python -m sensor_model.etl", description="Load raw files into the table.")
    parser.add_argument("--raw", type=Path, required=True, help="folder of the raw parquet files")
    parser.add_argument("--table", required=True, help="folder or abfss:// address of the sensor table")
    parser.add_argument("--output", type=Path, required=True, help="folder for the report and the refused rows")
    parser.add_argument("--run", required=True, help="name of this run, for the history")
    parser.add_argument("--now", type=_moment, default=None, help="the time of this run, ISO 8601 with offset")
    parser.add_argument("--features", type=_names, default=FEATURES, help="columns every file must have, with commas")
    parser.add_argument("--add-columns", type=_names, default=(), help="new columns the table shall have, with commas")
    parser.add_argument("--backfill", type=_names, default=(), help="sensors whose closed days may receive new rows")
    parser.add_argument("--retry-quarantined", action="store_true", help="look at quarantined files again")
    parser.add_argument("--verify-days", type=int, default=DAYS, help="how many days are verified row by row")
    parser.add_argument("--retention-hours", type=int, default=RETENTION_H, help="how long unused files are kept")
    parser.add_argument("--delete-unused", action="store_true", help="delete unused files; without it they are counted")
    options = parser.parse_args(arguments)
    for name in (*options.features, *options.add_columns):
        if not COLUMN.fullmatch(name):
            parser.error(f"{name!r} is no column name: small letters, digits and _")
    for sensor_id in options.backfill:
        if not SENSOR_ID.fullmatch(sensor_id):
            parser.error(f"{sensor_id!r} is no sensor id: SENSOR_<plant_id>_<circuit_id>")
    if options.verify_days < 1 or options.retention_hours < RETENTION_MIN_H:
        parser.error(f"--verify-days must be at least 1 and --retention-hours at least {RETENTION_MIN_H}")
    wanted = Wanted(
        raw=options.raw,
        table=options.table,
        run=options.run,
        now=options.now or datetime.now(UTC),
        features=tuple(options.features),
        add_columns=tuple(options.add_columns),
        backfill=frozenset(options.backfill),
        retry_quarantined=options.retry_quarantined,
    )
    upkeep = Upkeep(
        verify_days=options.verify_days, retention_h=options.retention_hours, delete_unused=options.delete_unused
    )
    return wanted, options.output, upkeep


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise argparse.ArgumentTypeError(f"{text!r} has no offset: nobody can say which moment it means")
    return moment.astimezone(UTC)


if __name__ == "__main__":
    sys.exit(main())
