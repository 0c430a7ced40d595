"""Sensor tables that a real Spark made (tests/environment/foreign): read right and loaded, or refused before anything
is written. docs/data.md lists the same tables."""

import json
import re
import zipfile
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sensor_model.closing import closed_through
from sensor_model.table import TableError, check_features, last_day, open_table, query, read_sensor
from sensor_model.upkeep import compact

from shared.contracts.inbound.etl_report import EtlReport
from tests.environment.conftest import REPOSITORY
from tests.environment.lake import FEATURES, SENSOR, Lake, at, row

FOREIGN = Path(__file__).parent / "foreign"
FIRST = datetime(2025, 12, 1, tzinfo=UTC)
FULL = 48
EVENING = at(3, 23)
SORTED = ""


@dataclass(frozen=True, kw_only=True)
class Expected:
    """Rows that are read, `unread` and `refused` what readers and the load say instead, `left` why upkeep does nothing;
    `carried` are columns that stay as they are."""

    rows: int = FULL
    unread: str = ""
    refused: str = ""
    left: str = SORTED
    last: date = date(2025, 12, 2)
    carried: tuple[str, ...] = ()


COPY = r"CREATE TABLE \.\.\. USING delta AS SELECT"
KEYS = r"has string in date, not a date"
TABLES = {
    "plain": Expected(),
    "append_only": Expected(refused=r"is append-only .* UNSET TBLPROPERTIES \('delta.appendOnly'\)"),
    "bigint": Expected(refused=rf"has long in temperature, not double, so that values would be cut: .*{COPY}"),
    "capital_letter": Expected(
        unread=r"needs the column\(s\) temperature; the table has Temperature",
        refused=rf"has Temperature instead of temperature.*{COPY}",
    ),
    "change_data_feed": Expected(rows=36, left="change data feed"),
    "check_constraint": Expected(refused="has the constraint plausible.*DROP CONSTRAINT plausible"),
    "checkpoint_protection": Expected(refused=f"uses checkpointProtection: .*{COPY}"),
    "column_default": Expected(refused=f"uses allowColumnDefaults: .*{COPY}"),
    "column_mapping_id": Expected(left="maps its columns to other names"),
    "column_mapping_name": Expected(left="maps its columns to other names"),
    "date_as_text": Expected(unread=rf"{KEYS}.*{COPY}", refused=KEYS),
    "decimal": Expected(refused=r"has decimal\(10,2\) in temperature, not double"),
    "deletion_vectors": Expected(rows=36),
    "deletion_vector_of_a_whole_day": Expected(rows=24, last=date(2025, 12, 1)),
    "deletion_vector_of_the_future": Expected(rows=49),
    "float": Expected(refused=r"has float in temperature, not double"),
    "generated_date": Expected(),
    "iceberg": Expected(refused=f"uses icebergCompatV2: .*{COPY}"),
    "identity": Expected(refused=f"uses identityColumns: .*{COPY}"),
    "in_commit_timestamp": Expected(refused="uses inCommitTimestamp: .*DROP FEATURE inCommitTimestamp"),
    "liquid_clustering": Expected(refused=f"uses clustering: .*uses domainMetadata: .*{COPY}"),
    "local_date": Expected(
        rows=49,
        last=date(2025, 12, 3),
        refused=r"has 1 row\(s\) of 2025-12-01 to 2025-12-04 whose date is not the UTC day .*CAST\(timestamp AS DATE\)",
    ),
    "many_columns": Expected(),
    "nested": Expected(left="carried along", carried=("place", "seen", "blob", "ok", "count")),
    "not_a_number": Expected(rows=49, last=date(2025, 12, 3)),
    "not_null_feature": Expected(refused="takes no row without temperature: .*ALTER COLUMN temperature DROP NOT NULL"),
    "not_null_key": Expected(),
    "null_sensor": Expected(last=date(2025, 12, 3)),
    "optimized": Expected(rows=72, last=date(2025, 12, 3)),
    "partitioned": Expected(left="is partitioned by date"),
    "partitioned_by_another": Expected(refused=f"is partitioned by plant, .*{COPY}"),
    "row_of_the_future": Expected(rows=48),
    "row_tracking": Expected(refused=f"uses domainMetadata: .*uses rowTracking: .*{COPY}"),
    "statistics_of_other_columns": Expected(),
    "text_column": Expected(carried=("source_file",)),
    "timestamp_ntz": Expected(),
    "type_widening": Expected(
        unread=f"uses typeWidening, which cannot be read here: .*{COPY}", refused="typeWidening, which cannot be read"
    ),
    "v2_checkpoint": Expected(rows=72, last=date(2025, 12, 3)),
    "vacuum_protocol_check": Expected(
        unread=f"uses vacuumProtocolCheck, which cannot be read here: .*{COPY}", refused="vacuumProtocolCheck"
    ),
    "varchar": Expected(),
    "variant": Expected(left="carried along as they are: reading"),
    "without_statistics": Expected(),
}
READ = [name for name, expected in TABLES.items() if not expected.unread]
LOADED = [
    name
    for name, expected in TABLES.items()
    if not expected.refused and name not in ("null_sensor", "row_of_the_future")
]
REFUSED = [name for name, expected in TABLES.items() if expected.refused]


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(tmp_path)


