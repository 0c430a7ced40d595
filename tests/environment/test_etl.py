"""The load: what is new comes in once, the open day may be corrected, and closed days stay as they are."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from sensor_model.closing import closed_through
from sensor_model.etl import REFUSED_FILE
from sensor_model.table import open_table
from sensor_model.verification import verify

from tests.environment.lake import OTHER, SENSOR, Lake, at, hours_of, row


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(tmp_path)


@pytest.fixture
def loaded(lake: Lake) -> Lake:
    """The 7th and 8th are closed, the 9th is open."""
    for day in (7, 8, 9):
        lake.land(f"{day}.parquet", hours_of(date(2025, 12, day)))
    assert lake.run(at(9, 23))["closed_through"] == "2025-12-08"
    return lake


def test_a_table_of_many_features_is_found_by_its_keys(lake: Lake) -> None:
    """Delta keeps statistics of the first 32 columns unless it is told otherwise, and `date` comes last."""
    features = [f"f{number:02}" for number in range(40)]
    for day in (7, 8):
        rows = [{"timestamp": at(day, hour), "sensor_id": SENSOR, **dict.fromkeys(features, 1.0)} for hour in range(24)]
        lake.land(f"{day}.parquet", rows)
        assert lake.run(at(9), "--features", ",".join(features))["ok"]
    files = pa.table(open_table(lake.table).get_add_actions(flatten=True))
    assert sorted(files["max.date"].to_pylist()) == [date(2025, 12, 7), date(2025, 12, 8)]
    assert set(files.column_names) & {"max.f00", "max.sensor_id", "max.timestamp"} == {"max.sensor_id", "max.timestamp"}


def test_a_first_run_loads_all_history(lake: Lake) -> None:
    """Nothing is closed before the first run, so a new table takes what there is."""
    lake.land("old/2024.parquet", hours_of(date(2024, 2, 29)))
    lake.land("new/2025.parquet", [*hours_of(date(2025, 12, 9)), row(at(9, 3), 2.0, OTHER)])
    report = lake.run(at(9, 23))
    assert report["rows"]["inserted"] == 49
    assert report["sensors"][SENSOR] == {"latest": "2025-12-09", "rows": 48}
    assert report["sensors"][OTHER] == {"latest": "2025-12-09", "rows": 1}
    assert {each["date"] for each in lake.rows()} == {date(2024, 2, 29), date(2025, 12, 9)}


def test_running_again_changes_nothing(loaded: Lake) -> None:
    """Not a row and not even a version of the table or of what lies beside it."""
    tables = [loaded.table, loaded.table + "_files", loaded.table + "_days"]
    before = loaded.rows(), [open_table(each).version() for each in tables]
    report = loaded.run(at(9, 23))
    assert (loaded.rows(), [open_table(each).version() for each in tables]) == before
    assert report["files"]["loaded"] == 0
    assert report["ok"]


def test_a_run_that_lost_its_ledger_loads_everything_again_and_changes_nothing(loaded: Lake) -> None:
    """The ledger saves time; the merge is what makes the load safe to repeat."""
    before, version = loaded.rows(), open_table(loaded.table).version()
    open_table(loaded.table + "_files").delete()
    report = loaded.run(at(9, 23))
    assert (loaded.rows(), open_table(loaded.table).version()) == (before, version)
    assert report["rows"] == {
        "inserted": 0, "updated": 0, "unchanged": 72, "late": 0, "violation": 0, "repeated": 0,
    }  # fmt: skip


def test_a_row_of_the_open_day_is_corrected(loaded: Lake) -> None:
    loaded.land("correction.parquet", [row(at(9, 5), 7.0)])
    report = loaded.run(at(9, 23))
    assert loaded.values()[at(9, 5)] == 7.0
    assert report["rows"]["updated"] == 1
    assert len(loaded.values()) == 72


def test_a_differing_row_of_a_closed_day_is_a_violation_and_is_not_applied(loaded: Lake) -> None:
    """R-DATA-4: what is past never changes. Nothing is lost: the row is in the run's output."""
    loaded.land("rewrite.parquet", [row(at(8, 5), 7.0), row(at(8, 6), 1.0), row(at(9, 5), 3.0)])
    report = loaded.run(at(9, 23))
    assert loaded.values()[at(8, 5)] == 1.0
    assert loaded.values()[at(9, 5)] == 3.0, "the file's other rows are loaded"
    assert report["rows"] | {"unchanged": 0} == {
        "inserted": 0, "updated": 1, "unchanged": 0, "late": 0, "violation": 1, "repeated": 0,
    }  # fmt: skip
    [example] = report["refused_examples"]
    assert (example["path"], example["timestamp"]) == ("rewrite.parquet", "2025-12-08T05:00:00+00:00")
    assert example["values"]["temperature"] == {"raw": 7.0, "table": 1.0}
    refused = pq.read_table(loaded.root / "output" / REFUSED_FILE)
    assert refused["temperature"].to_pylist() == [7.0]
    assert loaded.ledger()["rewrite.parquet"].violations == 1


