"""The ports of training in memory. The platform runs nothing: jobs end when the clock says so, as the test decided."""

import dataclasses
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

from shared.application.errors import ConcurrentUpdate, PlatformRefused, TransientFault
from shared.application.listed import Listed
from shared.application.paging import Page
from shared.application.training.ports import (
    DataSeen,
    ModelSeen,
    OpenRun,
    Slot,
    StoredRun,
    TrainingJob,
    TrainingPlan,
)
from shared.domain.job_ends import JobEnded, JobSeen
from shared.domain.training.limits import TrainingLimits
from shared.domain.training.lineage import DataAsset, Trained
from shared.domain.training.model import TrainingPhase, TrainingRequest, TrainingRun
from tests.fakes.clock import FakeClock
from tests.fakes.pages import page_of


class MemoryTrainingStore:
    """Versions count up."""

    def __init__(self) -> None:
        self.runs: dict[str, tuple[TrainingRun, int]] = {}
        self.silent = False
        """Whether reading a run gets no answer."""

    async def create(self, run: TrainingRun) -> bool:
        if run.run_id in self.runs:
            return False
        self.runs[run.run_id] = (run, 1)
        return True

    async def load(self, run_id: str) -> StoredRun | None:
        if self.silent:
            raise TransientFault("the table does not answer")
        if run_id not in self.runs:
            return None
        run, version = self.runs[run_id]
        return StoredRun(run=run, version=str(version))

    async def save(self, run: TrainingRun, version: str) -> str:
        before, number = self.runs[run.run_id]
        if str(number) != version:
            raise ConcurrentUpdate(f"{run.run_id} changed")
        assert not before.settled, "a settled run stays as it is"
        assert not before.phase.is_terminal or before.phase is run.phase, "an end is an end"
        self.runs[run.run_id] = (run, number + 1)
        return str(number + 1)

    async def open_runs(self) -> Listed[OpenRun]:
        found = sorted(
            (run for run, _ in self.runs.values() if not run.settled),
            key=lambda run: (run.requested_at, run.run_id),
        )
        return Listed(
            OpenRun(run_id=run.run_id, phase=run.phase, serial=run.serial, look_at=run.look_at or run.since)
            for run in found
        )

    async def listed(self, limit: int, after: str = "") -> Page[str]:
        ids = [f"open|{each.run_id}" for each in await self.open_runs()]
        page = page_of([*ids, *(f"ended|{run.run_id}" for run in self._ended())], limit, after, str)
        return Page(records=Listed(each.partition("|")[2] for each in page.records), after=page.after)

    async def failed_since(self, at: datetime, limit: int) -> list[str]:
        failed = [
            run for run in self._ended() if run.phase is TrainingPhase.FAILED and run.ended_at and run.ended_at >= at
        ]
        return [run.run_id for run in failed][:limit]

    def _ended(self) -> list[TrainingRun]:
        ended = [run for run, _ in self.runs.values() if run.ended_at is not None]
        return sorted(ended, key=lambda run: (run.ended_at or run.since, run.run_id), reverse=True)


class MemoryTrainingSlots:
    """One list, as in the table."""

    def __init__(self) -> None:
        self.slots: list[Slot] = []

    async def claim(self, run_id: str, now: datetime, parallel_max: int) -> bool:
        if any(slot.run_id == run_id for slot in self.slots):
            return True
        if len(self.slots) >= parallel_max:
            return False
        self.slots.append(Slot(run_id=run_id, since=now))
        return True

    async def free(self, run_id: str) -> bool:
        kept = [slot for slot in self.slots if slot.run_id != run_id]
        had = len(kept) < len(self.slots)
        self.slots = kept
        return had

    async def taken(self) -> list[Slot]:
        return list(self.slots)


@dataclasses.dataclass
class MemoryJob:
    """A job, and Azure ML's word for how it will end; `failure` is what the training code says then."""

    job: TrainingJob
    ends_at: datetime
    status: str
    failure: str = ""
    cancel: bool = False


