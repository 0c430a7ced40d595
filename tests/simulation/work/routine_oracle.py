"""What must never happen to a routine, judged at every write of a task, start of a job, alert and proposal.

The judge knows what really became of every job, and nothing of the rules that the product decides by.
"""

from collections import Counter
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any

from shared.application.errors import TransientFault
from shared.application.release.ports import Outcomes
from shared.domain.routines.cutoff import Proposal, ProposalState
from shared.domain.routines.task import ENDS_KEPT_MAX, EndKind, JobEnd, Routine, Task, TaskLimits, TaskRef, TaskState
from tests.fakes.clock import FakeClock
from tests.fakes.facts import MemoryFactPublisher
from tests.fakes.platform import PREDICTED
from tests.fakes.routines import MemoryProposalStore, MemoryTaskStore
from tests.simulation.scheduler import FROZEN_MAX, IN_FLIGHT_MAX_S, Scheduler
from tests.simulation.violation import require
from tests.simulation.work.batch_jobs import OF_NO_USE, WatchedRoutinePlatform

LAST_DAYS = {"2025-q4": date(2025, 12, 31)}
_FAILURES = (EndKind.FAILED, EndKind.BAD_OUTPUT, EndKind.BROKEN, EndKind.NOT_STARTED)
_SLACK = FROZEN_MAX + timedelta(seconds=IN_FLIGHT_MAX_S)
_STATUS = {
    EndKind.COMPLETED: "Completed",
    EndKind.BAD_OUTPUT: "Completed",
    EndKind.NO_OUTPUT: "Completed",
    EndKind.FAILED: "Failed",
    EndKind.BROKEN: "NotResponding",
    EndKind.CANCELLED: "Canceled",
}

Alert = tuple[str, TaskRef, int]
"""Rule, task and try."""


