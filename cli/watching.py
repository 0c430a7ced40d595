"""`watch`: follow a release until it ends or needs a person."""

import math
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated, TypeVar

import typer
from rich.console import Group, RenderableType
from rich.live import Live
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn
from rich.spinner import Spinner
from rich.text import Text

from cli.api import ApiUnavailableError, ReleaseApi, parse
from cli.endings import ENDED_OTHERWISE, TIMED_OUT, WAITS
from cli.moments import patience
from cli.printing import put, say
from cli.reading import ReleaseId, what_to_type
from cli.session import console, errors, talking
from cli.show import clock, gate_panel, phase_text, span, until
from cli.tallies import tallies
from cli.typed import COMMAND
from cli.views import RELEASED, ROLLBACK, ROLLED_BACK, Release, Targets

UNAVAILABLE_MAX_S = 60.0
"""How long `watch` puts up with an app that does not answer, for example while it is being deployed."""

Timeout = Annotated[str, typer.Option("--timeout", help="Stop watching after this long: 90s, 30m, 2h.")]

FAILING_SHOWN_MAX = 20
"""How many failing targets are listed at once; `targets` lists all."""

T = TypeVar("T")


def watch(
    context: typer.Context,
    release_id: ReleaseId,
    every_s: Annotated[float, typer.Option("--every", min=0.1, help="Seconds between two looks.")] = 2.0,
    timeout: Timeout = "",
) -> None:
    """Follow a release until it ends or needs a person; of an environment, count checks and updates.

    Exit status: 0 when it ended as it was meant to, 2 when it waits for a person, 3 when it ended otherwise, 4 when the
    time was over.
    """
    with talking(context) as api:
        release = _Follower(api, release_id, every_s, patience(timeout)).follow()
    if release.needs_a_person:
        if release.gate:
            put(gate_panel(release.gate))
        say(what_to_type(release))
        raise typer.Exit(WAITS)
    if not release.ended:
        errors.print(f"{release.release_id} is {release.phase} after {timeout}, and goes on.", markup=False)
        raise typer.Exit(TIMED_OUT)
    if release.phase != (ROLLED_BACK if release.kind == ROLLBACK else RELEASED):
        raise typer.Exit(ENDED_OTHERWISE)


class Moving:
    """What moves below the printed lines: what is waited for and, for a fleet, one bar for each kind of work."""

    def __init__(self) -> None:
        self._spinner = Spinner("dots")
        columns = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn())
        self._bars = Progress(*columns, TextColumn("{task.fields[rest]}", markup=False))
        self._tasks: dict[str, TaskID] = {}

    def show(self, release: Release, now: datetime) -> RenderableType:
        """The release as it is now."""
        if wait := release.waiting:
            passed = span(now - wait.since)
            text = f"{release.phase} for {passed}: {wait.waits_for}; until {until(wait.until, now)}"
            self._spinner.update(text=Text(text))
        shown = tallies(release)
        for name in self._tasks.keys() - {tally.name for tally in shown}:
            self._complete(self._tasks[name])
        for tally in shown:
            if tally.name not in self._tasks:
                self._tasks[tally.name] = self._bars.add_task(tally.name, rest="")
            self._bars.update(self._tasks[tally.name], completed=tally.done, total=tally.total, rest=tally.rest)
        return Group(self._spinner, self._bars) if self._tasks else self._spinner

    def _complete(self, task: TaskID) -> None:
        """The work of this bar is over; between two looks nobody saw its last targets."""
        self._bars.update(task, completed=self._bars.tasks[self._bars.task_ids.index(task)].total)


class _Follower:
    def __init__(self, api: ReleaseApi, release_id: str, every_s: float, patience_s: float | None) -> None:
        self._api, self._release_id, self._every_s = api, release_id, every_s
        self._end = time.monotonic() + patience_s if patience_s is not None else math.inf
        self._shown: tuple[str, int] | None = None
        self._tenths: dict[str, int] = {}
        self._failing = 0
        self._reported: set[tuple[str, str | None]] = set()

    def follow(self) -> Release:
        """The release once nothing goes on without a person, or at all, or the time is over."""
        moving = Moving()
        with Live(console=console, transient=True, refresh_per_second=4) as live:
            while True:
                release = self._patiently(lambda: parse(Release, self._api.release(self._release_id)))
                self._print_news(release)
                left_s = self._end - time.monotonic()
                if release.ended or release.needs_a_person or left_s <= 0:
                    return release
                live.update(moving.show(release, datetime.now(UTC)))
                time.sleep(min(self._every_s, left_s))

    def _print_news(self, release: Release) -> None:
        if self._shown != (release.phase, release.attempt):
            self._shown = (release.phase, release.attempt)
            console.print(_line(release), soft_wrap=True)
        self._print_tallies(release)
        failing = release.progress.failing if release.progress else 0
        if failing != self._failing:
            self._failing = failing
            self._print_failing(release)

    def _print_tallies(self, release: Release) -> None:
        """A line that stays when work is done; in a log, which has no bar, also for every tenth of it."""
        for tally in tallies(release):
            tenth = tally.done * 10 // max(1, tally.total)
            if self._tenths.setdefault(tally.name, 0) != tenth:
                self._tenths[tally.name] = tenth
                if console.is_terminal and tally.done < tally.total:
                    continue
                console.print(Text(f"  {tally.name} {tally.text}"), soft_wrap=True)

    def _print_failing(self, release: Release) -> None:
        """Each failing target once per kind of work, the first of them with their reasons."""
        listed = self._patiently(lambda: parse(Targets, self._api.targets(self._release_id)))
        failing = [each for each in listed.targets if each.is_failing and (each.key, listed.work) not in self._reported]
        for target in failing[:FAILING_SHOWN_MAX]:
            said = target.detail or target.check_detail
            console.print(Text(f"  {target.key} failed: {said}", style="red"), soft_wrap=True)
        if len(failing) > FAILING_SHOWN_MAX:
            left = len(failing) - FAILING_SHOWN_MAX
            more = f"  and {left} more: {COMMAND} targets {release.release_id} --failing"
            console.print(Text(more, style="red"), soft_wrap=True)
        self._reported |= {(target.key, listed.work) for target in failing}

    def _patiently(self, read: Callable[[], T]) -> T:
        end = time.monotonic() + UNAVAILABLE_MAX_S
        while True:
            try:
                return read()
            except ApiUnavailableError as error:
                if time.monotonic() > min(end, self._end):
                    raise
                told = console if console.is_terminal else errors  # in a terminal the moving lines are on the first
                told.print(f"{error} (still watching)", style="yellow", markup=False, soft_wrap=True)
                time.sleep(self._every_s)


def _line(release: Release) -> Text:
    line = Text(f"{clock(release.phase_since)}  ") + phase_text(release)
    if release.attempt > 1:
        line.append(f", attempt {release.attempt}")
    detail = release.waiting.waits_for if release.waiting else release.reason
    return line.append(f"  {detail}" if detail else "")
