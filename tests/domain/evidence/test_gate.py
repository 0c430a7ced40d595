"""Evidence in the core: when it may be submitted, what it changes, and what the gates bind to and show."""

from dataclasses import replace
from typing import Any

import pytest

from shared.domain.errors import Conflict, NotEligible
from shared.domain.evidence.gate import assessed, check_evidence, evidence_facts
from shared.domain.evidence.matrix import Quality, Reason
from shared.domain.fleet.environment_machine import LIVE
from shared.domain.release import events as e
from shared.domain.release.decide import decide
from shared.domain.release.model import TERMINAL, Phase, Release, Verdict
from shared.domain.release.policy import Stage
from shared.domain.release.specs import gate_digest
from shared.domain.release.waiting import waiting
from tests.fakes.config import environment_gates
from tests.support.builders import NOW, RELEASE_ID, a_candidate, a_fleet_release, a_fleet_target, a_release, an_actor

GATE = Phase.AWAITING_REGISTRY_APPROVAL
OPEN_TO_EVIDENCE = (Phase.VERIFYING, GATE)


def submission(number: int = 1, **changes: Any) -> e.EvidenceSubmitted:
    """Complete evidence; each number is another file."""
    sha256 = f"{number:064x}"
    event = e.EvidenceSubmitted(
        event_id=f"{RELEASE_ID}-evidence-{number}",
        release_id=RELEASE_ID,
        occurred_at=NOW,
        actor=an_actor(),
        sha256=sha256,
        size_bytes=7_000,
        quality=Quality.COMPLETE,
        reasons=(Reason(rule="notebook", holds=True, text=f"SHA-256 {sha256}"),),
    )
    return replace(event, **changes)


def with_evidence(phase: Phase = GATE, event: e.EvidenceSubmitted | None = None, **changes: Any) -> Release:
    """A release that was given its evidence at the gate and is in `phase` now."""
    given = decide(a_fleet_release(GATE), event or submission(), NOW).release
    return a_fleet_release(phase, evidence=given.evidence, **changes)


def strict(release: Release) -> Release:
    """Its policy asks for evidence."""
    return replace(release, policy=replace(release.policy, gates=environment_gates(evidence_required=True)))


def approval(release: Release, stage: Stage = Stage.REGISTRY, **changes: Any) -> e.ApprovalSubmitted:
    event = e.ApprovalSubmitted(
        event_id="approval",
        release_id=RELEASE_ID,
        occurred_at=NOW,
        stage=stage,
        actor=an_actor(),
        approved=True,
        digest=gate_digest(release, stage),
        reason="",
    )
    return replace(event, **changes)


@pytest.mark.parametrize("phase", OPEN_TO_EVIDENCE)
def test_evidence_is_kept_with_who_and_when_and_moves_nothing(phase: Phase) -> None:
    """The step that is under way stays the same step, so that its answer still counts."""
    release = a_fleet_release(phase)
    decision = decide(release, submission(), NOW)

    assert decision.release.evidence is not None
    assert (decision.release.evidence.submitted_by, decision.release.evidence.at) == (an_actor().name, NOW)
    same = replace(
        decision.release,
        evidence=None,
        history_count=release.history_count,
        history_hash=release.history_hash,
    )
    assert (same, decision.commands) == (release, ())
    assert decision.entry is not None
    assert (decision.entry.actor_id, submission().sha256 in decision.entry.note) == (an_actor().object_id, True)


def test_evidence_from_before_the_verification_is_there_at_the_gate() -> None:
    release = decide(a_fleet_release(Phase.VERIFYING), submission(), NOW).release
    verified = e.EnvironmentVerified(
        event_id="verified",
        release_id=RELEASE_ID,
        occurred_at=NOW,
        serial=release.serial,
        candidate=a_candidate(name="custom-tf-env", version="1.5.1"),
        endpoints=("e",),
        circuits=("P001-C001",),
    )
    after = decide(release, verified, NOW).release

    assert (after.phase, after.evidence) == (GATE, release.evidence)


@pytest.mark.parametrize("phase", sorted((LIVE | TERMINAL) - set(OPEN_TO_EVIDENCE)))
def test_in_any_other_phase_evidence_is_refused(phase: Phase) -> None:
    """People have decided on what was there."""
    with pytest.raises(Conflict):
        decide(a_fleet_release(phase), submission(), NOW)


def test_a_release_of_a_model_takes_no_evidence() -> None:
    with pytest.raises(Conflict):
        decide(a_release(GATE), submission(), NOW)


@pytest.mark.parametrize(
    "stranger", [an_actor(9, groups=("Readers",)), an_actor(9, is_person=False)], ids=["no member", "application"]
)
def test_only_a_member_of_an_approving_group_submits_evidence(stranger: Any) -> None:
    with pytest.raises(NotEligible):
        decide(a_fleet_release(GATE), submission(actor=stranger), NOW)


def test_whoever_asked_for_the_release_may_submit_its_evidence() -> None:
    """They ran the notebook; deciding on it is for others."""
    release = a_fleet_release(GATE)
    assert decide(release, submission(actor=an_actor(1)), NOW).release.evidence is not None


# What an approval binds to


