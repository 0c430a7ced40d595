"""Production's batch jobs in the simulation: each has its fate from the start, and comes to it by the clock."""

import random
from collections.abc import Coroutine, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

from shared.application.errors import PlatformRefused, PortError
from shared.application.platform_ports import Place
from shared.application.routines.ports import MonitorJob
from shared.domain.job_ends import JobSeen
from shared.domain.predictions import Predicted
from tests.fakes.clock import FakeClock
from tests.fakes.platform import PREDICTED, FakeJob, MemoryModelPlatform
from tests.fakes.routines import MemoryRoutinePlatform
from tests.fakes.source_control import MemorySourceControl
from tests.simulation.violation import Violation, require

HANGS_S = 10 * 86_400
NEVER = datetime.max.replace(tzinfo=UTC)
OF_NO_USE = replace(PREDICTED, no_numbers=3)
OUTPUTS = (PREDICTED, PREDICTED, OF_NO_USE, None, PlatformRefused("no Parquet file"))


@dataclass
class TimedJob(FakeJob):
    """`content` is what it was started with, `output` the predictions it leaves when it completes; `is_stopped`: we
    asked for its end before it had come."""

    content: object = None
    output: Predicted | PortError | None = PREDICTED
    landed_at: datetime = NEVER
    ends_at: datetime = NEVER
    is_stopped: bool = False

    def status_at(self, now: datetime) -> str:
        """Azure ML's word at that time."""
        return self.status if now >= self.ends_at else "Running"


class TimedModels(MemoryModelPlatform):
    """Jobs of production that end when their time has come."""

    def __init__(self, clock: FakeClock, rng: random.Random) -> None:
        super().__init__()
        self._clock, self._rng = clock, rng

    def timed(self, job_name: str) -> TimedJob | None:
        """The job as it really is."""
        job = self.jobs.get((Place.PRODUCTION, job_name))
        assert job is None or isinstance(job, TimedJob)
        return job

    async def get_job(self, place: Place, job_name: str) -> JobSeen | None:
        job = self.timed(job_name)
        return JobSeen(status=job.status_at(self._clock.now()), detail=job.detail) if job else None

    async def predictions(
        self, place: Place, job_name: str, plant_id: str, circuit_id: str, day: date | None = None
    ) -> Predicted | None:
        job = self.timed(job_name)
        if job is None or not self.has_completed(job_name):
            raise Violation(f"predictions were read of {job_name}, which is {job}")
        if isinstance(job.output, PortError):
            raise job.output
        return replace(job.output, day=day) if job.output and day else job.output

    def has_completed(self, job_name: str) -> bool:
        """Whether Azure ML calls the job completed."""
        job = self.timed(job_name)
        return job is not None and job.status_at(self._clock.now()) == "Completed"

    async def cancel_job(self, place: Place, job_name: str) -> None:
        self.cancel(job_name, by_us=True)

    def cancel_late(self, place: Place, job_name: str) -> None:
        """The request arrives at last."""
        self.cancel(job_name, by_us=True)

    def cancel(self, job_name: str, *, by_us: bool) -> None:
        """A job that goes on ends a little later."""
        job, now = self.timed(job_name), self._clock.now()
        if job is None or job.status_at(now) != "Running" or job.status == "Canceled":
            return
        job.is_stopped = by_us
        job.status = "Canceled"
        job.ends_at = min(job.ends_at, now + timedelta(seconds=self._rng.uniform(0, 90)))


class WatchedRoutinePlatform(MemoryRoutinePlatform):
    """Jobs of one name are one job: whoever asks for it twice must ask for the same. `claimed` says whether a try of
    that name is durable, `bad_fates` how often of a hundred a job may not complete, or leave nothing of use."""

    models: TimedModels

    def __init__(self, models: TimedModels, clock: FakeClock, rng: random.Random) -> None:
        super().__init__(models)
        self.bad_fates = 50
        self.claims: dict[str, str] = {}
        self._clock, self._rng = clock, rng

    async def invoke(self, job_name: str, endpoint_name: str, deployment_name: str, input_uri: str) -> None:
        self._judge(job_name, (endpoint_name, deployment_name, input_uri))
        await super().invoke(job_name, endpoint_name, deployment_name, input_uri)
        self._remember(job_name, (endpoint_name, deployment_name, input_uri))

    async def submit(self, job: MonitorJob) -> None:
        self._judge(job.job_name, job)
        await super().submit(job)
        self._remember(job.job_name, job)

    def invoke_late(self, *args: Any) -> None:
        """The request arrives at last."""
        at_once(self.invoke(*args))

    def submit_late(self, job: MonitorJob) -> None:
        """The request arrives at last."""
        at_once(self.submit(job))

    async def publish(self, job_name: str, plant_id: str, circuit_id: str, day: date) -> str | None:
        self._must_have_completed(job_name, "predictions were published")
        job, circuit = self.models.timed(job_name), self.claims.get(job_name, "").rpartition("/")[2]
        require(job is not None and job.output is PREDICTED, f"what {job_name} left was published, and is of no use")
        require(circuit == f"{plant_id}-{circuit_id}", f"predictions of {circuit} were published as {circuit_id}'s")
        return await super().publish(job_name, plant_id, circuit_id, day)

    async def report(self, job_name: str) -> dict[str, Any]:
        self._must_have_completed(job_name, "a report was read")
        return await super().report(job_name)

    def _must_have_completed(self, job_name: str, what: str) -> None:
        job = self.models.timed(job_name)
        require(self.models.has_completed(job_name), f"{what} of {job_name}, which is {job}")

    def _judge(self, job_name: str, content: object) -> None:
        require(job_name in self.claims, f"job {job_name} was started before its try was recorded")
        there = self.models.timed(job_name)
        require(there is None or there.content == content, f"job {job_name} was started again as another one")

    def _remember(self, job_name: str, content: object) -> None:
        job = self.models.timed(job_name)
        if job is not None and job.content is None:
            job.content = content

    def _run(self, job_name: str) -> None:
        if self.models.timed(job_name):
            return
        self.started.append(job_name)
        now, (seconds, status) = self._clock.now(), self._fate()
        self.models.jobs[Place.PRODUCTION, job_name] = TimedJob(
            status=status,
            detail="see the log",
            landed_at=now,
            ends_at=now + timedelta(seconds=seconds),
            output=self._rng.choice(OUTPUTS) if self._rng.random() * 100 < self.bad_fates else PREDICTED,
        )

    def _fate(self) -> tuple[float, str]:
        rng = self._rng
        if rng.random() * 100 >= self.bad_fates:
            return rng.uniform(5, 900), "Completed"
        return rng.choice(
            [
                (rng.uniform(5, 600), "Failed"),
                (rng.uniform(5, 600), "NotResponding"),
                (rng.uniform(5, 600), "Canceled"),  # by somebody else
                (HANGS_S, "Completed"),
            ]
        )


class WatchedSource(MemorySourceControl):
    """`judge` is asked before anything is proposed."""

    def __init__(self, files: dict[str, str], judge: Any) -> None:
        super().__init__(files)
        self._judge = judge

    async def propose(self, files: Mapping[str, str], *, branch: str, title: str, body: str) -> str:
        for path, text in files.items():
            self._judge(path, text, branch)
        return await super().propose(files, branch=branch, title=title, body=body)


def at_once(work: Coroutine[Any, Any, Any]) -> None:
    """Does what a fake awaits nothing for; nobody hears of a refusal."""
    with suppress(PlatformRefused, StopIteration):
        work.send(None)
