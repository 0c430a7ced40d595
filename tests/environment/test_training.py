"""Windows, training and its metadata."""

import json
import random
import subprocess
import sys
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pytest
from sensor_model import __version__, network
from sensor_model.circuit import Circuit, CircuitFileError, hyperparameters_hash, read_circuit
from sensor_model.features import FILL_STEPS_MAX, Scaler, TooFewRowsError, make_windows, usual_step_s
from sensor_model.metadata import MODEL_FILE, ModelFolderError, read_metadata
from sensor_model.performance import Tally
from sensor_model.table import MissingFeatureError, NoRowsError, Readings, TableError, open_table, read_sensor
from sensor_model.train import measure, train
from sensor_model.trained_on import TrainedOn, trained_on
from sensor_model.upkeep import compact

from tests.environment.conftest import ENVIRONMENT, REPOSITORY, SEED
from tests.environment.lake import OTHER, SENSOR, Lake, at, hours_of, row

HOUR_S = 3600


def hourly(hours: list[int]) -> Readings:
    """Readings whose value is their hour."""
    times = np.datetime64("2025-12-01T00:00", "us") + np.array(hours) * np.timedelta64(1, "h")
    return Readings(times, np.array(hours, dtype=float)[:, None])


def test_a_window_holds_the_steps_before_its_target() -> None:
    """Nothing of the target or of the future is in the window."""
    windows = make_windows(hourly(list(range(6))), sequence_length=3, step_s=HOUR_S)
    assert windows.inputs[:, :, 0].tolist() == [[0, 1, 2], [1, 2, 3], [2, 3, 4]]
    assert windows.targets[:, 0].tolist() == [3, 4, 5]
    assert windows.times[0] == np.datetime64("2025-12-01T03:00", "us")


def test_a_short_gap_is_bridged_from_the_past_and_is_never_a_target() -> None:
    """The missing hour takes the value before it, not one from after it."""
    windows = make_windows(hourly([0, 1, 2, 4, 5]), sequence_length=2, step_s=HOUR_S)
    assert windows.inputs[:, :, 0].tolist() == [[0, 1], [2, 2], [2, 4]]
    assert windows.targets[:, 0].tolist() == [2, 4, 5]


def test_windows_that_touch_a_long_gap_are_left_out() -> None:
    """Beyond the limit nothing is invented."""
    hours = [0, 1, 2, 2 + FILL_STEPS_MAX + 2, 2 + FILL_STEPS_MAX + 3, 2 + FILL_STEPS_MAX + 4]
    windows = make_windows(hourly(hours), sequence_length=2, step_s=HOUR_S)
    assert windows.targets[:, 0].tolist() == [2, hours[-1]]


def test_too_few_readings_give_no_window() -> None:
    """As many readings as the window is long leave nothing to predict."""
    assert len(make_windows(hourly([0, 1, 2]), sequence_length=3, step_s=HOUR_S)) == 0
    assert len(make_windows(Readings(hourly([0]).times[:0], np.empty((0, 2))), sequence_length=3, step_s=HOUR_S)) == 0
    with pytest.raises(TooFewRowsError, match="at least two"):
        usual_step_s(hourly([0]).times)


def test_the_scaler_restores_what_it_scaled() -> None:
    """Also a constant feature, which has no spread to divide by."""
    values = np.array([[1.0, 5.0], [3.0, 5.0], [np.nan, 5.0]])
    scaler = Scaler.from_dict(json.loads(json.dumps(Scaler.fit(values).to_dict())))
    scaled = scaler.scale(values)
    assert np.nanmean(scaled, axis=0).tolist() == [0, 0]
    np.testing.assert_allclose(scaler.restore(scaled), values)


@pytest.mark.parametrize("constant", [5.987, 47.3397, 101325.1, -273.15, 1e-9, 50.0, 0.0])
def test_a_constant_feature_keeps_its_unit(constant: float) -> None:
    """A mean of equal numbers is not always that number; what is left over is no deviation to divide by."""
    values = np.column_stack([np.full(263, constant), np.arange(263.0)])
    assert Scaler.fit(values).std == (1.0, float(np.std(np.arange(263.0))))