@pytest.mark.parametrize("stage", [Stage.REGISTRY, Stage.PRODUCTION])
@pytest.mark.parametrize(
    "other",
    [submission(2), submission(quality=Quality.INCOMPLETE)],
    ids=["another file", "another result for the same file"],
)
def test_the_digest_covers_the_evidence_at_both_gates(stage: Stage, other: e.EvidenceSubmitted) -> None:
    """Release, stage, asset, evidence: a change of any voids approvals (I5)."""
    phase = {Stage.REGISTRY: GATE, Stage.PRODUCTION: Phase.AWAITING_PRODUCTION_APPROVAL}[stage]
    digests = {
        gate_digest(release, stage)
        for release in (a_fleet_release(phase), with_evidence(phase), with_evidence(phase, other))
    }
    assert len(digests) == 3


def test_an_approval_of_the_evidence_before_is_refused() -> None:
    before = with_evidence()
    after = decide(before, submission(2), NOW).release

    with pytest.raises(Conflict, match="what you looked at has changed"):
        decide(after, approval(before), NOW)
    assert decide(after, approval(after), NOW).release.phase is Phase.PROMOTING


def test_the_same_evidence_again_keeps_the_digest_and_leaves_no_trace() -> None:
    """From whomever it comes."""
    release = with_evidence()
    decision = decide(release, submission(actor=an_actor(5)), NOW)

    assert (decision.release, decision.entry) == (release, None)


# What the gates ask for


def test_required_evidence_is_asked_for_at_the_gate_of_the_registry_alone() -> None:
    """What was approved there is shown at the next gate, and cannot be changed any more."""
    release = strict(a_fleet_release(GATE))
    with pytest.raises(Conflict, match="cannot be approved without evidence"):
        decide(release, approval(release), NOW)
    check_evidence(release, Stage.PRODUCTION)


@pytest.mark.parametrize("quality", [Quality.INCOMPLETE, Quality.WITH_ERRORS])
def test_evidence_that_the_matrix_rejects_cannot_be_approved_but_can_be_rejected(quality: Quality) -> None:
    bad = submission(quality=quality, reasons=(Reason(rule="execution order", holds=False, text="cell 5 did not run"),))
    release = with_evidence(event=bad)
    with pytest.raises(Conflict, match=rf"{quality.value} \(execution order: cell 5 did not run\)"):
        decide(release, approval(release), NOW)

    assert decide(release, approval(release, approved=False, reason="bad"), NOW).release.phase is Phase.REJECTED


def test_evidence_never_stands_in_the_way_of_going_back() -> None:
    """Nothing forward blocks a rollback."""
    bad = submission(quality=Quality.WITH_ERRORS)
    check_evidence(with_evidence(Phase.WATCHING, bad), Stage.ROLLBACK)
    check_evidence(strict(a_fleet_release(Phase.WATCHING)), Stage.ROLLBACK)


def test_a_gate_that_lacks_its_evidence_waits_for_that_too() -> None:
    """No silent wait; bad evidence is for the approvers to look at."""
    lacking = waiting(strict(a_fleet_release(GATE)))
    assert lacking is not None
    assert lacking.waits_for == "an executed notebook as evidence, and a decision on registry by ML-Engineers"
    for release in (a_fleet_release(GATE), strict(with_evidence()), strict(a_fleet_release(Phase.CHECKING))):
        wait = waiting(release)
        assert wait is not None
        assert "evidence" not in wait.waits_for


# The second column of the matrix


def checked(phase: Phase, *verdicts: Verdict | None) -> Release:
    fleet = tuple(a_fleet_target(n, check=verdict) for n, verdict in enumerate(verdicts, start=1))
    return with_evidence(phase, fleet=fleet, endpoints_to_list=())


@pytest.mark.parametrize(
    ("release", "advice", "tests"),
    [
        (with_evidence(), "approve", "tests follow after this gate"),
        (checked(Phase.CHECKING, Verdict.PASSED, None), "approve", "tests follow after this gate"),
        (checked(Phase.UPDATING, Verdict.PASSED, Verdict.PASSED), "approve", "all models pass"),
        (checked(Phase.WATCHING, Verdict.INCONCLUSIVE), "needs a person", "some models have no clear result"),
        (checked(Phase.FAILED, Verdict.PASSED, Verdict.FAILED), "needs a person", "some models fail"),
        (checked(Phase.ABORTED, Verdict.PASSED, None), "needs a person", "some models have no clear result"),
        (strict(a_fleet_release(GATE)), "reject", "tests follow after this gate"),
    ],
)
def test_the_matrix_takes_the_tests_as_far_as_they_are(release: Release, advice: str, tests: str) -> None:
    """While models are still being checked, nothing is held against them."""
    found = assessed(release)

    assert (found.advice.value, found.fleet.value) == (advice, tests)


def test_a_gate_shows_evidence_only_where_there_is_some_or_should_be() -> None:
    assert evidence_facts(a_fleet_release(GATE), Stage.REGISTRY) == {}
    assert set(evidence_facts(strict(a_fleet_release(GATE)), Stage.REGISTRY)) == {"evidence"}
    assert set(evidence_facts(with_evidence(), Stage.REGISTRY)) == {"evidence", "evidence file"}
    doubtful = checked(Phase.AWAITING_PRODUCTION_APPROVAL, Verdict.INCONCLUSIVE)
    assert "P001-C001" in evidence_facts(doubtful, Stage.PRODUCTION)["against approval"]
