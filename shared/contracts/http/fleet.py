"""What crosses our HTTP border about the targets of an environment release, version 1."""

import re
from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, RootModel

from shared.contracts.base import Contract
from shared.domain.errors import Conflict
from shared.domain.fleet.lanes import WORK, progress_by_key
from shared.domain.release.history import HistoryEntry
from shared.domain.release.model import FleetTarget, Kind, Phase, Progress, Release, Verdict

_ENVIRONMENT_VERSION = re.compile(r"(?:/environments/[^/]+/versions/|:)([^/:]+)$")


class ProgressView(Contract):
    """How far the work on all targets is. Every key is there, also with 0.

    `work` is `checking`, `updating`, `rolling_back` or `verifying_rollback`: the current one, the held one, or the last
    one; None before the first.
    """

    work: str | None
    targets: int
    counts: dict[str, int] = Field(description="Targets by progress, in `work`.")
    checks: dict[str, int] = Field(description="Targets by the verdict of their compatibility check.")


class TargetView(Contract):
    """One circuit's deployment, with what it ran when the targets were frozen."""

    key: str
    plant_id: str
    circuit_id: str
    progress: str
    attempt: int
    touched: bool
    check: str | None
    check_detail: str
    detail: str
    previous_model: str
    previous_environment: str


class TargetList(Contract):
    """The targets by plant and circuit; none before they are frozen. `work` is what their progress is about."""

    release_id: str
    phase: str
    work: str | None
    targets: list[TargetView]


class PreviousEnvironment(Contract):
    """What one deployment ran (R-ENVREL-16)."""

    plant_id: str
    circuit_id: str
    previous_environment: str = Field(description="The reference as it ran: a deployment takes it as it is.")


class RollbackList(RootModel[list[PreviousEnvironment]]):
    """Every target's previous environment, as a list (R-ENVREL-16)."""


class RollbackRelease(Contract):
    """The same as one object (R-BACK-27).

    Where the fleet ran several versions, `previous_environment_version` names them all, with commas. `updated_at` is
    when the update began, to the second, as scripts read it; None when it never did.
    """

    release_id: str
    environment_version: str
    previous_environment_version: str
    updated_at: Annotated[datetime, AfterValidator(lambda at: at.replace(microsecond=0))] | None
    deployments: list[PreviousEnvironment]


RollbackFormat = Literal["release", "list"]


def fleet_progress_of(release: Release) -> ProgressView | None:
    """The counts of an environment release; None for a release of a model."""
    if release.kind is Kind.MODEL:
        return None
    work = _work_of(release)
    counts = Counter(_progress_in(release, work).values())
    checks = Counter(target.check for target in release.fleet)
    return ProgressView(
        work=work.value if work else None,
        targets=len(release.fleet),
        counts={progress.value: counts[progress] for progress in Progress},
        checks={verdict.value: checks[verdict] for verdict in Verdict},
    )


def targets_of(release: Release) -> TargetList:
    """Raises Conflict for a release of a model, which has one target."""
    _check_kind(release)
    work = _work_of(release)
    progress = _progress_in(release, work)
    return TargetList(
        release_id=release.release_id,
        phase=release.phase.value,
        work=work.value if work else None,
        targets=[_view(target, progress[target.key]) for target in sorted(release.fleet, key=_place)],
    )


def rollback_metadata_of(
    release: Release, entries: list[HistoryEntry], form: RollbackFormat
) -> RollbackRelease | RollbackList:
    """What every target ran before. Raises Conflict while nothing is recorded, so that no empty file passes for it."""
    _check_kind(release)
    if not release.fleet or release.endpoints_to_list:
        raise Conflict(
            f"what production runs is not recorded: the release is {release.phase.value} and has changed nothing, "
            "so there is nothing to go back to"
        )
    targets = sorted(release.fleet, key=_place)
    deployments = [_previous(target) for target in targets]
    if form == "list":
        return RollbackList(deployments)
    versions = {_version(target.previous.environment) for target in targets}
    return RollbackRelease(
        release_id=release.release_id,
        environment_version=release.asset_version,
        previous_environment_version=", ".join(sorted(versions)),
        updated_at=next((entry.at for entry in entries if entry.phase_after == Phase.UPDATING), None),
        deployments=deployments,
    )


def _check_kind(release: Release) -> None:
    if release.kind is Kind.MODEL:
        raise Conflict(f"{release.release_id} releases a model: its one target is in the release itself, read that")


def _current(release: Release) -> Phase | None:
    return release.held_phase if release.phase is Phase.HELD else release.phase


def _work_of(release: Release) -> Phase | None:
    phase = _current(release)
    if phase in WORK:
        return phase
    begun = {target.goal for target in release.fleet}
    return next((work for work in reversed(WORK) if work in begun), None)


def _progress_in(release: Release, work: Phase | None) -> Mapping[str, Progress]:
    """Work that is over stays as it ended; what it never came to is untouched or was still waiting."""
    if work is _current(release):
        return progress_by_key(release)
    left = Progress.UNTOUCHED if work in (Phase.ROLLING_BACK, Phase.VERIFYING_ROLLBACK) else Progress.WAITING
    return {target.key: target.progress if target.goal is work else left for target in release.fleet}


def _view(target: FleetTarget, progress: Progress) -> TargetView:
    plant_id, circuit_id = _place(target)
    return TargetView(
        key=target.key,
        plant_id=plant_id,
        circuit_id=circuit_id,
        progress=progress.value,
        attempt=target.attempt,
        touched=target.touched,
        check=target.check.value if target.check else None,
        check_detail=target.check_detail,
        detail=target.detail,
        previous_model=target.previous.model,
        previous_environment=target.previous.environment,
    )


def _place(target: FleetTarget) -> tuple[str, str]:
    """Plant and circuit: the deployment says them, and the key is made of both."""
    plant_id, _, circuit_id = target.key.partition("-")
    told = target.previous.circuit_ids
    return (told[0], told[1]) if told else (plant_id, circuit_id)


def _previous(target: FleetTarget) -> PreviousEnvironment:
    plant_id, circuit_id = _place(target)
    return PreviousEnvironment(
        plant_id=plant_id, circuit_id=circuit_id, previous_environment=target.previous.environment
    )


def _version(environment: str) -> str:
    found = _ENVIRONMENT_VERSION.search(environment)
    return found[1] if found else environment