class RoutineJudge:
    """`again` are the periods that somebody wants tried again."""

    def __init__(self, clock: FakeClock, platform: WatchedRoutinePlatform, limits: TaskLimits) -> None:
        self.again: set[tuple[Routine, str]] = set()
        self.alerts: dict[Alert, str] = {}
        self.excused: set[Alert] = set()
        self.rounds: Counter[TaskRef] = Counter()
        self.used_up: set[tuple[TaskRef, int]] = set()
        self.claimed_at: dict[str, datetime] = {}
        self._facts: dict[str, Mapping[str, str]] = {}
        self._clock, self._platform, self._limits = clock, platform, limits

    def saved(self, before: Task, after: Task, recorded: Mapping[tuple[str, int], Any]) -> None:
        """A task was replaced."""
        what = f"task {after.task_id}"
        new = after.ends[len(before.ends) :]
        require(after.ends[: len(before.ends)] == before.ends and len(new) <= 1, f"{what}: its ends were rewritten")
        require([each.attempt for each in after.ends] == list(range(1, len(after.ends) + 1)), f"{what}: a try twice")
        require(before.told <= after.told <= len(after.ends), f"{what}: told {after.told} after {before.told}")
        if before.state.is_over and not after.state.is_over:
            self._reopened(before, after)
        most = min(self._limits.attempts_max * (1 + self.rounds[after.ref]), ENDS_KEPT_MAX)
        require(after.attempt <= most, f"{what}: try {after.attempt} of {most}")
        if after.job_name and after.job_name != before.job_name:
            self._claimed(after)
        for end in new:
            self._ended(after, end)
        if after.state.is_over:
            require(bool(after.ends) and after.ends[-1].attempt == after.attempt, f"{what}: over without an end")
        if after.state is TaskState.FAILED:
            self.used_up.add((after.ref, after.attempt))
        if after.state is TaskState.SUCCEEDED:
            require(after.ends[-1].kind is EndKind.COMPLETED, f"{what}: succeeded by {after.ends[-1]}")
        for end in after.ends[before.told : after.told]:
            gives_up = self._clock.now() - after.ends[-1].ended_at >= timedelta(days=1)
            require(
                gives_up or (after.task_id, end.attempt) in recorded, f"{what}: told of {end}, which is on no record"
            )
            self._all_raised(after, end, gives_up=gives_up)

    def recorded(self, stored: Task, end: JobEnd) -> None:
        """The end of a job was recorded for whoever watches production."""
        require(end in stored.ends, f"task {stored.task_id}: {end} is on record, and the task does not say so")

    def published(self, stored: Task | None, fact_id: str, data: Mapping[str, str], at: datetime) -> None:
        """An alert goes out."""
        ends = [each for each in stored.ends if each.ended_at == at] if stored else []
        require(stored is not None and len(ends) == 1, f"alert {fact_id} is about an end that is not durable")
        assert stored
        require(data["rule"] in self._deserved(stored, ends[0]), f"alert {fact_id} for nothing: {ends[0]}")
        alert = data["rule"], stored.ref, ends[0].attempt
        require(self.alerts.setdefault(alert, fact_id) == fact_id, f"alert {fact_id} was {self.alerts[alert]} before")
        require(self._facts.setdefault(fact_id, data) == data, f"alert {fact_id} said something else before")

    def proposed(self, claimed: Proposal | None, task: Task | None, text: str, branch: str) -> None:
        """A change of the configuration is asked for."""
        require(claimed is not None, f"{branch} was proposed before it was recorded")
        assert claimed
        durable = task is not None and task.state is TaskState.SUCCEEDED
        require(durable and self.is_critical(claimed.circuit), f"{branch} was proposed for nothing")
        require(f'cutoff_date: "{LAST_DAYS[claimed.period]}"' in text, f"{branch} has another cutoff date")

    def is_critical(self, circuit: str) -> bool:
        """Whether the circuit's data really drifted that far."""
        features = self._platform.reports.get(circuit, {}).get("features", {})
        return any(value > 0.25 for value in features.values())

    def watched(self, tasks: list[Task], circuits: Mapping[str, Outcomes]) -> None:
        """The watch counts jobs that ended well or badly, and none that lost its node or was cancelled."""
        for circuit, seen in circuits.items():
            ends = [end.kind for task in tasks if task.circuit == circuit for end in task.ends]
            well, ill = ends.count(EndKind.COMPLETED), ends.count(EndKind.FAILED) + ends.count(EndKind.BAD_OUTPUT)
            require(
                seen.succeeded <= well and seen.failed <= ill,
                f"the watch counts {seen} of {circuit}, not {well}, {ill}",
            )

    def _reopened(self, before: Task, after: Task) -> None:
        asked = (after.routine, after.period) in self.again
        require(asked, f"task {after.task_id}: tried again, and nobody asked for it")
        require(before.state is not TaskState.SUCCEEDED, f"task {after.task_id}: what succeeded is done again")
        self.rounds[after.ref] += 1
        for end in before.ends[before.told :]:  # whoever has it tried again knows that it failed
            self.excused.add(("predictions-missing", before.ref, end.attempt))

    def _claimed(self, task: Task) -> None:
        there = self._platform.claims.setdefault(task.job_name, task.ref.key)
        is_first = task.job_name not in self.claimed_at
        require(there == task.ref.key and is_first, f"job {task.job_name} of {task.ref.key} is {there}'s already")
        self.claimed_at[task.job_name] = self._clock.now()

    def _ended(self, task: Task, end: JobEnd) -> None:
        what = f"task {task.task_id}: {end.kind} by {end.job_name or 'no job'}, "
        if end.kind is EndKind.NO_JOB:
            require(not end.job_name and task.routine is Routine.PERFORMANCE, f"{what} and it needs one")
            return
        now, job = self._clock.now(), self._platform.models.timed(end.job_name)
        overdue = self._overdue(end.job_name, now)
        if end.kind is EndKind.NOT_STARTED:
            just_landed = job is not None and now - job.landed_at <= _SLACK
            require(job is None or just_landed or overdue > 2, f"{what}and it is {job}")
            return
        require(job is not None, f"{what}which is not there")
        assert job
        is_true = job.status_at(now) == _STATUS[end.kind]
        require(is_true or (end.kind is EndKind.FAILED and overdue > 1), f"{what}which is {job}")
        if task.routine is Routine.INFERENCE and end.kind in (EndKind.COMPLETED, EndKind.BAD_OUTPUT):
            wanted = PREDICTED if end.kind is EndKind.COMPLETED else OF_NO_USE
            require(job.output is wanted, f"{what}which left {job.output}")
        require(not (end.kind is EndKind.CANCELLED and job.is_stopped), f"{what}and we stopped it: it took too long")

    def _overdue(self, job_name: str, now: datetime) -> float:
        """How many deadlines have passed since the try was claimed, a frozen handler in its favour."""
        since = self.claimed_at.get(job_name, now)
        return (now - since + FROZEN_MAX).total_seconds() / self._limits.job_deadline_s

    def _deserved(self, task: Task, end: JobEnd) -> set[str]:
        """The alerts that an end calls for, by what really happened."""
        report = self._platform.reports.get(task.circuit, {})
        succeeded = end == task.ends[-1] and task.state is TaskState.SUCCEEDED
        rules = {
            "batch-job-failure": task.routine is Routine.INFERENCE and end.kind in _FAILURES,
            "predictions-missing": task.routine is Routine.INFERENCE and (task.ref, end.attempt) in self.used_up,
            "model-performance-degradation": task.routine is Routine.PERFORMANCE
            and succeeded
            and (report.get("mae", 0) > 0.25 or report.get("rmse", 0) > 0.35),
            "data-drift": task.routine is Routine.DRIFT and succeeded and self.is_critical(task.circuit),
        }
        return {rule for rule, holds in rules.items() if holds}

    def _all_raised(self, task: Task, end: JobEnd, *, gives_up: bool) -> None:
        for rule in self._deserved(task, end):
            alert = rule, task.ref, end.attempt
            heard = alert in self.alerts or alert in self.excused
            require(gives_up or heard, f"task {task.task_id}: nobody heard {rule} of try {end.attempt}")


