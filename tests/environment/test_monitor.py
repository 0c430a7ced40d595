"""Monitoring jobs on a real Delta table: performance of published predictions, drift of the input, too little data."""

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from math import log
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from sensor_model import monitor
from sensor_model.data import FEATURES, write_days
from sensor_model.drift import drift_of, stability_index
from sensor_model.features import Scaler
from sensor_model.metadata import ModelFolderError
from sensor_model.monitor import Deployed, drift_report, performance_report, read_deployed
from sensor_model.performance import Tally
from sensor_model.table import MissingFeatureError, open_table, read_sensor

from tests.environment.conftest import LAST_DAY, SEED, SENSORS, days_up_to

FIRST_DAY = LAST_DAY - timedelta(days=29)
DEPLOYED = Deployed(
    sensor_id=SENSORS[0],
    features=FEATURES,
    scaler=Scaler(mean=(60.0, 5.0, 2.5), std=(2.0, 0.5, 0.25)),
    step_s=3600,
    cutoff_date=LAST_DAY - timedelta(days=10),
)
Publish = Callable[..., Path]


@pytest.fixture
def publish(table_dir: Path, tmp_path: Path) -> Publish:
    """Publishes predictions that are what was measured, moved by `off` of the feature's unit."""

    def write(first: date, days: int, off: tuple[float, ...] = (0, 0, 0), moved: timedelta = timedelta(0)) -> Path:
        folder = tmp_path / "predictions" / "P001" / "C001"
        folder.mkdir(parents=True, exist_ok=True)
        for day in days_up_to(first + timedelta(days=days - 1), days):
            readings = read_sensor(open_table(table_dir), SENSORS[0], FEATURES, first=day, last=day)
            times = pa.array(readings.times + np.timedelta64(moved), pa.timestamp("us")).cast(
                pa.timestamp("us", tz="UTC")
            )
            columns = {f"predicted_{name}": readings.values[:, at] + off[at] for at, name in enumerate(FEATURES)}
            pq.write_table(pa.table({"timestamp": times, **columns}), folder / f"{day}.parquet")
        return folder

    return write


def test_perfect_predictions_have_no_error(table_dir: Path, publish: Publish) -> None:
    report = performance_report(DEPLOYED, table_dir, publish(FIRST_DAY, 30), FIRST_DAY, LAST_DAY)
    assert (report["mae"], report["rmse"], report["mape"], report["r2"]) == (0, 0, 0, 1)
    assert (report["days"], report["days_without_predictions"], report["inconclusive"]) == (30, 0, "")
    assert report["rows"] == len(read_sensor(open_table(table_dir), SENSORS[0], FEATURES, last=LAST_DAY))


def test_errors_are_measured_in_standard_deviations_and_percent(table_dir: Path, publish: Publish) -> None:
    """1 degree, 0.5 bar and 0.25 mm/s are 0.5, 1 and 1 standard deviations."""
    folder = publish(FIRST_DAY, 30, off=(1.0, -0.5, 0.25))
    report = performance_report(DEPLOYED, table_dir, folder, FIRST_DAY, LAST_DAY)
    actual = read_sensor(open_table(table_dir), SENSORS[0], FEATURES, last=LAST_DAY).values
    assert report["mae"] == pytest.approx(2.5 / 3, abs=1e-6)
    assert report["rmse"] == pytest.approx(np.sqrt(2.25 / 3), abs=1e-6)
    assert report["mape"] == pytest.approx(np.mean(np.array([1.0, 0.5, 0.25]) / np.abs(actual)), abs=1e-6)
    r2 = np.mean(1 - np.array([1.0, 0.25, 0.0625]) / actual.var(axis=0))
    assert report["r2"] == pytest.approx(r2, abs=1e-6)


def test_only_the_days_of_the_month_count(table_dir: Path, publish: Publish) -> None:
    """Files around the month are there, and days without a file are told."""
    folder = publish(FIRST_DAY, 30)
    (folder / f"{LAST_DAY - timedelta(days=1)}.parquet").unlink()
    report = performance_report(DEPLOYED, table_dir, folder, LAST_DAY - timedelta(days=2), LAST_DAY + timedelta(days=4))
    assert (report["days"], report["days_without_predictions"]) == (2, 5)


