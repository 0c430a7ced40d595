"""Batch scoring: what it reads, what it writes, and how it fails."""

import json
import os
import re
import shutil
import zipfile
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import write_deltalake
from sensor_model import network, score
from sensor_model.data import FEATURES, write_days
from sensor_model.features import TooFewRowsError
from sensor_model.metadata import MODEL_FILE, ModelFolderError
from sensor_model.predictions import PredictionError
from sensor_model.table import MissingFeatureError, NoRowsError, open_table, read_sensor

from tests.environment.conftest import LAST_DAY, SEED, SENSORS, days_up_to

Score = Callable[..., list[str]]


@pytest.fixture
def output(tmp_path: Path) -> Path:
    return tmp_path / "output"


@pytest.fixture
def score_table(model_dir: Path, output: Path, monkeypatch: pytest.MonkeyPatch) -> Score:
    """Scores a table in this process as a deployment of P001/C001 would."""

    def run(table: Path, model: Path = model_dir, circuit_id: str = "C001") -> list[str]:
        monkeypatch.setenv("AZUREML_MODEL_DIR", str(model))
        monkeypatch.setenv("AZUREML_BI_OUTPUT_PATH", str(output))
        monkeypatch.setenv("PLANT_ID", "P001")
        monkeypatch.setenv("CIRCUIT_ID", circuit_id)
        monkeypatch.setenv("MODEL_VERSION", "4")
        score.init()
        return score.run([str(path) for path in sorted(table.glob("*.parquet"))[:2]])

    return run


def written(output: Path) -> list[str]:
    return sorted(path.relative_to(output).as_posix() for path in output.rglob("*") if path.is_file())


def copy_of(table: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(table, tmp_path / "lake" / "sensor_data"))


def week_up_to(last: date) -> list[str]:
    """The files of the latest day and of the seven days before it."""
    return [f"P001/C001/{day}.parquet" for day in days_up_to(last, 8)]


def without(table: Path, condition: str) -> None:
    """Delete rows of a copied table."""
    open_table(table).delete(condition)


def test_one_file_per_circuit_and_day_is_written(score_table: Score, table_dir: Path, output: Path) -> None:
    """`<plant>/<circuit>/<date>.parquet` of the latest day and the week before it, one row per reading."""
    receipts = [json.loads(line) for line in score_table(table_dir)]
    assert written(output) == week_up_to(LAST_DAY)
    rows = pq.read_table(output / "P001/C001/2025-12-09.parquet", partitioning=None)
    predicted = [f"predicted_{name}" for name in FEATURES]
    about = ["model_version", "model_cutoff_date", "hyperparameters_hash", "environment_version"]
    assert rows.schema.names == ["timestamp", "sensor_id", "date", *predicted, *about]
    readings = read_sensor(open_table(table_dir), SENSORS[0], FEATURES, first=LAST_DAY, last=LAST_DAY)
    assert rows["timestamp"].to_numpy().astype("datetime64[us]").tolist() == readings.times.tolist()
    assert set(rows["sensor_id"].to_pylist()) == {"SENSOR_P001_C001"}
    assert set(rows["date"].to_pylist()) == {LAST_DAY}
    assert [rows[name][0].as_py() for name in about[:2]] == ["4", "2025-12-09"]
    assert [receipt["rows"] for receipt in receipts] == [len(readings)] * 2
    assert {receipt["output"] for receipt in receipts} == {"P001/C001/2025-12-09.parquet"}


def test_predictions_say_which_version_of_the_table_they_were_made_from(
    score_table: Score, table_dir: Path, output: Path
) -> None:
    """In the receipt, and in each file, without a column more."""
    receipt = json.loads(score_table(table_dir)[0])
    version = open_table(table_dir).version()
    assert receipt["table_version"] == version
    for name in written(output):
        schema = pq.read_schema(output / name)
        assert schema.metadata[b"switchyard.table_version"] == str(version).encode()
        assert "table_version" not in schema.names


