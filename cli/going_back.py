"""Commands for going back: rollback, rollback-report."""

import json
from collections import Counter
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from cli.api import ApiError, parse
from cli.deciding import Reason, Yes, need, tell
from cli.endings import confirm
from cli.printing import put, say
from cli.reading import AsJson, ReleaseId, print_json
from cli.saving import save
from cli.session import talking
from cli.show import clock, effects_of, release_panel, span
from cli.typed import COMMAND
from cli.views import MODEL, ONLINE, RELEASED, Check, Meter, Release, RollbackReport, Targets

Critical = Annotated[bool, typer.Option("--critical", help="Do not wait for an approval, where the policy allows it.")]

To = Annotated[str, typer.Option("--to", metavar="VERSION", help="Go back to this version, which ran there before.")]
WithModel = Annotated[
    list[str] | None,
    typer.Option(
        "--with-model", metavar="ID", help="With an environment: a released model that goes back too. Repeat."
    ),
]


class Form(StrEnum):
    """The two forms of rollback metadata."""

    LIST = "list"
    RELEASE = "release"


ARTIFACT = "RollbackMetadata"
"""The artifact's name in the requirements' pipelines."""

ARTIFACT_FILES = {Form.LIST: "previous_env_versions.json", Form.RELEASE: "rollback_metadata.json"}
"""The file of the artifact that those pipelines read, and one for the other form beside it."""

AsForm = Annotated[
    Form, typer.Option("--format", help="list: the deployments alone; release: with versions and the time.")
]
Artifact = Annotated[
    Path | None, typer.Option("--artifact", metavar="FOLDER", help=f"Save it below this folder, as {ARTIFACT}/...")
]

_MARKS = {True: ("done", "green"), False: ("not done", "red"), None: ("look", "yellow")}


def rollback(
    context: typer.Context,
    release_id: ReleaseId,
    reason: Reason,
    critical: Critical = False,
    to: To = "",
    with_model: WithModel = None,
    yes: Yes = False,
) -> None:
    """Put what a release changed back to what ran before, or to an earlier version: of one circuit, or of the fleet."""
    with talking(context) as api:
        need(reason, "rolling back needs a reason: it is written on every deployment")
        release = parse(Release, api.release(release_id))
        release_id = release.release_id
        _check(release)
        put(release_panel(release, datetime.now(UTC)))
        if release.phase == RELEASED:
            say(what_a_new_rollback_does(release, critical=critical, to=to))
        elif release.kind == ONLINE:
            say("The traffic from before is restored, and the slot of this release is deleted.")
        else:
            say(what_rollback_does(parse(Targets, api.targets(release_id))))
        if not yes:
            confirm(f"Roll back {release_id}?")
        models = [api.release_id(each) for each in with_model or ()]
        accepted = api.roll_back(release_id, reason, critical=critical, to=to, models=models)
        tell(accepted)
        if accepted.answer != "accepted":
            say(f"See it with:  {COMMAND} rollback-report {accepted.release_id}")


def rollback_report(context: typer.Context, release_id: ReleaseId, as_json: AsJson = False) -> None:
    """Show what a rollback did: the result of every circuit, how long it took, and what is left to look at."""
    with talking(context) as api:
        answer = api.rollback_report(release_id)
        if as_json:
            print_json(answer)
            return
        report = parse(RollbackReport, answer)
        itself = report.undoes in ("", report.release_id)
        what = "rolled itself back" if itself else f"undoes {report.undoes}"
        say(f"{report.release_id} {what}: {report.phase}. {report.reason}".rstrip())
        counts = ", ".join(f"{count} {result}" for result, count in report.counts.items() if count)
        say(f"Circuits: {counts or 'none listed yet'}.")
        for target in report.targets:
            if target.result in ("failed", "untouched"):
                say(f"  {target.key}: {target.result}. {target.detail}".rstrip())
        if report.meter:
            say(times(report.meter))
        put(checklist_table(report.checklist))


def rollback_metadata(
    context: typer.Context, release_id: ReleaseId, form: AsForm = Form.LIST, artifact: Artifact = None
) -> None:
    """Print what every deployment ran before an environment release, as JSON, or save it as pipelines expect it."""
    with talking(context) as api:
        answer = api.rollback_metadata(release_id, form.value)
        if artifact is None:
            print_json(answer)
            return
        save(artifact / ARTIFACT / ARTIFACT_FILES[form], f"{json.dumps(answer, indent=2)}\n".encode())


def what_rollback_does(listed: Targets) -> str:
    """How many deployments go back, to which versions, and what else happens."""
    touched = [target for target in listed.targets if target.touched]
    if not touched:
        return "This release has changed no deployment, so there is nothing to put back: an abort ends it."
    versions = Counter(_version(target.previous_environment) for target in touched)
    before = ", ".join(f"{count} to {version}" for version, count in sorted(versions.items()))
    effects = [
        f"{len(touched)} of {len(listed.targets)} deployments are put back to what they ran before ({before}) "
        "and read back",
        "a change that may be on its way is waited for first",
        "sample inferences show that what was put back works",
        "the release ends as rolled_back, and the circuits are free for the next release",
    ]
    return effects_of("If you roll back:", effects)


def redeploy(context: typer.Context, release_id: ReleaseId, reason: Reason) -> None:
    """Release again what a past release brought, through every step and gate: production has moved on from it."""
    with talking(context) as api:
        need(reason, "redeploying needs a reason: whoever decides on it will read it")
        release = parse(Release, api.release(release_id))
        release_id = release.release_id
        if release.phase != RELEASED:
            raise ApiError(f"{release_id} is {release.phase}: only what was released can be redeployed, see `again`")
        tell(api.act(release_id, "again", reason))


def what_a_new_rollback_does(release: Release, *, critical: bool, to: str = "") -> str:
    """The same for a release that has ended: a rollback of its own."""
    effects = [
        f"a rollback of {release.model} ({release.circuit}) is opened, with a history of its own",
        f"it lists what can go back to {to or 'what ran before'}; what a later release changed stays",
        "it starts at once, where the policy allows that" if critical else "somebody else approves it within an hour",
        "open releases of these circuits end, those of other circuits go on",
        "every deployment is read back, and sample inferences show that it works",
    ]
    return effects_of("If you roll back:", effects)


def times(meter: Meter) -> str:
    """How long it took."""
    parts = (
        ("first circuit restored", meter.seconds_to_first_restored),
        ("last circuit restored", meter.seconds_to_last_restored),
        ("verified", meter.seconds_to_verified),
    )
    told = [f"{what} after {span(timedelta(seconds=seconds))}" for what, seconds in parts if seconds is not None]
    if not told:
        return "Nothing is restored yet."
    return f"Asked for at {clock(meter.requested_at)}. From the alert, or else from then: {', '.join(told)}."


def checklist_table(lines: list[Check]) -> Table:
    """What was done and what is left to people."""
    table = Table("after a rollback", "", "detail")
    for line in lines:
        word, style = _MARKS[line.done]
        table.add_row(Text(line.what), Text(word, style=style), Text(line.detail))
    return table


def _check(release: Release) -> None:
    if release.phase == RELEASED:
        return
    if release.ended:
        raise ApiError(f"{release.release_id} has ended already: {release.phase}. {release.reason}".rstrip())
    if release.kind == MODEL:
        raise ApiError(f"{release.release_id} is under way: `{COMMAND} abort` ends it and puts production back")


def _version(environment: str) -> str:
    return environment.replace(":", "/").rpartition("/")[2] or environment
