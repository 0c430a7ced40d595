"""What the API tells about training, and how it looks in a terminal. Everything is put in as text, never as markup."""

from collections.abc import Iterable
from datetime import datetime

from pydantic import BaseModel, ConfigDict
from rich.panel import Panel
from rich.table import Table
from rich.text import Text as Shown

from cli.show import clock, span, until
from cli.views import Text

SUCCEEDED = "succeeded"
_STYLES = {SUCCEEDED: "green", "failed": "red", "aborted": "red", "waiting_for_slot": "yellow", "canceling": "yellow"}
_SHA_DIGITS = 12


class _View(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class Training(_View):
    """One run."""

    run_id: Text
    plant_id: Text
    circuit_id: Text
    cutoff_date: Text
    environment_version: Text
    pr_number: Text
    author: Text
    commit: Text
    phase: Text
    waits_for: Text
    since: datetime
    deadline_at: datetime | None
    requested_at: datetime
    ended_at: datetime | None
    attempt: int
    job_name: Text
    data_asset: Text
    model_name: Text
    model_version: Text
    release_id: Text
    failure: Text

    @property
    def ended(self) -> bool:
        """True when nothing more happens to it."""
        return self.ended_at is not None


class Slot(_View):
    """Who has one."""

    run_id: Text


class Trainings(_View):
    """The list."""

    trainings: list[Training]
    slots: list[Slot]
    parallel_max: int


class Data(_View):
    """A data asset."""

    name: Text
    version: Text
    filter: Text
    path: Text


class Lineage(_View):
    """Where a model comes from."""

    model_name: Text
    model_version: Text
    plant_id: Text
    circuit_id: Text
    pr_number: Text
    author: Text
    commit: Text
    cutoff_date: Text
    environment: Text
    hyperparameters_hash: Text
    job_name: Text
    job_data_asset: Text
    data: Data | None
    run_id: Text
    hyperparameters: dict[Text, int | float] | None
    metrics: dict[Text, float]
    consistent: bool


def trainings_table(runs: Iterable[Training], now: datetime) -> Table:
    """Circuit, phase, what it waits for or why it ended, and how long."""
    table = Table("id", "circuit", "up to", "phase", "waits for, or why it ended", "for")
    table.columns[0].overflow = "fold"
    for run in runs:
        told = run.failure or (f"{run.model_name}:{run.model_version}" if run.ended else run.waits_for)
        passed = span((run.ended_at or now) - (run.requested_at if run.ended else run.since))
        table.add_row(
            Shown(run.run_id),
            Shown(f"{run.plant_id}/{run.circuit_id}"),
            Shown(run.cutoff_date),
            Shown(run.phase, style=_STYLES.get(run.phase, "cyan")),
            Shown(told),
            Shown(passed),
        )
    return table


def training_panel(run: Training, now: datetime) -> Panel:
    """One run in full."""
    asked_by = f"{run.author or 'nobody'}, {run.pr_number} {run.commit[:_SHA_DIGITS]}".strip()
    rows = {
        "circuit": f"{run.plant_id}/{run.circuit_id} up to {run.cutoff_date}, environment {run.environment_version}",
        "asked for": f"{clock(run.requested_at)} by {asked_by}",
        "data": run.data_asset,
        "job": f"{run.job_name} (try {run.attempt})" if run.job_name else "",
        "model": f"{run.model_name}:{run.model_version}" if run.model_version else "",
        "release": run.release_id,
        "waits for": "" if run.ended else f"{run.waits_for}, for {span(now - run.since)}",
        "until": "" if run.ended else until(run.deadline_at, now),
        "ended": f"{clock(run.ended_at)} after {span(run.ended_at - run.requested_at)}" if run.ended_at else "",
        "why": run.failure,
    }
    title = Shown(f"{run.run_id}: {run.phase}", style=_STYLES.get(run.phase, "cyan"))
    return Panel(_grid(rows), title=title, title_align="left")


def lineage_panel(told: Lineage) -> Panel:
    """From the model backwards."""
    data, numbers = told.data, told.hyperparameters or {}
    rows = {
        "model": f"{told.model_name}:{told.model_version} of {told.plant_id}/{told.circuit_id}",
        "metrics": ", ".join(f"{name} {value:g}" for name, value in told.metrics.items()),
        "training job": told.job_name,
        "data asset": told.job_data_asset or "none on record",
        "data filter": data.filter if data else "no such data asset",
        "data at": data.path if data else "",
        "environment": told.environment,
        "hyperparameters": f"{told.hyperparameters_hash} "
        + ", ".join(f"{name}={value:g}" for name, value in numbers.items()),
        "commit": told.commit or "none, asked for by hand",
        "pull request": f"{told.pr_number} by {told.author}",
        "training run": told.run_id,
    }
    title = Shown("the parts agree" if told.consistent else "the parts do not agree")
    return Panel(_grid(rows), title=title, title_align="left", border_style="green" if told.consistent else "red")


def _grid(rows: dict[str, str]) -> Table:
    grid = Table.grid(padding=(0, 2))
    for name, value in rows.items():
        if value:
            grid.add_row(Shown(name, style="bold"), Shown(value))
    return grid