def unpacked(name: str, lake: Lake) -> str:
    """The table in its place in the lake, and a raw file of the day after its last full one that corrects a row too."""
    with zipfile.ZipFile(FOREIGN / f"{name}.zip") as packed:
        packed.extractall(lake.table)
    lake.land("next.parquet", [row(at(2, 5), -7.25), *(row(at(3, hour), 1.1 * hour) for hour in range(24))])
    return lake.table


def rows_of(table: str, *columns: str) -> list[dict[str, Any]]:
    listed = ", ".join(columns)
    sql = f"SELECT sensor_id, timestamp, {listed} FROM readings ORDER BY sensor_id, timestamp"
    found = query(open_table(table), sql).to_pylist()
    return [{**each, "timestamp": each["timestamp"].replace(tzinfo=UTC)} for each in found]


def test_every_table_of_the_folder_is_tried_and_documented() -> None:
    assert {path.stem for path in FOREIGN.glob("*.zip")} == set(TABLES)
    section = (REPOSITORY / "docs" / "data.md").read_text().split("## Tables of other writers")[1].split("\n## ")[0]
    lines = [line.split("|") for line in section.splitlines() if line.startswith("| `")]
    told = {
        name: cells for _, cells in ((cells[1], cells) for cells in lines) for name in re.findall(r"`(\w+)`", cells[1])
    }
    assert set(TABLES) <= set(told)
    for name, expected in TABLES.items():
        _, _, read, loaded, upkeep, _ = told[name]
        assert read.strip().startswith("no") == bool(expected.unread), name
        assert loaded.strip().startswith("no") == bool(expected.refused), name
        assert upkeep.strip().startswith("left") == bool(expected.left), name


@pytest.mark.parametrize("name", READ)
def test_a_table_of_another_writer_is_read_right(name: str, lake: Lake) -> None:
    """Every row that is there, with its time and values, and no deleted one."""
    table = open_table(unpacked(name, lake))
    check_features(table, FEATURES, "the model")
    readings = read_sensor(table, SENSOR, FEATURES, last=date(2026, 1, 1))
    hours = np.arange(min(TABLES[name].rows, FULL))
    assert len(readings) == TABLES[name].rows
    assert readings.times[: len(hours)].tolist() == [
        (FIRST + timedelta(hours=int(hour))).replace(tzinfo=None) for hour in hours
    ]
    of_day = hours % 24
    expected = np.column_stack([20.5 + of_day, 5 + of_day / 100, 2 + of_day / 10])
    if name == "bigint":
        expected[:, 0] = np.floor(expected[:, 0])
    np.testing.assert_array_equal(readings.values[: len(hours)], expected)
    assert last_day(table, EVENING.date()) == TABLES[name].last


@pytest.mark.parametrize("name", [name for name in TABLES if name not in READ])
def test_a_table_that_cannot_be_read_says_so_with_the_way_out(name: str, lake: Lake) -> None:
    uri = unpacked(name, lake)
    with pytest.raises(TableError, match=TABLES[name].unread):
        check_features(open_table(uri), FEATURES, "the model")


@pytest.mark.parametrize("name", REFUSED)
def test_a_table_that_the_load_cannot_keep_is_refused_before_anything_is_written(name: str, lake: Lake) -> None:
    """The table is named, and what to do; the report says so, and no file is touched."""
    uri = unpacked(name, lake)
    before = {path: path.read_bytes() for path in Path(uri).rglob("*") if path.is_file()}
    report = lake.run(EVENING, status=1)
    [problem] = report["problems"]
    assert re.search(TABLES[name].refused, problem)
    assert f"table at {uri}" in problem.replace("file://", "")
    assert not report["ok"]
    assert EtlReport.model_validate(report).summary().problems == (problem,)  # what the app tells people
    assert {path: path.read_bytes() for path in Path(uri).rglob("*") if path.is_file()} == before


