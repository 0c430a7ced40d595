"""What a change asks of the outside before and while it is acted on: environment versions, requests for training."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from shared.application.changes.ports import ChangePorts, Found, FoundCircuit, Registration
from shared.domain.changes.circuits import (
    CircuitChangeKind,
    CircuitSettings,
    CommitFacts,
    ConfigProblem,
    days_not_over,
    names_another_environment,
    training_problem,
    unless_released,
)
from shared.domain.changes.environment import DEFINITION, EnvironmentChange
from shared.domain.changes.record import ChangeRecord
from shared.domain.changes.versions import tag_problems
from shared.domain.makers import Account
from shared.domain.training.model import MANUAL, TrainingRequest

DIGEST_TAG = "source_digest"
"""Names the content of environment/ as git does: two registrations are the same when it is."""


async def training_problems(found: Found, record: ChangeRecord, ports: ChangePorts) -> tuple[ConfigProblem, ...]:
    """What the files alone do not show: days that are not over, versions that do not exist, a missing pull request."""
    problems = [*_environment_problems(found, record, ports)]
    trained = found.trained
    problems += days_not_over(trained, ports.clock.now().astimezone(UTC).date())
    missing = await _missing_versions({each.environment_version for each in trained}, found, ports)
    for settings in trained:
        version = settings.environment_version
        if version in missing:
            reason = f"{ports.environment_name}:{version} is not registered"
            fix = f"write a registered version, or raise the version of {DEFINITION} to it in the same pull request"
            problems.append(training_problem(settings, "environment_version", version, reason, fix))
    return tuple(problems)


async def without_released(found: Found, ports: ChangePorts) -> Found:
    """The same, where circuits that only name the environment that production runs already are not trained."""
    asked = [key_of(each) for each in found.circuits if names_another_environment(each.change)]
    if not asked:
        return found
    running = await ports.production.running(asked)
    circuits = tuple(
        replace(each, change=unless_released(each.change, running.get(key_of(each), ""))) for each in found.circuits
    )
    released = sum(each.change.kind is CircuitChangeKind.RELEASED for each in circuits)
    told = f"{released} circuits name the environment that production runs already: nothing is trained for them"
    return replace(found, circuits=circuits, notes=(*found.notes, *([told] if released else [])))


def key_of(found: FoundCircuit) -> str:
    """The circuit, as production knows it."""
    return f"{found.change.plant_id}-{found.change.circuit_id}"


async def registered_environment(
    found: Found, change: EnvironmentChange, record: ChangeRecord, ports: ChangePorts
) -> str | ConfigProblem:
    """The id of the new version in the dev workspace, registered unless it is there.

    A version that is there with another content is a problem: what a version holds never changes.
    """
    tags = _tags(found, change, record, ports.clock.now())
    wrong = tag_problems(tags, change.version)
    if wrong:
        return _in_definition(f"tags.{wrong[0].field}", wrong[0].value, f"must be {wrong[0].must}", wrong[0].fix)
    registration = Registration(name=change.name, version=change.version, tags=tags, files=found.environment_files)
    there = await ports.environments.register(registration)
    if there.tags.get(DIGEST_TAG) != found.digest:
        origin = there.tags.get("git_commit_sha") or "an unknown commit"
        reason = f"the version is registered already, with other content, from {origin}"
        return _in_definition("version", change.version, reason, "raise the version")
    return there.asset_id


def requests_of(trained: Sequence[FoundCircuit], found: Found, record: ChangeRecord) -> list[TrainingRequest]:
    """One request for each circuit: with the commit, pull request and author that changed it last, and all makers."""
    return [
        _request(each.settings, each.origin, pull_request(each.origin, found, record), record.makers)
        for each in trained
        if each.settings
    ]


def pull_request(origin: CommitFacts, found: Found, record: ChangeRecord) -> str:
    """The pull request of a commit; what the webhook claims counts only where it can mean just this commit."""
    if origin.pr_number:
        return origin.pr_number
    claim = record.claim
    meant = origin.commit == found.head.commit or (claim.base and claim.base == found.base)
    return claim.pr_number if meant and claim.pr_number else MANUAL


def _request(
    settings: CircuitSettings, origin: CommitFacts, pr_number: str, makers: tuple[Account, ...]
) -> TrainingRequest:
    return TrainingRequest(
        plant_id=settings.plant_id,
        circuit_id=settings.circuit_id,
        cutoff_date=settings.cutoff_date,
        environment_version=settings.environment_version,
        sensor_id=settings.sensor_id,
        features=settings.features,
        hyperparameters=dict(settings.hyperparameters),
        config_yaml=settings.text,
        pr_number=pr_number,
        author=origin.author,
        commit=origin.commit,
        makers=makers,
    )


def _environment_problems(found: Found, record: ChangeRecord, ports: ChangePorts) -> Iterable[ConfigProblem]:
    change = found.environment
    if change is None:
        return
    if change.name != ports.environment_name:
        reason = f"the release policy names {ports.environment_name}"
        yield _in_definition("name", change.name, reason, f'write "{ports.environment_name}"')
    if pull_request(found.environment_origin or found.head, found, record) == MANUAL:
        reason = "nothing names the pull request that raised it, and an environment is registered with its number"
        yield _in_definition("version", change.version, reason, "merge the change through a pull request")


async def _missing_versions(wanted: set[str], found: Found, ports: ChangePorts) -> set[str]:
    """Versions that neither exist nor come with this change."""
    coming = {found.environment.version} if found.environment else set()
    missing = set()
    for version in sorted(wanted - coming):
        if await ports.environments.get(ports.environment_name, version) is None:
            missing.add(version)
    return missing


def _tags(found: Found, change: EnvironmentChange, record: ChangeRecord, now: datetime) -> dict[str, str]:
    """The tags of the definition, and what only the registration knows (R-ENV-5)."""
    origin = found.environment_origin or found.head
    return {
        **change.tags,
        "git_commit_sha": found.head.commit,
        "registered_at": now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "registered_by": origin.author,
        "pr_number": pull_request(origin, found, record),
        DIGEST_TAG: found.digest,
    }


def _in_definition(field: str, value: str, reason: str, fix: str) -> ConfigProblem:
    return ConfigProblem(file=DEFINITION, field=field, value=value, reason=reason, fix=fix)
