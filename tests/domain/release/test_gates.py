"""Who may approve what, how often it counts, and what ends the waiting."""

from dataclasses import replace

import pytest

from shared.domain.errors import Conflict, InvalidRequest, NotEligible
from shared.domain.release.decide import decide, refused
from shared.domain.release.model import Phase, Release
from shared.domain.release.policy import ApprovalRule, GatePolicy, Stage
from shared.domain.release.specs import gate_digest, gate_facts
from tests.support.builders import NOW, a_candidate, a_policy, an_actor
from tests.support.drive_model import abort, approval, deadline, driven_to, kinds, next_event, opened

REGISTRY, PRODUCTION = Phase.AWAITING_REGISTRY_APPROVAL, Phase.AWAITING_PRODUCTION_APPROVAL


@pytest.mark.parametrize("gate", [REGISTRY, PRODUCTION])
def test_an_engineers_approval_opens_the_gate(gate: Phase) -> None:
    """ML-Engineers decide before registry and before production (R-REL-3, R-REL-16)."""
    release = driven_to(gate)

    decision = decide(release, approval(release), NOW)

    after = {REGISTRY: Phase.PROMOTING, PRODUCTION: Phase.RECORDING_PREVIOUS}[gate]
    assert decision.release.phase is after


def test_nobody_outside_the_group_may_approve() -> None:
    """The message says whose decision it is."""
    release = driven_to(REGISTRY)

    with pytest.raises(NotEligible, match="not a member of ML-Engineers"):
        decide(release, approval(release, an_actor(groups=("Readers",))), NOW)


@pytest.mark.parametrize(
    "identity",
    [{"object_id": a_candidate().requesters[0]}, {"username": "Rita@Example.com"}],
    ids=["object id", "user name in another case"],
)
def test_the_requester_may_not_approve(identity: dict[str, str]) -> None:
    """Never the requester, by whichever identifier they are known (I4)."""
    release = driven_to(REGISTRY)

    with pytest.raises(NotEligible, match="requested this release"):
        decide(release, approval(release, an_actor(**identity)), NOW)


def test_an_application_may_not_approve() -> None:
    """Only people decide (I4)."""
    release = driven_to(REGISTRY)

    with pytest.raises(NotEligible, match="only a person"):
        decide(release, approval(release, an_actor(is_person=False)), NOW)


def test_an_approval_of_something_else_does_not_count() -> None:
    """An approval binds to the digest that was shown (I5)."""
    release = driven_to(REGISTRY)

    with pytest.raises(Conflict, match="read the release again"):
        decide(release, approval(release, digest="0" * 64), NOW)


def test_a_decision_on_a_gate_that_is_not_open_is_refused() -> None:
    """Production cannot be approved ahead of its test."""
    release = driven_to(REGISTRY)

    with pytest.raises(Conflict, match="gate of production is not open"):
        decide(release, approval(release, stage=Stage.PRODUCTION), NOW)


def test_another_candidate_has_another_digest() -> None:
    """A change of the candidate voids approvals (I5)."""
    release = driven_to(REGISTRY)
    changed = replace(release, candidate=a_candidate(fingerprint="0" * 64))

    assert gate_digest(release, Stage.REGISTRY) != gate_digest(changed, Stage.REGISTRY)


def test_another_test_run_has_another_digest() -> None:
    """A change of the evidence voids approvals (I5)."""
    release = driven_to(PRODUCTION)
    run = replace(release.check_runs[0], job_name="another-job")

    assert gate_digest(release, Stage.PRODUCTION) != gate_digest(replace(release, check_runs=(run,)), Stage.PRODUCTION)


def two_approvals(*groups: str) -> Release:
    """A release whose registry gate wants one approval of each group."""
    gate = GatePolicy(approvals=tuple(ApprovalRule(group=g) for g in groups), deadline_s=86_400, instructions="")
    return driven_to(REGISTRY, a_policy(gates={Stage.REGISTRY: gate, Stage.PRODUCTION: gate}))


def test_one_person_counts_once() -> None:
    """A second yes of the same person opens nothing (I4)."""
    release = two_approvals("ML-Engineers", "ML-Engineers")
    once = decide(release, approval(release), NOW).release

    twice = decide(once, approval(once, event_id="again"), NOW)

    assert twice.release.phase is REGISTRY
    assert "counted once" in twice.note


def test_one_person_in_two_groups_fills_one_seat() -> None:
    """Two different people, even when one of them could sign for both groups."""
    release = two_approvals("ML-Engineers", "Engineering-Managers")
    both = ("ML-Engineers", "Engineering-Managers")
    once = decide(release, approval(release, an_actor(2, groups=both)), NOW).release

    assert once.phase is REGISTRY
    assert decide(once, approval(once, an_actor(3)), NOW).release.phase is Phase.PROMOTING


