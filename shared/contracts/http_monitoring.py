"""What crosses our HTTP border about monitoring, version 1. Times are UTC."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Literal

from pydantic import Field

from shared.contracts.http_inference import RoutineRequest, TaskView, _Contract, task_view_of
from shared.domain.routines.cutoff import Proposal
from shared.domain.routines.task import PeriodReport


class MonitoringRequest(RoutineRequest):
    """Start a check by hand."""

    check: Literal["performance", "drift"] = Field(description="performance (a month) or drift (a quarter).")


class CheckView(_Contract):
    """One check of a month or a quarter. `levels` counts circuits by level; those that have none (inconclusive, open,
    failed) by their state. `without_check` are circuits that nothing was started for."""

    period: str
    levels: dict[str, int]
    without_check: list[str]
    circuits: list[TaskView]


class ProposalView(_Contract):
    """A change of a cutoff date because of drift. In a dry run nothing was sent; `diff` is what would be."""

    circuit: str
    period: str
    state: Literal["planned", "dry_run", "opened", "not_needed"]
    cutoff_date: date
    path: str
    branch: str
    title: str
    body: str
    diff: str
    url: str
    note: str
    proposed_at: datetime


class MonitoringView(_Contract):
    """The last month's performance, the last quarter's drift, and the changes that followed."""

    performance: CheckView
    drift: CheckView
    proposals: list[ProposalView]


def monitoring_view_of(performance: PeriodReport, drift: PeriodReport, proposals: Sequence[Proposal]) -> MonitoringView:
    """Everything as it is shown."""
    return MonitoringView(
        performance=_check(performance),
        drift=_check(drift),
        proposals=[ProposalView(**{**vars(each), "state": each.state.value}) for each in proposals],
    )


def _check(report: PeriodReport) -> CheckView:
    levels: dict[str, int] = {}
    for task in report.tasks:
        name = str(task.result.get("level") or task.state.value)
        levels[name] = levels.get(name, 0) + 1
    return CheckView(
        period=report.period,
        levels=levels,
        without_check=list(report.without_task),
        circuits=[task_view_of(task, report) for task in report.tasks],
    )
