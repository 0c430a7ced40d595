"""Commands for releases of an environment to the whole fleet: release-environment, targets."""

from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from cli.api import parse
from cli.deciding import Reason, need, tell
from cli.printing import put, say
from cli.reading import AsJson, ReleaseId, print_json
from cli.session import console, talking
from cli.typed import COMMAND
from cli.views import Target, Targets

Version = Annotated[str, typer.Argument(metavar="VERSION", help="The version, MAJOR.MINOR.PATCH, registered in dev.")]
Failing = Annotated[bool, typer.Option("--failing", help="Only targets whose check or change failed.")]

_STYLES = {"failed": "red", "errored": "red", "inconclusive": "yellow", "changing": "cyan", "done": "green"}


def release_environment(context: typer.Context, version: Version, reason: Reason) -> None:
    """Release a version of the fleet's environment to every deployment, without new models."""
    with talking(context) as api:
        need(reason, "a release of an environment needs a reason: approvers will read it")
        accepted = api.release_environment(version, reason)
        tell(accepted)
        if accepted.answer != "accepted":
            say(f"See it with:  {COMMAND} show {accepted.release_id}")


def targets(context: typer.Context, release_id: ReleaseId, failing: Failing = False, as_json: AsJson = False) -> None:
    """Show every target of an environment release: its progress, its check, what is said about it."""
    with talking(context) as api:
        answer = api.targets(release_id)
        if as_json:
            print_json(answer)
            return
        listed = parse(Targets, answer)
        if not listed.targets:
            console.print("No targets are frozen yet: they are once the release holds every circuit of the fleet.")
            return
        shown = [target for target in listed.targets if target.is_failing or not failing]
        put(targets_table(shown, listed.work))
        say(f"{len(shown)} of {len(listed.targets)} targets.")


def targets_table(shown: list[Target], work: str | None) -> Table:
    """By plant, then circuit. What is said about a target is about its change or, before that, its check."""
    table = Table("circuit", work or "progress", "check", "detail")
    table.columns[0].no_wrap = True
    for target in sorted(shown, key=lambda each: (each.plant_id, each.circuit_id)):
        progress = target.progress if target.attempt == 1 else f"{target.progress}, attempt {target.attempt}"
        table.add_row(
            Text(f"{target.plant_id}/{target.circuit_id}"),
            Text(progress, style=_STYLES.get(target.progress, "")),
            Text(target.check or "", style=_STYLES.get(target.check or "", "")),
            Text(target.detail or target.check_detail),
        )
    return table
