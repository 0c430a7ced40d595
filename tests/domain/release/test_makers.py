"""What a gate asks for when nobody can say who made the candidate."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from shared.domain.errors import NotEligible
from shared.domain.makers import Account, AccountKind, Maker, unnamed
from shared.domain.release.decide import decide
from shared.domain.release.events import CandidateVerified, EnvironmentVerified
from shared.domain.release.model import Actor, Candidate, Phase, Release
from shared.domain.release.policy import ApprovalRule, Stage, UnknownMakers
from shared.domain.release.specs import gate_facts
from shared.domain.release.waiting import waiting
from tests.support.builders import (
    NOW,
    RELEASE_ID,
    a_candidate,
    a_fleet_release,
    a_maker,
    a_plan,
    a_policy,
    a_release,
    an_actor,
)
from tests.support.drive_model import approval

REGISTRY, PRODUCTION = Phase.AWAITING_REGISTRY_APPROVAL, Phase.AWAITING_PRODUCTION_APPROVAL
STRANGER = Maker(account=Account(kind=AccountKind.GIT_EMAIL, name="who@example.com"))
UNPROVEN = a_maker(proven=False)


def at_gate(gate: Phase, *makers: Maker, unknown: UnknownMakers = UnknownMakers.TWO) -> Release:
    """At a gate of one engineer, with a candidate that these made."""
    return a_release(gate, candidate=a_candidate(makers=makers), policy=a_policy(unknown_makers=unknown), approvals=())


def approved(release: Release, actor: Actor) -> Release:
    return decide(release, replace(approval(release, actor), release_id=RELEASE_ID), NOW).release


def approved_by(release: Release, *numbers: int) -> Release:
    for number in numbers:
        release = approved(release, an_actor(number))
    return release


@pytest.mark.parametrize("gate", [REGISTRY, PRODUCTION])
@pytest.mark.parametrize(
    "makers",
    [(), (STRANGER,), (a_maker(), STRANGER), (UNPROVEN,), (a_maker(), Maker(account=unnamed("whoever opened PR-1")))],
    ids=["nobody is named", "a stranger", "a stranger had a part in it", "only a claim", "somebody is missing"],
)
def test_an_unknown_maker_needs_two_different_people(gate: Phase, makers: tuple[Maker, ...]) -> None:
    """One of them may be the maker; both cannot (I4)."""
    release = approved_by(at_gate(gate, *makers), 2, 2)
    assert release.phase is gate
    wait = waiting(release)
    assert wait is not None
    assert wait.who_can_end_it == ("ML-Engineers",)

    assert approved_by(release, 3).phase is not gate


@pytest.mark.parametrize("gate", [REGISTRY, PRODUCTION])
def test_a_maker_who_is_known_leaves_the_gate_as_its_groups_have_it(gate: Phase) -> None:
    known = at_gate(gate, a_maker(), a_maker(5, "claimed@example.com", proven=False))
    assert approved_by(known, 2).phase is not gate
    assert "unknown" not in str(gate_facts(known, Stage.REGISTRY))


def test_the_policy_may_leave_an_unknown_maker_to_one() -> None:
    assert approved_by(at_gate(REGISTRY, STRANGER, unknown=UnknownMakers.ONE), 2).phase is Phase.PROMOTING


def test_a_gate_that_asks_for_two_asks_for_no_third() -> None:
    two = replace(a_policy().gates[Stage.REGISTRY], approvals=(ApprovalRule(group="ML-Engineers", count=2),))
    release = at_gate(REGISTRY, STRANGER)
    release = replace(release, policy=a_policy(gates={**a_policy().gates, Stage.REGISTRY: two}))
    assert approved_by(release, 2, 3).phase is Phase.PROMOTING


def test_nobody_who_is_known_to_have_a_part_in_it_counts_however_many_are_unknown() -> None:
    release = at_gate(REGISTRY, a_maker(), STRANGER)
    with pytest.raises(NotEligible, match="requested this release"):
        approved_by(release, 1)
    by_claim = at_gate(REGISTRY, a_maker(), a_maker(5, "claimed@example.com", proven=False))
    by_claim = replace(by_claim, candidate=replace(by_claim.candidate or a_candidate(), requesters=()))
    with pytest.raises(NotEligible, match="requested this release"):
        approved_by(by_claim, 5)


def test_an_unknown_maker_is_shown_with_what_was_claimed() -> None:
    facts = gate_facts(at_gate(REGISTRY, a_maker(), STRANGER), Stage.REGISTRY)
    assert facts["made by"] == "Person 1; unknown: the commit address who@example.com (a claim)"
    assert facts["warning: maker unknown"] == "2 different people have to approve"


def test_a_candidate_that_was_stored_before_accounts_were_is_judged_as_unknown() -> None:
    """And the names it has still forbid."""
    release = at_gate(REGISTRY)
    assert "named are" in gate_facts(release, Stage.REGISTRY)["made by"]
    with pytest.raises(NotEligible, match="requested this release"):
        approved(release, an_actor(username="Rita@Example.com"))
    assert approved_by(release, 2).phase is REGISTRY
    assert approved_by(release, 2, 3).phase is Phase.PROMOTING


def model_verified(candidate: Candidate) -> Release:
    release = a_release(policy=a_policy(unknown_makers=UnknownMakers.REFUSE))
    event = CandidateVerified(
        event_id="verified", release_id=RELEASE_ID, occurred_at=NOW, serial=1, candidate=candidate, plan=a_plan()
    )
    return decide(release, event, NOW).release


def environment_verified(candidate: Candidate) -> Release:
    release = a_fleet_release()
    release = replace(release, policy=replace(release.policy, unknown_makers=UnknownMakers.REFUSE))
    event = EnvironmentVerified(
        event_id="verified",
        release_id=RELEASE_ID,
        occurred_at=NOW,
        serial=1,
        candidate=candidate,
        endpoints=("batch-endpoint-plant-P001",),
        circuits=("P001-C001",),
    )
    return decide(release, event, NOW).release


@pytest.mark.parametrize("verified", [model_verified, environment_verified])
def test_where_the_policy_refuses_an_unknown_maker_people_can_name_and_retry(
    verified: Callable[[Candidate], Release],
) -> None:
    held = verified(a_candidate(makers=(a_maker(), STRANGER)))
    assert (held.phase, held.held_phase) == (Phase.HELD, Phase.VERIFYING)
    assert "the commit address who@example.com (a claim); add the accounts to config/people.yml" in held.reason

    assert verified(a_candidate()).phase is REGISTRY
