"""What most tests begin with: a model, an environment with code, an endpoint and a deployment, by the real client."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from azure.ai.ml import Input, MLClient
from azure.ai.ml.entities import (
    BatchDeployment,
    BatchEndpoint,
    BuildContext,
    CodeConfiguration,
    Environment,
    Job,
    Model,
    ModelBatchDeployment,
    ModelBatchDeploymentSettings,
)

from tests.local.azureml.cloud import Cloud
from tests.support.processes import until

ROOM = {"deployments_per_endpoint": 200}
"""Quotas for all tests that share a workshop."""

ENDPOINT = "batch-endpoint-plant-p001"
DEPLOYMENT = "deployment-circuit-c001"
TABLE = "azureml://datastores/sensor_lake/paths/processed/sensor_data/"
FINISHED = ("Completed", "Failed", "Canceled")

SCORE = """
import os, pathlib
from sensor_model import VERSION

def init():
    global weight
    weight = (pathlib.Path(os.environ["AZUREML_MODEL_DIR"]) / "model" / "weights.txt").read_text()

def run(mini_batch):
    return [f"{pathlib.Path(file).name},{weight},{VERSION},{os.environ.get('CIRCUIT_ID')}" for file in mini_batch]
"""


def folder(root: Path, files: dict[str, str]) -> Path:
    """A folder of text files."""
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)
    return root


@dataclass
class Workshop:
    """A workspace and a folder to make things in. The endpoint, model and environment are made once."""

    cloud: Cloud
    client: MLClient
    root: Path

    def model(self, name: str = "sensor-model", weights: str = "0.25", **fields: Any) -> Model:
        path = folder(self.root / weights / "model", {"weights.txt": weights})
        return self.client.models.create_or_update(Model(name=name, path=str(path), **fields))

    def environment(self, version: str, name: str = "custom-tf-env") -> Environment:
        context = folder(
            self.root / f"context-{version}",
            {"Dockerfile": "FROM scratch\n", "sensor_model/__init__.py": f'VERSION = "{version}"\n'},
        )
        wanted = Environment(name=name, version=version, build=BuildContext(path=str(context)))
        return self.client.environments.create_or_update(wanted)

    def endpoint(self, name: str = ENDPOINT) -> BatchEndpoint:
        return self.client.batch_endpoints.begin_create_or_update(BatchEndpoint(name=name)).result()

    def deployment(self, *, score: str = SCORE, endpoint: str = ENDPOINT, **fields: Any) -> ModelBatchDeployment:
        """A deployment to submit; fields that are settings go to its settings."""
        settings = {name: fields.pop(name) for name in ("mini_batch_size", "error_threshold") if name in fields}
        settings["environment_variables"] = fields.pop("variables", {"CIRCUIT_ID": "C001"})
        code = folder(self.root / f"scoring-{abs(hash(score))}", {"score.py": score})
        chosen = {
            "name": DEPLOYMENT,
            "model": "azureml:sensor-model:1",
            "environment": "azureml:custom-tf-env:1.5.0",
            "compute": "cpu-cluster",
            **fields,
        }
        return ModelBatchDeployment(
            endpoint_name=endpoint,
            code_configuration=CodeConfiguration(code=str(code), scoring_script="score.py"),
            settings=ModelBatchDeploymentSettings(**{"mini_batch_size": 10, "error_threshold": 0, **settings}),
            **chosen,
        )

    def deploy(self, **fields: Any) -> BatchDeployment:
        return self.client.batch_deployments.begin_create_or_update(self.deployment(**fields)).result()

    def table(self, *names: str) -> None:
        """Files in the lake's table."""
        folder(self.cloud.data / "lake/processed/sensor_data", dict.fromkeys(names, "readings"))

    def invoke(self, deployment: str | None = DEPLOYMENT, endpoint: str = ENDPOINT, path: str = TABLE) -> str:
        """The name of the started job."""
        wanted = Input(type="uri_folder", path=path)
        return str(self.client.batch_endpoints.invoke(endpoint, deployment_name=deployment, input=wanted).name)

    def finished(self, name: str, deadline_s: float = 20) -> Job:
        """The job once it has ended."""
        return until(lambda: self._ended(name), deadline_s=deadline_s)

    def status(self, name: str) -> str:
        """A string and an enumeration member at once: compare it, do not print it."""
        return self.client.jobs.get(name).status

    def log(self, name: str) -> str:
        return self.cloud.log_of(name, self.client.workspace_name)

    def rows(self, job: Job) -> list[str]:
        """What the job wrote, in its folder on this machine."""
        output = Path(job.properties["local.folder"]) / "outputs/score/predictions.csv"
        return output.read_text().splitlines()

    def _ended(self, name: str) -> Job | None:
        job = self.client.jobs.get(name)
        return job if job.status in FINISHED else None
