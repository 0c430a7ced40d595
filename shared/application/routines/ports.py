"""What routines (daily inference, monthly and quarterly monitoring) need from the outside. All times are UTC and aware.

Every method that talks to the outside may raise TransientFault, those about Azure ML the Platform* errors of `errors`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Protocol

from shared.application.listed import Listed
from shared.application.platform_ports import EnvironmentPlatform, ModelPlatform
from shared.application.ports import Clock, FactPublisher, FindingLog, SourceControl
from shared.application.release.ports import ReleaseConfig
from shared.application.work.look import LookQueue
from shared.domain.routines.cutoff import Proposal
from shared.domain.routines.monitoring import MonitoringPolicy
from shared.domain.routines.task import EndKind, JobEnd, Routine, Task, TaskRef


@dataclass(frozen=True, kw_only=True)
class StoredTask:
    """A task as it was read. `version` is opaque (the ETag)."""

    task: Task
    version: str


class TaskStore(Protocol):
    """Every task, those that are not done, and the jobs that ended by time."""

    async def create(self, task: Task) -> bool:
        """Makes the task durable and lists it as open; False when it is there already, and then it stays as it is."""

    async def load(self, ref: TaskRef) -> StoredTask | None:
        """The task; None when there is none."""

    async def save(self, task: Task, version: str) -> str:
        """Replaces the task and returns its new version; one that is done leaves the list of open ones, any other is
        on it. Raises ConcurrentUpdate when it changed since `version`; an unknown outcome is settled by reading."""

    async def of(self, routine: Routine, period: str) -> Listed[Task]:
        """Every task of a period, by circuit."""

    async def open(self) -> Listed[TaskRef]:
        """Tasks that are not done; one that is done may still be listed after a crash."""

    async def record_end(self, task: Task, end: JobEnd) -> None:
        """Keeps the end of a job in the order of time; recording it again is fine."""

    async def ended_since(self, routine: Routine, since: datetime) -> Listed[tuple[str, JobEnd]]:
        """Circuit and end of every recorded job that ended at `since` or later, the first end first."""

    async def begin(self, routine: Routine, period: str) -> None:
        """Notes that the period's tasks are being made; repeating it is fine."""

    async def begun(self) -> Listed[tuple[Routine, str]]:
        """Periods whose tasks were being made and are not known to be complete."""

    async def complete(self, routine: Routine, period: str) -> None:
        """Notes that the period's tasks are there; repeating it is fine."""

    async def latest(self, routine: Routine) -> str | None:
        """The last period whose tasks were made; None before the first."""


@dataclass(frozen=True, kw_only=True)
class MonitorJob:
    """A job of monitoring: one circuit's days `first` to `last`, both included; `model` is the deployed one."""

    job_name: str
    routine: Routine
    plant_id: str
    circuit_id: str
    model: str
    environment: str
    compute: str
    table_uri: str
    first: date
    last: date


class RoutinePlatform(Protocol):
    """Azure ML's production workspace, as routines need it beside ModelPlatform; the same job name is the same job."""

    async def invoke(self, job_name: str, endpoint_name: str, deployment_name: str, input_uri: str) -> None:
        """Starts the batch job of that name on exactly this deployment; a job of that name that is there is a success.
        After PlatformErrored it may run or not: looking for the job by its name settles that."""

    async def publish(self, job_name: str, plant_id: str, circuit_id: str, day: date) -> str | None:
        """Puts the predictions that the job made for `day` where they belong and returns the path; None when it made
        none. The file appears as a whole; publishing again writes the same."""

    async def predicted_days(self, plant_id: str, circuit_id: str, first: date, last: date) -> list[date]:
        """The days from `first` to `last` that have published predictions."""

    async def submit(self, job: MonitorJob) -> None:
        """Submits the job; one of that name that is there is a success."""

    async def report(self, job_name: str) -> dict[str, Any]:
        """What a completed job of monitoring measured; PlatformRefused when it is missing or no JSON object."""


class ProposalStore(Protocol):
    """Changes proposed because of drift: at most one per circuit and quarter."""

    async def claim(self, proposal: Proposal) -> Proposal:
        """Keeps the proposal unless there is one of its circuit and quarter; returns the one that is there then."""

    async def save(self, proposal: Proposal, before: Proposal) -> None:
        """Replaces the proposal of its circuit and quarter. Raises ConcurrentUpdate unless that is still `before`."""

    async def of(self, periods: Sequence[str]) -> Listed[Proposal]:
        """Every proposal of these quarters."""


@dataclass(frozen=True, kw_only=True)
class RoutinePorts:
    """Everything routines need; built by `shared.bootstrap`, and by tests from fakes. Without `source_control` changes
    are recorded and shown, and nothing is sent (a dry run); `local_files` reads the configuration in force then."""

    clock: Clock
    tasks: TaskStore
    queue: LookQueue
    platform: RoutinePlatform
    models: ModelPlatform
    environments: EnvironmentPlatform
    facts: FactPublisher
    findings: FindingLog
    proposals: ProposalStore
    config: ReleaseConfig
    policy: MonitoringPolicy
    registry: str
    local_files: SourceControl
    source_control: SourceControl | None = None


@dataclass(frozen=True, kw_only=True)
class Collected:
    """What a job brought. Of another `kind` than completed: what was wanted is missing or of no use, and another try
    may help. Not conclusive: it is as it should be and there is too little to say anything."""

    detail: str
    result: Mapping[str, str | float] = field(default_factory=dict)
    kind: EndKind = EndKind.COMPLETED
    is_conclusive: bool = True


class Work(Protocol):
    """One kind of routine."""

    async def without_job(self, task: Task) -> Collected | None:
        """What can be said without any job; None when a job is needed. Raises Platform* errors."""

    async def start(self, task: Task) -> None:
        """Starts the job `task.job_name`; starting it again is fine. Raises Platform* errors."""

    async def collect(self, task: Task) -> Collected:
        """What the completed job brought; collecting again is fine. Raises Platform* errors."""
