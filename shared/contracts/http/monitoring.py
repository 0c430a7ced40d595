"""What crosses our HTTP border about monitoring, version 1. Times are UTC."""

from datetime import date, datetime
from typing import Literal

from pydantic import Field

from shared.application.listed import Listed
from shared.contracts.base import Contract
from shared.contracts.http.inference import RoutineRequest, TaskView, task_view_of, unreadable_tasks_of
from shared.contracts.http.unreadable import UnreadableView, unreadable_of
from shared.domain.routines.cutoff import Proposal
from shared.domain.routines.task import PeriodReport


class MonitoringRequest(RoutineRequest):
    """Start a check by hand."""

    check: Literal["performance", "drift"] = Field(description="performance (a month) or drift (a quarter).")


class MonitoringCheckView(Contract):
    """One check of a month or a quarter. `levels` counts circuits by level; those that have none (inconclusive, open,
    failed) by their state. `without_check` are circuits that nothing was started for."""

    period: str
    levels: dict[str, int]
    without_check: list[str]
    circuits: list[TaskView]
    unreadable: list[UnreadableView] = Field(default_factory=list)


class ProposalView(Contract):
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


class MonitoringView(Contract):
    """The last month's performance, the last quarter's drift, and the changes that followed."""

    performance: MonitoringCheckView
    drift: MonitoringCheckView
    proposals: list[ProposalView]
    unreadable_proposals: list[UnreadableView] = Field(default_factory=list)


def monitoring_view_of(performance: PeriodReport, drift: PeriodReport, proposals: Listed[Proposal]) -> MonitoringView:
    """Everything as it is shown."""
    return MonitoringView(
        performance=_check(performance),
        drift=_check(drift),
        proposals=[ProposalView(**{**vars(each), "state": each.state.value}) for each in proposals],
        unreadable_proposals=unreadable_of(proposals.unreadable),
    )


def _check(report: PeriodReport) -> MonitoringCheckView:
    levels: dict[str, int] = {}
    for task in report.tasks:
        name = str(task.result.get("level") or task.state.value)
        levels[name] = levels.get(name, 0) + 1
    return MonitoringCheckView(
        period=report.period,
        levels=levels,
        without_check=list(report.without_task),
        circuits=[task_view_of(task, report) for task in report.tasks],
        unreadable=unreadable_tasks_of(report),
    )
