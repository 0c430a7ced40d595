"""Commands that only read: releases, show, history, watch."""

import json
import time
from datetime import UTC, datetime
from typing import Annotated, Any

import typer
from rich.text import Text

from cli.api import ApiError, ApiUnavailableError, ReleaseApi, parse
from cli.session import COMMAND, console, errors, talking
from cli.show import clock, gate_panel, history_table, phase_text, release_panel, releases_table, span, until
from cli.views import RELEASED, History, Release, Releases

UNAVAILABLE_MAX_S = 60.0
"""How long `watch` puts up with an app that does not answer, for example while it is being deployed."""

ENDED_OTHERWISE = 3
"""Exit status of `watch` for a release that ended, but not as released."""

ReleaseId = Annotated[str, typer.Argument(metavar="ID", help="The release's id, as `releases` shows it.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print the API's answer as JSON.")]


def releases(context: typer.Context, as_json: AsJson = False) -> None:
    """List open releases, then the latest ended ones."""
    with talking(context) as api:
        answer = api.releases()
        if as_json:
            _print_json(answer)
            return
        listed = parse(Releases, answer).releases
        if not listed:
            console.print("There are no releases: register a model in the dev workspace, and one opens.")
            return
        console.print(releases_table(listed, datetime.now(UTC)))


def show(context: typer.Context, release_id: ReleaseId, as_json: AsJson = False) -> None:
    """Show one release: its phase, what it waits for, the open gate, its test inferences."""
    with talking(context) as api:
        answer = api.release(release_id)
        if as_json:
            _print_json(answer)
            return
        release = parse(Release, answer)
        console.print(release_panel(release, datetime.now(UTC)))
        if hint := what_to_type(release):
            console.print(hint, markup=False)


def history(context: typer.Context, release_id: ReleaseId, as_json: AsJson = False) -> None:
    """Show who did what and when. Exit status 1 when the hash chain does not fit."""
    with talking(context) as api:
        answer = api.history(release_id)
        told = parse(History, answer)
        if as_json:
            _print_json(answer)
        else:
            console.print(history_table(told))
        if not told.verified:
            raise ApiError("the hash chain does not fit: entries were changed after they were written")
        if not as_json:
            console.print(f"The hash chain of {len(told.entries)} entries fits.", style="green")


def watch(
    context: typer.Context,
    release_id: ReleaseId,
    every_s: Annotated[float, typer.Option("--every", min=0.1, help="Seconds between two looks.")] = 2.0,
) -> None:
    """Follow a release until it ends or needs a person.

    Exit status: 0 when it was released or waits for a person, 3 when it ended otherwise.
    """
    with talking(context) as api:
        release = _follow(api, release_id, every_s)
    if not release.ended:
        if release.gate:
            console.print(gate_panel(release.gate))
        console.print(what_to_type(release), markup=False)
    elif release.phase != RELEASED:
        raise typer.Exit(ENDED_OTHERWISE)


def what_to_type(release: Release) -> str:
    """The next command for a release that needs a person; empty for others."""
    if release.gate:
        return f"Decide with:  {COMMAND} approve {release.release_id}\nor:           {COMMAND} reject " + (
            f"{release.release_id} --reason '...'"
        )
    if release.needs_a_person:
        return f"Go on with:  {COMMAND} retry {release.release_id}\nor end it:   {COMMAND} abort " + (
            f"{release.release_id} --reason '...'"
        )
    return ""


def _follow(api: ReleaseApi, release_id: str, every_s: float) -> Release:
    shown: tuple[str, int] | None = None
    with console.status("") as status:
        while True:
            release = _read_patiently(api, release_id, every_s)
            now = datetime.now(UTC)
            if shown != (release.phase, release.attempt):
                shown = (release.phase, release.attempt)
                console.print(_line(release), soft_wrap=True)
            if release.ended or release.needs_a_person:
                return release
            wait = release.waiting
            if wait:
                passed = span(now - wait.since)
                status.update(Text(f"{release.phase} for {passed}: {wait.waits_for}; until {until(wait.until, now)}"))
            time.sleep(every_s)


def _line(release: Release) -> Text:
    line = Text(f"{clock(release.phase_since)}  ") + phase_text(release)
    if release.attempt > 1:
        line.append(f", attempt {release.attempt}")
    detail = release.waiting.waits_for if release.waiting else release.reason
    return line.append(f"  {detail}" if detail else "")


def _read_patiently(api: ReleaseApi, release_id: str, every_s: float) -> Release:
    end = time.monotonic() + UNAVAILABLE_MAX_S
    while True:
        try:
            return parse(Release, api.release(release_id))
        except ApiUnavailableError as error:
            if time.monotonic() > end:
                raise
            errors.print(f"{error} (still watching)", style="yellow", markup=False, soft_wrap=True)
            time.sleep(every_s)


def _print_json(answer: Any) -> None:
    print(json.dumps(answer, indent=2))