def test_a_new_row_of_a_closed_day_is_late_and_is_not_applied(loaded: Lake) -> None:
    """A filter by date gives the same rows for ever (R-DATA-4), so none may be added either."""
    loaded.land("late.parquet", [row(at(8, 5), 2.0, OTHER)])
    report = loaded.run(at(9, 23))
    assert report["rows"]["late"] == 1
    assert loaded.values(OTHER) == {}
    assert report["refused_examples"][0]["reason"] == "late"


def test_a_backfill_that_is_asked_for_adds_late_rows_and_changes_none(loaded: Lake) -> None:
    """For a sensor whose history comes later; also rows that were refused before are looked at again."""
    loaded.land("late.parquet", [row(at(8, 5), 2.0, OTHER), row(at(8, 5), 9.0)])
    loaded.run(at(9, 23))
    report = loaded.run(at(9, 23), "--backfill", OTHER)
    assert loaded.values(OTHER) == {at(8, 5): 2.0}
    assert loaded.values()[at(8, 5)] == 1.0
    assert (report["rows"]["inserted"], report["rows"]["violation"], report["problems"]) == (1, 1, [])
    again = loaded.run(at(9, 23), "--backfill", OTHER)
    assert again["table_version"] == report["table_version"]


def test_a_day_stays_open_until_six_hours_after_its_end(lake: Lake) -> None:
    """Its last readings arrive after midnight."""
    lake.land("8.parquet", hours_of(date(2025, 12, 8))[:21])
    lake.run(at(8, 21))
    lake.land("9.parquet", [*hours_of(date(2025, 12, 8))[21:], row(at(9, 1))])
    assert lake.run(at(9, 3))["rows"]["inserted"] == 4
    assert closed_through(open_table(lake.table)) == date(2025, 12, 7)
    lake.run(datetime(2025, 12, 9, 5, 59, 59, tzinfo=UTC))
    assert closed_through(open_table(lake.table)) == date(2025, 12, 7)
    assert lake.run(at(9, 6))["closed_through"] == "2025-12-08"


def test_days_without_later_data_stay_open(lake: Lake) -> None:
    """A source or a load that was down for days loses nothing when it is back."""
    lake.land("8.parquet", hours_of(date(2025, 12, 8))[:9])
    lake.run(at(8, 9))
    lake.run(at(12, 9))
    lake.land("back.parquet", [*hours_of(date(2025, 12, 8))[9:], *hours_of(date(2025, 12, 11))])
    report = lake.run(at(12, 12))
    assert report["rows"]["inserted"] == 39
    assert report["closed_through"] == "2025-12-10"


def test_the_day_of_a_row_is_that_of_utc(lake: Lake) -> None:
    """Whatever the file's zone: half past midnight in Berlin is the day before. A leap day is a day."""
    berlin = datetime.fromisoformat("2025-03-30T00:30:00+01:00")  # the night summer time begins
    leap = datetime(2024, 2, 29, 23, 59, 59, 999999, tzinfo=UTC)
    lake.land("zone.parquet", [row(berlin), row(berlin + timedelta(hours=3))])
    lake.land("leap.parquet", [row(leap), row(leap + timedelta(microseconds=1))])
    lake.run(at(9))
    assert [(each["timestamp"], each["date"]) for each in lake.rows()] == [
        (leap, date(2024, 2, 29)),
        (datetime(2024, 3, 1, tzinfo=UTC), date(2024, 3, 1)),
        (datetime(2025, 3, 29, 23, 30, tzinfo=UTC), date(2025, 3, 29)),
        (datetime(2025, 3, 30, 2, 30, tzinfo=UTC), date(2025, 3, 30)),
    ]


def test_of_two_files_the_later_counts_in_whatever_order_they_are_found(lake: Lake) -> None:
    """The table follows from the files, not from the runs."""
    lake.land("second.parquet", [row(at(9, 5), 2.0)], minute=2)
    lake.run(at(9, 6))
    lake.land("first.parquet", [row(at(9, 5), 1.0), row(at(9, 4), 1.0)], minute=1)
    report = lake.run(at(9, 6))
    assert lake.values() == {at(9, 4): 1.0, at(9, 5): 2.0}
    assert report["rows"]["updated"] == 0


def test_a_new_column_is_reported_and_added_only_when_asked(loaded: Lake) -> None:
    """Files of before lack it, and rows of before have nothing in it; a later file without it takes nothing away."""
    loaded.land("drift.parquet", [row(at(9, 5), 2.0, humidity=40.0) | {"note": "hot"}])
    report = loaded.run(at(9, 23))
    assert report["new_columns"] == {"humidity": 1, "note": 1}
    assert "humidity" not in loaded.rows()[0]
    report = loaded.run(at(9, 23), "--add-columns", "humidity")
    assert report["rows"]["updated"] == 1
    loaded.land("without.parquet", [row(at(9, 5), 3.0)])
    loaded.run(at(9, 23))
    humid = [(each["temperature"], each["humidity"]) for each in loaded.rows() if each["humidity"] is not None]
    assert humid == [(3.0, 40.0)]
    assert loaded.run(at(9, 23), "--add-columns", "humidity")["table_version"] == report["table_version"] + 1


