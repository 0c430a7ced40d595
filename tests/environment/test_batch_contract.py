"""The deployment's script run as Azure ML runs it: a fresh process, its variables, mini-batches of files."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as pq

from tests.environment.conftest import ENVIRONMENT, REPOSITORY

DRIVER = """
import importlib.util, json, sys
spec = importlib.util.spec_from_file_location("score", sys.argv[1])
score = importlib.util.module_from_spec(spec)
spec.loader.exec_module(score)
files, size = json.loads(sys.argv[2]), int(sys.argv[3])
score.init()
lines = [line for at in range(0, len(files), size) for line in score.run(files[at:at + size])]
print(json.dumps(lines))
"""


def test_the_scoring_script_keeps_the_contract_of_batch_deployments(
    table_dir: Path, model_dir: Path, tmp_path: Path
) -> None:
    """Code, model and input are mounted apart; one line per file comes back and one file is written."""
    code = Path(shutil.copytree(REPOSITORY / "pipelines" / "scoring", tmp_path / "code"))
    shutil.copytree(model_dir, tmp_path / "azureml-models" / "sensor_model_P001_C001" / "2" / "model")
    files = sorted(str(path) for path in table_dir.rglob("*") if path.is_file())
    done = subprocess.run(
        [sys.executable, "-c", DRIVER, str(code / "score.py"), json.dumps(files), "10"],
        cwd=tmp_path,
        env={
            **os.environ,
            "PYTHONPATH": str(ENVIRONMENT),
            "PLANT_ID": "P001",
            "CIRCUIT_ID": "C001",
            "MODEL_VERSION": "2",
            "AZUREML_MODEL_DIR": str(tmp_path / "azureml-models" / "sensor_model_P001_C001" / "2"),
            "AZUREML_BI_OUTPUT_PATH": str(tmp_path / "output"),
        },
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    receipts = [json.loads(line) for line in json.loads(done.stdout.splitlines()[-1])]
    assert [receipt["file"] for receipt in receipts] == [Path(file).name for file in files]
    assert {receipt["model_version"] for receipt in receipts} == {"2"}
    found = sorted(path.relative_to(tmp_path / "output") for path in (tmp_path / "output").rglob("*.parquet"))
    assert found[-1] == Path("P001/C001/2025-12-09.parquet")
    assert len(found) == receipts[0]["earlier_days"] + 1
    rows = pq.read_table(tmp_path / "output" / found[-1], partitioning=None)
    assert rows.num_rows == receipts[0]["rows"]
