"""What the API tells about training, and how it looks in a terminal. Everything is put in as text, never as markup."""

from collections.abc import Iterable
from datetime import datetime

from rich.panel import Panel
from rich.table import Table
from rich.text import Text as Shown

from cli.show import clock, span, until
from cli.views import Text, View

SUCCEEDED = "succeeded"
_STYLES = {SUCCEEDED: "green", "failed": "red", "aborted": "red", "waiting_for_slot": "yellow", "canceling": "yellow"}
_SHA_DIGITS = 12


class Training(View):
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

    @property
    def told(self) -> str:
        """What it waits for; once it ended, its model, or why there is none."""
        if not self.ended:
            return self.waits_for
        return self.failure or (f"{self.model_name}:{self.model_version}" if self.model_version else "")


class Slot(View):
    """Who has one."""

    run_id: Text


class Trainings(View):
    """The list."""

    trainings: list[Training]
    slots: list[Slot]
    parallel_max: int


class Data(View):
    """A data asset."""

    name: Text
    version: Text
    filter: Text
    path: Text


class Lineage(View):
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
    """Id (it names circuit and cutoff date), what it waits for or made or why it ended, phase, and how long.

    The id has a line of its own, so that it can be copied from a terminal of 80 columns.
    """
    table = Table("run, and what it waits for or led to", "phase", "for")
    table.columns[0].overflow = "fold"
    table.columns[1].no_wrap = table.columns[2].no_wrap = True
    for run in runs:
        passed = span((run.ended_at or now) - (run.requested_at if run.ended else run.since))
        table.add_row(
            Shown(f"{run.run_id}\n") + Shown(run.told, style="dim"),
            Shown(run.phase, style=_STYLES.get(run.phase, "cyan")),
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
        "environment": told.environment.removeprefix(":"),  # a model that no run made may have the version alone
        "hyperparameters": f"{told.hyperparameters_hash} "
        + ", ".join(f"{name}={value:g}" for name, value in numbers.items()),
        "commit": told.commit or ("none, asked for by hand" if told.run_id else "none on record"),
        "pull request": f"{told.pr_number} by {told.author}",
        "training run": told.run_id,
    }
    bad = "the parts do not agree" if told.run_id else "no training run made this model"
    title = Shown("the parts agree" if told.consistent else bad)
    return Panel(_grid(rows), title=title, title_align="left", border_style="green" if told.consistent else "red")


def _grid(rows: dict[str, str]) -> Table:
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="bold", no_wrap=True)
    grid.add_column(overflow="fold")
    for name, value in rows.items():
        if value:
            grid.add_row(Shown(name), Shown(value))
    return grid