def test_predictions_are_close_to_what_was_measured(score_table: Score, table_dir: Path, output: Path) -> None:
    """Much closer than the day's own spread."""
    score_table(table_dir)
    rows = pq.read_table(output / "P001/C001/2025-12-09.parquet", partitioning=None)
    actual = read_sensor(open_table(table_dir), SENSORS[0], FEATURES, first=LAST_DAY, last=LAST_DAY).values
    predicted = np.column_stack([rows[f"predicted_{name}"].to_numpy() for name in FEATURES])
    assert (np.abs(predicted - actual).mean(axis=0) < 0.25 * actual.std(axis=0)).all()


def test_only_the_files_that_can_matter_are_opened(score_table: Score, output: Path, tmp_path: Path) -> None:
    """Every file that by its statistics holds another sensor or an older day is destroyed; scoring does not notice."""
    table = tmp_path / "lake" / "sensor_data"
    for sensor in SENSORS:
        write_days(table, [sensor], days_up_to(LAST_DAY, 14), SEED)
    files = pa.table(open_table(table).get_add_actions(flatten=True)).to_pylist()
    oldest_needed = LAST_DAY - timedelta(days=9)  # a week, 24 steps of past and 6 that may be bridged
    needed = {
        each["path"] for each in files if each["min.sensor_id"] == SENSORS[0] and each["max.date"] >= oldest_needed
    }
    assert (len(files), len(needed)) == (3 * 14, 10)
    for each in files:
        if each["path"] not in needed:
            (table / each["path"]).write_bytes(b"destroyed")
    score_table(table)
    assert written(output) == week_up_to(LAST_DAY)


def test_a_job_scores_once_and_answers_every_mini_batch(score_table: Score, table_dir: Path, output: Path) -> None:
    """Azure ML counts one line per file as success; the second mini-batch gets its lines without more work."""
    score_table(table_dir)
    path = output / "P001/C001/2025-12-09.parquet"
    before = path.stat().st_ino
    log_file = next((table_dir / "_delta_log").iterdir())
    lines = score.run([str(log_file), str(next(table_dir.glob("*.parquet")))])
    assert json.loads(lines[0])["file"] == log_file.name
    assert len(lines) == 2
    assert path.stat().st_ino == before  # a second write would have replaced the file


def test_scoring_again_writes_the_same_bytes(score_table: Score, table_dir: Path, output: Path) -> None:
    """A retried job, or two processes of one job, cannot disagree."""
    path = output / "P001/C001/2025-12-09.parquet"
    score_table(table_dir)
    before = path.read_bytes()
    score_table(table_dir)
    assert path.read_bytes() == before
    assert written(output) == week_up_to(LAST_DAY)


def test_the_latest_day_is_the_circuits_own(score_table: Score, table_dir: Path, output: Path, tmp_path: Path) -> None:
    """Another sensor may already have newer rows."""
    table = copy_of(table_dir, tmp_path)
    without(table, f"sensor_id = '{SENSORS[0]}' AND date > '2025-12-07'")
    score_table(table)
    assert written(output) == week_up_to(date(2025, 12, 7))


def test_a_sensor_without_recent_rows_fails(score_table: Score, table_dir: Path, output: Path, tmp_path: Path) -> None:
    """Yesterday's news is not predicted as if it were today's."""
    table = copy_of(table_dir, tmp_path)
    without(table, f"sensor_id = '{SENSORS[0]}' AND date > '2025-12-01'")
    with pytest.raises(NoRowsError, match=r"SENSOR_P001_C001 has no rows from the 7 days before 2025-12-09 on"):
        score_table(table)
    assert written(output) == []


@pytest.mark.parametrize("deleted", [False, True], ids=["there", "deleted"])
def test_a_wrong_row_of_the_future_stops_no_circuit(
    score_table: Score, table_dir: Path, output: Path, tmp_path: Path, deleted: bool
) -> None:
    """Nobody knows the day after tomorrow; one row of 2030 is not the latest day of all others."""
    table = copy_of(table_dir, tmp_path)
    day = date(2030, 1, 1)
    write_days(table, [SENSORS[1]], [day], SEED)
    if deleted:
        without(table, "date = '2030-01-01'")
    score_table(table)
    assert written(output) == week_up_to(LAST_DAY)


