"""What routines need of the outside, in memory."""

import asyncio
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any

from shared.application.errors import ConcurrentUpdate, PlatformErrored, PlatformRefused, PortError
from shared.application.listed import Listed
from shared.application.platform_ports import Place
from shared.application.routines.ports import MonitorJob, StoredTask
from shared.domain.routines.cutoff import Proposal
from shared.domain.routines.task import JobEnd, Routine, Task, TaskRef
from tests.fakes.platform import FakeJob, MemoryModelPlatform


class MemoryTaskStore:
    """Tasks with a counter as their version."""

    def __init__(self) -> None:
        self.tasks: dict[TaskRef, tuple[Task, int]] = {}
        self.listed: dict[TaskRef, None] = {}
        self.ends: dict[tuple[str, int], tuple[Routine, str, JobEnd]] = {}
        self.making: dict[tuple[Routine, str], None] = {}
        self.last: dict[Routine, str] = {}

    async def create(self, task: Task) -> bool:
        if task.ref in self.tasks:
            return False
        self.tasks[task.ref] = task, 1
        self.listed[task.ref] = None
        return True

    async def load(self, ref: TaskRef) -> StoredTask | None:
        found = self.tasks.get(ref)
        await asyncio.sleep(0)  # others may come between reading and writing, as they do outside
        return StoredTask(task=found[0], version=str(found[1])) if found else None

    async def save(self, task: Task, version: str) -> str:
        _, current = self.tasks[task.ref]
        if str(current) != version:
            raise ConcurrentUpdate(f"task {task.task_id} changed since it was read")
        self.tasks[task.ref] = task, current + 1
        if task.is_done:
            self.listed.pop(task.ref, None)
        else:
            self.listed[task.ref] = None
        return str(current + 1)

    async def of(self, routine: Routine, period: str) -> Listed[Task]:
        found = [task for task, _ in self.tasks.values() if (task.routine, task.period) == (routine, period)]
        return Listed(sorted(found, key=lambda task: task.circuit))

    async def open(self) -> Listed[TaskRef]:
        return Listed(self.listed)

    async def record_end(self, task: Task, end: JobEnd) -> None:
        self.ends[task.task_id, end.attempt] = task.routine, task.circuit, end

    async def ended_since(self, routine: Routine, since: datetime) -> Listed[tuple[str, JobEnd]]:
        found = [(circuit, end) for kind, circuit, end in self.ends.values() if kind is routine]
        return Listed(sorted((each for each in found if each[1].ended_at >= since), key=lambda each: each[1].ended_at))

    async def begin(self, routine: Routine, period: str) -> None:
        self.making[routine, period] = None

    async def begun(self) -> Listed[tuple[Routine, str]]:
        return Listed(self.making)

    async def complete(self, routine: Routine, period: str) -> None:
        self.last[routine] = max(period, self.last.get(routine, period))
        self.making.pop((routine, period), None)

    async def latest(self, routine: Routine) -> str | None:
        return self.last.get(routine)


class MemoryRoutinePlatform:
    """Jobs end as `models.job_status` says, or as `statuses` says for a job's name; batch jobs predict the days up to
    `latest_day`; reports are `reports` by circuit."""

    def __init__(self, models: MemoryModelPlatform, latest_day: date = date(2026, 1, 5)) -> None:
        self.models = models
        self.latest_day = latest_day
        self.statuses: dict[str, str] = {}
        self.refusing: set[str] = set()
        self.faults: list[PortError] = []
        self.lose_answers = 0
        self.started: list[str] = []
        self.batch_jobs: dict[str, tuple[str, str]] = {}
        self.monitor_jobs: dict[str, MonitorJob] = {}
        self.published: dict[str, bytes] = {}
        self.reports: dict[str, dict[str, Any]] = {}

    async def invoke(self, job_name: str, endpoint_name: str, deployment_name: str, input_uri: str) -> None:
        if self.faults:
            raise self.faults.pop(0)
        if deployment_name in self.refusing:
            raise PlatformRefused(f"deployment {deployment_name} does not exist")
        self._run(job_name)
        self.batch_jobs[job_name] = endpoint_name, deployment_name
        if self.lose_answers:
            self.lose_answers -= 1
            raise PlatformErrored("the answer was lost")

    async def submit(self, job: MonitorJob) -> None:
        self._run(job.job_name)
        self.monitor_jobs[job.job_name] = job

    def _run(self, job_name: str) -> None:
        if (Place.PRODUCTION, job_name) in self.models.jobs:
            return
        self.started.append(job_name)
        status = self.statuses.get(job_name, self.models.job_status)
        self.models.jobs[Place.PRODUCTION, job_name] = FakeJob(
            status, "see the log", reads_left=self.models.reads_in_progress
        )

    async def publish(self, job_name: str, plant_id: str, circuit_id: str, day: date) -> str | None:
        if (Place.PRODUCTION, job_name) not in self.models.jobs:
            return None
        if not self.latest_day - timedelta(days=7) <= day <= self.latest_day:
            return None
        path = f"predictions/{plant_id}/{circuit_id}/{day.isoformat()}.parquet"
        self.published[path] = job_name.encode()
        return path

    async def predicted_days(self, plant_id: str, circuit_id: str, first: date, last: date) -> list[date]:
        if self.faults:
            raise self.faults.pop(0)
        folder = f"predictions/{plant_id}/{circuit_id}/"
        days = [
            date.fromisoformat(path.removeprefix(folder).removesuffix(".parquet"))
            for path in self.published
            if path.startswith(folder)
        ]
        return sorted(day for day in days if first <= day <= last)

    async def report(self, job_name: str) -> dict[str, Any]:
        job = self.monitor_jobs.get(job_name)
        circuit = f"{job.plant_id}-{job.circuit_id}" if job else ""
        if circuit not in self.reports:
            raise PlatformRefused(f"job {job_name} left no report")
        return self.reports[circuit]


class MemoryProposalStore:
    """One proposal per circuit and quarter."""

    def __init__(self) -> None:
        self.proposals: dict[tuple[str, str], Proposal] = {}

    async def claim(self, proposal: Proposal) -> Proposal:
        return self.proposals.setdefault((proposal.period, proposal.circuit), proposal)

    async def save(self, proposal: Proposal, before: Proposal) -> None:
        if self.proposals.get((proposal.period, proposal.circuit)) != before:
            raise ConcurrentUpdate(f"the proposal for {proposal.circuit} changed since it was read")
        self.proposals[proposal.period, proposal.circuit] = proposal

    async def of(self, periods: Sequence[str]) -> Listed[Proposal]:
        return Listed(self.proposals[key] for period in periods for key in sorted(self.proposals) if key[0] == period)