@pytest.mark.parametrize("name", LOADED)
def test_a_load_keeps_what_the_table_is(name: str, lake: Lake) -> None:
    """New rows and a correction come in, the day is closed, and a second load finds nothing to do."""
    uri, expected = unpacked(name, lake), TABLES[name]
    first = open_table(uri)
    before = {(each["sensor_id"], each["timestamp"]): each for each in rows_of(uri, *FEATURES, *expected.carried)}
    report = lake.run(EVENING)
    after = {(each["sensor_id"], each["timestamp"]): each for each in rows_of(uri, *FEATURES, *expected.carried)}

    new = {(SENSOR, at(3, hour)) for hour in range(24)} | {(SENSOR, at(2, 5))}
    assert set(after) == set(before) | new
    assert len(rows_of(uri, "date")) == len(after)
    assert after[SENSOR, at(2, 5)]["temperature"] == -7.25
    for key, kept in before.items():
        values = kept if key not in new else {**kept, **{name: after[key][name] for name in FEATURES}}
        assert str(after[key]) == str(values)  # NaN is as it was
    table = open_table(uri)
    assert table.protocol() == first.protocol()
    assert table.schema() == first.schema()
    assert closed_through(table) == date(2025, 12, 2)

    again = lake.run(EVENING)
    assert (again["ok"], again["table_version"]) == (True, report["table_version"])
    lake.land("late.parquet", [row(at(1, 5), 99.0)])
    lake.land("more.parquet", [row(at(4, hour), 2.0) for hour in range(24)])
    report = lake.run(at(4, 23))
    assert (report["rows"]["violation"], report["rows"]["inserted"], report["ok"]) == (1, 24, True)
    table = open_table(uri)
    assert (table.protocol(), table.schema()) == (first.protocol(), first.schema())
    assert len(rows_of(uri, *FEATURES, *expected.carried)) == len(after) + 24


@pytest.mark.parametrize("name", LOADED)
def test_upkeep_rewrites_only_what_it_keeps(name: str, lake: Lake) -> None:
    uri, expected = unpacked(name, lake), TABLES[name]
    columns = (*FEATURES, "date", *expected.carried)
    before, first = rows_of(uri, *columns), open_table(uri)
    done = compact(uri, "upkeep", small_files_max=0)
    assert expected.left in done.left
    assert bool(expected.left) == (open_table(uri).version() == first.version())
    assert str(rows_of(uri, *columns)) == str(before)
    assert open_table(uri).protocol() == first.protocol()
    assert closed_through(open_table(uri)) is None


def test_a_table_whose_commits_a_catalog_keeps_is_refused(lake: Lake) -> None:
    """Its protocol is put together here: Spark makes none without a catalog's service."""
    log = Path(unpacked("plain", lake), "_delta_log", f"{0:020}.json")
    actions = [json.loads(line) for line in log.read_text().splitlines()]
    features = {"readerFeatures": ["catalogManaged"], "writerFeatures": ["catalogManaged", "inCommitTimestamp"]}
    for action in actions:
        if "protocol" in action:
            action["protocol"] = {"minReaderVersion": 3, "minWriterVersion": 7, **features}
    log.write_text("".join(f"{json.dumps(action)}\n" for action in actions))
    with pytest.raises(TableError, match="uses catalogManaged"):
        open_table(lake.table)
    [problem] = lake.run(EVENING, status=1)["problems"]
    assert re.search(f"uses catalogManaged: .*{COPY}", problem)


def test_a_row_without_a_sensor_is_told_and_stops_nobody(lake: Lake) -> None:
    uri = unpacked("null_sensor", lake)
    report = lake.run(EVENING, status=1)
    assert report["problems"] == ["1 row(s) without sensor_id, timestamp or date, which nobody reads: delete them"]
    assert len(read_sensor(open_table(uri), SENSOR, FEATURES, last=date(2026, 1, 1))) == 72


def test_a_row_of_the_future_closes_no_day_and_is_told(lake: Lake) -> None:
    """Somebody's wrong row of 2030 is no data of a later day."""
    with zipfile.ZipFile(FOREIGN / "row_of_the_future.zip") as packed:
        packed.extractall(lake.table)
    report = lake.run(EVENING, status=1)
    assert report["problems"] == ["1 row(s) with a timestamp that is yet to come"]
    assert report["closed_through"] == "2025-12-01"
    assert report["sensors"] == {SENSOR: {"latest": "2025-12-02", "rows": 49}}
    assert report["gaps"] == []