def test_a_feature_in_a_small_unit_is_not_constant() -> None:
    values = np.random.default_rng(7).normal(3e-10, 1e-10, (200, 1))
    assert Scaler.fit(values).std == (float(values.std()),)


@pytest.mark.parametrize(
    ("actual", "without"),
    [
        (np.column_stack([np.linspace(40, 60, 50), np.full(50, 5.987)]), {"r2"}),
        (np.zeros((50, 2)), {"r2", "mape"}),
        (np.column_stack([np.linspace(0, 49, 50), np.linspace(3, 4, 50)]), set()),
    ],
    ids=["one feature is flat", "all is zero", "one reading is zero"],
)
def test_training_measures_as_monitoring_does_and_says_nothing_where_nothing_can_be_said(
    actual: np.ndarray, without: set[str]
) -> None:
    """A flat feature has no explained variance, and a reading of 0 no percentage error."""
    scaler, predicted = Scaler.fit(actual), actual + 0.01
    tally = Tally(2)
    tally.add(actual, predicted, scaler)
    measured = measure(actual, predicted, scaler)
    assert measured == {name: value for name, value in tally.metrics().items() if value is not None}
    assert set(measured) == {"mae", "rmse", "mape", "r2"} - without
    assert all(abs(value) < 2 for value in measured.values())


def test_training_twice_gives_the_same_model(
    circuit: Circuit, table_dir: Path, model_dir: Path, tmp_path: Path
) -> None:
    """Same table, configuration and seed: same weights bit for bit, same metadata."""
    train(circuit, table_dir, tmp_path, SEED)
    one, two = (network.load(folder / MODEL_FILE).get_weights() for folder in (model_dir, tmp_path))
    assert all(np.array_equal(a, b) for a, b in zip(one, two, strict=True))
    assert (tmp_path / "metadata.json").read_bytes() == (model_dir / "metadata.json").read_bytes()


def test_a_retraining_after_later_loads_has_the_same_rows_and_can_show_it(circuit: Circuit, tmp_path: Path) -> None:
    """The digest is that of the rows, not of how the table keeps them; a day that was open when a model was trained may
    have other rows later, and the model says that it was."""
    lake = Lake(tmp_path / "lake")
    for day in range(1, 10):
        lake.land(f"{day}.parquet", hours_of(date(2025, 12, day), float(day)))
    lake.run(at(9, 23))

    def digest(last: date) -> TrainedOn:
        table = open_table(lake.table)
        return trained_on(table, read_sensor(table, SENSOR, circuit.features, last=last), last)

    closed, still_open = digest(date(2025, 12, 8)), digest(date(2025, 12, 9))
    assert (closed.rows, closed.closed, still_open.closed) == (192, True, False)
    lake.land("later.parquet", [row(at(9, 5), 99.0), row(at(8, 5), 99.0), row(at(9), 9.0, OTHER)])
    lake.run(at(10))
    compact(lake.table, "upkeep", small_files_max=0)
    again = digest(date(2025, 12, 8))
    assert again.table_version > closed.table_version
    assert (again.sha256, again.rows) == (closed.sha256, closed.rows)
    assert digest(date(2025, 12, 9)).sha256 != still_open.sha256


def test_the_random_numbers_of_the_process_are_not_begun_anew(circuit: Circuit) -> None:
    """Else two trainings in one process would be followed by jobs of the same names."""
    before = random.getstate()
    network.build(len(circuit.features), circuit.hyperparameters, SEED)
    assert random.getstate() == before


def test_the_model_learns_more_than_the_mean(model_dir: Path) -> None:
    """On days it has not seen it is far better than a model that always says the mean, and within the alert limits."""
    metrics = read_metadata(model_dir).metrics
    assert metrics["r2"] > 0.9  # 0 is the mean of the held-back days themselves
    assert metrics["mae"] < 0.15  # warning limits of R-MON-5
    assert metrics["rmse"] < 0.20
    assert metrics["mape"] < 0.10


