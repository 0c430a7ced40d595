"""The rule of evidence: a person hands in an executed notebook for an environment release."""

from datetime import datetime

from shared.domain.evidence.gate import assessed
from shared.domain.evidence.model import Evidence
from shared.domain.people import check_author
from shared.domain.release.events import EvidenceSubmitted
from shared.domain.release.model import GATE_OF_PHASE, Release
from shared.domain.release.moves import Move, stay
from shared.domain.release.policy import Stage
from shared.domain.release.specs import gate_digest


def evidence_submitted(release: Release, event: EvidenceSubmitted, now: datetime) -> Move:
    """New evidence takes the place of the old, and approvals given on the old count no more: the digest differs (I5).

    The same file with the same result changes nothing, and no approval is lost by sending it twice.
    """
    check_author(release, event.actor)
    old = release.evidence
    if old and (old.sha256, old.quality, old.reasons) == (event.sha256, event.quality, event.reasons):
        return stay(release)
    evidence = Evidence(
        sha256=event.sha256,
        size_bytes=event.size_bytes,
        quality=event.quality,
        reasons=event.reasons,
        submitted_by=event.actor.name,
        submitted_by_id=event.actor.object_id,
        at=now,
    )
    move = stay(release, evidence=evidence)
    advice = assessed(move.release, Stage.REGISTRY).advice.value
    note = f"{event.actor.name} submitted evidence, SHA-256 {event.sha256}: {event.quality.value}, {advice}"
    if void := _approvals(release):
        note += f"; approvals that count no more, given on what was there before: {void}"
    return Move(release=move.release, note=note)


def _approvals(release: Release) -> int:
    """How many approvals the open gate has; while the candidate is being verified there is none."""
    stage = GATE_OF_PHASE.get(release.phase)
    if stage is None:
        return 0
    digest = gate_digest(release, stage)
    return sum(each.approved and each.stage is stage and each.digest == digest for each in release.approvals)
