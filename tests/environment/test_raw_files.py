"""Bad raw files: quarantined with the reason, never half loaded, never in the way of good ones."""

import shutil
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from sensor_model.raw import BATCH_ROWS, BadFile, Reason, inspect

from tests.environment.lake import FEATURES, OTHER, SENSOR, Lake, at, hours_of, row

NOW = at(9, 12)
FOREIGN = Path(__file__).parent / "foreign"


def table_of(*rows: dict[str, Any]) -> pa.Table:
    return pa.Table.from_pylist(list(rows))


def with_column(name: str, values: pa.Array) -> pa.Table:
    table = table_of(row(at(9)), row(at(9, 1)))
    return table.set_column(table.schema.get_field_index(name), name, values)


BAD: dict[str, tuple[Reason, Callable[[], pa.Table]]] = {
    "a column is missing": (Reason.MISSING_COLUMN, lambda: table_of(row(at(9))).drop_columns(["pressure"])),
    "no sensor": (Reason.MISSING_COLUMN, lambda: table_of(row(at(9))).drop_columns(["sensor_id"])),
    "text for a number": (Reason.WRONG_TYPE, lambda: with_column("pressure", pa.array(["1", "2"]))),
    "text for a time": (Reason.WRONG_TYPE, lambda: with_column("timestamp", pa.array(["2025-12-09", "2025-12-10"]))),
    "a number for a sensor": (Reason.WRONG_TYPE, lambda: with_column("sensor_id", pa.array([1, 2]))),
    "no time zone": (
        Reason.NAIVE_TIME,
        lambda: with_column("timestamp", pa.array([datetime(2025, 12, 9), datetime(2025, 12, 8)])),  # noqa: DTZ001
    ),
    "tomorrow": (Reason.FUTURE_TIME, lambda: table_of(row(at(9)), row(at(10)))),
    "the year 1970": (Reason.TOO_OLD, lambda: table_of(row(datetime.fromtimestamp(0, UTC)))),
    "a sensor nobody can have": (Reason.BAD_KEY, lambda: table_of(row(at(9), 1.0, "'; DROP TABLE readings"))),
    "no time": (
        Reason.BAD_KEY,
        lambda: with_column("timestamp", pa.array([at(9), None], pa.timestamp("us", "UTC"))),
    ),
    "infinity": (Reason.NOT_FINITE, lambda: table_of(row(at(9), float("inf")))),
    "infinity beside nothing": (Reason.NOT_FINITE, lambda: table_of(row(at(9), float("-inf")), row(at(9, 1), None))),
    "one key, two values": (Reason.CONTRADICTION, lambda: table_of(row(at(9), 1.0), row(at(9), 2.0))),
    "times finer than the table's": (
        Reason.WRONG_TYPE,
        lambda: with_column("timestamp", pa.array([1_765_238_400_000_000_001, 0], pa.timestamp("ns", "UTC"))),
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_a_bad_file_is_quarantined_with_its_reason(tmp_path: Path, case: str) -> None:
    reason, made = BAD[case]
    pq.write_table(made(), tmp_path / "bad.parquet")
    with pytest.raises(BadFile) as refused:
        inspect(tmp_path / "bad.parquet", FEATURES, FEATURES, NOW)
    assert refused.value.reason is reason
    assert str(refused.value)


def test_a_bad_file_is_not_half_loaded_and_stops_nobody(tmp_path: Path) -> None:
    """Its last row is bad, so none of its rows is in the table; it stays where it is and stays listed."""
    lake = Lake(tmp_path)
    lake.land("bad.parquet", [*hours_of(date(2025, 12, 8), 5.0), row(at(10))])
    lake.land("good.parquet", hours_of(date(2025, 12, 8), 1.0, OTHER))
    report = lake.run(NOW)
    assert [(each["path"], each["reason"]) for each in report["files"]["quarantined"]] == [
        ("bad.parquet", "future_time")
    ]
    assert {each["sensor_id"] for each in lake.rows()} == {OTHER}
    again = lake.run(NOW)
    assert again["files"]["quarantined"] == []
    assert [each["path"] for each in again["files"]["still_quarantined"]] == ["bad.parquet"]
    assert (lake.raw / "bad.parquet").is_file()


def test_a_file_that_was_replaced_or_is_tried_again_is_read_anew(tmp_path: Path) -> None:
    """Tomorrow, what was the future is the past: only a person says that it was right all the same."""
    lake = Lake(tmp_path)
    lake.land("soon.parquet", [row(at(9, 15))])
    lake.land("replaced.parquet", [row(at(9), 1.0), row(at(9), 2.0)])
    assert lake.run(NOW)["files"]["quarantined_count"] == 2
    lake.land("replaced.parquet", [row(at(9), 2.0)])
    assert lake.run(at(9, 16))["files"]["loaded"] == 1
    assert lake.run(at(9, 16), "--retry-quarantined")["files"]["loaded"] == 1
    assert lake.values() == {at(9): 2.0, at(9, 15): 1.0}


@pytest.mark.parametrize("damage", ["no parquet", "cut", "empty", "damaged inside"])
def test_broken_parquet_is_quarantined(tmp_path: Path, damage: str) -> None:
    """Also when only its content is damaged, which shows first when it is read."""
    lake = Lake(tmp_path)
    file = lake.land("file.parquet", hours_of(date(2025, 12, 8)))
    whole = file.read_bytes()
    inside = bytearray(whole)
    inside[4:60] = bytes(56)
    file.write_bytes({"no parquet": b"a,b\n1,2\n", "cut": whole[:-20], "empty": b"", "damaged inside": inside}[damage])
    report = lake.run(NOW)
    assert [each["reason"] for each in report["files"]["quarantined"]] == ["broken"]
    assert report["table_rows"] == 0
    assert report["ok"]


def test_equal_rows_of_one_file_count_once(tmp_path: Path) -> None:
    """Sources deliver at least once; the report says how many there were."""
    lake = Lake(tmp_path)
    lake.land("twice.parquet", [*hours_of(date(2025, 12, 8)), *hours_of(date(2025, 12, 8))])
    report = lake.run(NOW)
    assert (report["rows"]["inserted"], report["rows"]["repeated"]) == (24, 24)
    assert len(lake.rows()) == 24


def test_other_widths_of_numbers_and_times_are_the_same_rows(tmp_path: Path) -> None:
    """Integers, 32 bits, milliseconds, another zone, sensors as categories: no difference, no violation."""
    lake = Lake(tmp_path)
    lake.land("plain.parquet", hours_of(date(2025, 12, 8), 2.0))
    lake.run(NOW)
    table = table_of(*hours_of(date(2025, 12, 8), 2.0))
    for name, kind in (
        ("temperature", pa.int16()),
        ("pressure", pa.float32()),
        ("timestamp", pa.timestamp("ms", "Asia/Kolkata")),
        ("sensor_id", pa.dictionary(pa.int32(), pa.string())),
    ):
        table = table.set_column(table.schema.get_field_index(name), name, table[name].cast(kind))
    lake.land_table("other.parquet", table)
    report = lake.run(NOW)
    assert (report["rows"]["unchanged"], report["rows"]["violation"]) == (24, 0)


@pytest.mark.parametrize("name", ["raw_int96", "raw_micros"])
def test_the_moments_of_spark_are_those_of_utc(tmp_path: Path, name: str) -> None:
    """Spark's default form has no zone in its type; its footer says that it means a moment."""
    lake = Lake(tmp_path)
    lake.land_table("z.parquet", table_of(*hours_of(date(2025, 12, 2))))
    shutil.copy(FOREIGN / f"{name}.parquet", lake.raw / "day.parquet")
    report = lake.run(NOW)
    assert report["files"]["quarantined"] == []
    assert lake.values() == {at(2, hour): 1.0 for hour in range(24)} | {at(3, hour): 20.5 + hour for hour in range(24)}


def test_local_times_of_spark_stay_out(tmp_path: Path) -> None:
    with pytest.raises(BadFile, match="nobody can say") as refused:
        inspect(FOREIGN / "raw_without_zone.parquet", FEATURES, FEATURES, NOW)
    assert refused.value.reason is Reason.NAIVE_TIME


def test_times_in_the_old_form_of_another_writer_are_refused_with_the_way_out(tmp_path: Path) -> None:
    """Hive and others write local times in it."""
    file = tmp_path / "old.parquet"
    pq.write_table(table_of(row(at(8))), file, use_deprecated_int96_timestamps=True, store_schema=False)
    with pytest.raises(BadFile, match=r"INT96 .* not of Spark: .* TIMESTAMP_MICROS") as refused:
        inspect(file, FEATURES, FEATURES, NOW)
    assert refused.value.reason is Reason.NAIVE_TIME


@pytest.mark.parametrize(
    ("values", "read"),
    [
        (pa.nulls(2), [None, None]),
        (pa.array([Decimal("1.10"), Decimal("-2.25")]), [1.1, -2.25]),
        (pa.array([2**53, -1], pa.int64()), [2.0**53, -1.0]),
        (pa.array([1.5, None], pa.float16()), [1.5, None]),
    ],
    ids=["no value at all", "decimal", "large whole numbers", "16 bits"],
)
def test_a_feature_may_be_any_number_that_64_bits_hold(tmp_path: Path, values: pa.Array, read: list[float]) -> None:
    """A column in which nothing was ever measured has no type of its own."""
    lake = Lake(tmp_path)
    lake.land_table("day.parquet", with_column("pressure", values))
    assert lake.run(NOW)["files"]["quarantined"] == []
    assert [each["pressure"] for each in lake.rows()] == read


def test_a_number_that_64_bits_would_cut_is_refused(tmp_path: Path) -> None:
    pq.write_table(with_column("pressure", pa.array([2**53 + 1, 1], pa.int64())), tmp_path / "large.parquet")
    with pytest.raises(BadFile, match=r"pressure .* more digits than a number of 64 bits") as refused:
        inspect(tmp_path / "large.parquet", FEATURES, FEATURES, NOW)
    assert refused.value.reason is Reason.WRONG_TYPE


def test_a_load_of_nothing_but_bad_files_warns(tmp_path: Path) -> None:
    """The table is as it should be, and nothing of what arrived is in it."""
    lake = Lake(tmp_path)
    lake.raw.mkdir()
    shutil.copy(FOREIGN / "raw_without_zone.parquet", lake.raw / "a.parquet")
    report = lake.run(NOW)
    assert "no new file could be loaded: 1 in quarantine (naive_time)" in report["warnings"]


def test_a_file_is_read_in_batches_and_a_contradiction_is_found_across_them(tmp_path: Path) -> None:
    """The first and the last row of a file that is larger than one batch."""
    minutes = [at(1) - timedelta(minutes=number) for number in range(BATCH_ROWS + 10)]
    values = pa.array([1.0] * len(minutes))
    columns = {"timestamp": pa.array(minutes), "sensor_id": pa.array([SENSOR] * len(minutes))}
    table = pa.table(columns | dict.fromkeys(FEATURES, values))
    pq.write_table(table, tmp_path / "large.parquet")
    assert inspect(tmp_path / "large.parquet", FEATURES, FEATURES, NOW).rows == BATCH_ROWS + 10
    pq.write_table(pa.concat_tables([table, table_of(row(at(1), 2.0)).cast(table.schema)]), tmp_path / "large.parquet")
    with pytest.raises(BadFile, match=r"1 key\(s\)"):
        inspect(tmp_path / "large.parquet", FEATURES, FEATURES, NOW)


def test_what_is_no_parquet_file_is_named_and_what_is_being_written_is_left_out(tmp_path: Path) -> None:
    """Nothing disappears silently."""
    lake = Lake(tmp_path)
    for path in ("notes.csv", "_temporary/part.parquet", ".hidden.parquet", "day/_SUCCESS"):
        (lake.raw / path).parent.mkdir(parents=True, exist_ok=True)
        (lake.raw / path).write_bytes(b"x")
    report = lake.run(NOW)
    assert report["files"]["no_parquet"] == ["notes.csv"]
    assert report["files"]["seen"] == 0


def test_storage_that_fails_is_no_bad_file(tmp_path: Path) -> None:
    """The run fails and the next one reads the file."""
    with pytest.raises(FileNotFoundError):
        inspect(tmp_path / "gone.parquet", FEATURES, FEATURES, NOW)
