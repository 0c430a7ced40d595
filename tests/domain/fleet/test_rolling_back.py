"""Putting the fleet back: what was touched, all of it, to exactly what it ran, and not before changes have settled."""

from datetime import timedelta

import pytest

from shared.domain.errors import InvalidRequest, NotEligible
from shared.domain.fleet.lanes import of_progress
from shared.domain.release import commands as c
from shared.domain.release import events as e
from shared.domain.release.model import Phase, Progress
from tests.support.builders import an_actor
from tests.support.drive_fleet import OLD, Drive, about, commands, driven_to, work

A, B, C = "P001-C001", "P001-C002", "P002-C001"
UPDATING, WATCHING, HELD, ROLLING_BACK = Phase.UPDATING, Phase.WATCHING, Phase.HELD, Phase.ROLLING_BACK
VERIFYING = Phase.VERIFYING_ROLLBACK
QUIET_S = 180


def starts(drive: Drive) -> set[float]:
    """In how many seconds from now the first changes of the roll-back may begin."""
    sent = commands(drive.said[-1], c.ChangeTarget)
    return {(command.not_before - drive.now).total_seconds() if command.not_before else 0 for command in sent}


def held_after_updating() -> Drive:
    """One target of three could not be updated."""
    drive = driven_to(UPDATING, 2, 1)
    drive.answered(C, e.Outcome.REFUSED)
    drive.finish()
    assert drive.release.phase is HELD
    return drive


def test_every_touched_target_goes_back_to_its_previous() -> None:
    """In full: the environment, and everything else that ran (I11)."""
    drive = driven_to(ROLLING_BACK, 1, 1)
    sent = commands(drive.said[-1], c.ChangeTarget)

    assert {command.target_key for command in sent} == {A, C}
    assert {command.spec.environment for command in sent} == {OLD}
    assert all(command.previous == drive.target(command.target_key).previous for command in sent)


def test_a_target_that_was_not_touched_is_left_alone() -> None:
    """A roll-back is no reason to change what nobody changed."""
    drive = driven_to(UPDATING, 3, 1)
    drive.answered(A)
    drive.tell(drive.by(e.RollbackRequested))

    assert [target.key for target in of_progress(drive.release, Progress.UNTOUCHED)] == ["P001-C003"]
    drive.put_back()
    assert drive.release.phase is Phase.ROLLED_BACK
    assert not [command for said in drive.said for command in work(said) if command.target_key == "P001-C003"
                and isinstance(command, c.ChangeTarget)]  # fmt: skip
    assert "1 had not been touched" in drive.notes()


def test_a_target_that_failed_halfway_is_put_back_as_well() -> None:
    """Failed is not untouched: nobody knows what became of the change."""
    drive = held_after_updating()
    drive.tell(drive.by(e.RollbackRequested))
    drive.put_back()

    assert "3 deployments were put back" in drive.notes()


def test_nothing_is_updated_any_more_once_a_roll_back_has_begun() -> None:
    """No new forward change (I10), and late answers of the update change nothing."""
    drive = driven_to(UPDATING, 3, 1)
    serial = drive.release.serial
    drive.tell(drive.by(e.RollbackRequested))
    before = drive.release
    drive.answered(A, serial=serial)

    assert drive.release == before
    drive.finish()
    after = drive.said[drive.said.index(next(d for d in drive.said if d.release.phase is ROLLING_BACK)) :]
    assert {command.spec.environment for said in after for command in commands(said, c.ChangeTarget)} == {OLD}


def test_a_roll_back_during_the_update_waits_until_no_change_can_be_in_flight() -> None:
    """Azure ML cannot fence: a request that is still on its way would land on what was put back (I11)."""
    drive = driven_to(UPDATING, 2, 1)
    drive.tell(drive.by(e.RollbackRequested))

    assert starts(drive) == {QUIET_S}
    assert drive.release.look_at == drive.now + timedelta(seconds=QUIET_S + 30)


@pytest.mark.parametrize(("waited_s", "left_s"), [(0, 180), (50, 130), (179, 1), (180, 0), (9000, 0)])
@pytest.mark.parametrize("before", [WATCHING, HELD])
def test_a_roll_back_soon_after_the_update_waits_for_the_rest_of_the_quiet_time(
    before: Phase, waited_s: int, left_s: int
) -> None:
    """A change that was given up, or a second copy of one, may still be in flight when the phase is over (I10, I11)."""
    drive = driven_to(WATCHING, 2, 1) if before is WATCHING else held_after_updating()
    drive.wait(waited_s)
    drive.tell(drive.by(e.RollbackRequested))

    assert starts(drive) == {left_s}


