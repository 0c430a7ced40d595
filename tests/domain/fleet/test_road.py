"""The straight road of an environment release up to the work on its targets, and what must not happen there."""

from dataclasses import replace

import pytest

from shared.domain.errors import Conflict, NotEligible
from shared.domain.release import commands as c
from shared.domain.release import events as e
from shared.domain.release.model import Actor, Phase, Progress
from shared.domain.release.policy import Stage
from tests.support.builders import a_spec, an_actor
from tests.support.drive_fleet import (
    ENGINEER,
    MANAGER,
    NEW,
    OTHER_ENGINEER,
    REQUESTER,
    about,
    commands,
    driven_to,
    listed,
    move_on,
    opened,
    verified,
)

REGISTRY, PRODUCTION = Phase.AWAITING_REGISTRY_APPROVAL, Phase.AWAITING_PRODUCTION_APPROVAL
P001, P002 = "batch-endpoint-plant-P001", "batch-endpoint-plant-P002"


def test_the_straight_road_passes_every_phase_in_its_order() -> None:
    """Nothing is skipped and nothing comes twice."""
    drive = opened()
    while drive.release.phase is not Phase.WATCHING:
        move_on(drive)

    assert list(dict.fromkeys(decision.release.phase for decision in drive.said)) == [
        Phase.VERIFYING,
        REGISTRY,
        Phase.PROMOTING,
        Phase.WAITING_FOR_FLEET,
        Phase.FREEZING_TARGETS,
        Phase.CHECKING,
        PRODUCTION,
        Phase.UPDATING,
        Phase.WATCHING,
    ]


def test_nothing_changes_production_before_it_was_approved() -> None:
    """No command that could leaves, and no target counts as touched (I2)."""
    drive = driven_to(PRODUCTION)

    assert not [command for decision in drive.said for command in commands(decision, c.ChangeTarget)]
    assert not drive.release.production_touched


def test_verifying_says_which_endpoints_and_circuits_the_fleet_has() -> None:
    """Epoch 0 says that a lock is not taken yet."""
    drive = opened()
    decision = drive.tell(verified(drive))

    assert drive.release.phase is REGISTRY
    assert drive.release.endpoints_to_list == (P001, P002)
    assert drive.release.epochs == {"P001-C001": 0, "P001-C002": 0, "P002-C001": 0}
    assert "3 circuits" in decision.note


@pytest.mark.parametrize(
    ("stage", "before", "after"),
    [(Stage.REGISTRY, Phase.VERIFYING, Phase.PROMOTING), (Stage.PRODUCTION, Phase.CHECKING, Phase.UPDATING)],
)
def test_a_stage_without_a_gate_starts_at_once(stage: Stage, before: Phase, after: Phase) -> None:
    """The policy decides which stages people guard."""
    drive = driven_to(before)
    policy = drive.release.policy
    gates = {guarded: gate for guarded, gate in policy.gates.items() if guarded is not stage}
    drive.release = replace(drive.release, policy=replace(policy, gates=gates))
    move_on(drive)

    assert drive.release.phase is after
    assert f"{stage.value} has no gate" in drive.said[-1].note


def test_production_waits_for_an_engineer_and_a_manager() -> None:
    """Two different people; the same one twice is one."""
    drive = driven_to(PRODUCTION)
    drive.approved(ENGINEER, ENGINEER, OTHER_ENGINEER)
    assert drive.release.phase is PRODUCTION

    drive.approved(MANAGER)
    assert drive.release.phase is Phase.UPDATING


@pytest.mark.parametrize("gate", [REGISTRY, PRODUCTION])
@pytest.mark.parametrize("actor", [REQUESTER, an_actor(8, username="Maker@Example.com")], ids=["asked", "made it"])
def test_neither_who_asked_for_the_release_nor_who_made_the_version_may_approve(gate: Phase, actor: Actor) -> None:
    """Four eyes, whatever the groups say (I4)."""
    drive = driven_to(gate)

    with pytest.raises(NotEligible, match="requested this release"):
        drive.tell(drive.decision(actor))


def test_an_approval_of_other_check_results_does_not_count() -> None:
    """The digest binds every model's verdict and its numbers (I5)."""
    drive = driven_to(PRODUCTION)
    seen = drive.decision(ENGINEER)
    first, *others = drive.release.fleet
    drive.release = replace(drive.release, fleet=(replace(first, check_detail="largest difference 3.0"), *others))

    with pytest.raises(Conflict, match="read the release again"):
        drive.tell(seen)


@pytest.mark.parametrize(("gate", "freed"), [(REGISTRY, 0), (PRODUCTION, 1)])
def test_a_rejection_ends_the_release_and_gives_back_what_it_held(gate: Phase, freed: int) -> None:
    """Production was not touched: the circuits are free at once (I3, L2)."""
    drive = driven_to(gate)
    decision = drive.tell(drive.decision(OTHER_ENGINEER, approved=False, reason="not with these numbers"))

    assert drive.release.phase is Phase.REJECTED
    assert [command.cool_down_s for command in commands(decision, c.FreeFleet)] == [0] * freed
    assert not about(decision)


def test_the_registry_copy_is_what_is_checked_and_deployed() -> None:
    """From promotion on nothing refers to the dev workspace."""
    drive = driven_to(Phase.CHECKING)
    checks = commands(drive.said[-1], c.CheckTarget)

    assert {command.environment for command in checks} == {NEW}


def test_the_whole_fleet_is_held_before_anything_is_frozen() -> None:
    """What is tested is what will be updated (I7)."""
    drive = driven_to(Phase.WAITING_FOR_FLEET)
    [acquire] = commands(drive.said[-1], c.AcquireFleet)
    assert acquire.target_keys == ("P001-C001", "P001-C002", "P002-C001")
    assert drive.release.circuit_claimed

    drive.tell(drive.step(e.FleetAcquired, epochs=dict.fromkeys(acquire.target_keys, 7)))
    assert drive.release.phase is Phase.FREEZING_TARGETS
    assert set(drive.release.epochs.values()) == {7}