def test_predictions_without_a_measured_row_are_counted_and_not_guessed(table_dir: Path, publish: Publish) -> None:
    """Half an hour and a second beside an hourly reading is not that reading; ten minutes beside it is."""
    folder = publish(FIRST_DAY, 3, moved=timedelta(minutes=10))
    assert performance_report(DEPLOYED, table_dir, folder, FIRST_DAY, LAST_DAY)["mae"] == 0
    future = LAST_DAY + timedelta(days=1)
    rows = pq.read_table(folder / f"{FIRST_DAY}.parquet", partitioning=None)
    times = [datetime(future.year, future.month, future.day, hour, tzinfo=UTC) for hour in range(rows.num_rows)]
    moved = pa.array(times, pa.timestamp("us", tz="UTC"))
    pq.write_table(rows.set_column(0, "timestamp", moved), folder / f"{future}.parquet")
    report = performance_report(DEPLOYED, table_dir, folder, future, future)
    assert (report["rows"], report["rows_not_measured"], report["mae"]) == (0, rows.num_rows, None)
    assert report["inconclusive"] == "no predicted row has a measured one"


def test_a_file_that_cannot_be_read_is_told(table_dir: Path, publish: Publish) -> None:
    folder = publish(FIRST_DAY, 3)
    (folder / f"{FIRST_DAY}.parquet").write_bytes(b"broken")
    report = performance_report(DEPLOYED, table_dir, folder, FIRST_DAY, FIRST_DAY + timedelta(days=2))
    assert report["days"] == 2
    assert report["unreadable"] == [f"{FIRST_DAY}.parquet: ArrowInvalid"]


def test_gaps_on_either_side_are_left_out() -> None:
    actual = np.array([[1.0, 1.0], [np.nan, 1.0], [2.0, 3.0], [4.0, 0.0]])
    predicted = np.array([[1.0, 2.0], [1.0, 1.0], [np.inf, 3.0], [4.0, 0.0]])
    tally = Tally(2)
    tally.add(actual, predicted, Scaler(mean=(0.0, 0.0), std=(1.0, 1.0)))
    assert (tally.rows, tally.not_measured) == (2, 2)
    metrics = tally.metrics()
    assert metrics["mae"] == 0.25
    assert metrics["mape"] == pytest.approx(1 / 3, abs=1e-6)  # the value at 0 has no percentage


def test_a_feature_that_never_changes_has_no_r2() -> None:
    tally = Tally(1)
    tally.add(np.full((10, 1), 7.0), np.full((10, 1), 7.5), Scaler(mean=(0.0,), std=(1.0,)))
    assert tally.metrics() == {"mae": 0.5, "rmse": 0.5, "mape": round(0.5 / 7, 6), "r2": None}


@pytest.mark.parametrize("constant", [5.987, 47.3397, 101325.1, -0.1])
def test_the_rounding_noise_of_a_sum_is_no_change_of_a_feature(constant: float) -> None:
    tally = Tally(1)
    for _ in range(30):
        tally.add(np.full((24, 1), constant), np.full((24, 1), constant + 0.1), Scaler(mean=(0.0,), std=(1.0,)))
    assert tally.metrics()["r2"] is None


@pytest.mark.parametrize("unit", [1e-12, 1.0, 1e9])
def test_metrics_do_not_depend_on_the_unit_of_a_feature(unit: float) -> None:
    """Vibration in metres counts as it does in millimetres."""
    actual = np.random.default_rng(7).normal(3, 1, (100, 1))
    tally = Tally(1)
    tally.add(actual * unit, actual * 1.01 * unit, Scaler(mean=(3.0 * unit,), std=(unit,)))
    metrics = tally.metrics()
    assert metrics["mape"] == pytest.approx(0.01, abs=1e-6)
    assert metrics["r2"] == pytest.approx(1 - ((0.01 * actual) ** 2).sum() / (actual.var() * 100), abs=1e-5)


@pytest.mark.parametrize(("moved_by", "least", "most"), [(0.0, 0, 0.05), (0.3, 0.05, 0.15), (0.5, 0.18, 0.32)])
def test_the_thresholds_stand_for_moves_of_the_mean(moved_by: float, least: float, most: float) -> None:
    """Two thousand rows a side: no move stays below 0.05, half a standard deviation is about 0.25."""
    rng = np.random.default_rng(7)
    baseline = rng.normal(50, 4, 2000)
    assert least <= stability_index(baseline, rng.normal(50 + moved_by * 4, 4, 2000)) <= most


@pytest.mark.parametrize(
    "current",
    [np.full(300, 7.0), np.full(300, 6.0), np.concatenate([np.full(150, 7.0), np.full(150, 8.0)])],
    ids=["the same", "below", "half above"],
)
def test_a_baseline_that_never_changes_sees_moves_to_both_sides(current: np.ndarray) -> None:
    drift = drift_of(np.full(300, 7.0), current)
    assert drift.psi is not None
    assert (drift.psi > 0.25) == (current[-1] != 7.0)