def test_a_rejection_needs_a_reason() -> None:
    """Somebody has to mend it."""
    release = driven_to(REGISTRY)

    with pytest.raises(InvalidRequest, match="needs a reason"):
        decide(release, approval(release, approved=False, reason="  "), NOW)


@pytest.mark.parametrize("gate", [REGISTRY, PRODUCTION])
def test_a_rejection_ends_the_release(gate: Phase) -> None:
    """One no is enough."""
    release = driven_to(gate)

    decision = decide(release, approval(release, approved=False, reason="metrics are worse"), NOW)

    assert decision.release.phase is Phase.REJECTED
    assert "metrics are worse" in decision.release.reason
    assert "Deploy" not in kinds(decision)


@pytest.mark.parametrize("gate", [REGISTRY, PRODUCTION])
def test_nobody_deciding_for_24_hours_ends_the_release(gate: Phase) -> None:
    """Expiry (R-REL-5: 1,440 minutes)."""
    release = driven_to(gate)
    event, at = deadline(release)

    assert (at - NOW).total_seconds() == 86_401
    assert decide(release, event, at).release.phase is Phase.EXPIRED


def test_a_deadline_that_has_not_come_changes_nothing() -> None:
    """A clock that runs ahead cannot expire a release."""
    release = driven_to(REGISTRY)
    event, _ = deadline(release)

    decision = decide(release, event, NOW)

    assert not decision.applied
    assert decision.release == release


def test_a_stage_without_a_gate_starts_at_once() -> None:
    """Gates are policy."""
    policy = a_policy()
    release = opened(replace(policy, gates={Stage.PRODUCTION: policy.gates[Stage.PRODUCTION]}))

    assert decide(release, next_event(release), NOW).release.phase is Phase.PROMOTING


def test_an_approver_is_shown_the_facts() -> None:
    """Plant, circuit, model version, PR, and before production the test status (R-REL-4)."""
    facts = gate_facts(driven_to(PRODUCTION), Stage.PRODUCTION)

    assert facts["plant"] == "P001"
    assert facts["circuit"] == "C001"
    assert facts["model"] == "sensor-model-P001-C001:7"
    assert facts["pull request"] == "42"
    assert facts["test status"] == "passed"


def test_a_release_that_ended_says_so_to_whoever_comes_late() -> None:
    """409 with the reason, not a silent nothing."""
    release = driven_to(REGISTRY)
    late = approval(release)
    ended = decide(release, abort(release), NOW).release

    with pytest.raises(Conflict, match="has ended as aborted"):
        decide(ended, late, NOW)


def test_the_gate_shows_what_the_test_predicted_and_binds_to_it() -> None:
    """That the plausible range is not known is a warning; other output is another thing to approve (I5)."""
    shown, digests = [], []
    for output in ("24 rows of 2026-01-05; within the plausible range", "24 rows of 2026-01-05; range not known", ""):
        release = driven_to(PRODUCTION)
        runs = (*release.check_runs[:-1], replace(release.check_runs[-1], output=output))
        release = replace(release, check_runs=runs)
        shown.append(gate_facts(release, Stage.PRODUCTION)["test predictions"])
        digests.append(gate_digest(release, Stage.PRODUCTION))

    assert shown == [
        "24 rows of 2026-01-05; within the plausible range",
        "warning: 24 rows of 2026-01-05; range not known",
        "not known",
    ]
    assert len(set(digests)) == 3


@pytest.mark.parametrize("yes", [True, False])
def test_a_rejection_that_comes_too_late_says_who_decided_and_what_is_left(yes: bool) -> None:
    """Of several decisions at one moment the first counts."""
    gate = driven_to(REGISTRY)
    late = replace(approval(gate, an_actor(3, name="Late")), approved=yes, reason="the sensor was broken")
    passed = decide(gate, approval(gate, an_actor(2, name="Quick")), NOW).release

    with pytest.raises(Conflict) as told:
        decide(passed, late, NOW)

    said = "approval" if yes else "rejection"
    assert f"the {said} of registry came too late: Quick approved, and this release is promoting" in str(told.value)
    assert ("to stop it, abort the release" in str(told.value)) is not yes
    entry = refused(passed, late, told.value, NOW).entry
    assert entry is not None
    assert (entry.actor, "came too late" in entry.note) == ("Late", True)


def test_a_decision_after_the_end_says_how_it_ended() -> None:
    gate = driven_to(REGISTRY)
    no = replace(approval(gate, an_actor(2, name="Quick")), approved=False, reason="broken sensor")
    rejected = decide(gate, no, NOW).release
    with pytest.raises(Conflict, match=r"Quick rejected, and this release has ended as rejected: .*broken sensor"):
        decide(rejected, approval(gate, an_actor(3)), NOW)
