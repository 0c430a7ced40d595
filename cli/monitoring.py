"""Commands for monitoring: the last checks of performance and drift with what followed, and starting one by hand."""

from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from cli.api import ApiError, parse
from cli.inference import Started, Task, what_started
from cli.printing import put, say
from cli.reading import AsJson, print_json
from cli.session import talking
from cli.typed import COMMAND
from cli.unreadable import tell_unreadable
from cli.views import View

Month = Annotated[
    str, typer.Option("--month", help="The month that was checked, such as 2026-01; the last one, if left out.")
]
Quarter = Annotated[
    str, typer.Option("--quarter", help="The quarter that was checked, such as 2026-q1; the last one, if left out.")
]
Diffs = Annotated[bool, typer.Option("--diff", help="Show the exact change that drift calls for.")]
CheckName = Annotated[str, typer.Argument(metavar="CHECK", help="performance or drift.")]
Period = Annotated[
    str,
    typer.Option("--period", help="A month (2026-01) or a quarter (2026-q1); the last one that is over, if left out."),
]
Again = Annotated[bool, typer.Option("--retry", help="Also check circuits again that failed or were inconclusive.")]

MEASURES = ("mae", "rmse", "mape", "r2")
STYLES = {"critical": "red", "warning": "yellow", "low": "cyan", "ok": "green", "failed": "red"}


class CheckReport(View):
    """One check."""

    period: str
    levels: dict[str, int]
    without_check: list[str]
    circuits: list[Task]


class Proposal(View):
    """A change of a cutoff date."""

    circuit: str
    state: str
    title: str
    diff: str
    url: str
    note: str


class Report(View):
    """Everything."""

    performance: CheckReport
    drift: CheckReport
    proposals: list[Proposal]


def monitoring(
    context: typer.Context, month: Month = "", quarter: Quarter = "", diff: Diffs = False, as_json: AsJson = False
) -> None:
    """Show how well production predicts, how far its input drifted, and what was proposed because of it."""
    with talking(context) as api:
        answer = api.monitoring(month, quarter)
        if as_json:
            print_json(answer)
            return
        tell_unreadable(answer)
        report = parse(Report, answer)
        _print("performance", report.performance, MEASURES)
        _print("drift", report.drift, ("drift_magnitude",))
        for proposal in report.proposals:
            where = proposal.url or proposal.note or "nothing was sent"
            say(f"{proposal.circuit}: {proposal.title} ({proposal.state}: {where})")
            if diff and proposal.diff:
                say(proposal.diff)


def check(context: typer.Context, name: CheckName, period: Period = "", retry: Again = False) -> None:
    """Start the monthly check of performance or the quarterly check of drift by hand."""
    with talking(context) as api:
        if name not in ("performance", "drift"):
            raise ApiError(f"there is no check {name!r}: it is performance or drift")
        started = parse(Started, api.check({"check": name, "period": period, "again": retry}))
        option = "--month" if name == "performance" else "--quarter"
        say(what_started(started, f"monitoring {option} {started.period}"))


def _print(name: str, report: CheckReport, measures: tuple[str, ...]) -> None:
    if not report.period:
        say(f"{name}: never checked. Start it:  {COMMAND} check {name}")
        return
    counts = ", ".join(f"{count} {level}" for level, count in sorted(report.levels.items()))
    say(f"{name} of {report.period}: {counts or 'no circuit was checked'}.")
    if report.without_check:
        say(f"Not checked: {', '.join(report.without_check)}.")
    table = Table("circuit", "level", *measures, "rows", "detail")
    for task in report.circuits:
        level = str(task.result.get("level") or task.state)
        numbers = [_shown(task.result.get(measure)) for measure in (*measures, "rows")]
        table.add_row(Text(task.circuit), Text(level, style=STYLES.get(level, "")), *numbers, Text(task.detail))
    if report.circuits:
        put(table)


def _shown(value: str | float | None) -> str:
    return "" if value is None else f"{value:.4g}" if isinstance(value, float) else value