@pytest.mark.parametrize(
    ("baseline", "current"),
    [
        (np.repeat([1.0, 0.0], [950, 50]), np.zeros(300)),
        (np.repeat([1.0, 0.0], [50, 950]), np.ones(300)),
        (np.concatenate([np.full(920, 100.0), np.linspace(80, 99, 80)]), np.full(300, 60.0)),
        (np.append(np.full(999, 50.0), 0.0), np.full(300, 30.0)),
        (np.append(np.full(999, 50.0), 90.0), np.full(300, 30.0)),
        (np.append(np.full(999, 50.0), 90.0), np.full(300, 70.0)),
        (np.concatenate([np.linspace(0, 10, 880), np.full(120, 5.0)]), np.full(300, 4.999)),
        (np.concatenate([np.linspace(0, 10, 880), np.full(120, 5.0)]), np.full(300, 5.0)),
    ],
    ids=["on, now off", "off, now on", "saturated, now lower", "one low", "one high", "one high, now above",
         "often 5, now just below", "often 5, now always"],
)  # fmt: skip
def test_a_value_that_is_there_often_is_missed_wherever_it_lies(baseline: np.ndarray, current: np.ndarray) -> None:
    """Valves, clipped sensors and run signals: the frequent value may be the lowest, the highest or one between."""
    assert stability_index(baseline, current) > 1
    assert stability_index(baseline, np.random.default_rng(7).permutation(baseline)[:500]) < 0.05


def by_hand(baseline: list[float], current: list[float]) -> float:
    """The index by its definition: exact quantiles, a count for each bin, no arrays."""
    ordered, last = sorted(baseline), len(baseline) - 1
    cuts = set()
    for tenth in range(1, 10):
        at, rest = divmod(tenth * last, 10)
        low, high = ordered[at], ordered[min(at + 1, last)]
        cuts.add(float(Fraction(low) + (Fraction(high) - Fraction(low)) * Fraction(rest, 10)))
    often = {value for value, count in Counter(baseline).items() if 10 * count >= len(baseline)}

    def bin_of(value: float) -> tuple[bool, int, int]:
        return value in often, sum(cut < value for cut in cuts), sum(each < value for each in often)

    bins = len(cuts | often) + len(often) + 1
    seen, expected = Counter(map(bin_of, current)), Counter(map(bin_of, baseline))
    total = 0.0
    for each in set(seen) | set(expected):
        p = (seen[each] + 0.5) / (len(current) + 0.5 * bins)
        q = (expected[each] + 0.5) / (len(baseline) + 0.5 * bins)
        total += (p - q) * log(p / q)
    empty = bins - len(set(seen) | set(expected))
    p, q = 0.5 / (len(current) + 0.5 * bins), 0.5 / (len(baseline) + 0.5 * bins)
    return total + empty * (p - q) * log(p / q)


RNG = np.random.default_rng(11)
HARD: dict[str, tuple[np.ndarray, np.ndarray]] = {
    "normal": (RNG.normal(50, 4, 1000), RNG.normal(51, 4, 300)),
    "few rows": (RNG.normal(50, 4, 200), RNG.normal(50, 4, 200)),
    "far away": (RNG.normal(50, 4, 1000), RNG.normal(500, 4, 300)),
    "constants": (np.full(300, 5.987), np.full(300, 5.988)),
    "the same constant": (np.full(300, 5.987), np.full(700, 5.987)),
    "three values": (RNG.integers(0, 3, 1000).astype(float), RNG.integers(0, 4, 400).astype(float)),
    "a valve": (np.repeat([1.0, 0.0], [950, 50]), np.zeros(300)),
    "rounded": (RNG.normal(20, 2, 2000).round(1), RNG.normal(21, 2, 500).round(1)),
    "long tail": (RNG.exponential(1, 1000), RNG.exponential(3, 300)),
    "at its limit": (np.minimum(RNG.normal(98, 3, 1000), 100), np.minimum(RNG.normal(90, 3, 300), 100)),
}


@pytest.mark.parametrize("case", HARD)
def test_the_index_is_that_of_an_implementation_of_its_own(case: str) -> None:
    baseline, current = HARD[case]
    assert stability_index(baseline, current) == pytest.approx(by_hand(baseline.tolist(), current.tolist()), rel=1e-9)