def test_the_metadata_says_what_the_model_is_and_comes_from(circuit: Circuit, model_dir: Path) -> None:
    """Everything scoring and the release need to know about it."""
    metadata = read_metadata(model_dir)
    assert (metadata.plant_id, metadata.circuit_id, metadata.sensor_id) == ("P001", "C001", "SENSOR_P001_C001")
    assert metadata.features == circuit.features
    assert metadata.sequence_length == 24
    assert metadata.step_s == HOUR_S
    assert metadata.cutoff_date == "2025-12-09"
    assert metadata.hyperparameters == circuit.hyperparameters
    assert metadata.hyperparameters_hash == hyperparameters_hash(circuit.hyperparameters)
    assert metadata.environment_version == __version__
    assert metadata.tensorflow_version == network.tensorflow().__version__
    assert metadata.training_windows > 4 * metadata.holdout_windows - 5


def test_the_hash_of_hyperparameters_depends_on_values_not_on_order() -> None:
    """The same settings in another order are the same settings."""
    assert hyperparameters_hash({"a": 1, "b": 0.5}) == hyperparameters_hash({"b": 0.5, "a": 1})
    assert hyperparameters_hash({"a": 1}) != hyperparameters_hash({"a": 2})


def test_rows_after_the_cutoff_date_are_not_used(
    circuit: Circuit, table_dir: Path, model_dir: Path, tmp_path: Path
) -> None:
    """An earlier cutoff trains on fewer windows: 24 fewer for each full day."""
    earlier = replace(circuit, cutoff_date=date(2025, 12, 4), hyperparameters={**circuit.hyperparameters, "epochs": 1})
    metadata, full = train(earlier, table_dir, tmp_path, SEED), read_metadata(model_dir)
    fewer = full.training_windows + full.holdout_windows - metadata.training_windows - metadata.holdout_windows
    assert 5 * 24 - 2 * 3 <= fewer <= 5 * 24


def test_a_feature_the_table_lacks_is_named(circuit: Circuit, table_dir: Path, tmp_path: Path) -> None:
    """Before any time is spent on training."""
    wanted = replace(circuit, features=("temperature", "humidity"))
    with pytest.raises(
        MissingFeatureError, match=r"P001/C001 needs the column\(s\) humidity; the table has temperature"
    ):
        train(wanted, table_dir, tmp_path, SEED)


def test_missing_data_ends_training_with_the_reason(circuit: Circuit, table_dir: Path, tmp_path: Path) -> None:
    """No table, no rows of the sensor, too few rows: each says what to do."""
    with pytest.raises(TableError, match="no Delta table"):
        train(circuit, tmp_path / "nowhere", tmp_path, SEED)
    with pytest.raises(NoRowsError, match=r"SENSOR_P009_C001 has no rows up to 2025-12-09"):
        train(replace(circuit, sensor_id="SENSOR_P009_C001"), table_dir, tmp_path, SEED)
    with pytest.raises(TooFewRowsError, match=r"load more days or shorten sequence_length"):
        train(replace(circuit, cutoff_date=date(2025, 11, 11)), table_dir, tmp_path, SEED)


def test_a_circuit_file_without_a_needed_key_is_refused(tmp_path: Path) -> None:
    """The missing key is named."""
    path = tmp_path / "C001.yml"
    path.write_text('plant_id: "P001"\ncircuit_id: "C001"\n', encoding="utf-8")
    with pytest.raises(CircuitFileError, match="the key 'training' is missing"):
        read_circuit(path)


def test_a_folder_that_is_no_model_is_refused(tmp_path: Path) -> None:
    """Missing and foreign metadata are told apart from a trained model."""
    with pytest.raises(ModelFolderError, match="register the folder training wrote"):
        read_metadata(tmp_path)
    (tmp_path / "metadata.json").write_text('{"plant_id": "P001"}', encoding="utf-8")
    with pytest.raises(ModelFolderError, match="train the model again"):
        read_metadata(tmp_path)


def test_the_command_refuses_another_environment_version(tmp_path: Path, table_dir: Path) -> None:
    """A model is trained in exactly the version its configuration names."""
    text = (REPOSITORY / "config/plants/P001/C001.yml").read_text(encoding="utf-8")
    config = tmp_path / "C001.yml"
    config.write_text(text.replace('"1.5.0"', '"2.0.0"'), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "sensor_model.train", "--config", config, "--table", table_dir, "--output", tmp_path],
        cwd=ENVIRONMENT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 2
    assert "wants environment 2.0.0 and this is 1.5.0" in done.stderr
    assert not (tmp_path / MODEL_FILE).exists()
