"""Routines: work on every circuit of production that comes back with the calendar, and one circuit's part of it.

A task is one circuit's part of a routine for one period: a day of inference, a month of performance, a quarter of
drift. It is looked at again and again; `judge` says what a look does, so that looking twice does nothing twice.
See R-MON-1, R-MON-2 (monthly and quarterly checks), R-INF-1 and R-ALERT-3 (daily predictions, failed batch jobs).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum

from shared.domain.errors import InvalidRequest
from shared.domain.job_ends import JobEnded, ended
from shared.domain.records import replace

MONTHS_OF_QUARTER = 3
ENDS_KEPT_MAX = 20
"""Ended jobs a task remembers; more tries than that are not made, whoever asks."""

TEXT_CHARS_MAX = 500

_MONTH = re.compile(r"(\d{4})-(0[1-9]|1[0-2])")
_QUARTER = re.compile(r"(\d{4})-q([1-4])")
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_CIRCUIT = re.compile(r"P[0-9]{3,6}-C[0-9]{3,6}")
_AGAIN = "/again"


class Routine(StrEnum):
    """What is done, and how long its periods are."""

    INFERENCE = "inference"  # a day
    PERFORMANCE = "performance"  # a month
    DRIFT = "drift"  # a quarter


class TaskState(StrEnum):
    """How far a task is."""

    PENDING = "pending"  # a job has to be started
    RUNNING = "running"  # a job was asked for; it runs or is about to
    SUCCEEDED = "succeeded"
    INCONCLUSIVE = "inconclusive"  # the job did its work, and there was too little to say anything
    FAILED = "failed"  # every try failed

    @property
    def is_over(self) -> bool:
        """Nothing more is done unless a person asks for it."""
        return self not in (TaskState.PENDING, TaskState.RUNNING)


@dataclass(frozen=True, kw_only=True)
class TaskRef:
    """Which task is meant."""

    routine: Routine
    period: str
    circuit: str

    @property
    def key(self) -> str:
        """The reference as one text, for a message: `inference/2026-01-31/P001-C001`."""
        return f"{self.routine.value}/{self.period}/{self.circuit}"

    @classmethod
    def of(cls, key: str) -> "TaskRef":
        """The reference of a key. Raises InvalidRequest."""
        period, _, circuit = key.rpartition("/")
        routine, period = _period_of(period)
        if not _CIRCUIT.fullmatch(circuit):
            raise InvalidRequest(f"{circuit!r} is no key of a circuit")
        return cls(routine=routine, period=period, circuit=circuit)


@dataclass(frozen=True, kw_only=True)
class PeriodWish:
    """That a period's tasks are made; `again`: those that failed or were inconclusive are tried again as well."""

    routine: Routine
    period: str
    again: bool = False

    @property
    def key(self) -> str:
        """The wish as one text, for a message: `drift/2026-q1`, with `/again` behind it where that is wished."""
        return f"{self.routine.value}/{self.period}{_AGAIN if self.again else ''}"

    @classmethod
    def of(cls, key: str) -> "PeriodWish":
        """The wish of a key. Raises InvalidRequest."""
        routine, period = _period_of(key.removesuffix(_AGAIN))
        return cls(routine=routine, period=period, again=key.endswith(_AGAIN))


def _period_of(text: str) -> tuple[Routine, str]:
    name, _, period = text.partition("/")
    if name not in set(Routine):
        raise InvalidRequest(f"{name!r} is no routine")
    days_of(Routine(name), period)
    return Routine(name), period


@dataclass(frozen=True, kw_only=True)
class TaskLimits:
    """Bounds of every wait and repetition of a routine's tasks."""

    attempts_max: int = 3
    start_interval_s: float = 2.0
    look_interval_s: float = 60.0
    settle_quiet_s: float = 180.0
    job_deadline_s: float = 7200.0
    retry_pause_s: float = 900.0
    late_after_s: float = 21_600.0


class EndKind(StrEnum):
    """How one try ended; only the first three say something about what production runs."""

    COMPLETED = "completed"  # and what it produced is there and of use
    FAILED = "failed"  # it failed, or took too long
    BAD_OUTPUT = "bad_output"  # the job completed, and what it produced is of no use
    NO_OUTPUT = "no_output"  # the job completed, and what was wanted of it is not there or cannot be read
    BROKEN = "broken"  # its node did not respond any more
    NOT_STARTED = "not_started"
    CANCELLED = "cancelled"  # by somebody else
    NO_JOB = "no_job"  # none was needed