def test_a_table_without_the_circuit_fails(score_table: Score, output: Path, tmp_path: Path) -> None:
    """No rows of the circuit at all is an error, never an empty file."""
    table = tmp_path / "lake" / "sensor_data"
    write_days(table, [SENSORS[2]], days_up_to(LAST_DAY, 2), SEED)
    with pytest.raises(NoRowsError, match="SENSOR_P001_C001 has no rows"):
        score_table(table)
    assert written(output) == []


def test_a_day_without_enough_past_fails(score_table: Score, output: Path, tmp_path: Path) -> None:
    """One day alone has no 24 steps before any of its rows."""
    table = tmp_path / "lake" / "sensor_data"
    write_days(table, [SENSORS[0]], [LAST_DAY], SEED)
    with pytest.raises(TooFewRowsError, match=r"none of the 24 rows of 2025-12-09 has the 24 steps before it"):
        score_table(table)
    assert written(output) == []


def test_an_earlier_day_without_rows_has_no_file(
    score_table: Score, table_dir: Path, output: Path, tmp_path: Path
) -> None:
    """Only the latest day must have rows; a day whose past is missing has none either."""
    table = copy_of(table_dir, tmp_path)
    without(table, f"sensor_id = '{SENSORS[0]}' AND date >= '2025-12-05' AND date <= '2025-12-06'")
    receipt = json.loads(score_table(table)[0])
    days = ["2025-12-02", "2025-12-03", "2025-12-04", "2025-12-08", "2025-12-09"]
    assert written(output) == [f"P001/C001/{day}.parquet" for day in days]
    assert receipt["earlier_days"] == 4


def test_rows_after_a_long_gap_are_left_out_and_counted(
    score_table: Score, table_dir: Path, output: Path, tmp_path: Path
) -> None:
    """Rows whose past is not known get no prediction, and the receipt says how many."""
    table = copy_of(table_dir, tmp_path)
    without(
        table,
        f"sensor_id = '{SENSORS[0]}' AND timestamp >= '2025-12-08T02:00:00Z' AND timestamp < '2025-12-08T10:00:00Z'",
    )
    receipt = json.loads(score_table(table)[0])
    day_rows = len(read_sensor(open_table(table), SENSORS[0], FEATURES, first=LAST_DAY, last=LAST_DAY))
    assert 0 < receipt["rows_left_out"] < day_rows
    assert receipt["rows"] + receipt["rows_left_out"] == day_rows


@pytest.mark.parametrize("removed", ["vibration", "pressure"])
def test_a_feature_the_table_lacks_is_named(score_table: Score, output: Path, tmp_path: Path, removed: str) -> None:
    """The message says which model, which column, and what there is."""
    table = tmp_path / "lake" / "sensor_data"
    write_days(tmp_path / "full", [SENSORS[0]], days_up_to(LAST_DAY, 3), SEED)
    write_deltalake(str(table), open_table(tmp_path / "full").to_pyarrow_table().drop_columns([removed]))
    left = ", ".join(name for name in FEATURES if name != removed)
    with pytest.raises(
        MissingFeatureError, match=rf"P001/C001 needs the column\(s\) {removed}; the table has {left}\. "
    ):
        score_table(table)
    assert written(output) == []


def test_a_feature_that_is_no_number_is_named(score_table: Score, tmp_path: Path) -> None:
    """A column of text under a feature's name is a schema mistake."""
    table = tmp_path / "lake" / "sensor_data"
    write_days(tmp_path / "full", [SENSORS[0]], days_up_to(LAST_DAY, 2), SEED)
    rows = open_table(tmp_path / "full").to_pyarrow_table()
    position = rows.schema.get_field_index("pressure")
    write_deltalake(str(table), rows.set_column(position, "pressure", rows["pressure"].cast(pa.string())))
    with pytest.raises(MissingFeatureError, match=r"needs numbers in pressure \(string"):
        score_table(table)


