"""What training needs of the outside. All times are UTC and aware; every method may raise TransientFault, and those of
TrainingPlatform the Platform* errors of `shared.application.errors`. Fakes and adapters pass one contract suite."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from shared.application.listed import Listed
from shared.application.paging import Page
from shared.application.ports import Clock, FactPublisher, FindingLog
from shared.application.work.look import Look, LookQueue, WorkKind
from shared.domain.job_ends import JobSeen
from shared.domain.training.limits import TrainingLimits
from shared.domain.training.lineage import DataAsset, Trained
from shared.domain.training.model import TrainingPhase, TrainingRequest, TrainingRun


@dataclass(frozen=True, kw_only=True)
class StoredRun:
    """A run as it was read. `version` is opaque (the ETag)."""

    run: TrainingRun
    version: str


@dataclass(frozen=True, kw_only=True)
class OpenRun:
    """A line of the list of open runs: as much as it takes to see who is late and who waits for a slot."""

    run_id: str
    phase: TrainingPhase
    serial: int
    look_at: datetime


def look_of(run_id: str, serial: int | None = None) -> Look:
    """A look at the run; with `serial`, at this state of it only."""
    return Look(kind=WorkKind.TRAINING, key=run_id, serial=serial)


class TrainingStore(Protocol):
    """Every run, the open ones, and the failures by time."""

    async def create(self, run: TrainingRun) -> bool:
        """Makes the run durable and lists it as open; False when there is one of its id already, which stays."""

    async def load(self, run_id: str) -> StoredRun | None:
        """The run; None when there is none."""

    async def save(self, run: TrainingRun, version: str) -> str:
        """Replaces the run and returns its new version; one that is settled leaves the open ones. Raises
        ConcurrentUpdate when it changed since `version`. An unknown outcome is resolved by reading back."""

    async def open_runs(self) -> Listed[OpenRun]:
        """Every run that is not settled, the oldest request first."""

    async def listed(self, limit: int, after: str = "") -> Page[str]:
        """The ids of at most `limit` runs from behind `after` on: open ones, the oldest request first, then ended ones,
        the latest end first. One that has ended and is not settled is twice on the list."""

    async def failed_since(self, at: datetime, limit: int) -> list[str]:
        """Runs that failed at or after `at`, the latest first."""


@dataclass(frozen=True, kw_only=True)
class Slot:
    """A place among those that train at once."""

    run_id: str
    since: datetime


class TrainingSlots(Protocol):
    """The places of the fleet's trainings: claimed by one write that only one of many can win."""

    async def claim(self, run_id: str, now: datetime, parallel_max: int) -> bool:
        """True when the run has a slot, also when it had one before; False when all are taken."""

    async def free(self, run_id: str) -> bool:
        """Gives the slot back; False when the run had none."""

    async def taken(self) -> list[Slot]:
        """Every slot that is held."""


@dataclass(frozen=True, kw_only=True)
class TrainingJob:
    """A job to submit; `config_yaml` is the circuit's file as it was when training was asked for."""

    job_name: str
    run_id: str
    request: TrainingRequest
    data_asset: str
    data_version: str
    environment_name: str
    compute: str
    table_uri: str
    limit_s: int


@dataclass(frozen=True, kw_only=True)
class ModelSeen:
    """A version of a model in the dev workspace."""

    name: str
    version: str
    tags: Mapping[str, str] = field(default_factory=dict)
    path: str = ""
    job_name: str = ""


@dataclass(frozen=True, kw_only=True)
class DataSeen:
    """A version of a data asset as it was read; `path` is where its MLTable file is."""

    name: str
    version: str
    path: str
    tags: Mapping[str, str] = field(default_factory=dict)


class TrainingPlatform(Protocol):
    """The dev workspace of Azure ML; nothing here changes anything when it is done twice."""

    async def register_data(self, asset: DataAsset, environment_name: str, environment_version: str) -> str:
        """Registers the data asset unless it is there, in the form that this environment of the dev workspace trains
        with, and returns `name:version`. One that is there with another
        filter is PlatformRefused: the version of a data asset is its cutoff date and never changes."""

    async def submit(self, job: TrainingJob) -> None:
        """Submits the job. The same job again is a success and runs once."""

    async def get_job(self, job_name: str) -> JobSeen | None:
        """The job, with what the training code says about its failure; None when there is none."""

    async def cancel(self, job_name: str) -> None:
        """Asks for the job's end; one that has ended stays as it is."""

    async def versions(self, model_name: str) -> list[ModelSeen]:
        """Every version of a model, archived ones too."""

    async def trained(self, job_name: str) -> Trained:
        """What a completed job says about its model."""

    async def register_model(self, name: str, version: str, job_name: str, tags: Mapping[str, str]) -> ModelSeen:
        """Registers the model that the job left behind under exactly this version, and returns what is there then:
        another job's model if that was quicker."""

    async def get_model(self, name: str, version: str) -> ModelSeen | None:
        """One version; None when there is none."""

    async def get_data(self, name: str, version: str) -> DataSeen | None:
        """One version of a data asset; None when there is none."""

    async def data_input(self, job_name: str) -> str:
        """The data asset that a job read, as `name:version`, by Azure ML's own record; empty when it read none."""


class ArtifactStore(Protocol):
    """The metadata of trained models, one JSON file each (R-TRAIN-16)."""

    async def put(self, name: str, content: Mapping[str, str]) -> None:
        """Keeps the file; putting it again is fine."""

    async def get(self, name: str) -> dict[str, str] | None:
        """The file; None when there is none."""


@dataclass(frozen=True, kw_only=True)
class TrainingPlan:
    """Where and with what models are trained."""

    dev_workspace: str
    environment_name: str
    compute: str
    table_uri: str
    groups: Sequence[str]
    limits: TrainingLimits


class TrainingConfig(Protocol):
    """Policies and fleet, of one commit."""

    def plan(self) -> TrainingPlan:
        """What all trainings have in common."""

    def model_name(self, plant_id: str, circuit_id: str) -> str:
        """The name under which a circuit's models are registered."""

    def circuit(self, plant_id: str, circuit_id: str) -> TrainingRequest | None:
        """What it says about a circuit, with its commit and no pull request or author; None when the fleet has no such
        circuit."""


@dataclass(frozen=True, kw_only=True)
class TrainingPorts:
    """Everything the use cases of training need; built by `shared.bootstrap`, and by tests from fakes. The looks at one
    run come one at a time."""

    clock: Clock
    runs: TrainingStore
    slots: TrainingSlots
    queue: LookQueue
    platform: TrainingPlatform
    artifacts: ArtifactStore
    facts: FactPublisher
    findings: FindingLog
    config: TrainingConfig