def test_waiting_names_each_holder_once() -> None:
    """A look every half minute must not fill the history."""
    drive = driven_to(Phase.WAITING_FOR_FLEET)
    notes = [drive.tell(drive.step(e.CircuitBusy, holder=holder)).note for holder in ("a", "a", "b", "b")]

    assert [bool(note) for note in notes] == [True, False, True, False]
    assert (drive.release.phase, drive.release.waiting_on) == (Phase.WAITING_FOR_FLEET, "b")


def test_waiting_for_the_fleet_ends_at_its_deadline() -> None:
    """What was held already is given back."""
    drive = driven_to(Phase.WAITING_FOR_FLEET)
    decision = drive.overdue()

    assert drive.release.phase is Phase.EXPIRED
    assert len(commands(decision, c.FreeFleet)) == 1


def test_every_endpoint_is_listed_once_before_the_targets_are_frozen() -> None:
    """A second list of the same endpoint, even another one, adds nothing (I17)."""
    drive = driven_to(Phase.FREEZING_TARGETS)
    assert {command.endpoint_name for command in commands(drive.said[-1], c.ListTargets)} == {P001, P002}
    drive.tell(listed(drive, P001))
    again = drive.tell(listed(drive, P001))

    assert (drive.release.phase, again.entry) == (Phase.FREEZING_TARGETS, None)
    assert [target.key for target in drive.release.fleet] == ["P001-C001", "P001-C002"]
    drive.tell(listed(drive, P002))
    assert (drive.release.phase, drive.release.endpoints_to_list) == (Phase.CHECKING, ())
    assert [target.key for target in drive.release.fleet] == ["P001-C001", "P001-C002", "P002-C001"]


def test_a_list_of_an_endpoint_outside_the_fleet_changes_nothing() -> None:
    """Only what was asked for counts."""
    drive = driven_to(Phase.FREEZING_TARGETS)
    before = drive.release
    drive.tell(replace(listed(drive, P001), endpoint_name="somebody-elses"))

    assert drive.release == before


def test_previous_is_what_production_runs_in_full_without_the_marks_of_an_earlier_roll_back() -> None:
    """It is durable before the first change (I1); an older release's roll-back is no part of what ran."""
    drive = driven_to(Phase.FREEZING_TARGETS)
    tags = {"model_version": "6", "release_id": "rel-before"}
    marks = {"restored_by_release": "rel-0", "rolled_back_at": "2025-12-01T00:00:00Z", "rollback_reason": "errors"}
    first, second = drive.fleet[P001]
    marked = replace(first, previous=replace(first.previous, tags={**tags, **marks}))
    drive.tell(replace(listed(drive, P001), targets=(marked, second)))

    assert drive.target("P001-C001").previous == replace(first.previous, tags=tags)
    assert drive.target("P001-C002").previous == second.previous


def test_an_unknown_deployment_holds_the_release_and_is_named() -> None:
    """Nobody holds its circuit, so nobody may change it. Once it is gone, a retry lists that endpoint again."""
    drive = driven_to(Phase.FREEZING_TARGETS)
    stranger = replace(drive.fleet[P001][0], key="P009-C009", previous=a_spec(deployment_name="by-hand"))
    drive.tell(listed(drive, P002))
    drive.tell(replace(listed(drive, P001), targets=(*drive.fleet[P001], stranger)))

    assert drive.release.phase is Phase.HELD
    assert "by-hand" in drive.release.reason
    again = drive.tell(drive.by(e.RetryRequested))
    assert [command.endpoint_name for command in commands(again, c.ListTargets)] == [P001]
    drive.tell(listed(drive, P001))
    assert (drive.release.phase, len(drive.release.fleet)) == (Phase.CHECKING, 3)


@pytest.mark.parametrize("endpoint", [P001, P002])
def test_two_deployments_of_one_circuit_hold_the_release_and_are_named(endpoint: str) -> None:
    """Each would have the other's *previous*: what ran there could not be put back (I1). A retry sees whether one is
    gone."""
    drive = driven_to(Phase.FREEZING_TARGETS)
    drive.tell(listed(drive, P001)) if endpoint == P002 else None
    second = replace(drive.fleet[P001][0], previous=a_spec(endpoint_name=endpoint, deployment_name="green"))
    drive.tell(replace(listed(drive, endpoint), targets=(*drive.fleet[endpoint], second)))

    assert drive.release.phase is Phase.HELD
    assert "more than one deployment runs circuit P001-C001" in drive.release.reason
    assert "green" in drive.release.reason
    drive.tell(drive.by(e.RetryRequested))
    for name in drive.release.endpoints_to_list:
        drive.tell(listed(drive, name))
    assert (drive.release.phase, len(drive.release.fleet)) == (Phase.CHECKING, 3)


def test_a_production_that_runs_nothing_has_nothing_to_update() -> None:
    """An empty release is not a success."""
    drive = driven_to(Phase.FREEZING_TARGETS)
    for endpoint in (P001, P002):
        drive.tell(replace(listed(drive, endpoint), targets=()))

    assert drive.release.phase is Phase.FAILED


def test_an_endpoint_without_deployments_is_no_obstacle() -> None:
    """A plant may not be in production yet."""
    drive = driven_to(Phase.FREEZING_TARGETS)
    drive.tell(replace(listed(drive, P001), targets=()))
    drive.tell(listed(drive, P002))

    assert drive.release.phase is Phase.CHECKING
    assert drive.keys(Progress.CHANGING) == ["P002-C001"]
