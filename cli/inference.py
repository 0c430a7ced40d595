"""Commands for daily inference: infer starts a day, inference shows what is there, missing or late."""

from datetime import datetime
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from cli.api import parse
from cli.printing import put, say
from cli.reading import AsJson, print_json
from cli.session import console, talking
from cli.show import clock
from cli.typed import COMMAND
from cli.unreadable import tell_unreadable
from cli.views import View

Day = Annotated[
    str,
    typer.Option("--date", help="The day whose readings are predicted, such as 2026-01-31; yesterday, if left out."),
]
Again = Annotated[bool, typer.Option("--retry", help="Also try circuits again that have used up their tries.")]
ShowAll = Annotated[bool, typer.Option("--all", help="Show every circuit, also those without a problem.")]

STYLES = {"failed": "red", "inconclusive": "yellow", "succeeded": "green", "running": "cyan", "pending": "cyan"}


class Started(View):
    """What was accepted."""

    routine: str
    period: str


class Task(View):
    """One circuit's part of a day, a month or a quarter."""

    circuit: str
    state: str
    late: bool
    attempt: int
    attempts_allowed: int
    detail: str
    next_look_at: datetime | None
    alerts: list[str]
    result: dict[str, str | float]


class Inference(View):
    """A day."""

    date: str
    succeeded: int
    open: int
    missing: list[str]
    late: list[str]
    tasks: list[Task]


def infer(context: typer.Context, date: Day = "", retry: Again = False) -> None:
    """Start a day's inference for every deployment of production; what was started before is not started again."""
    with talking(context) as api:
        started = parse(Started, api.infer({"date": date, "again": retry}))
        say(what_started(started, f"inference --date {started.period}"))


def inference(context: typer.Context, date: Day = "", show_all: ShowAll = False, as_json: AsJson = False) -> None:
    """Show a day's inference: how many circuits have predictions, which are missing, which are late."""
    with talking(context) as api:
        answer = api.inference(date)
        if as_json:
            print_json(answer)
            return
        tell_unreadable(answer)
        day = parse(Inference, answer)
        if not day.date:
            say(f"No day was started yet. Start yesterday:  {COMMAND} infer")
            return
        if not day.tasks:
            say(
                f"{day.date}: no circuit was started: production runs none, or the day was not started.\n"
                f"Start it:  {COMMAND} infer --date {day.date}",
            )
            return
        say(
            f"{day.date}: {day.succeeded} of {len(day.tasks)} circuits have predictions, {day.open} are under way.",
        )
        console.print(f"Missing: {', '.join(day.missing) or 'none'}.  Late: {', '.join(day.late) or 'none'}.")
        shown = [task for task in day.tasks if show_all or task.state != "succeeded" or task.late]
        if shown:
            put(tasks_table(shown))


def what_started(started: Started, follow: str) -> str:
    """What happens now, and where to look."""
    return (
        f"{started.routine} of {started.period}: it begins in a moment for circuits that were not started yet; "
        "the others are left alone.\n"
        f"See:  {COMMAND} {follow}"
    )


def tasks_table(tasks: list[Task]) -> Table:
    """One line per circuit."""
    table = Table("circuit", "state", "try", "next look", "detail")
    for task in tasks:
        state = Text(task.state + (", late" if task.late else ""), style=STYLES.get(task.state, ""))
        look = clock(task.next_look_at) if task.next_look_at else ""
        table.add_row(Text(task.circuit), state, f"{task.attempt} of {task.attempts_allowed}", look, Text(task.detail))
    return table
