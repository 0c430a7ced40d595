"""ModelPlatform in memory: models, a registry, deployments that take a while, jobs that end as told."""

import hashlib
from collections import UserDict
from dataclasses import dataclass, replace
from datetime import date

from shared.application.errors import PlatformBlocked, PlatformBusy, PlatformRefused, PortError
from shared.application.platform_ports import DeploymentState, Place, RegisteredModel
from shared.domain.job_ends import JobEnded, JobSeen
from shared.domain.predictions import Predicted
from shared.domain.release.model import DeploymentSpec, Dimension

DEV_WORKSPACE = "dev-ml-workspace"
REGISTRY = "azureml://registries/mlregistry-shared"
DeploymentKey = tuple[Place, str, str]
PREDICTED = Predicted(day=date(2026, 1, 5), rows=24, columns={"temperature": (55.0, 63.0)})


@dataclass
class FakeDeployment:
    """`reads_left` is how many more reads see the change in progress."""

    spec: DeploymentSpec
    outcome: str = "Succeeded"
    reads_left: int = 0


@dataclass
class FakeJob:
    """`reads_left` is how many more reads see the job running."""

    status: str
    detail: str
    reads_left: int = 0
    error: str = ""


class Deployments(UserDict[DeploymentKey, FakeDeployment]):
    """By place, endpoint and name; names ignore case, as Azure ML's do."""

    def __getitem__(self, key: DeploymentKey) -> FakeDeployment:
        return super().__getitem__(_written(key))

    def __setitem__(self, key: DeploymentKey, deployment: FakeDeployment) -> None:
        super().__setitem__(_written(key), deployment)

    def __delitem__(self, key: DeploymentKey) -> None:
        super().__delitem__(_written(key))

    def __contains__(self, key: object) -> bool:
        return isinstance(key, tuple) and super().__contains__(_written(key))


def _written(key: DeploymentKey) -> DeploymentKey:
    place, endpoint_name, deployment_name = key
    return place, endpoint_name, deployment_name.lower()