KIND_OF = {
    JobEnded.COMPLETED: EndKind.COMPLETED,
    JobEnded.FAILED: EndKind.FAILED,
    JobEnded.CANCELLED: EndKind.CANCELLED,
    JobEnded.NOT_RESPONDING: EndKind.BROKEN,
}


@dataclass(frozen=True, kw_only=True)
class JobEnd:
    """The end of one try."""

    attempt: int
    job_name: str
    kind: EndKind
    ended_at: datetime
    detail: str


@dataclass(frozen=True, kw_only=True)
class Task:
    """One circuit's part of a routine. `told` is how many of `ends` the outside world was told of.

    `model` is the asset id the deployment had when the task was made, `result` what was measured.
    """

    routine: Routine
    period: str
    circuit: str
    endpoint_name: str
    deployment_name: str
    model: str
    created_at: datetime
    look_at: datetime
    state: TaskState = TaskState.PENDING
    attempt: int = 1
    attempts_allowed: int = 3
    looks: int = 0
    job_name: str = ""
    started_at: datetime | None = None
    ends: tuple[JobEnd, ...] = ()
    told: int = 0
    result: Mapping[str, str | float] = field(default_factory=dict)
    alerts: tuple[str, ...] = ()
    detail: str = ""

    @property
    def task_id(self) -> str:
        """Small letters, digits and dashes."""
        return task_id(self.routine, self.period, self.circuit)

    @property
    def ref(self) -> TaskRef:
        """Which task it is."""
        return TaskRef(routine=self.routine, period=self.period, circuit=self.circuit)

    @property
    def is_done(self) -> bool:
        """True when the task has ended and everything about it was published."""
        return self.state.is_over and self.told == len(self.ends)

    @property
    def plant_id(self) -> str:
        """The plant of the circuit's key."""
        return self.circuit.partition("-")[0]

    @property
    def circuit_id(self) -> str:
        """The circuit's id within its plant."""
        return self.circuit.partition("-")[2]

    def is_late(self, now: datetime, limits: TaskLimits) -> bool:
        """Whether it took, or takes, longer than `late_after_s`."""
        end = self.ends[-1].ended_at if self.state.is_over and self.ends else now
        return end - self.created_at > timedelta(seconds=limits.late_after_s)


def task_id(routine: Routine, period: str, circuit: str) -> str:
    """The id of a task; also the beginning of the names of its jobs."""
    return f"{routine.value}-{period}-{circuit}".lower()


