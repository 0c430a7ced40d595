"""Evidence at the gates of an environment release: what the matrix says there, and when it forbids an approval."""

from shared.domain.errors import Conflict
from shared.domain.evidence.matrix import Advice, Assessment, judge, weigh
from shared.domain.release.model import Phase, Release
from shared.domain.release.policy import Stage


def evidence_required(release: Release, stage: Stage) -> bool:
    """What the release's policy says about the gate of `stage`; a stage without a gate needs nothing."""
    return stage in release.policy.gates and release.policy.gates[stage].evidence_required


def evidence_missing(release: Release, stage: Stage) -> bool:
    """True when approvals are refused until a notebook was submitted."""
    return release.evidence is None and evidence_required(release, stage)


def assessed(release: Release, stage: Stage | None = None) -> Assessment:
    """The matrix for the gate of `stage`, by default for the tests as far as they are now, with every reason."""
    if release.evidence is None:
        quality, reasons = judge(None, release.asset)
    else:
        quality, reasons = release.evidence.quality, release.evidence.reasons
    results = {target.key: target.check for target in release.fleet}
    return weigh(quality, reasons, stage or _stage_of_tests(release), results)


def _stage_of_tests(release: Release) -> Stage:
    """REGISTRY as long as the models of the frozen targets are not all through their checks."""
    phase = release.held_phase if release.phase is Phase.HELD else release.phase
    due = release.fleet and not release.endpoints_to_list and phase is not Phase.CHECKING
    return Stage.PRODUCTION if due else Stage.REGISTRY


def check_evidence(release: Release, stage: Stage) -> None:
    """Raises Conflict, with what to do, where an approval would go against the matrix or lacks what it must rest on.

    Never on the way back: evidence speaks for something new.
    """
    if stage is Stage.ROLLBACK:
        return
    if evidence_missing(release, stage):
        raise Conflict(
            f"{stage.value} cannot be approved without evidence: run a notebook in {release.asset} that shows "
            "what docs/evidence.md lists, and upload it to this release"
        )
    found = assessed(release, stage)
    if release.evidence is not None and found.advice is Advice.REJECT:
        raise Conflict(
            f"{stage.value} cannot be approved on this evidence: {found.quality.value} ({_against(found)}). "
            "Mend it and upload it again, or reject"
        )


def evidence_facts(release: Release, stage: Stage) -> dict[str, str]:
    """What an approver is shown of it; nothing where there is none and none is needed."""
    evidence = release.evidence
    if evidence is None:
        missing = "missing: nobody can approve before an executed notebook was uploaded"
        return {"evidence": missing} if evidence_missing(release, stage) else {}
    found = assessed(release, stage)
    facts = {
        "evidence": f"{found.advice.value}: {found.quality.value}; {found.fleet.value}",
        "evidence file": f"SHA-256 {evidence.sha256}, {evidence.size_bytes:,} bytes, by {evidence.submitted_by}",
    }
    against = _against(found)
    return facts | ({"against approval": against} if against else {})


def _against(found: Assessment) -> str:
    return "; ".join(f"{reason.rule}: {reason.text}" for reason in found.reasons if not reason.holds)
