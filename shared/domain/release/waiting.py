"""No silent wait: what a release waits for, since when, until when, and who can end it (R-INV-27)."""

from dataclasses import dataclass
from datetime import datetime

from shared.domain.evidence.gate import evidence_missing
from shared.domain.fleet.batch_jobs import told
from shared.domain.fleet.lanes import WORK, places
from shared.domain.freezes.freeze import Freeze, Freezes
from shared.domain.online import specs as online
from shared.domain.people import groups_missing
from shared.domain.release.makers import people_min
from shared.domain.release.model import AZURE_ML, GATE_OF_PHASE, Kind, Phase, Progress, Release
from shared.domain.release.policy import Stage
from shared.domain.release.specs import gate_digest

_WAITS_FOR = {
    Phase.VERIFYING: "Azure ML: the model is read again",
    Phase.PROMOTING: "Azure ML: the model is shared to the registry",
    Phase.DEPLOYING_TEST: "Azure ML: the test deployment",
    Phase.TESTING: "Azure ML: the test inference",
    Phase.RECORDING_PREVIOUS: "Azure ML: what production runs is read",
    Phase.DEPLOYING_PRODUCTION: "Azure ML: the production deployment",
    Phase.SETTLING: "the quiet period after a change of unknown outcome; then production is read back",
    Phase.RESTORING: "Azure ML: production is put back to what it ran before",
}


_FLEET_WAITS_FOR = {
    Phase.VERIFYING: "Azure ML: the environment is read again",
    Phase.PROMOTING: "Azure ML: the environment is shared to the registry",
    Phase.WAITING_FOR_FLEET: "every circuit of the fleet",
    Phase.FREEZING_TARGETS: "Azure ML: what production runs is read",
    Phase.CHECKING: "compatibility checks of the models",
    Phase.UPDATING: "Azure ML: the production deployments are updated",
    Phase.WATCHING: "the end of the watch; alerts or failing batch jobs may roll production back",
    Phase.ROLLING_BACK: "Azure ML: production is put back to what it ran before",
    Phase.VERIFYING_ROLLBACK: "Azure ML: sample inferences on what was put back",
}


@dataclass(frozen=True, kw_only=True)
class Waiting:
    """The answer to "why is nothing happening?". `who_can_end_it` are groups. Approvers can also abort, always."""

    waits_for: str
    since: datetime
    until: datetime | None
    who_can_end_it: tuple[str, ...]


def waiting(release: Release, freezes: Freezes | None = None) -> Waiting | None:
    """None once the release has ended. A freeze of `freezes` that stands before the current step is the answer."""
    if release.phase.is_terminal:
        return None
    if freezes is not None and (freeze := freezes.holding(release)):
        return behind(freeze, freezes, release.phase_since, so_far(release))
    return Waiting(
        waits_for=_waits_for(release),
        since=release.phase_since,
        until=release.deadline_at,
        who_can_end_it=_who(release),
    )


def behind(freeze: Freeze, freezes: Freezes, since: datetime, so_far: str = "") -> Waiting:
    """The wait for the end of `freeze`, one of `freezes`, in a phase that began at `since`."""
    return Waiting(
        waits_for=f"the end of the {freeze}{so_far}",
        since=max(since, freeze.starts_at),
        until=freeze.ends_at,
        who_can_end_it=tuple(sorted(freezes.groups)),
    )


def so_far(release: Release) -> str:
    """How far an update was before the freeze; circuits outside its scope go on."""
    return f" (updated{_count(release)})" if release.phase is Phase.UPDATING else ""


def _waits_for(release: Release) -> str:
    if release.phase in GATE_OF_PHASE:
        stage = GATE_OF_PHASE[release.phase]
        first = "an executed notebook as evidence, and " if evidence_missing(release, stage) else ""
        why = f": {release.rollback_reason}" if stage is Stage.ROLLBACK else ""
        return f"{first}a decision on {stage.value} by {' and '.join(_who(release))}{why}"
    if release.phase is Phase.WAITING_FOR_CIRCUIT:
        holder = release.waiting_on or "nobody yet"
        return f"circuit {release.target.key}, held by {holder}"
    if release.phase is Phase.HELD:
        return f"a person to retry or abort: {release.reason}"
    if release.kind is Kind.ONLINE:
        held_by = f", held by {release.waiting_on}" if release.phase is Phase.WAITING_FOR_ENDPOINT else ""
        return online.waits_for(release) + (held_by if release.waiting_on else "") + _busy(release)
    if release.kind is Kind.ROLLBACK and release.phase is Phase.WAITING_FOR_FLEET:
        return "the circuits that go back" + _count(release)
    if release.kind is not Kind.MODEL and release.phase in _FLEET_WAITS_FOR:
        return _FLEET_WAITS_FOR[release.phase] + _count(release)
    return _WAITS_FOR[release.phase] + _busy(release)


def _busy(release: Release) -> str:
    """What of Azure ML stands before the step, as the last look found it."""
    return f"; {release.waiting_on.removeprefix(AZURE_ML)}" if release.waiting_on.startswith(AZURE_ML) else ""


def _count(release: Release) -> str:
    if release.phase is Phase.WATCHING:
        return _watched(release)
    if release.phase not in WORK:
        held_by = f", held by {release.waiting_on}" if release.waiting_on else ""
        return _busy(release) or held_by
    done = places(release, Progress.DONE).bit_count()
    of = len(release.fleet) - places(release, Progress.UNTOUCHED).bit_count()
    return f": {done} of {of}{_busy(release)}"


def _watched(release: Release) -> str:
    policy, times = release.policy.watch, release.watch_extended
    longer = f" (made longer {times} of {policy.extensions_max} times: predictions are missing)" if times else ""
    return longer + (f": {told(release.batch_jobs, policy)}" if release.batch_jobs else "")


def _who(release: Release) -> tuple[str, ...]:
    """At a gate, the groups whose approval is still missing; everywhere else, whoever may operate the release."""
    gates = release.policy.gates
    stage = GATE_OF_PHASE.get(release.phase)
    if stage not in gates:
        return tuple(sorted({rule.group for gate in gates.values() for rule in gate.approvals}))
    digest = gate_digest(release, stage)
    given = [each for each in release.approvals if each.stage is stage and each.digest == digest]
    return groups_missing(gates[stage].approvals, given, people_min(release, stage))
