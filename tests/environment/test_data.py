"""The sensor data generator: seeded, the same for a day whatever is around it, and harmless to run again."""

from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from sensor_model.closing import changed_days, close_days, fingerprint_days
from sensor_model.data import FEATURES, generate_day, main, write_days
from sensor_model.table import open_table, read_sensor

from tests.environment.conftest import LAST_DAY, REPOSITORY, SEED, SENSORS, days_up_to


def all_rows(path: Path) -> pa.Table:
    table = open_table(path).to_pyarrow_table()
    return table.sort_by([("sensor_id", "ascending"), ("timestamp", "ascending")])


def test_a_second_run_changes_nothing(tmp_path: Path) -> None:
    """Merged by sensor and timestamp: no row added, no row changed, not even a new table version."""
    days = days_up_to(LAST_DAY, 3)
    first = write_days(tmp_path, SENSORS, days, SEED)
    before = all_rows(tmp_path)
    again = write_days(tmp_path, SENSORS, days, SEED)
    assert first["rows_added"] == before.num_rows
    assert again["rows_added"] == 0
    assert again["table_version"] == first["table_version"]
    assert all_rows(tmp_path).equals(before)


def test_a_later_run_adds_days_and_leaves_the_past_alone(tmp_path: Path) -> None:
    """History is immutable (R-DATA-4): the days before are the same rows as before."""
    write_days(tmp_path, SENSORS, days_up_to(date(2025, 12, 8), 2), SEED)
    before = all_rows(tmp_path)
    write_days(tmp_path, SENSORS, days_up_to(LAST_DAY, 3), SEED)
    after = all_rows(tmp_path)
    past = after.filter(pc.less(after["date"], LAST_DAY))
    assert past.equals(before)
    assert after.num_rows > before.num_rows


def test_closed_days_get_no_rows(tmp_path: Path) -> None:
    """As a load closes them: a new sensor joins on the first open day, and the proof of the closed ones holds."""
    table = str(tmp_path / "sensor_data")
    write_days(Path(table), SENSORS[:1], days_up_to(LAST_DAY, 3), SEED)
    closed = close_days(table, datetime.combine(LAST_DAY, time(12), UTC), "load")
    assert closed == LAST_DAY - timedelta(days=1)
    fingerprint_days(table, "load")

    written = write_days(Path(table), SENSORS[:2], days_up_to(LAST_DAY, 3), SEED)
    assert changed_days(table, LAST_DAY - timedelta(days=2)) == []
    assert written["rows_added"] == len(read_sensor(open_table(table), SENSORS[1], FEATURES, last=LAST_DAY)) > 0


def test_the_same_seed_gives_the_same_day_and_another_seed_does_not() -> None:
    """A day does not depend on the days made around it."""
    one = generate_day(SENSORS[0], LAST_DAY, SEED)
    assert one.equals(generate_day(SENSORS[0], LAST_DAY, SEED))
    assert not one.equals(generate_day(SENSORS[0], LAST_DAY, SEED + 1))
    assert not one["temperature"].equals(generate_day(SENSORS[1], LAST_DAY, SEED)["temperature"])


def test_the_table_has_the_columns_of_the_architecture(table_dir: Path) -> None:
    """timestamp in UTC, sensor_id, feature columns, date (R-DATA-1)."""
    schema = pa.schema(open_table(table_dir).schema().to_arrow())
    assert schema.names == ["timestamp", "sensor_id", *FEATURES, "date"]
    assert str(schema.field("timestamp").type) == "timestamp[us, tz=UTC]"
    assert str(schema.field("date").type) == "date32[day]"


def test_readings_look_like_a_plant_at_work(table_dir: Path) -> None:
    """A daily cycle, pressure and vibration that follow temperature, and values that stay physical."""
    readings = read_sensor(open_table(table_dir), SENSORS[0], FEATURES, last=LAST_DAY)
    temperature, pressure, vibration = readings.values.T
    hours = readings.times.astype("datetime64[h]").astype(int) % 24
    by_hour = np.array([temperature[hours == hour].mean() for hour in range(24)])
    assert by_hour.max() - by_hour.min() > 2 * temperature[hours == 12].std()
    assert np.corrcoef(temperature, pressure)[0, 1] > 0.8
    assert np.corrcoef(temperature, vibration)[0, 1] > 0.8
    assert readings.values.min() > 0


def test_gaps_are_occasional_and_short(table_dir: Path) -> None:
    """Some hours are missing, never more than three in a row."""
    table = open_table(table_dir)
    steps_h = np.concatenate(
        [
            np.diff(read_sensor(table, sensor, FEATURES, last=LAST_DAY).times) / np.timedelta64(1, "h")
            for sensor in SENSORS
        ]
    )
    assert 1 < steps_h.max() <= 4
    assert (steps_h > 1).mean() < 0.02


def test_the_command_writes_every_circuit_of_the_fleet(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The sensors come from the master list; one line of JSON tells what was done."""
    arguments = ["--table", str(tmp_path / "t"), "--config-dir", str(REPOSITORY / "config")]
    assert main([*arguments, "--days", "1", "--end-date", "2025-12-09", "--seed", "7"]) == 0
    assert '"sensors": 12' in capsys.readouterr().out
    sensors = all_rows(tmp_path / "t")["sensor_id"].unique().to_pylist()
    assert sensors == [f"SENSOR_P00{p}_C00{c}" for p in (1, 2, 3) for c in (1, 2, 3, 4)]
