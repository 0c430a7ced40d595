"""Azure Machine Learning as the application sees it; `ports` has these names as well, beside all other ports.

Every method may raise the Platform* errors of `errors`, and nothing else on purpose.
"""

from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import Any, Protocol

from shared.domain.job_ends import JobSeen
from shared.domain.predictions import Predicted
from shared.domain.release.model import DeploymentSpec, Dimension


class Place(StrEnum):
    """The workspaces that releases work in; `DEV` serves online endpoints and compares."""

    DEV = "dev"
    TEST = "test"
    PRODUCTION = "production"


@dataclass(frozen=True, kw_only=True)
class RegisteredModel:
    """A model version as Azure ML describes it. `fingerprint` covers path, type, tags and properties; `created_by` is
    the person who registered it by Azure ML's record, nobody for an application."""

    asset_id: str
    fingerprint: str
    tags: dict[str, str] = field(default_factory=dict)
    created_by: tuple[str, ...] = ()
    archived: bool = False


@dataclass(frozen=True, kw_only=True)
class DeploymentState:
    """A batch deployment as it was read back; `provisioning` is Azure ML's word for it."""

    spec: DeploymentSpec
    provisioning: str

    @property
    def is_changing(self) -> bool:
        """Whether an operation on it is under way, whoever asked for that."""
        return self.provisioning.lower() in ("creating", "updating", "scaling", "deleting")

    @property
    def is_broken(self) -> bool:
        """Whether the last operation on it did not succeed."""
        return self.provisioning.lower() in ("failed", "canceled")


class ModelPlatform(Protocol):
    """Azure Machine Learning: the dev workspace, the shared registry, test and production."""

    async def get_model(self, workspace: str, name: str, version: str) -> RegisteredModel | None:
        """Reads a model version of the dev workspace; refuses any other workspace."""

    async def promote_model(self, workspace: str, name: str, version: str, registry_name: str) -> str:
        """Shares the model to the registry under `registry_name` and the same version; returns the registry's asset id.
        One that is there already is compared: the same model is a success, another one is PlatformRefused. It waits
        for the end of its own sharing, and raises PlatformBusy while another one of the same version goes on."""

    async def promote_environment(self, workspace: str, name: str, version: str) -> str:
        """The same for an environment version, under its own name."""

    async def mark(self, what: Dimension, name: str, version: str, tags: dict[str, str]) -> None:
        """Adds tags to a version of the registry; its other tags stay. Marking again is fine. PlatformRefused when
        there is no such version."""

    async def marks(self, what: Dimension, name: str, version: str) -> dict[str, str]:
        """The tags of a version of the registry; none when it is not there."""

    async def get_deployment(self, place: Place, endpoint_name: str, deployment_name: str) -> DeploymentState | None:
        """Reads a deployment in full; None when there is none."""

    async def put_deployment(self, place: Place, spec: DeploymentSpec) -> None:
        """Submits the deployment (and its endpoint where missing) and returns when Azure ML accepted it; the outcome is
        read with `get_deployment`. Raises PlatformBusy while another operation on the endpoint is running."""

    async def invoke(self, place: Place, spec: DeploymentSpec, input_uri: str) -> str:
        """Starts a batch job on exactly this deployment; returns the job's name."""

    async def get_job(self, place: Place, job_name: str) -> JobSeen | None:
        """Reads a job; None when there is none."""

    async def cancel_job(self, place: Place, job_name: str) -> None:
        """Asks for the job's end; one that has ended stays as it is."""

    async def predictions(
        self, place: Place, job_name: str, plant_id: str, circuit_id: str, day: date | None = None
    ) -> Predicted | None:
        """What a completed batch job predicted for `day`, without one for the latest day it has a file of; None when it
        left no such file. PlatformRefused for a file that is too large or cannot be read as predictions."""


@dataclass(frozen=True, kw_only=True)
class RegisteredEnvironment:
    """An environment version as Azure ML describes it. `fingerprint` covers id, recipe, tags and properties."""

    asset_id: str
    fingerprint: str
    tags: dict[str, str] = field(default_factory=dict)
    created_by: tuple[str, ...] = ()
    archived: bool = False


@dataclass(frozen=True, kw_only=True)
class CheckTolerance:
    """Predictions are alike when they differ by at most `absolute` (in the feature's unit) or the share `relative`."""

    absolute: float = 1e-6
    relative: float = 1e-5


@dataclass(frozen=True, kw_only=True)
class CompatibilityJob:
    """One model scored in one environment version; both are asset ids of the registry, versions included.

    `job_name` is 1 to 255 small letters, digits, `-` and `_`; the ids of plant and circuit are letters and digits.
    `baseline` is the job whose report the new one is compared with; it must have ended. Empty: no comparison.
    """

    job_name: str
    model: str
    environment: str
    plant_id: str
    circuit_id: str
    compute: str
    input_uri: str
    baseline: str = ""
    tolerance: CheckTolerance = CheckTolerance()


class EnvironmentPlatform(Protocol):
    """Azure ML, as releases of an environment need it beside ModelPlatform; raises the same Platform* errors.

    "Copying" a version to test or production is promote_environment alone: deployments and jobs of every workspace
    refer to the registry's version by its id, and a second copy could only differ from it.
    """

    async def get_environment(self, workspace: str, name: str, version: str) -> RegisteredEnvironment | None:
        """Reads a version of the dev workspace, or of the registry when `workspace` is empty; refuses any other."""

    async def environment_versions(self, name: str, workspace: str = "") -> list[tuple[str, dict[str, str]]]:
        """Every version with its tags, in no particular order; of the registry unless `workspace` is dev."""

    async def list_endpoints(self, place: Place) -> list[str]:
        """The names of all batch endpoints, as Azure ML writes them: in lower case."""

    async def list_deployments(self, place: Place, endpoint_name: str) -> list[DeploymentState]:
        """All deployments of models on an endpoint, in full, with one request; none when there is no such endpoint.

        Deployment names are in lower case, as Azure ML writes them; the endpoint's is the one that was asked for.
        """

    async def submit_check(self, job: CompatibilityJob) -> None:
        """Submits the job in the test workspace. The same job again is a success and runs once; another one of that
        name is PlatformRefused. After PlatformErrored it may run or not: submitting again settles that."""

    async def read_report(self, job_name: str) -> dict[str, Any]:
        """What a completed check in the test workspace found out: a JSON object of at most 256 KiB, described in
        `environment/sensor_model/compatibility.py`. PlatformRefused when it is missing, too large or no such object."""