class MemoryModelPlatform:
    """Outcomes are set by the test: `fail_deployments`, `job_status`, how many reads things take, and what completed
    jobs predicted: all of them `predicted`, those of a circuit what `predicted_by` says."""

    def __init__(self) -> None:
        self.models: dict[tuple[str, str], RegisteredModel] = {}
        self.environments: set[tuple[str, str]] = {("custom-tf-env", "1.5.0")}
        self.registry: dict[str, str] = {}
        self.marked: dict[str, dict[str, str]] = {}
        self.deployments = Deployments()
        self.jobs: dict[tuple[Place, str], FakeJob] = {}
        self.puts: list[tuple[Place, DeploymentSpec]] = []
        self.reads_in_progress = 0
        self.fail_deployments: set[Place] = set()
        self.job_status = "Completed"
        self.job_detail = "96 rows scored"
        self.cancel_faults: list[PortError] = []
        self.predicted: Predicted | PortError | None = PREDICTED
        self.predicted_by: dict[str, Predicted | PortError | None] = {}

    def add_model(self, name: str, version: str, tags: dict[str, str], created_by: str = "trainer@example.com") -> None:
        """Registers a model version in the dev workspace; with no `created_by`, as an application."""
        asset_id = f"azureml://workspaces/{DEV_WORKSPACE}/models/{name}/versions/{version}"
        fingerprint = hashlib.sha256(f"{asset_id}{sorted(tags.items())}".encode()).hexdigest()
        self.models[name, version] = RegisteredModel(
            asset_id=asset_id, fingerprint=fingerprint, tags=tags, created_by=(created_by,) if created_by else ()
        )

    async def get_model(self, workspace: str, name: str, version: str) -> RegisteredModel | None:
        if workspace != DEV_WORKSPACE:
            raise PlatformRefused(f"workspace {workspace} is not the configured dev workspace")
        return self.models.get((name, version))

    async def promote_model(self, workspace: str, name: str, version: str, registry_name: str) -> str:
        model = await self.get_model(workspace, name, version)
        if model is None:
            raise PlatformBlocked(f"model {name}:{version} does not exist in {workspace}")
        asset_id = f"{REGISTRY}/models/{registry_name}/versions/{version}"
        if self.registry.setdefault(asset_id, model.fingerprint) != model.fingerprint:
            raise PlatformRefused(f"{asset_id} exists already and is another model")
        return asset_id

    async def promote_environment(self, workspace: str, name: str, version: str) -> str:
        asset_id = f"{REGISTRY}/environments/{name}/versions/{version}"
        if asset_id not in self.registry and (name, version) not in self.environments:
            raise PlatformBlocked(f"environment {name}:{version} does not exist in {workspace}")
        self.registry.setdefault(asset_id, "environment")
        return asset_id

    async def mark(self, what: Dimension, name: str, version: str, tags: dict[str, str]) -> None:
        asset_id = f"{REGISTRY}/{what.value}s/{name}/versions/{version}"
        if asset_id not in self.registry:
            raise PlatformRefused(f"there is no {what.value} {name}:{version} in the registry")
        self.marked[asset_id] = {**self.marked.get(asset_id, {}), **tags}

    async def marks(self, what: Dimension, name: str, version: str) -> dict[str, str]:
        return dict(self.marked.get(f"{REGISTRY}/{what.value}s/{name}/versions/{version}", {}))

    async def get_deployment(self, place: Place, endpoint_name: str, deployment_name: str) -> DeploymentState | None:
        deployment = self.deployments.get((place, endpoint_name, deployment_name))
        if deployment is None:
            return None
        if deployment.reads_left > 0:
            deployment.reads_left -= 1
            return DeploymentState(spec=deployment.spec, provisioning="Updating")
        return DeploymentState(spec=deployment.spec, provisioning=deployment.outcome)

    async def put_deployment(self, place: Place, spec: DeploymentSpec) -> None:
        key = (place, spec.endpoint_name, spec.deployment_name)
        current = self.deployments.get(key)
        if current and current.reads_left > 0:
            raise PlatformBusy(f"{spec.deployment_name} is in Updating provisioning state")
        if spec.model not in self.registry:
            raise PlatformRefused(f"model {spec.model} does not exist")
        self.apply_put(place, spec)

    def apply_put(self, place: Place, spec: DeploymentSpec) -> None:
        """What the service does with a request, however late it arrives."""
        outcome = "Failed" if place in self.fail_deployments else "Succeeded"
        self.puts.append((place, spec))
        key = (place, spec.endpoint_name, spec.deployment_name)
        self.deployments[key] = FakeDeployment(spec=spec, outcome=outcome, reads_left=self.reads_in_progress)

    async def invoke(self, place: Place, spec: DeploymentSpec, input_uri: str) -> str:
        if (place, spec.endpoint_name, spec.deployment_name) not in self.deployments:
            raise PlatformBlocked(f"deployment {spec.deployment_name} does not exist")
        job_name = f"batchjob-{len(self.jobs) + 1}"
        self.jobs[place, job_name] = FakeJob(self.job_status, self.job_detail, reads_left=self.reads_in_progress)
        return job_name

    async def get_job(self, place: Place, job_name: str) -> JobSeen | None:
        job = self.jobs.get((place, job_name))
        if job is None:
            return None
        if job.reads_left > 0:
            job.reads_left -= 1
            return JobSeen(status="Running", detail="running")
        return JobSeen(status=job.status, detail=job.detail, error=job.error)

    async def cancel_job(self, place: Place, job_name: str) -> None:
        if self.cancel_faults:
            raise self.cancel_faults.pop(0)
        job = self.jobs.get((place, job_name))
        if job and job.reads_left > 0:
            self.jobs[place, job_name] = replace(job, status="Canceled", reads_left=0)

    async def predictions(
        self, place: Place, job_name: str, plant_id: str, circuit_id: str, day: date | None = None
    ) -> Predicted | None:
        found = self.predicted_by.get(f"{plant_id}-{circuit_id}", self.predicted)
        if isinstance(found, PortError):
            raise found
        job = self.jobs.get((place, job_name))
        if found is None or job is None or JobSeen(status=job.status).end is not JobEnded.COMPLETED:
            return None
        return replace(found, day=day) if day and found.day == PREDICTED.day else found