@pytest.mark.parametrize(
    ("baseline", "current", "gap"),
    [
        (np.arange(1000.0), np.arange(1000.0), 0.0),
        (np.arange(1000.0), np.arange(1000.0) + 500, 0.5),
        (np.repeat([1.0, 0.0], [950, 50]), np.zeros(300), 0.95),
        (np.full(300, 5.987), np.full(300, 5.988), 1.0),
    ],
    ids=["nothing", "half of the range", "a valve", "constants"],
)
def test_beside_the_index_stands_the_largest_gap_of_the_distributions(
    baseline: np.ndarray, current: np.ndarray, gap: float
) -> None:
    drift = drift_of(baseline, current)
    assert drift.ks == pytest.approx(gap)
    assert drift.to_dict()["ks"] == pytest.approx(gap)


def test_values_that_repeat_make_fewer_bins() -> None:
    rng = np.random.default_rng(7)
    baseline = rng.integers(0, 3, 3000).astype(float)
    assert stability_index(baseline, rng.integers(0, 3, 3000).astype(float)) < 0.05
    assert stability_index(baseline, np.full(500, -1.0)) > 0.25


def test_missing_values_are_told_and_too_few_say_nothing() -> None:
    current = np.concatenate([np.full(100, 1.0), np.full(300, np.nan)])
    drift = drift_of(np.arange(1000.0), current)
    assert drift.to_dict() == {
        "psi": None,
        "ks": None,
        "baseline_rows": 1000,
        "rows": 100,
        "baseline_missing_share": 0.0,
        "missing_share": 0.75,
    }


def test_drift_compares_with_what_the_model_was_trained_on(table_dir: Path, tmp_path: Path) -> None:
    """Rows of the quarter up to the cutoff date are training data and not compared with themselves."""
    report = drift_report(DEPLOYED, table_dir, date(2025, 10, 1), date(2025, 12, 31))
    assert (report["cutoff_date"], report["first"]) == ("2025-11-29", "2025-11-30")
    assert report["inconclusive"] == ""
    assert all(0 <= value < 0.25 for value in report["features"].values())
    readings = read_sensor(open_table(table_dir), SENSORS[0], FEATURES, first=date(2025, 11, 30), last=LAST_DAY)
    assert report["rows"] == len(readings)


def test_drifted_data_are_seen(tmp_path: Path) -> None:
    """Another sensor's readings under the same name: every feature is elsewhere."""
    table = tmp_path / "sensor_data"
    write_days(table, [SENSORS[0]], days_up_to(LAST_DAY, 20), SEED)
    write_days(table, [SENSORS[0]], days_up_to(LAST_DAY + timedelta(days=10), 10), SEED + 1)
    deployed = replace(DEPLOYED, cutoff_date=LAST_DAY)
    report = drift_report(deployed, table, LAST_DAY, LAST_DAY + timedelta(days=10))
    assert all(value > 0.25 for value in report["features"].values())


@pytest.mark.parametrize(
    ("cutoff", "why"),
    [(date(2025, 12, 31), "trained on data up to 2025-12-31"), (LAST_DAY - timedelta(days=3), "fewer than 200 values")],
)
def test_too_little_data_is_inconclusive(table_dir: Path, cutoff: date, why: str) -> None:
    report = drift_report(replace(DEPLOYED, cutoff_date=cutoff), table_dir, date(2025, 10, 1), date(2025, 12, 31))
    assert why in report["inconclusive"]


def test_a_feature_that_the_table_lost_is_named(table_dir: Path) -> None:
    with pytest.raises(MissingFeatureError, match="humidity"):
        drift_report(replace(DEPLOYED, features=("humidity",)), table_dir, FIRST_DAY, LAST_DAY)


def test_the_command_reads_the_model_and_writes_its_report(
    model_dir: Path, table_dir: Path, publish: Publish, tmp_path: Path
) -> None:
    """As the job calls it; running it again writes the same."""
    folder, output = publish(FIRST_DAY, 30), tmp_path / "report"
    common = ["--plant-id", "P001", "--circuit-id", "C001", "--model", str(model_dir.parent), "--table", str(table_dir)]
    month = [*common, "--first", str(FIRST_DAY), "--last", str(LAST_DAY), "--output", str(output)]
    assert monitor.main(["performance", *month, "--predictions", str(folder)]) == 0
    written = (output / "report.json").read_bytes()
    assert json.loads(written)["mae"] == 0
    assert monitor.main(["performance", *month, "--predictions", str(folder)]) == 0
    assert (output / "report.json").read_bytes() == written
    assert monitor.main(["drift", *month]) == 0
    assert "trained on data up to 2025-12-09" in json.loads((output / "report.json").read_bytes())["inconclusive"]


def test_another_circuits_model_is_refused(model_dir: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelFolderError, match="not of P001/C002"):
        read_deployed(model_dir, "P001", "C002")
    with pytest.raises(ModelFolderError, match="0 files"):
        read_deployed(tmp_path, "P001", "C001")
