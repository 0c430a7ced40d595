"""Commands for releases to online endpoints: release-online, deployment-state."""

import json
from pathlib import Path
from typing import Annotated

import typer

from cli.deciding import tell
from cli.printing import say
from cli.reading import ReleaseId, print_json
from cli.saving import save
from cli.session import talking
from cli.typed import COMMAND

Model = Annotated[str, typer.Argument(metavar="MODEL", help="The name of a file of config/online.")]
Version = Annotated[str, typer.Argument(metavar="VERSION", help="As it is registered in dev.")]
Branch = Annotated[str, typer.Option("--branch", help="Where it comes from; else what its tag git_branch says.")]
Commit = Annotated[str, typer.Option("--commit", help="The same of the commit; else its tag git_commit_sha.")]
Run = Annotated[str, typer.Option("--comparison-run", metavar="JOB", help="A job of dev that compared it already.")]
Only = Annotated[bool, typer.Option("--compare-only", help="Compare it, and register and serve nothing.")]
Slots = Annotated[
    list[str] | None, typer.Option("--slot", metavar="SIDE=SLOT", help="Such as production=blue. Repeat.")
]
Why = Annotated[str, typer.Option("--reason", help="Why; required for a version that was tried before.")]
Output = Annotated[Path | None, typer.Option("--output", "-o", help="Write it to this file.")]


def release_online(
    context: typer.Context,
    model: Model,
    version: Version,
    branch: Branch = "",
    commit: Commit = "",
    comparison_run: Run = "",
    compare_only: Only = False,
    slot: Slots = None,
    reason: Why = "",
) -> None:
    """Compare a model version with the one that production serves and, if it is better, serve it online."""
    with talking(context) as api:
        body = {
            "model": model,
            "version": version,
            "branch": branch,
            "commit": commit,
            "comparison_run": comparison_run,
            "compare_only": compare_only,
            "slots": dict(_pair(each) for each in slot or ()),
            "reason": reason,
        }
        accepted = api.release_online(body)
        tell(accepted)
        if accepted.answer != "accepted":
            say(f"See it with:  {COMMAND} show {accepted.release_id}")


def _pair(text: str) -> tuple[str, str]:
    side, _, slot = text.partition("=")
    if side not in ("dev", "production") or not slot:
        raise typer.BadParameter(f"{text}: write dev=SLOT or production=SLOT", param_hint="--slot")
    return side, slot


def deployment_state(context: typer.Context, release_id: ReleaseId, output: Output = None) -> None:
    """Download what a release to online endpoints recorded: what served before, each step, tests, deleted slots."""
    with talking(context) as api:
        answer = api.deployment_state(release_id)
        if output is None:
            print_json(answer)
            return
        save(output, (json.dumps(answer, indent=2) + "\n").encode())
