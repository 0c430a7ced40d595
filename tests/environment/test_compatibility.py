"""The compatibility check: real models scored in this environment version and in a changed one."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from sensor_model import __version__, network
from sensor_model.compatibility import CheckError, Model, check_model, main, read_manifest
from sensor_model.compatibility_report import (
    Report,
    Tolerance,
    Verdict,
    compare,
    read_reports,
)
from sensor_model.metadata import MODEL_FILE
from sensor_model.score import init, run
from sensor_model.table import open_table

from tests.environment.conftest import ENVIRONMENT

Lines = list[dict[str, Any]]
NUMBERS = ("predicted_temperature", "predicted_pressure", "predicted_vibration")


@pytest.fixture(scope="module")
def current(model_dir: Path, table_dir: Path) -> Report:
    """The model of P001/C001, scored by the code of this repository."""
    return check_model(Model(plant_id="P001", circuit_id="C001", model_version="2", path=model_dir), table_dir)


@pytest.fixture(scope="module")
def broken_dir(model_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model whose weights are no numbers."""
    path = Path(shutil.copytree(model_dir, tmp_path_factory.mktemp("broken") / "model"))
    model = network.load(path / MODEL_FILE)
    model.set_weights([np.full_like(weights, np.nan) for weights in model.get_weights()])
    model.save(path / MODEL_FILE)
    return path


