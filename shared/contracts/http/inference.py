"""What crosses our HTTP border about daily inference, version 1. Times are UTC."""

from datetime import datetime
from typing import Literal

from pydantic import Field

from shared.contracts.base import Contract
from shared.contracts.http.unreadable import UnreadableView
from shared.domain.routines.task import PeriodReport, Task, TaskState


class RoutineRequest(Contract):
    """Start a routine by hand; what was started before is not started again."""

    period: str = Field(
        default="", max_length=10, description="2026-01-31, 2026-01 or 2026-q1; the last one when left out."
    )
    again: bool = Field(default=False, description="Try circuits again that failed or were inconclusive.")


class InferenceRequest(Contract):
    """Start a day's inference by hand."""

    date: str = Field(default="", max_length=10, description="2026-01-31; yesterday when left out.")
    again: bool = Field(default=False, description="Try circuits again whose tries are used up.")


class RoutineAccepted(Contract):
    """The period whose circuits are started in a moment, as far as they were not started yet."""

    routine: Literal["inference", "performance", "drift"]
    period: str
    follow: str


class TryView(Contract):
    """How one try ended."""

    attempt: int
    job_name: str
    outcome: str
    ended_at: datetime
    detail: str


class TaskView(Contract):
    """One circuit's part."""

    circuit: str
    state: Literal["pending", "running", "succeeded", "inconclusive", "failed"]
    late: bool
    attempt: int
    attempts_allowed: int
    job_name: str
    detail: str
    next_look_at: datetime | None
    tries: list[TryView]
    alerts: list[str]
    result: dict[str, str | float]


class InferenceView(Contract):
    """A day. `missing` are circuits without predictions whose tries are used up or that nothing was started for, `late`
    those that take or took too long."""

    date: str
    succeeded: int
    open: int
    missing: list[str]
    late: list[str]
    tasks: list[TaskView]
    unreadable: list[UnreadableView] = Field(default_factory=list)


def inference_view_of(report: PeriodReport) -> InferenceView:
    """The day as it is shown."""
    states = [task.state for task in report.tasks]
    failed = [task.circuit for task in report.tasks if task.state is TaskState.FAILED]
    return InferenceView(
        date=report.period,
        succeeded=states.count(TaskState.SUCCEEDED),
        open=sum(not state.is_over for state in states),
        missing=sorted([*failed, *report.without_task]),
        late=[task.circuit for task in report.tasks if task.is_late(report.now, report.limits)],
        tasks=[task_view_of(task, report) for task in report.tasks],
        unreadable=unreadable_tasks_of(report),
    )


def unreadable_tasks_of(report: PeriodReport) -> list[UnreadableView]:
    """The circuits whose task could not be read."""
    return [UnreadableView(id=circuit, reason=reason) for circuit, reason in report.unreadable.items()]


def task_view_of(task: Task, report: PeriodReport) -> TaskView:
    """One circuit's part as it is shown."""
    return TaskView(
        circuit=task.circuit,
        state=task.state.value,
        late=task.is_late(report.now, report.limits),
        attempt=task.attempt,
        attempts_allowed=task.attempts_allowed,
        job_name=task.job_name,
        detail=task.detail,
        next_look_at=None if task.state.is_over else task.look_at,
        tries=[
            TryView(
                attempt=end.attempt,
                job_name=end.job_name,
                outcome=end.kind.value,
                ended_at=end.ended_at,
                detail=end.detail,
            )
            for end in task.ends
        ],
        alerts=list(task.alerts),
        result=dict(task.result),
    )
