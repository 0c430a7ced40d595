"""Commands that only read: releases, show, history."""

import json
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from cli.api import ApiError, parse
from cli.moments import since as at_least
from cli.printing import put, say
from cli.session import console, talking
from cli.show import history_table, release_panel, releases_table
from cli.typed import COMMAND
from cli.unreadable import tell_unreadable
from cli.views import CAN_ROLL_BACK, ENVIRONMENT, RELEASED, ROLLBACK, History, Release, Releases

ReleaseId = Annotated[
    str, typer.Argument(metavar="ID", help="The release's id, its beginning or end, or a circuit such as P001/C001.")
]
EveryEntry = Annotated[
    bool, typer.Option("--all", help="Also what changed nothing: repeated answers, and steps that were tried again.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print the API's answer as JSON.")]


def releases(
    context: typer.Context,
    limit: Annotated[int, typer.Option("--limit", min=1, help="How many to list.")] = 100,
    phase: Annotated[str, typer.Option("--phase", help="Only those in this phase.")] = "",
    kind: Annotated[str, typer.Option("--kind", help="Only model, environment or rollback.")] = "",
    circuit: Annotated[str, typer.Option("--circuit", help="Only those for this circuit, P001/C001.")] = "",
    since: Annotated[
        str,
        typer.Option(
            "--since", help="Only those whose phase began then or later: 2026-12-01T06:00, or 2h ago, 1d ago."
        ),
    ] = "",
    mine: Annotated[bool, typer.Option("--mine", help="Only those that you can move on.")] = False,
    as_json: AsJson = False,
) -> None:
    """List open releases, then ended ones, the latest end first."""
    with talking(context) as api:
        wanted = {
            "phase": phase,
            "kind": kind,
            "circuit": circuit,
            "since": at_least(since, datetime.now(UTC)),
            "waiting_for": "me" if mine else "",
        }
        answer = api.releases(limit, **wanted)
        if as_json:
            print_json(answer)
            return
        tell_unreadable(answer)
        listed = parse(Releases, answer).releases
        if not listed and any(wanted.values()):
            console.print("There are no such releases.")
            return
        if not listed:
            console.print("There are no releases: register a model in the dev workspace, and its release opens.")
            return
        put(releases_table(listed, datetime.now(UTC)))
        if answer.get("next"):
            console.print(f"There may be more: --limit {2 * limit} shows them.")


def show(context: typer.Context, release_id: ReleaseId, as_json: AsJson = False) -> None:
    """Show one release: its phase, what it waits for, the open gate, its test inferences."""
    with talking(context) as api:
        answer = api.release(release_id)
        if as_json:
            print_json(answer)
            return
        release = parse(Release, answer)
        put(release_panel(release, datetime.now(UTC)))
        if hint := what_to_type(release):
            say(hint)


def history(context: typer.Context, release_id: ReleaseId, every: EveryEntry = False, as_json: AsJson = False) -> None:
    """Show who did what and when. Exit status 1 when the entries were changed after they were written."""
    with talking(context) as api:
        answer = api.history(release_id)
        told = parse(History, answer)
        if as_json:
            print_json(answer)
        else:
            moved = [each for each in told.entries if every or not each.is_idle]
            put(history_table(moved))
        if not told.verified:
            raise ApiError("the hash chain does not fit: entries were changed after they were written")
        if not as_json:
            hidden = len(told.entries) - len(moved)
            say(f"The history is complete and unchanged: its {len(told.entries)} entries fit together.", "green")
            if hidden:
                say(f"{hidden} of them moved nothing, such as repeated answers; --all shows them.", "dim")


def what_to_type(release: Release) -> str:
    """The next command for a release that needs a person or can be rolled back; empty for others."""
    name = release.release_id
    if release.gate:
        first = f"First hand in: {COMMAND} evidence {name} FILE.ipynb\n" if _lacks_evidence(release) else ""
        return f"{first}Decide with:  {COMMAND} approve {name}\nor:           {COMMAND} reject {name} --reason '...'"
    lines = []
    if release.needs_a_person:
        lines += [f"Go on with:   {COMMAND} retry {name}", f"or end it:    {COMMAND} abort {name} --reason '...'"]
    runs = release.phase == RELEASED and not release.undone_by
    if release.ended and not runs and release.kind != ROLLBACK and not release.again_as:
        lines.append(f"Once more:    {COMMAND} again {name} --reason '...'")
    if runs or (release.kind == ENVIRONMENT and release.phase in CAN_ROLL_BACK):
        lines.append(f"Roll back:    {COMMAND} rollback {name} --reason '...'")
    return "\n".join(lines)


def _lacks_evidence(release: Release) -> bool:
    """True when approvals are refused until better evidence is there; later gates take what the first one took."""
    evidence = release.evidence
    if evidence is None or not release.gate or release.gate.stage != "registry":
        return False
    return evidence.advice == "reject" and (evidence.required or evidence.sha256 is not None)


def print_json(answer: Any) -> None:
    """The answer as it came, for scripts."""
    print(json.dumps(answer, indent=2))