def period_before(routine: Routine, today: date) -> str:
    """The last period that is over on `today`: yesterday, the month before, the quarter before."""
    if routine is Routine.INFERENCE:
        return (today - timedelta(days=1)).isoformat()
    if routine is Routine.PERFORMANCE:
        before = today.replace(day=1) - timedelta(days=1)
        return f"{before.year:04}-{before.month:02}"
    first_of_quarter = today.replace(month=(today.month - 1) // MONTHS_OF_QUARTER * MONTHS_OF_QUARTER + 1, day=1)
    before = first_of_quarter - timedelta(days=1)
    return f"{before.year:04}-q{(before.month - 1) // MONTHS_OF_QUARTER + 1}"


def days_of(routine: Routine, period: str) -> tuple[date, date]:
    """The first and the last day of a period. Raises InvalidRequest for what is no period of this routine."""
    try:
        if routine is Routine.INFERENCE and _DAY.fullmatch(period):
            day = date.fromisoformat(period)
            return day, day
        if routine is Routine.PERFORMANCE and (found := _MONTH.fullmatch(period)):
            return _months(int(found[1]), int(found[2]), 1)
        if routine is Routine.DRIFT and (found := _QUARTER.fullmatch(period)):
            return _months(int(found[1]), (int(found[2]) - 1) * MONTHS_OF_QUARTER + 1, MONTHS_OF_QUARTER)
    except ValueError:
        pass  # the right shape, but no such day: the error below says it
    forms = {Routine.INFERENCE: "2026-01-31", Routine.PERFORMANCE: "2026-01", Routine.DRIFT: "2026-q1"}
    raise InvalidRequest(f"{period!r} is no period of {routine.value}: write it like {forms[routine]}")


def _months(year: int, month: int, count: int) -> tuple[date, date]:
    """The first day of a month and the last day of the `count`th month from there."""
    after = month - 1 + count
    return date(year, month, 1), date(year + after // 12, after % 12 + 1, 1) - timedelta(days=1)


class TaskAction(StrEnum):
    """What a look does."""

    NOTHING = "nothing"
    START = "start"  # claim the try, then start its job
    START_AGAIN = "start_again"  # the job was claimed and is not there: its name makes one of both starts
    WAIT = "wait"
    COLLECT = "collect"  # the job completed: fetch what it made
    FAIL = "fail"  # the job ended otherwise
    STOP = "stop"  # the job takes too long: end it and count it as failed


def judge(task: Task, status: str | None, now: datetime, limits: TaskLimits) -> TaskAction:
    """What to do with a task whose job has this status in Azure ML's words; None when there is no such job."""
    if task.state.is_over:
        return TaskAction.NOTHING
    if task.state is TaskState.PENDING:
        return TaskAction.START if now >= task.look_at else TaskAction.WAIT
    if status is None:
        if is_overdue(task, now, limits):
            return TaskAction.FAIL
        return TaskAction.START_AGAIN if _since_start_s(task, now) >= limits.settle_quiet_s else TaskAction.WAIT
    if end := ended(status):
        return TaskAction.COLLECT if end is JobEnded.COMPLETED else TaskAction.FAIL
    return TaskAction.STOP if is_overdue(task, now, limits) else TaskAction.WAIT


def is_overdue(task: Task, now: datetime, limits: TaskLimits) -> bool:
    """Whether the try's job has had all the time it may take."""
    return _since_start_s(task, now) > limits.job_deadline_s


def _since_start_s(task: Task, now: datetime) -> float:
    return (now - (task.started_at or now)).total_seconds()


def claimed(task: Task, now: datetime) -> Task:
    """The task whose try is about to start; the job's name follows from task and try."""
    return replace(
        task, state=TaskState.RUNNING, started_at=now, job_name=f"{task.task_id}-{task.attempt}", detail="started"
    )


def failed(task: Task, now: datetime, detail: str, limits: TaskLimits, kind: EndKind) -> Task:
    """The task after a try that did not bring what was wanted: another try after a pause that doubles, or the end."""
    over = task.attempt >= task.attempts_allowed
    pause = timedelta(seconds=limits.retry_pause_s * 2 ** (_try_of_round(task, limits) - 1))
    return replace(
        _ended(task, now, detail, kind),
        state=TaskState.FAILED if over else TaskState.PENDING,
        attempt=task.attempt if over else task.attempt + 1,
        look_at=now if over else now + pause,
    )


def finished(
    task: Task, now: datetime, detail: str, result: Mapping[str, str | float], *, conclusive: bool = True
) -> Task:
    """The task whose job brought what was wanted, or had too little to say anything."""
    kind = EndKind.COMPLETED if task.job_name else EndKind.NO_JOB
    state = TaskState.SUCCEEDED if conclusive else TaskState.INCONCLUSIVE
    return replace(_ended(task, now, detail, kind), state=state, result=dict(result), look_at=now)


def reopened(task: Task, now: datetime, limits: TaskLimits) -> Task:
    """A failed or inconclusive task that a person wants tried again; any other one is returned as it is."""
    if task.state not in (TaskState.FAILED, TaskState.INCONCLUSIVE) or len(task.ends) >= ENDS_KEPT_MAX:
        return task
    return replace(
        task,
        state=TaskState.PENDING,
        attempt=task.attempt + 1,
        attempts_allowed=min(task.attempt + limits.attempts_max, ENDS_KEPT_MAX),
        look_at=now,
        detail="to be tried again",
    )


def _try_of_round(task: Task, limits: TaskLimits) -> int:
    """Tries are counted on when a person asks again; pauses begin anew."""
    return (task.attempt - 1) % max(limits.attempts_max, 1) + 1


def _ended(task: Task, now: datetime, detail: str, kind: EndKind) -> Task:
    end = JobEnd(attempt=task.attempt, job_name=task.job_name, kind=kind, ended_at=now, detail=detail[:TEXT_CHARS_MAX])
    return replace(task, ends=(*task.ends, end), detail=end.detail)


@dataclass(frozen=True, kw_only=True)
class PeriodReport:
    """One period of a routine; `period` is empty before the first one. `without_task` are circuits of the configuration
    that production does not run, or that nobody made a task for; `unreadable` are those whose stored task this version
    cannot read, with the reason."""

    routine: Routine
    period: str
    tasks: tuple[Task, ...]
    without_task: tuple[str, ...]
    limits: TaskLimits
    now: datetime
    unreadable: Mapping[str, str] = field(default_factory=dict)