def lines_of(capsys: pytest.CaptureFixture[str]) -> Lines:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_a_report_holds_what_the_deployment_would_write(
    current: Report, model_dir: Path, table_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Row by row and bit by bit the file of the batch script itself."""
    for name, value in {"PLANT_ID": "P001", "CIRCUIT_ID": "C001", "MODEL_VERSION": "2"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AZUREML_MODEL_DIR", str(model_dir))
    monkeypatch.setenv("AZUREML_BI_OUTPUT_PATH", str(tmp_path))
    init()
    run([str(next(table_dir.glob("*.parquet")))])
    rows = pq.read_table(tmp_path / "P001/C001/2025-12-09.parquet", partitioning=None)
    assert current.rows == rows.num_rows > 0
    assert current.schema == {field.name: str(field.type) for field in rows.schema}
    for name in NUMBERS:
        assert current.columns[name] == rows[name].to_pylist()
    assert (current.status, current.error, current.finite) == ("scored", "", True)
    assert (current.day, current.environment_version) == ("2025-12-09", __version__)
    assert current.table_version == open_table(table_dir).version()


def test_a_check_leaves_the_process_as_it_was(model_dir: Path, table_dir: Path) -> None:
    """The variables of the deployment are there for the script only."""
    before = dict(os.environ)
    model = Model(plant_id="P001", circuit_id="C002", model_version="1", path=model_dir)
    report = check_model(model, table_dir)
    assert report.error.startswith(
        "DeploymentError: the deployment is for P001/C002 and carries the model of P001/C001"
    )
    assert dict(os.environ) == before


def test_checking_twice_gives_the_same_digest(current: Report, model_dir: Path, table_dir: Path) -> None:
    """So a report of the current version can be kept and compared later."""
    model = Model(plant_id="P001", circuit_id="C001", model_version="2", path=model_dir)
    again = check_model(model, table_dir)
    assert again.digest == current.digest
    found = compare(current, again, Tolerance())
    assert found.verdict is Verdict.IDENTICAL
    assert (found.values, found.beyond_tolerance, found.largest_absolute) == (3 * current.rows, 0, None)


def test_one_failing_model_does_not_stop_the_others(
    model_dir: Path, broken_dir: Path, table_dir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A manifest of three: broken weights, no model at all, and a good one. Each gets its report."""
    shutil.copytree(broken_dir, tmp_path / "broken")
    shutil.copytree(model_dir, tmp_path / "good")
    entries = [
        {"plant_id": "P001", "circuit_id": "C001", "model_version": version, "path": path}
        for version, path in (("3", "broken"), ("4", "nowhere"), ("5", "good"))
    ]
    (tmp_path / "manifest.json").write_text(json.dumps({"models": entries}), encoding="utf-8")
    options = [
        "--models",
        str(tmp_path / "manifest.json"),
        "--table",
        str(table_dir),
        "--output",
        str(tmp_path / "out"),
    ]
    assert main(["check", *options, "--environment-version", __version__]) == 0
    *said, last = lines_of(capsys)
    assert [line["status"] for line in said] == ["failed", "failed", "scored"]
    assert "predicts no number in" in said[0]["error"]
    assert said[1]["error"].startswith("ModelFolderError: 0 files model.keras")
    assert (last["checked"], last["failed"]) == (3, 2)
    reports = read_reports(tmp_path / "out")
    assert {version: report.status for (_, _, version), report in reports.items()} == {
        "3": "failed", "4": "failed", "5": "scored",
    }  # fmt: skip
    assert (tmp_path / "out/P001/C001" / f"model-5-environment-{__version__}.json").is_file()


def test_another_environment_version_is_checked_with_its_own_code(
    current: Report, model_dir: Path, broken_dir: Path, table_dir: Path, tmp_path: Path
) -> None:
    """Version 1.5.1 restores predictions a little too large: the job finds it, with the numbers and the place."""
    code = Path(shutil.copytree(ENVIRONMENT, tmp_path / "1.5.1", ignore=shutil.ignore_patterns("__pycache__")))
    for file, old, new in (
        ("__init__.py", f'__version__ = "{__version__}"', '__version__ = "1.5.1"'),
        ("features.py", "scaled * np.array(self.std) +", "1.01 * scaled * np.array(self.std) +"),
    ):
        text = (code / "sensor_model" / file).read_text(encoding="utf-8")
        assert text.count(old) == 1
        (code / "sensor_model" / file).write_text(text.replace(old, new), encoding="utf-8")
    current.write(tmp_path / "baseline")
    done = subprocess.run(
        [
            *(sys.executable, "-m", "sensor_model.compatibility", "check", "--environment-version", "1.5.1"),
            *("--model", f"P001/C001:2={model_dir}", "--model", f"P001/C001:3={broken_dir}"),
            *("--table", str(table_dir), "--baseline", str(tmp_path / "baseline")),
        ],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(code)},
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    changed, failed, _ = (json.loads(line) for line in done.stdout.splitlines())
    assert changed["environment_version"] == "1.5.1"
    assert changed["comparison"]["verdict"] == "changed"
    assert changed["comparison"]["beyond_tolerance"] > 0.9 * changed["comparison"]["values"]
    largest = changed["comparison"]["largest_absolute"]
    assert largest["value"] == abs(largest["current"] - largest["new"]) > 0.01
    assert failed["comparison"]["verdict"] == "failed"
    assert "there is no report of P001/C001/3 in the current version" in failed["comparison"]["reasons"][0]
    written = json.loads((tmp_path / "outputs/compatibility/P001/C001/model-2-environment-1.5.1.json").read_text())
    assert written["comparison"] == changed["comparison"]


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (["--model", "P001/C001=somewhere"], "names no model: write PLANT/CIRCUIT:VERSION=FOLDER"),
        (["--model", "P001/../x:2=somewhere"], "names no model"),
        (["--model", "P1/C001:2=somewhere"], "plant_id 'P1' is not of the form"),
        (["--model", "P001/C001:2=a", "--model", "P001/C001:2=b"], "each once"),
        (["--model", "P001/C001:2=a", "--environment-version", "9.9.9"], "environment 9.9.9 was meant and this is"),
        (["--model", "P001/C001:2=a"], "no Delta table at"),
        (["--models", "nowhere.json"], "is no manifest of models"),
    ],
)
def test_a_check_that_cannot_be_done_ends_with_the_reason(
    options: list[str], reason: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 2 and no report: no model is to blame."""
    assert main(["check", *options, "--table", str(tmp_path), "--output", str(tmp_path / "out")]) == 2
    assert reason in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_manifest_is_read_strictly(tmp_path: Path) -> None:
    """Paths start at the manifest's folder; a key too many or too few is an error."""
    path = tmp_path / "manifest.json"
    entry = {"plant_id": "P001", "circuit_id": "C001", "model_version": "2", "path": "models/C001"}
    path.write_text(json.dumps({"models": [entry]}))
    assert read_manifest(path)[0].path == tmp_path / "models/C001"
    for wrong in (
        [entry],
        {"models": [{**entry, "more": 1}]},
        {"models": [{"path": "x"}]},
        {"models": [{**entry, "model_version": 2}]},
    ):
        path.write_text(json.dumps(wrong))
        with pytest.raises(CheckError, match="is no manifest of models"):
            read_manifest(path)
