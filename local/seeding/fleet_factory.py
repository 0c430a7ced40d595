"""A fleet in production, as earlier releases would have left it: data, models, registry, deployments.

Everything is real: TensorFlow trains every model, the Azure ML client registers, shares and deploys it. It happens
before the app is there (`before_the_app`), so that no model of the past opens a release.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import yaml

from local.azureml.service.quotas import Quotas
from local.seeding.environment_factory import FIRST, EnvironmentFactory, registry_id
from local.seeding.model_factory import LAST_DAY, Circuit, ModelFactory, job_variables
from local.supervisor.cloud import CloudError, LocalCloud
from local.supervisor.parts import REPOSITORY
from local.supervisor.settings import REGISTRY, WORKSPACES
from shared.application.ids import release_id_of

if TYPE_CHECKING:
    from azure.ai.ml.entities import ModelBatchDeployment

DEPLOYED_AT = f"{LAST_DAY}T06:00:00Z"
APPROVER = "engineer-2@switchyard.example"
PULL_REQUEST = "PR-1000"

Report = Callable[[str, int], None]
"""Called with a kind of work and how many circuits are through it: `trained`, `registered`, `deployed`."""


def before_the_app(data: Path) -> LocalCloud:
    """A local cloud with storage, identity and Azure ML only, without the app and without events."""
    parts = ("azurite", "identity", "azureml")
    return LocalCloud(data, parts=parts, part_options={"azureml": ("--eventgrid", "")})


class FleetFactory:
    """Seeds a running cloud that was made by `before_the_app`. Redirects the SDKs of this process."""

    def __init__(self, cloud: LocalCloud, circuits: Iterable[Circuit], report: Report) -> None:
        self._control = f"{cloud.urls['azureml']}/control"
        self._factory = ModelFactory(cloud)
        self._environments = EnvironmentFactory(self._factory, cloud.data / "environments")
        self._config = cloud.layout.config_dir
        self._models = cloud.data / "models"
        self._names: dict[str, Any] = yaml.safe_load(cloud.layout.policies_file.read_text())["deployment"]
        self._circuits = sorted(circuits, key=str)
        self._report = report
        self._counting = threading.Lock()
        self._through: Counter[str] = Counter()

    def seed(self) -> None:
        """Bring every circuit to production that is not there yet. Raises `CloudError`."""
        self._ask_for_quotas()
        self._factory.write_data()
        trained: dict[Circuit, Future[None]] = {circuit: Future() for circuit in self._circuits}
        # Plants take turns in training, so that all endpoints are busy: each changes one deployment at a time.
        turns = sorted(self._circuits, key=lambda each: each.circuit_id)
        plants = [list(members) for _, members in groupby(self._circuits, key=lambda each: each.plant_id)]
        with ThreadPoolExecutor(1 + len(plants)) as pool:
            training = pool.submit(self._train, turns, trained)  # while the client, which takes seconds, is imported
            self._environments.register(FIRST)
            environment = self._environments.share(FIRST)
            work = [pool.submit(self._release, plant, trained, environment) for plant in plants]
            for each in (training, *work):
                each.result()

    def _ask_for_quotas(self) -> None:
        """A fleet for which the documented quotas are too small needs larger ones, as in Azure."""
        plants = len({circuit.plant_id for circuit in self._circuits})
        documented, workspaces = Quotas(), len(WORKSPACES)
        needed = Quotas(
            endpoints=max(documented.endpoints, plants * workspaces),
            deployments=max(documented.deployments, len(self._circuits) * workspaces),
        )
        if needed != documented:
            httpx.put(f"{self._control}/quotas", json=needed.model_dump(), trust_env=False).raise_for_status()

    def _train(self, circuits: Sequence[Circuit], trained: dict[Circuit, Future[None]]) -> None:
        """One process for all of them, which keeps a core busy as the client and its server keep another.

        Each circuit's future gets a result when its model is there, or a `CloudError`.
        """
        log = self._models.parent / "logs" / "training.log"
        left = {f"{circuit}": circuit for circuit in circuits}
        try:
            for name in self._trained(list(left), log):
                self._count("trained")
                trained[left.pop(name)].set_result(None)
        finally:
            for name, circuit in left.items():
                trained[circuit].set_exception(CloudError(f"The model of {name} was not trained: see {log}."))

    def _trained(self, circuits: Sequence[str], log: Path) -> Iterator[str]:
        """Each circuit as soon as it has a model."""
        ready = [name for name in circuits if (self._models / name / "metadata.json").is_file()]
        yield from ready
        missing = [name for name in circuits if name not in ready]
        if not missing:
            return
        command = [
            sys.executable, "-m", "local.seeding.fleet_training", "--config-dir", str(self._config),
            "--table", str(self._factory.table), "--output", str(self._models), *missing,
        ]  # fmt: skip
        variables = {**job_variables(), "TF_NUM_INTRAOP_THREADS": "1", "TF_NUM_INTEROP_THREADS": "1"}
        with log.open("w") as errors, subprocess.Popen(  # nosec B603 # a module of this repository, without a shell
            command, env=variables, cwd=REPOSITORY, stdout=subprocess.PIPE, stderr=errors, text=True
        ) as process:  # fmt: skip
            for line in process.stdout or ():
                yield json.loads(line)["circuit"]

    def _release(self, plant: Sequence[Circuit], trained: dict[Circuit, Future[None]], environment: str) -> None:
        """Register, share and deploy the models of one plant, one after the other, as they are trained."""
        from azure.ai.ml.entities import BatchEndpoint

        production = self._factory.workspace("PRODUCTION_WORKSPACE")
        endpoint = self._names["endpoint_name"].format(plant_id=plant[0].plant_id).lower()
        production.batch_endpoints.begin_create_or_update(BatchEndpoint(name=endpoint)).result()
        there = {str(each.name) for each in production.batch_deployments.list(endpoint_name=endpoint)}
        for circuit in plant:
            trained[circuit].result()
            name = self._names["deployment_name"].format(circuit_id=circuit.circuit_id).lower()
            if name not in there:
                version = self._factory.register_model(circuit, self._models / f"{circuit}", PULL_REQUEST)
                model = self._share(circuit, version)
                self._count("registered")
                deployment = self._deployment(circuit, version, model, environment)
                production.batch_deployments.begin_create_or_update(deployment).result()
            self._count("deployed")

    def _share(self, circuit: Circuit, version: str) -> str:
        """The id in the registry. A client of its own: sharing leaves one changed for good."""
        name = self._names["registry_model_name"].format(plant_id=circuit.plant_id, circuit_id=circuit.circuit_id)
        self._factory.workspace().models.share(
            circuit.model_name, version, share_with_name=name, share_with_version=version, registry_name=REGISTRY
        )
        return registry_id("models", name, version)

    def _deployment(self, circuit: Circuit, version: str, model: str, environment: str) -> ModelBatchDeployment:
        """What a release of the model deploys (shared/domain/release/specs.py)."""
        from azure.ai.ml.entities import (
            CodeConfiguration,
            ModelBatchDeployment,
            ModelBatchDeploymentSettings,
            ResourceConfiguration,
        )

        file = self._config / "plants" / circuit.plant_id / f"{circuit.circuit_id}.yml"
        variables = {"PLANT_ID": circuit.plant_id, "CIRCUIT_ID": circuit.circuit_id, "MODEL_VERSION": version}
        return ModelBatchDeployment(
            name=self._names["deployment_name"].format(circuit_id=circuit.circuit_id).lower(),
            endpoint_name=self._names["endpoint_name"].format(plant_id=circuit.plant_id).lower(),
            model=model,
            environment=environment,
            code_configuration=CodeConfiguration(
                str(REPOSITORY / self._names["scoring_code"]), self._names["scoring_script"]
            ),
            compute=self._names["compute"]["production"],
            resources=ResourceConfiguration(instance_count=1),
            settings=ModelBatchDeploymentSettings(
                mini_batch_size=yaml.safe_load(file.read_text())["deployment"]["mini_batch_size"],
                environment_variables=variables,
            ),
            description=f"{circuit.model_name}:{version} by Switchyard",
            tags={
                "model_version": version,
                "release_id": release_id_of(WORKSPACES["DEV_WORKSPACE"], circuit.model_name, version),
                "plant_id": circuit.plant_id,
                "circuit_id": circuit.circuit_id,
                "environment_version": FIRST.version,
                "deployed_at": DEPLOYED_AT,
                "approved_by": APPROVER,
                "previous_version": "none",
            },
        )

    def _count(self, what: str) -> None:
        with self._counting:
            self._through[what] += 1
            self._report(what, self._through[what])
