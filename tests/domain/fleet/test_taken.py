"""What an environment release makes of a circuit that a rollback took, and of one that it has again."""

from dataclasses import replace
from datetime import timedelta

import pytest

from shared.domain.release import commands as c
from shared.domain.release import events as e
from shared.domain.release.decide import decide
from shared.domain.release.events import Outcome
from shared.domain.release.model import Phase, Progress
from tests.support.builders import NOW, a_fleet_target, a_rollback
from tests.support.drive_fleet import Drive, commands, driven_to

KEY, BY = "P001-C001", "model-rollback-1"


def taken(drive: Drive, key: str = KEY) -> None:
    """The news that a rollback has the circuit."""
    drive.tell(drive.event(e.CircuitTaken, target_key=key, by=BY))


def test_a_circuit_that_is_taken_before_it_was_read_back_is_left_to_the_rollback() -> None:
    """The rollback takes back what had landed of it; a late answer does not make it the release's own again."""
    drive = driven_to(Phase.UPDATING)
    taken(drive)
    assert drive.target(KEY).superseded_by == BY
    drive.answered(KEY)
    assert drive.target(KEY).progress is Progress.UNTOUCHED
    drive.finish()
    assert drive.release.phase is Phase.WATCHING
    assert f"1 stay as they are: {KEY}: {BY}" in drive.notes()


def test_a_circuit_that_was_read_back_stays_the_releases_own() -> None:
    """Its environment runs on, and is to be taken back with the others."""
    drive = driven_to(Phase.UPDATING)
    drive.answered(KEY)
    taken(drive)
    assert drive.target(KEY).superseded_by == ""
    drive.finish()
    drive.tell(drive.by(e.RollbackRequested))
    assert KEY in drive.keys(Progress.CHANGING, Progress.WAITING)


def test_a_circuit_that_is_taken_while_the_update_is_held_is_not_tried_again() -> None:
    """A retry goes on with the others."""
    drive = driven_to(Phase.UPDATING)
    drive.overdue()
    assert drive.release.phase is Phase.HELD
    taken(drive)
    drive.tell(drive.by(e.RetryRequested))
    assert KEY not in drive.keys(Progress.CHANGING, Progress.WAITING)


def test_a_circuit_that_is_taken_in_the_watch_changes_nothing() -> None:
    """Whoever took it leaves the environment."""
    drive = driven_to(Phase.WATCHING)
    taken(drive)
    assert (drive.release.phase, drive.target(KEY).superseded_by) == (Phase.WATCHING, "")


def test_a_regained_circuit_is_changed_under_its_new_epoch_after_the_quiet_time() -> None:
    """The same try, by a message of its own; what is known of the others stays."""
    drive = driven_to(Phase.ROLLING_BACK)
    until = drive.now + timedelta(seconds=90)
    before = drive.target(KEY)
    decision = drive.answered(KEY, Outcome.REGAINED, epoch=11, quiet_until=until)

    (command,) = commands(decision, c.ChangeTarget)
    assert (command.target_key, command.epoch, command.not_before) == (KEY, 11, until)
    assert (command.attempt, command.look) == (before.attempt, before.look)
    assert command.command_id.endswith("-epoch-11")
    assert drive.release.epochs == {**dict.fromkeys(drive.release.epochs, 7), KEY: 11}
    assert drive.target(KEY).progress is Progress.CHANGING


def test_an_occupied_circuit_costs_no_attempt_and_is_tried_again_by_a_look() -> None:
    """It says for whom it waits."""
    drive = driven_to(Phase.ROLLING_BACK)
    before = drive.target(KEY)
    decision = drive.answered(KEY, Outcome.OCCUPIED, detail=BY)
    assert (drive.target(KEY), drive.release.waiting_on, commands(decision)) == (before, BY, [])
    assert KEY in [command.target_key for command in commands(drive.looked(), c.ChangeTarget)]


@pytest.mark.parametrize("taken_count", [1, 2])
def test_a_rollback_that_keeps_no_circuit_has_failed_and_says_who_took_them(taken_count: int) -> None:
    """It put nothing back, so nothing of it is marked as rolled back; with one circuit left it goes on."""
    targets = tuple(
        replace(a_fleet_target(number), goal=Phase.ROLLING_BACK, serial=3, progress=Progress.CHANGING, attempt=1)
        for number in (1, 2)
    )
    release = a_rollback(Phase.ROLLING_BACK, fleet=targets, serial=3)
    for target in targets[:taken_count]:
        answer = e.TargetAnswered(
            event_id=f"taken-{target.key}",
            release_id=release.release_id,
            occurred_at=NOW,
            serial=release.serial,
            target_key=target.key,
            attempt=1,
            look=0,
            outcome=Outcome.TAKEN,
            detail=BY,
        )
        release = decide(release, answer, NOW).release

    assert release.phase is (Phase.FAILED if taken_count == 2 else Phase.ROLLING_BACK)
    assert (f"2 stay as they are: P001-C001: {BY}; P001-C002: {BY}" in release.reason) is (taken_count == 2)
