"""Loads on Azure Machine Learning with its real client: models and their events, long operations, jobs."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from pathlib import Path

from azure.ai.ml import Input, MLClient
from azure.ai.ml.entities import (
    BatchDeployment,
    BatchEndpoint,
    BuildContext,
    CodeConfiguration,
    Environment,
    Model,
    ModelBatchDeployment,
    ModelBatchDeploymentSettings,
)
from azure.identity import DefaultAzureCredential

from local.seeding.uploads import quiet_uploads
from local.supervisor.cloud import LocalCloud
from local.supervisor.settings import RESOURCE_GROUP, SUBSCRIPTION
from tests.soak.accounts import Account, Load, Worker
from tests.soak.records import Records

WORKSPACE = "dev-ml-workspace"
ENDPOINT = "soak-jobs"
DEPLOYMENT = "score"
DATA = "azureml://datastores/workspaceblobstore/paths/"
JOB_EVERY_S = 5.0
MAX_ENDPOINTS = 60
"""Azure allows 100 in a subscription and region."""
SCORE = """
def init():
    pass

def run(mini_batch):
    return [str(len(mini_batch))]
"""


class MachineLearning(Load):
    """One workspace; `prepare` makes what jobs need."""

    def __init__(self, cloud: LocalCloud, records: Records, root: Path) -> None:
        self._root = root
        self._lake = cloud.layout.lake
        self._client = self._make_client()
        self.models = Account("models", "azureml", self._found_models)
        self._registered = Account(
            "events of models",
            "azureml",
            lambda: records.first_fields("models"),
            self.models.asked,
            self.models.acknowledged,
        )
        self.operations = Account("long operations", "azureml", self._ended_operations)
        self.jobs = Account("jobs", "azureml", self._ended_jobs)
        self.accounts = [self.models, self.operations, self.jobs]
        if "host" in cloud.parts:
            self.accounts.append(self._registered)
        self._numbers = itertools.count(1)
        self.workers = [
            Worker("register", self._register, pause_s=0.2),
            Worker("create endpoints", self._create, pause_s=2.0),
            Worker("invoke", self._invoke, pause_s=JOB_EVERY_S),
        ]

    @staticmethod
    def _make_client() -> MLClient:
        return MLClient(
            DefaultAzureCredential(), SUBSCRIPTION, RESOURCE_GROUP, WORKSPACE, show_progress=False, retry_total=0
        )

    def prepare(self) -> None:
        """A model, an environment, an endpoint with a deployment, and a file to score."""
        files = {
            "model/weights.txt": "0.25",
            "context/Dockerfile": "FROM scratch\n",
            "code/score.py": SCORE,
        }
        for name, text in files.items():
            file = self._root / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
        (self._lake / "soak").mkdir(parents=True, exist_ok=True)
        (self._lake / "soak/a.parquet").write_text("readings")
        with quiet_uploads():
            self._client.models.create_or_update(
                Model(name="scored", version="1", path=str(self._root / "model"), type="custom_model")
            )
            context = BuildContext(path=str(self._root / "context"))
            self._client.environments.create_or_update(Environment(name="soak", version="1.0.0", build=context))
            self._client.batch_endpoints.begin_create_or_update(BatchEndpoint(name=ENDPOINT)).result()
            self._client.batch_deployments.begin_create_or_update(self._deployment()).result()
        self._registered.asked.add("scored:1")
        self.models.asked.add("scored:1")

    def _deployment(self) -> BatchDeployment:
        return ModelBatchDeployment(
            name=DEPLOYMENT,
            endpoint_name=ENDPOINT,
            model="azureml:scored:1",
            environment="azureml:soak:1.0.0",
            compute="cpu-cluster",
            code_configuration=CodeConfiguration(code=str(self._root / "code"), scoring_script="score.py"),
            settings=ModelBatchDeploymentSettings(mini_batch_size=1, error_threshold=0),
        )

    def _register(self) -> None:
        version = str(next(self._numbers))
        name = f"soaked:{version}"
        self.models.asked.add(name)
        path = f"{DATA}soaked/{version}/"
        self._client.models.create_or_update(Model(name="soaked", version=version, path=path, type="custom_model"))
        self.models.acknowledged.add(name)

    def _create(self) -> None:
        """Acknowledged with the first answer; the operation itself ends later."""
        name = f"soak-{next(self._numbers)}"
        if len(self.operations.asked) > MAX_ENDPOINTS:
            return
        self.operations.asked.add(name)
        self._client.batch_endpoints.begin_create_or_update(BatchEndpoint(name=name))
        self.operations.acknowledged.add(name)

    def _invoke(self) -> None:
        path = "azureml://datastores/sensor_lake/paths/soak/"
        job = self._client.batch_endpoints.invoke(
            ENDPOINT, deployment_name=DEPLOYMENT, input=Input(type="uri_folder", path=path)
        )
        self.jobs.asked.add(str(job.name))
        self.jobs.acknowledged.add(str(job.name))

    def _found_models(self) -> Iterable[str]:
        return [f"{model.name}:{model.version}" for model in self._client.models.list(name="soaked")]

    def _ended_operations(self) -> Iterable[str]:
        endpoints = self._client.batch_endpoints.list()
        return [each.name for each in endpoints if each.provisioning_state == "Succeeded" and each.name != ENDPOINT]

    def _ended_jobs(self) -> Iterable[str]:
        """The asked ones that were completed; an invocation without an answer may have started another."""
        return [name for name in self.jobs.asked if self._client.jobs.get(name).status == "Completed"]