def test_predictions_that_are_no_numbers_fail_and_write_nothing(
    score_table: Score, table_dir: Path, model_dir: Path, output: Path, tmp_path: Path
) -> None:
    """A broken model is noticed by the job, not by whoever reads its predictions."""
    broken = Path(shutil.copytree(model_dir, tmp_path / "broken"))
    model = network.load(broken / MODEL_FILE)
    model.set_weights([np.full_like(weights, np.nan) for weights in model.get_weights()])
    model.save(broken / MODEL_FILE)
    with pytest.raises(PredictionError, match=r"P001/C001 predicts no number in \d+ of \d+ rows .*temperature"):
        score_table(table_dir, model=broken)
    assert written(output) == []


def test_another_circuits_model_is_refused(score_table: Score, table_dir: Path, output: Path) -> None:
    """A deployment that carries the wrong model fails before it reads anything."""
    with pytest.raises(score.DeploymentError, match=r"is for P001/C002 and carries the model of P001/C001"):
        score_table(table_dir, circuit_id="C002")
    assert not output.exists()


@pytest.mark.parametrize("damage", ["cut", "another layer"])
def test_a_network_that_cannot_be_opened_says_who_saved_it_and_what_to_do(
    score_table: Score, model_dir: Path, table_dir: Path, tmp_path: Path, damage: str
) -> None:
    """A file of another Keras, or one that was not copied to its end."""
    model = Path(shutil.copytree(model_dir, tmp_path / "model"))
    file = model / MODEL_FILE
    if damage == "cut":
        file.write_bytes(file.read_bytes()[:2000])
    else:
        with zipfile.ZipFile(model_dir / MODEL_FILE) as good, zipfile.ZipFile(file, "w") as bad:
            for name in good.namelist():
                bad.writestr(name, good.read(name).replace(b'"units": ', b'"unity": '))
    with pytest.raises(ModelFolderError) as refused:
        score_table(table_dir, model)
    assert re.match(
        r"the model of P001/C001, saved by TensorFlow [\d.]+, cannot be opened by TensorFlow [\d.]+: train it again",
        str(refused.value),
    )
    assert len(str(refused.value)) < 500


def test_a_model_folder_must_hold_one_model(score_table: Score, table_dir: Path, tmp_path: Path) -> None:
    """None or two is a mistake in registration."""
    with pytest.raises(ModelFolderError, match=r"0 files model\.keras below .*: register one model's folder$"):
        score_table(table_dir, model=tmp_path)


@pytest.mark.parametrize("name", ["model.h5", "saved_model.pb"])
def test_a_model_in_another_form_is_named(score_table: Score, table_dir: Path, tmp_path: Path, name: str) -> None:
    """Keras 2 saved models so."""
    (tmp_path / name).write_bytes(b"")
    with pytest.raises(ModelFolderError, match=rf"{name} cannot be scored: save it as model\.keras"):
        score_table(table_dir, model=tmp_path)


@pytest.mark.parametrize("name", ["PLANT_ID", "CIRCUIT_ID", "AZUREML_MODEL_DIR", "AZUREML_BI_OUTPUT_PATH"])
def test_a_variable_that_is_not_set_is_named(
    name: str, model_dir: Path, output: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The message says where to set it."""
    values = {
        "PLANT_ID": "P001",
        "CIRCUIT_ID": "C001",
        "AZUREML_MODEL_DIR": str(model_dir),
        "AZUREML_BI_OUTPUT_PATH": str(output),
    }
    for key, value in values.items():
        monkeypatch.setenv(key, value)
    monkeypatch.delenv(name)
    with pytest.raises(score.DeploymentError, match=f"{name} is not set: set it in the deployment"):
        score.init()


def test_input_that_is_no_table_is_refused(score_table: Score, table_dir: Path, tmp_path: Path) -> None:
    """A folder of loose files has no transaction log above it."""
    score_table(table_dir)
    score.init()
    loose = tmp_path / "loose.parquet"
    loose.write_bytes(b"")
    with pytest.raises(score.DeploymentError, match="no folder with _delta_log above"):
        score.run([os.fspath(loose)])


def test_the_day_is_a_date_in_utc(score_table: Score, table_dir: Path) -> None:
    """The receipt's date is the table's date, written YYYY-MM-DD."""
    assert date.fromisoformat(json.loads(score_table(table_dir)[0])["date"]) == LAST_DAY