class WatchedTasks(MemoryTaskStore):
    """Every write is judged; a crash may leave a task that is done on the list of open ones, as two writes can."""

    def __init__(self, judge: RoutineJudge, scheduler: Scheduler) -> None:
        super().__init__()
        self._judge, self._scheduler = judge, scheduler

    async def save(self, task: Task, version: str) -> str:
        before, current = self.tasks[task.ref]
        if str(current) == version:
            self._judge.saved(before, task, self.ends)
        saved = await super().save(task, version)
        self._scheduler.clock.advance(1e-6)  # no two tries end at one time, which tells their alerts apart
        if task.is_done and self._scheduler.hit(self._scheduler.rates.crash_after):
            self.listed[task.ref] = None
            raise TransientFault("the list did not answer")
        return saved

    async def record_end(self, task: Task, end: JobEnd) -> None:
        self._judge.recorded(self.tasks[task.ref][0], end)
        await super().record_end(task, end)


class WatchedFacts(MemoryFactPublisher):
    """Alerts are judged by what is durable when they go out."""

    def __init__(self, judge: RoutineJudge, tasks: MemoryTaskStore) -> None:
        super().__init__()
        self._judge, self._tasks = judge, tasks

    async def publish(self, fact_id: str, kind: str, subject: str, data: dict[str, str], at: datetime) -> None:
        circuit = f"{data['plant_id']}-{data['circuit_id']}"
        ref = TaskRef(routine=Routine(data["routine"]), period=data["period"], circuit=circuit)
        stored = self._tasks.tasks.get(ref)
        self._judge.published(stored[0] if stored else None, fact_id, data, at)
        await super().publish(fact_id, kind, subject, data, at)


class WatchedProposals(MemoryProposalStore):
    """A proposal never goes back."""

    async def save(self, proposal: Proposal, before: Proposal) -> None:
        there = self.proposals.get((proposal.period, proposal.circuit))
        if there == before:
            is_sent = before.state in (ProposalState.OPENED, ProposalState.NOT_NEEDED)
            require(not is_sent, f"the proposal {before.branch} was {before.state} and is changed")
            require(before.branch == proposal.branch, f"{before.branch} is {proposal.branch} now")
        await super().save(proposal, before)
