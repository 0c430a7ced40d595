"""Commands that change something: approve, reject, abort, retry, again. What is shown is what is sent."""

from datetime import UTC, datetime
from typing import Annotated

import typer

from cli.api import ApiError, ReleaseApi, parse
from cli.endings import confirm
from cli.printing import put, say
from cli.reading import ReleaseId
from cli.session import talking
from cli.show import effects_of, gate_panel, release_panel
from cli.typed import COMMAND
from cli.views import ENVIRONMENT, HELD, ROLLING_BACK, Accepted, Release

Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask for confirmation.")]
ModelName = Annotated[str, typer.Argument(metavar="MODEL", help="The model's name, as it is registered in dev.")]
ModelVersion = Annotated[str, typer.Argument(metavar="VERSION", help="Its version, as it is registered in dev.")]
Reason = Annotated[str, typer.Option("--reason", help="Why; it is kept in the history.")]


def approve(context: typer.Context, release_id: ReleaseId, reason: Reason = "", yes: Yes = False) -> None:
    """Approve the open gate, after showing what is decided on."""
    with talking(context) as api:
        _decide(api, release_id, "approve", reason, yes=yes)


def reject(context: typer.Context, release_id: ReleaseId, reason: Reason, yes: Yes = False) -> None:
    """Reject the open gate, after showing what is decided on. The release ends; production is not touched."""
    with talking(context) as api:
        need(reason, "a rejection needs a reason: say what is wrong, so that it can be mended")
        _decide(api, release_id, "reject", reason, yes=yes)


def abort(context: typer.Context, release_id: ReleaseId, reason: Reason, yes: Yes = False) -> None:
    """End a release. If it has changed production, what ran before is put back."""
    with talking(context) as api:
        need(reason, "aborting needs a reason: the next person on call will read it")
        release = parse(Release, api.release(release_id))
        release_id = release.release_id
        if release.ended:
            raise ApiError(f"{release_id} has ended already: {release.phase}. {release.reason}".rstrip())
        put(release_panel(release, datetime.now(UTC)))
        say(what_abort_does(release))
        if not yes:
            confirm(f"Abort {release_id}?")
        tell(api.act(release_id, "abort", reason))


def retry(context: typer.Context, release_id: ReleaseId, reason: Reason = "") -> None:
    """Try the step that is held again, with a full set of attempts."""
    with talking(context) as api:
        tell(api.act(release_id, "retry", reason))


def again(context: typer.Context, release_id: ReleaseId, reason: Reason) -> None:
    """Release the version of an ended release again, from the first step on. What was decided before is shown."""
    with talking(context) as api:
        need(reason, "a new attempt needs a reason: whoever decides on it will read it")
        tell(api.act(release_id, "again", reason))


def release_model(context: typer.Context, name: ModelName, version: ModelVersion, reason: Reason) -> None:
    """Release a model version whose event did not come, or again after its last attempt has ended."""
    with talking(context) as api:
        need(reason, "a release by hand needs a reason: approvers will read it")
        tell(api.release_model(name, version, reason))


def what_abort_does(release: Release) -> str:
    """What happens to production, the running test and the circuit."""
    effects = []
    if any(run.verdict is None for run in release.check_runs):
        effects.append("the running test inference is cancelled")
    if not release.production_touched:
        effects.append("production stays as it is: this release has not touched it")
    elif release.phase == HELD and release.progress and release.progress.work == ROLLING_BACK:
        effects.append("deployments that could not be put back stay as they are; the reason lists them")
    elif release.kind == ENVIRONMENT:
        effects.append("every deployment that was changed is put back to what it ran before, and read back")
    elif release.previous_model:
        effects.append(f"production is read back and put back to {release.previous_model}")
    else:
        effects.append("production is read back; nothing ran there before, so what it runs now is left to a person")
    free = "circuits are" if release.kind == ENVIRONMENT else "circuit is"
    effects.append(f"the {free} free for the next release")
    return effects_of("If you abort:", effects)


def _decide(api: ReleaseApi, release_id: str, decision: str, reason: str, *, yes: bool) -> None:
    """Reads the gate, shows it, asks, and sends the digest that was shown: a change in between is refused."""
    release = parse(Release, api.release(release_id))
    release_id = release.release_id
    gate = release.gate
    if gate is None:
        waits = f" It waits for {release.waiting.waits_for}." if release.waiting else ""
        raise ApiError(f"no gate of {release_id} is open: its phase is {release.phase}.{waits}")
    put(gate_panel(gate))
    if not yes:
        confirm(f"{decision.capitalize()} {gate.stage} of {release.model} ({release.circuit})?")
    tell(api.decide(release_id, gate.stage, decision, gate.digest, reason))


def need(reason: str, otherwise: str) -> None:
    """Raises ApiError with `otherwise` when the reason is empty."""
    if not reason.strip():
        raise ApiError(otherwise)


def tell(accepted: Accepted) -> None:
    """What the app answered, and how to follow it."""
    if accepted.answer == "accepted":
        say(f"Accepted. Follow it with:  {COMMAND} watch {accepted.release_id}")
    else:
        say(f"That had been done already: {accepted.release_id} is {accepted.phase}.")