def test_no_value_equals_no_value(lake: Lake) -> None:
    """NaN and null are one thing, or each run would find a difference."""
    lake.land("gap.parquet", [row(at(9, 1)) | {"pressure": float("nan")}, row(at(9, 2)) | {"pressure": None}])
    version = lake.run(at(9, 6))["table_version"]
    open_table(lake.table + "_files").delete()
    assert lake.run(at(9, 6))["table_version"] == version
    assert [each["pressure"] for each in lake.rows()] == [None, None]


def test_a_table_somebody_else_changed_fails_the_run(loaded: Lake) -> None:
    """Every closed day has a fingerprint; the report says which day it is, and that rows are wrong."""
    open_table(loaded.table).update({"pressure": "5.0"}, predicate="date = '2025-12-07'")
    open_table(loaded.table).delete("date = '2025-12-08' AND timestamp >= '2025-12-08T20:00:00Z'")
    report = loaded.run(at(9, 23), status=1)
    assert report["problems"] == [
        "the closed day 2025-12-07 has other values than when it was closed",
        "the closed day 2025-12-08 has changed: 20 rows, 24 when it was closed",
    ]
    assert not report["ok"]


def test_doubled_misdated_and_future_rows_are_found(loaded: Lake) -> None:
    """Whoever wrote them."""
    from deltalake import write_deltalake

    table = open_table(loaded.table)
    some = table.to_pyarrow_table().filter([True] + [False] * 71)
    misdated = some.set_column(some.schema.get_field_index("date"), "date", [[date(2025, 12, 9)]])
    for rows in (some, misdated):
        write_deltalake(table, rows.cast(some.schema), mode="append")
    found = verify(open_table(loaded.table), loaded.table, at(6))
    assert any("are there more than once" in each for each in found.problems)
    assert any("whose date is not the UTC day" in each for each in found.problems)
    assert any("yet to come" in each for each in found.problems)


def test_gaps_and_silent_sensors_are_listed_and_do_not_fail_the_run(loaded: Lake) -> None:
    loaded.land("gap.parquet", [row(at(9, 1), 1.0, OTHER), row(at(9, 12), 1.0, OTHER)])
    loaded.land("later.parquet", hours_of(date(2025, 12, 12)))
    report = loaded.run(at(15))
    assert {"sensor_id": OTHER, "after": at(9, 1).isoformat(), "until": at(9, 12).isoformat()} in report["gaps"]
    assert f"1 sensor(s) have no rows of 2025-12-12 or the day before: {OTHER}" in report["warnings"]
    assert "the latest row of all sensors is of 2025-12-12: no data arrives" in report["warnings"]
    assert report["ok"]


def test_an_empty_lake_is_no_error(lake: Lake) -> None:
    """The first run may come before the first file."""
    report = lake.run(at(9))
    assert report["table_rows"] == 0
    assert report["warnings"] == ["the table has no rows"]


def test_a_table_is_loaded_in_commits_of_whole_days(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory is bounded by the size of a commit; a day is never cut."""
    monkeypatch.setattr("sensor_model.sources.ROWS_PER_COMMIT", 30)
    lake.land("days.parquet", [each for day in range(1, 8) for each in hours_of(date(2025, 12, day))])
    report = lake.run(at(9))
    assert report["rows"]["inserted"] == 7 * 24
    assert [each["operationMetrics"]["num_added_rows"] for each in _commits(lake, "WRITE")] == [24] * 7


def test_every_commit_of_rows_names_the_load_that_made_it(lake: Lake) -> None:
    """Whoever finds a row can find the load that brought it, by the table's own log."""
    lake.land("day.parquet", hours_of(date(2025, 12, 9)))
    report = lake.run(at(9, 23))
    lake.land("corrected.parquet", [row(at(9, 5), 7.0)])
    lake.run(at(9, 23))
    assert report["run"]
    runs = [each["run"] for kind in ("WRITE", "MERGE") for each in _commits(lake, kind)]
    assert runs == [report["run"]] * 2


def test_what_a_load_adds_can_be_read_by_readers_that_know_plain_text_only(lake: Lake) -> None:
    """A merge writes text as views, which older readers and the engine of Azure ML's tables do not open."""
    for day in (7, 8, 9):
        lake.land(f"{day}.parquet", hours_of(date(2025, 12, day)))
        lake.run(at(day, 23))
    kinds = [pq.read_schema(file).field("sensor_id").type for file in Path(lake.table).glob("*.parquet")]
    assert kinds == [pa.string()] * 3


def _commits(lake: Lake, kind: str) -> list[dict[str, Any]]:
    return [each for each in open_table(lake.table).history() if each["operation"] == kind]
