"""Compaction keeps every row and makes reads skip; nothing is deleted that a reader may need."""

import json
import shutil
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from sensor_model.closing import changed_days, fingerprints_of
from sensor_model.ledger import ledger_of
from sensor_model.table import TableError, open_table, query, read_sensor
from sensor_model.upkeep import RETENTION_MIN_H, RetentionError, compact, compact_small, vacuum

from tests.environment.lake import FEATURES, Lake, at, hours_of

SENSORS = [f"SENSOR_P001_C{number:03}" for number in range(1, 41)]
DAYS = 6


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A table of one file per day."""
    lake = Lake(tmp_path_factory.mktemp("made"))
    for number in range(DAYS):
        day = date(2025, 12, 1) + timedelta(days=number)
        lake.land(f"{number}.parquet", [each for sensor in SENSORS for each in hours_of(day, number, sensor)])
        lake.run(at(number + 1, 23))
    return lake.root


@pytest.fixture
def lake(made: Path, tmp_path: Path) -> Lake:
    """A copy of it."""
    return Lake(Path(shutil.copytree(made, tmp_path / "lake")))


def test_compaction_keeps_every_row_and_the_closed_days(lake: Lake) -> None:
    before = lake.rows()
    done = compact(lake.table, "upkeep", small_files_max=3)
    assert done.files_before == DAYS
    assert done.files_after == 1
    assert lake.rows() == before
    assert changed_days(lake.table, date(2025, 12, 1)) == []
    assert compact(lake.table, "upkeep", small_files_max=3).files_before == 1
    assert lake.run(at(DAYS, 23))["ok"]


def test_a_compacted_table_has_a_circuits_rows_together(lake: Lake) -> None:
    """Few row groups can hold them, which is what a reader skips by."""
    compact(lake.table, "upkeep", small_files_max=3, row_group_rows=512)
    [file] = open_table(lake.table).file_uris()
    metadata = pq.ParquetFile(file).metadata
    sensor = metadata.schema.to_arrow_schema().get_field_index("sensor_id")
    groups = [metadata.row_group(number).column(sensor).statistics for number in range(metadata.num_row_groups)]
    holding = [each for each in groups if each.min <= SENSORS[14] <= each.max]
    assert len(groups) >= 11
    assert len(holding) <= 4
    readings = read_sensor(open_table(lake.table), SENSORS[14], FEATURES, last=date(2025, 12, 31))
    assert len(readings) == DAYS * 24


def test_a_compacted_table_is_opened_without_the_log_of_every_load(lake: Lake) -> None:
    """A checkpoint of its version says all that came before."""
    compact(lake.table, "upkeep", small_files_max=3)
    checkpoint = json.loads((Path(lake.table) / "_delta_log" / "_last_checkpoint").read_text())
    assert checkpoint["version"] == open_table(lake.table).version()


def test_a_reader_that_opened_the_table_before_a_compaction_reads_on(lake: Lake) -> None:
    """Nothing it needs is deleted: compaction only writes, and what is not used is kept for a month."""
    reader = open_table(lake.table)
    compact(lake.table, "upkeep", small_files_max=3)
    assert vacuum(lake.table) == []
    assert query(reader, "SELECT count(*) AS rows FROM readings")["rows"].to_pylist() == [DAYS * 24 * len(SENSORS)]


def test_unused_files_are_deleted_only_when_asked_and_never_within_a_week(lake: Lake) -> None:
    with pytest.raises(RetentionError, match=str(RETENTION_MIN_H)):
        vacuum(lake.table, RETENTION_MIN_H - 1, apply=True)
    with pytest.raises(SystemExit):
        lake.run(at(DAYS, 23), "--retention-hours", "24", "--delete-unused")
    report = lake.run(at(DAYS, 23), "--retention-hours", str(RETENTION_MIN_H))
    assert report["unused_files"] == {"count": 0, "deleted": False, "older_than_h": RETENTION_MIN_H}


def test_unused_files_of_the_small_tables_beside_it_are_deleted_too(lake: Lake) -> None:
    """They change with every load; deleting takes no row of any version that is kept."""
    before, known = lake.rows(), lake.ledger()
    compact(lake.table, "upkeep", small_files_max=3)
    uris = (lake.table, ledger_of(lake.table), fingerprints_of(lake.table))
    for uri in uris[1:]:
        compact_small(uri, small_files_max=1)
    for uri in uris:
        rewrite_log(uri, lambda action: removed_earlier(action, timedelta(days=60)))
    files = sum(len(list(Path(uri).glob("*.parquet"))) for uri in uris)

    report = lake.run(at(DAYS, 23), "--delete-unused")
    assert report["unused_files"]["deleted"]
    assert report["unused_files"]["count"] > DAYS  # more than those of the sensor table
    assert sum(len(list(Path(uri).glob("*.parquet"))) for uri in uris) == files - report["unused_files"]["count"]
    assert (lake.rows(), lake.ledger()) == (before, known)
    assert report["ok"]


def test_a_compaction_that_would_lose_rows_writes_nothing(lake: Lake) -> None:
    """Here the files are said to hold more rows than are read."""
    rewrite_log(lake.table, one_row_more)
    version = open_table(lake.table).version()
    with pytest.raises(TableError, match="it stays as it was"):
        compact(lake.table, "upkeep", small_files_max=3)
    assert open_table(lake.table).version() == version


def rewrite_log(uri: str, change: Callable[[dict[str, Any]], None]) -> None:
    """Change every action of the table's log in place."""
    for path in Path(uri, "_delta_log").glob("*.json"):
        actions = [json.loads(line) for line in path.read_text().splitlines()]
        for action in actions:
            change(action)
        path.write_text("".join(f"{json.dumps(action)}\n" for action in actions))


def removed_earlier(action: dict[str, Any], by: timedelta) -> None:
    if "remove" in action:
        action["remove"]["deletionTimestamp"] -= int(by.total_seconds() * 1000)


def one_row_more(action: dict[str, Any]) -> None:
    if "add" in action:
        stats = json.loads(action["add"]["stats"])
        action["add"]["stats"] = json.dumps({**stats, "numRecords": stats["numRecords"] + 1})


def test_days_of_midnight_are_told_apart_in_every_file(lake: Lake) -> None:
    """The statistics of `date` are what daily inference finds the latest day by; compaction keeps them."""
    compact(lake.table, "upkeep", small_files_max=3)
    files = pa.table(open_table(lake.table).get_add_actions(flatten=True))
    assert files["min.date"].to_pylist() == [date(2025, 12, 1)]
    assert files["max.date"].to_pylist() == [date(2025, 12, DAYS)]