class MemoryTrainingPlatform:
    """`decide` says of a new job after how many seconds it ends, with which status, and what its code says of that."""

    def __init__(self, clock: FakeClock) -> None:
        self._clock = clock
        self.assets: dict[tuple[str, str], DataAsset] = {}
        self.jobs: dict[str, MemoryJob] = {}
        self.models: dict[tuple[str, str], ModelSeen] = {}
        self.decide: Callable[[TrainingJob], tuple[float, str, str]] = lambda _: (60, "Completed", "")
        self.cancels_in: Callable[[], float] = lambda: 5
        """How many seconds a job takes to end once it was asked to."""
        self.most_at_once = 0
        self.faults: dict[str, Exception] = {}
        """What a method raises, by its name."""
        self.rivals: set[str] = set()
        """Versions that somebody else registers a moment before a run does."""

    def _fail(self, method: str) -> None:
        if method in self.faults:
            raise self.faults[method]

    async def register_data(self, asset: DataAsset, environment_name: str, environment_version: str) -> str:
        self._fail("register_data")
        there = self.assets.setdefault((asset.name, asset.version), asset)
        if there.filter != asset.filter:
            raise PlatformRefused(f"{asset.name}:{asset.version} is there with the filter {there.filter}")
        return f"{asset.name}:{asset.version}"

    async def submit(self, job: TrainingJob) -> None:
        self._fail("submit")
        if (job.data_asset, job.data_version) not in self.assets:
            raise PlatformRefused(f"there is no data asset {job.data_asset}:{job.data_version}")
        there = self.jobs.get(job.job_name)
        if there is not None:
            if there.job != job:
                raise PlatformRefused(f"job {job.job_name} exists and is another training")
            return
        seconds, status, failure = self.decide(job)
        self.jobs[job.job_name] = MemoryJob(
            job=job, ends_at=self._clock.now() + timedelta(seconds=seconds), status=status, failure=failure
        )
        self.most_at_once = max(self.most_at_once, len(self.live()))

    def live(self) -> list[str]:
        """Jobs that have not ended."""
        return [name for name in self.jobs if self._goes_on(name)]

    def _goes_on(self, job_name: str) -> bool:
        seen = self._seen(job_name)
        return seen is not None and seen.end is None

    def _seen(self, job_name: str) -> JobSeen | None:
        job = self.jobs.get(job_name)
        if job is None:
            return None
        if self._clock.now() < job.ends_at:
            return JobSeen(status="Running", detail=f"see {job_name}")
        if job.cancel:
            return JobSeen(status="Canceled", detail=f"see {job_name}")
        return JobSeen(status=job.status, detail=f"see {job_name}", failure=job.failure)

    async def get_job(self, job_name: str) -> JobSeen | None:
        return self._seen(job_name)

    async def cancel(self, job_name: str) -> None:
        if self._goes_on(job_name) and not self.jobs[job_name].cancel:
            job = self.jobs[job_name]
            job.cancel = True
            job.ends_at = min(job.ends_at, self._clock.now() + timedelta(seconds=self.cancels_in()))

    async def versions(self, model_name: str) -> list[ModelSeen]:
        self._fail("versions")
        return [model for (name, _), model in self.models.items() if name == model_name]

    async def trained(self, job_name: str) -> Trained:
        seen = self._seen(job_name)
        if seen is None or seen.end is not JobEnded.COMPLETED:
            raise PlatformRefused(f"job {job_name} left no metadata")
        metrics = {"mae": 0.1, "rmse": 0.2, "mape": 0.05, "r2": 0.9}
        return Trained(metrics=metrics, ranges={"temperature": (40.0, 80.0)})

    async def register_model(self, name: str, version: str, job_name: str, tags: Mapping[str, str]) -> ModelSeen:
        if version in self.rivals:
            self.models.setdefault((name, version), ModelSeen(name=name, version=version))
        model = ModelSeen(name=name, version=version, tags=dict(tags), path=f"jobs/{job_name}", job_name=job_name)
        return self.models.setdefault((name, version), model)

    async def get_model(self, name: str, version: str) -> ModelSeen | None:
        return self.models.get((name, version))

    async def get_data(self, name: str, version: str) -> DataSeen | None:
        asset = self.assets.get((name, version))
        return DataSeen(name=name, version=version, path=asset.folder, tags=asset.tags) if asset else None

    async def data_input(self, job_name: str) -> str:
        job = self.jobs.get(job_name)
        return f"{job.job.data_asset}:{job.job.data_version}" if job else ""


class MemoryArtifactStore:
    """Files by name."""

    def __init__(self) -> None:
        self.files: dict[str, dict[str, str]] = {}

    async def put(self, name: str, content: Mapping[str, str]) -> None:
        assert self.files.get(name, dict(content)) == dict(content), "an artifact never changes"
        self.files[name] = dict(content)

    async def get(self, name: str) -> dict[str, str] | None:
        return self.files.get(name)


class FixedTrainingConfig:
    """A fleet of the circuits that are given."""

    def __init__(self, circuits: list[TrainingRequest], limits: TrainingLimits | None = None) -> None:
        self.circuits = {(each.plant_id, each.circuit_id): each for each in circuits}
        self.environment_name = "custom-tf-env"
        self.limits = limits or TrainingLimits()

    def plan(self) -> TrainingPlan:
        return TrainingPlan(
            dev_workspace="dev-ml-workspace",
            environment_name=self.environment_name,
            compute="cpu-cluster",
            table_uri="azureml://datastores/sensor_lake/paths/processed/sensor_data/",
            groups=("ML-Engineers",),
            limits=self.limits,
        )

    def model_name(self, plant_id: str, circuit_id: str) -> str:
        return f"sensor_model_{plant_id}_{circuit_id}"

    def circuit(self, plant_id: str, circuit_id: str) -> TrainingRequest | None:
        return self.circuits.get((plant_id, circuit_id))