def test_a_hold_does_not_shorten_the_quiet_time() -> None:
    """A dead letter stops the roll-back; trying it again at once must not overtake a change in flight (I11)."""
    drive = driven_to(UPDATING, 2, 1)
    drive.tell(drive.by(e.RollbackRequested))
    drive.wait(10)
    drive.tell(drive.event(e.MessageDeadLettered, queue="effects", message_id="m", reason="broken"))
    drive.wait(10)
    drive.tell(drive.by(e.RetryRequested))

    assert drive.release.phase is ROLLING_BACK
    assert min(starts(drive)) >= QUIET_S - 20


def test_asking_again_does_not_make_a_roll_back_wait_again() -> None:
    """Its quiet time is over; only changes back are in flight."""
    drive = driven_to(UPDATING, 2, 1)
    drive.tell(drive.by(e.RollbackRequested))
    drive.wait(QUIET_S)
    drive.tell(drive.by(e.AbortRequested))

    assert (drive.release.phase, starts(drive)) == (ROLLING_BACK, {0})


@pytest.mark.parametrize("phase", [UPDATING, WATCHING, HELD])
def test_only_a_member_with_a_reason_may_roll_back(phase: Phase) -> None:
    """The reason is written on every deployment."""
    drive = held_after_updating() if phase is HELD else driven_to(phase)
    before = drive.release

    with pytest.raises(InvalidRequest, match="needs a reason"):
        drive.tell(drive.by(e.RollbackRequested, reason="  "))
    with pytest.raises(NotEligible):
        drive.tell(drive.by(e.RollbackRequested, an_actor(9, groups=("Readers",))))
    assert drive.release == before


def test_the_reason_is_kept_for_the_deployments() -> None:
    """By whom, and why."""
    drive = driven_to(WATCHING)
    drive.tell(drive.by(e.RollbackRequested, reason="scoring errors"))

    assert "Person 2" in drive.release.rollback_reason
    assert drive.release.rollback_reason.endswith("scoring errors")


def test_rolling_back_what_never_reached_production_ends_without_a_change() -> None:
    """Held before the update: there is nothing to put back."""
    drive = driven_to(Phase.CHECKING)
    drive.finish(e.Outcome.REFUSED)
    drive.tell(drive.by(e.RollbackRequested))
    assert (drive.release.phase, about(drive.said[-1])) == (ROLLING_BACK, [])
    decision = drive.looked()

    assert drive.release.phase is Phase.ROLLED_BACK
    assert [command.cool_down_s for command in commands(decision, c.FreeFleet)] == [0]


def test_circuits_cool_down_after_production_was_touched() -> None:
    """The next holder must not meet a request of ours (I7)."""
    drive = driven_to(ROLLING_BACK)
    drive.put_back()

    assert [command.cool_down_s for command in commands(drive.said[-1], c.FreeFleet)] == [QUIET_S]


def sampled() -> Drive:
    """Everything was put back, and the sample inferences went well."""
    drive = driven_to(VERIFYING, 1, 1)
    drive.finish()
    return drive


def test_a_rollback_ends_once_all_was_read_after_the_last_change_can_have_landed() -> None:
    """A change that was sent twice may land after it was read back (I11)."""
    drive = sampled()
    assert drive.release.phase is VERIFYING
    assert not commands(drive.looked(), c.ReadRestored)

    drive.wait(QUIET_S)
    (command,) = commands(drive.looked(), c.ReadRestored)
    assert set(command.target_keys) == {A, C}
    assert set(command.endpoints) == {drive.target(key).previous.endpoint_name for key in (A, C)}

    drive.tell(drive.step(e.RestoredRead))
    assert drive.release.phase is Phase.ROLLED_BACK
    assert "2 deployments run what ran before, 2 of them ran a sample inference" in drive.notes()


def test_every_look_asks_again_until_all_was_read() -> None:
    """Azure ML may not answer, and a message may be lost."""
    drive = sampled()
    drive.wait(QUIET_S)
    first, second = (commands(drive.looked(), c.ReadRestored)[0] for _ in range(2))
    assert first.command_id != second.command_id
    assert drive.release.look_at is not None


def test_what_broke_after_it_was_put_back_goes_back_again() -> None:
    drive = sampled()
    drive.read_restored(C)

    assert drive.release.phase is ROLLING_BACK
    assert "puts back again: P002-C001: its deployment broke after it was put back" in drive.notes()
    assert starts(drive) == {0}
    drive.put_back()
    assert drive.release.phase is Phase.ROLLED_BACK


def test_a_late_answer_ends_no_rollback_whose_samples_still_run() -> None:
    drive = driven_to(VERIFYING, 1, 1)
    drive.tell(drive.step(e.RestoredRead))
    assert drive.release.phase is VERIFYING
