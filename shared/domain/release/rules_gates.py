"""Rules of the gates: verified candidates wait for people, people decide."""

from datetime import datetime
from typing import Any

from shared.domain.errors import Conflict, InvalidRequest
from shared.domain.evidence.gate import check_evidence
from shared.domain.people import check_approver, gate_satisfied
from shared.domain.release.events import ApprovalSubmitted, CandidateVerified
from shared.domain.release.lowering import lowered
from shared.domain.release.makers import is_refused, people_min, refused_makers
from shared.domain.release.missing import check_missing
from shared.domain.release.model import GATE_OF_PHASE, Approval, Kind, Phase, Release, Target
from shared.domain.release.moves import Move, end, enter, hold, stay
from shared.domain.release.policy import Stage
from shared.domain.release.specs import gate_digest

#: What follows once the gate of a stage is satisfied, or right away where a stage has no gate.
AFTER_GATE = {
    (Kind.MODEL, Stage.REGISTRY): Phase.PROMOTING,
    (Kind.MODEL, Stage.PRODUCTION): Phase.RECORDING_PREVIOUS,
    (Kind.ENVIRONMENT, Stage.REGISTRY): Phase.PROMOTING,
    (Kind.ENVIRONMENT, Stage.PRODUCTION): Phase.UPDATING,
    (Kind.ENVIRONMENT, Stage.ROLLBACK): Phase.ROLLING_BACK,
    (Kind.ROLLBACK, Stage.ROLLBACK): Phase.WAITING_FOR_FLEET,
    (Kind.ONLINE, Stage.REGISTRY): Phase.PROMOTING,
    (Kind.ONLINE, Stage.PRODUCTION): Phase.RECORDING_PREVIOUS,
}
_PHASE_OF_GATE = {stage: phase for phase, stage in GATE_OF_PHASE.items()}


def open_gate(release: Release, stage: Stage, now: datetime, note: str, **changes: Any) -> Move:
    """Waits for the people of the stage's gate, or starts the stage when the policy has no gate for it. Without a gate
    nobody can say that something may be lowered."""
    down = lowered(release) if stage is Stage.PRODUCTION else {}
    if down and stage not in release.policy.gates:
        return end(release, Phase.FAILED, now, f"{note}; {_told(down)}, and there is no gate where people could say so")
    if stage in release.policy.gates:
        return enter(release, _PHASE_OF_GATE[stage], now, note, **changes)
    return enter(release, AFTER_GATE[release.kind, stage], now, f"{note}; {stage.value} has no gate", **changes)


def candidate_verified(release: Release, event: CandidateVerified, now: datetime) -> Move:
    """The target set is frozen here, before anything changes (I17)."""
    candidate = event.candidate
    target = Target(key=f"{candidate.plant_id}-{candidate.circuit_id}", plan=event.plan)
    note = f"{candidate.name}:{candidate.version} is a candidate for {candidate.plant_id}/{candidate.circuit_id}"
    if is_refused(release, candidate):
        return hold(release, now, refused_makers(candidate))
    note += f", configured by {event.configuration}" if event.configuration else ""
    changes = {"candidate": candidate, "targets": (target,), "configuration": event.configuration}
    return open_gate(release, Stage.REGISTRY, now, note, **changes)


def approval_submitted(release: Release, event: ApprovalSubmitted, now: datetime) -> Move:
    """Counts once per person, never the requester, on this digest only; a rejection needs its reason (I2, I4, I5)."""
    stage = GATE_OF_PHASE[release.phase]
    if event.stage is not stage:
        raise Conflict(too_late(release, event))
    check_approver(release, stage, event.actor)
    digest = gate_digest(release, stage)
    if event.digest != digest:
        raise Conflict(f"what you looked at has changed: read the release again and decide on digest {digest}")
    if event.approved:
        check_evidence(release, stage)
        check_missing(release, stage, event.reason)
        _check_reason(release, event)
    approval = Approval(
        stage=stage,
        actor=event.actor,
        approved=event.approved,
        digest=digest,
        reason=event.reason,
        at=now,
    )
    if not event.approved:
        return _reject(release, approval, now)
    return _approve(release, approval, now)


def too_late(release: Release, event: ApprovalSubmitted) -> str:
    """What somebody is told whose decision finds no open gate: of several at one moment the first one counts."""
    said = "approval" if event.approved else "rejection"
    here = f"has ended as {release.phase.value}: {release.reason}" if release.phase.is_terminal else _is_at(release)
    decided = [each for each in release.approvals if each.stage is event.stage]
    if not decided:
        return f"the gate of {event.stage.value} is not open: this release {here}"
    by = ", ".join(f"{each.actor.name} {'approved' if each.approved else 'rejected'}" for each in decided)
    fix = "" if event.approved or release.phase.is_terminal else "; to stop it, abort the release"
    return f"the {said} of {event.stage.value} came too late: {by}, and this release {here}{fix}"


def _is_at(release: Release) -> str:
    stage = GATE_OF_PHASE.get(release.phase)
    return f"waits at {stage.value}" if stage else f"is {release.phase.value}"


def _check_reason(release: Release, event: ApprovalSubmitted) -> None:
    """Nothing goes down in production unless people say so (I29)."""
    down = lowered(release) if event.stage is Stage.PRODUCTION else {}
    if down and not event.reason.strip():
        raise InvalidRequest(f"approving needs a reason, because {_told(down)}: say why it may")


def _told(down: dict[str, str]) -> str:
    return "; ".join(f"the {dimension} {what}" for dimension, what in sorted(down.items()))


def _reject(release: Release, approval: Approval, now: datetime) -> Move:
    if not approval.reason.strip():
        raise InvalidRequest("a rejection needs a reason: say what is wrong, so that it can be mended")
    rejected = stay(release, approvals=(*release.approvals, approval)).release
    note = f"{approval.actor.name} rejected {approval.stage.value}: {approval.reason}"
    return end(rejected, Phase.REJECTED, now, note)


def _approve(release: Release, approval: Approval, now: datetime) -> Move:
    stage, actor = approval.stage, approval.actor
    counted = [a for a in release.approvals if a.stage is stage and a.digest == approval.digest]
    if any((a.actor.tenant_id, a.actor.object_id) == (actor.tenant_id, actor.object_id) for a in counted):
        return stay(release, f"{actor.name} had already approved {stage.value}: counted once")
    approved = stay(release, approvals=(*release.approvals, approval)).release
    note = f"{actor.name} approved {stage.value}" + (f": {approval.reason}" if approval.reason else "")
    if gate_satisfied(release.policy.gates[stage].approvals, [*counted, approval], people_min(release, stage)):
        return enter(approved, AFTER_GATE[release.kind, stage], now, note)
    return Move(release=approved, note=f"{note}; more approvals are needed")
