"""The local Azure ML as training uses it: environments that train for real, or that only pretend to."""

import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from shared.adapters.azure_ml.training import AzureMlTrainingPlatform
from shared.adapters.azure_ml.values import word
from shared.domain.training.lineage import READS_MLTABLE
from tests.local.azureml.cloud import Credential
from tests.support.platforms import DEV, AzureMlHands, azure_ml
from tests.support.processes import REPOSITORY

ENVIRONMENT = REPOSITORY / "environment"
sys.path.insert(0, str(ENVIRONMENT))  # the root of sensor_model

QUICK_ENVIRONMENT = "quick-env"
"""Its training takes a moment and knows nothing of TensorFlow: for tests about the work around a job."""

REAL_ENVIRONMENT = "training-env"
"""The code of environment/, as it is."""

QUICK_TRAINING = """
import argparse, json, os, pathlib, sys, time, base64
from sensor_model import tracking
parser = argparse.ArgumentParser()
for name in ("plant-id", "circuit-id", "cutoff-date", "training-data", "table", "output"):
    parser.add_argument("--" + name, required=True)
options = parser.parse_args()
assert "SENSOR_" in (pathlib.Path(options.training_data) / "MLTable").read_text()
config = base64.b64decode(os.environ["CIRCUIT_CONFIG_BASE64"]).decode()
time.sleep(float(next((line.split()[-1] for line in config.splitlines() if line.startswith("# sleep")), "0")))
if "# break" in config:
    sys.exit(9)
run = tracking.run_of()
tracking.log(run, parameters={"lstm_units": 2}, metrics={"mae": 0.1, "r2": 0.9})
output = pathlib.Path(options.output)
output.mkdir(parents=True, exist_ok=True)
(output / "model.keras").write_text("weights")
(output / "metadata.json").write_text(json.dumps({
    "metrics": {"mae": 0.1, "r2": 0.9}, "features": ["temperature"], "scaler": {"mean": [60.0], "std": [2.5]}
}))
if "# tell" in config:
    told = {"table_version": 30, "rows": 263, "sha256": "0a1b", "closed": False, "more": 1}
    (output / "training_data.json").write_text(json.dumps(told))
"""


@dataclass
class Workshop:
    """A platform to train on, and the hands of its operator."""

    hands: AzureMlHands
    platform: AzureMlTrainingPlatform
    code: Path
    """The quick environment's."""

    def live_jobs(self) -> list[str]:
        """Jobs that were submitted and have not ended."""
        jobs = self.hands.trainer.jobs.list()
        return [str(job.name) for job in jobs if word(job.status) not in ("Completed", "Failed", "Canceled")]

    def log(self, job_name: str) -> str:
        """What a job's process wrote."""
        return httpx.get(f"{self.hands.part.url}/control/jobs/{DEV}/{job_name}/log").text

    def run(self, job_name: str) -> dict[str, Any]:
        """What MLflow's tracking server knows about a run."""
        path = f"/mlflow/v1.0{self.hands.clients.scope.arm_id(DEV)}/api/2.0/mlflow/runs/get"
        headers = {"Authorization": f"Bearer {Credential().get_token('https://ml.azure.com/.default').token}"}
        answer = httpx.get(f"{self.hands.part.url}{path}", params={"run_id": job_name}, headers=headers)
        assert answer.is_success, answer.text
        data = answer.json()["run"]["data"]
        return {kind: {pair["key"]: pair["value"] for pair in pairs} for kind, pairs in data.items()}

    @property
    def table(self) -> Path:
        """Where the sensor table is."""
        return self.hands.root / "lake" / "processed" / "sensor_data"


@contextmanager
def workshop(root: Path) -> Iterator[Workshop]:
    """With the quick environment in version 1.5.0."""
    with azure_ml(root) as hands:
        code = root / "quick"
        (code / "sensor_model").mkdir(parents=True)
        (code / "sensor_model" / "__init__.py").write_text("")
        (code / "sensor_model" / "train_job.py").write_text(QUICK_TRAINING)
        shutil.copy(ENVIRONMENT / "sensor_model" / "tracking.py", code / "sensor_model")
        (code / "Dockerfile").write_text("FROM scratch\n")
        register_environment(hands, QUICK_ENVIRONMENT, "1.5.0", code, {})
        yield Workshop(hands, AzureMlTrainingPlatform(hands.clients), code)


def register_real_environment(hands: AzureMlHands, version: str) -> None:
    """The repository's own code."""
    register_environment(hands, REAL_ENVIRONMENT, version, ENVIRONMENT, {READS_MLTABLE: "true"})


def register_environment(hands: AzureMlHands, name: str, version: str, code: Path, tags: dict[str, str]) -> None:
    """A version whose build context is a folder."""
    from azure.ai.ml.entities import BuildContext, Environment

    environment = Environment(name=name, version=version, build=BuildContext(path=str(code)), tags=tags)
    hands.trainer.environments.create_or_update(environment)
