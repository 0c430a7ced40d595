"""How much is worked on at once: checks share one wide lane, changes have one lane per endpoint."""

import pytest

from shared.domain.release import commands as c
from shared.domain.release import events as e
from shared.domain.release.model import Phase, Progress
from tests.support.drive_fleet import about, commands, driven_to, move_on

UPDATING, CHECKING = Phase.UPDATING, Phase.CHECKING


@pytest.mark.parametrize(("lanes", "begun"), [(1, 1), (3, 3), (8, 5)])
def test_no_more_checks_run_at_once_than_the_limit(lanes: int, begun: int) -> None:
    """Whichever endpoints their models belong to."""
    drive = driven_to(CHECKING, 4, 1, checks_parallel_max=lanes)

    assert len(about(drive.said[-1])) == begun
    assert len(drive.keys(Progress.CHANGING)) == begun
    assert len(drive.keys(Progress.WAITING)) == 5 - begun


def test_a_judged_model_makes_room_for_exactly_one_more() -> None:
    """The lane is always full and never overfull."""
    drive = driven_to(CHECKING, 5, checks_parallel_max=2)
    for expected in ("P001-C003", "P001-C004", "P001-C005"):
        decision = drive.answered(drive.keys(Progress.CHANGING)[0])
        assert about(decision) == [expected]
        assert len(drive.keys(Progress.CHANGING)) == 2


@pytest.mark.parametrize("outcome", [e.Outcome.REFUSED, e.Outcome.DONE])
def test_an_endpoint_changes_one_deployment_at_a_time_and_all_endpoints_change_at_once(outcome: e.Outcome) -> None:
    """Azure ML refuses a second change of an endpoint; one that is given up makes room as well (I9)."""
    drive = driven_to(UPDATING, 3, 2)
    assert drive.keys(Progress.CHANGING) == ["P001-C001", "P002-C001"]

    assert about(drive.answered("P001-C001", outcome)) == ["P001-C002"]
    assert drive.keys(Progress.CHANGING) == ["P001-C002", "P002-C001"]
    assert about(drive.answered("P002-C001", outcome)) == ["P002-C002"]
    assert about(drive.answered("P002-C002", outcome)) == []
    assert drive.keys(Progress.CHANGING) == ["P001-C002"]


def test_a_target_that_is_tried_again_or_looked_at_keeps_its_lane() -> None:
    """Its change is not through yet."""
    drive = driven_to(UPDATING, 2)
    drive.answered("P001-C001", e.Outcome.PENDING)
    drive.answered("P001-C001", e.Outcome.ERRORED)

    assert drive.keys(Progress.CHANGING) == ["P001-C001"]
    assert drive.keys(Progress.WAITING) == ["P001-C002"]


def test_no_more_endpoints_change_at_once_than_the_limit() -> None:
    """Azure Resource Manager's writes are shared with everybody else."""
    drive = driven_to(UPDATING, 2, 1, 1, 1, updates_parallel_max=2)
    assert drive.keys(Progress.CHANGING) == ["P001-C001", "P002-C001"]

    assert about(drive.answered("P002-C001")) == ["P003-C001"]
    assert about(drive.answered("P001-C001")) == ["P001-C002"]


def test_rolling_back_has_the_lanes_of_updating() -> None:
    """The same road back."""
    drive = driven_to(Phase.ROLLING_BACK, 2, 2, 1, updates_parallel_max=2)
    assert drive.keys(Progress.CHANGING) == ["P001-C001", "P002-C001"]

    assert about(drive.answered("P001-C001")) == ["P001-C002"]
    assert about(drive.answered("P001-C002")) == ["P003-C001"]


@pytest.mark.parametrize("phase", [CHECKING, UPDATING, Phase.ROLLING_BACK])
def test_a_commit_does_not_grow_with_the_fleet(phase: Phase) -> None:
    """200 circuits on 20 endpoints: what an event changes and sends is bounded by the lanes."""
    drive = driven_to(phase, *[10] * 20)
    begun = drive.said[-1]
    before = {target.key: target for target in drive.release.fleet}
    decision = drive.answered(drive.keys(Progress.CHANGING)[0])
    changed = [target for target in drive.release.fleet if before[target.key] is not target]

    assert len(begun.commands) <= 20 + 3
    assert (len(changed), len(decision.commands)) == (2, 1)


@pytest.mark.parametrize(("phase", "touched"), [(CHECKING, False), (UPDATING, True), (Phase.ROLLING_BACK, True)])
def test_a_target_is_marked_as_touched_by_the_commit_that_lets_the_change_out(phase: Phase, touched: bool) -> None:
    """Never after it (I1); a check touches nothing."""
    drive = driven_to(phase, 2)

    assert {drive.target(key).touched for key in about(drive.said[-1])} == {touched}


def test_a_change_goes_out_under_the_epoch_of_its_own_circuit() -> None:
    """A lock that was lost shows (I7)."""
    drive = driven_to(Phase.WAITING_FOR_FLEET)
    epochs = {"P001-C001": 3, "P001-C002": 4, "P002-C001": 5}
    drive.tell(drive.step(e.FleetAcquired, epochs=epochs))
    while drive.release.phase is not UPDATING:
        move_on(drive)

    sent = {command.target_key: command.epoch for command in commands(drive.said[-1], c.ChangeTarget)}
    assert sent == {"P001-C001": 3, "P002-C001": 5}
