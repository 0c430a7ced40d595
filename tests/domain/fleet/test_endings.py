"""Holding, aborting, expiring: from anywhere, and never with production half changed."""

import pytest

from shared.domain.errors import Conflict, InvalidRequest, NotEligible
from shared.domain.release import commands as c
from shared.domain.release import events as e
from shared.domain.release.model import TERMINAL, Phase, Progress
from tests.support.builders import FLEET_ROAD, an_actor
from tests.support.drive_fleet import Drive, about, commands, driven_to

UNTOUCHED = FLEET_ROAD[: FLEET_ROAD.index(Phase.UPDATING)]
TOUCHED = (Phase.UPDATING, Phase.WATCHING, Phase.ROLLING_BACK)
STEPS = (Phase.VERIFYING, Phase.PROMOTING, Phase.WAITING_FOR_FLEET, Phase.FREEZING_TARGETS)
LIVE = (*UNTOUCHED, *TOUCHED)


def dead_letter(drive: Drive) -> e.Event:
    return drive.event(e.MessageDeadLettered, queue="effects", message_id="m-1", reason="MaxDeliveryCountExceeded")


@pytest.mark.parametrize("phase", UNTOUCHED)
def test_aborting_before_production_is_touched_ends_at_once(phase: Phase) -> None:
    """And gives back what was held (L2)."""
    drive = driven_to(phase)
    claimed = drive.release.circuit_claimed
    decision = drive.tell(drive.by(e.AbortRequested))

    assert drive.release.phase is Phase.ABORTED
    assert "production was not touched" in decision.note
    assert [command.cool_down_s for command in commands(decision, c.FreeFleet)] == [0] * claimed


@pytest.mark.parametrize("phase", TOUCHED)
def test_aborting_afterwards_puts_everything_back_first(phase: Phase) -> None:
    """It ends as aborted, once everything was read back (I3, I11)."""
    drive = driven_to(phase)
    drive.tell(drive.by(e.AbortRequested))
    assert drive.release.phase is Phase.ROLLING_BACK
    drive.finish()
    assert {target.progress for target in drive.release.fleet if target.touched} == {Progress.DONE}
    drive.read_restored()

    assert drive.release.phase is Phase.ABORTED
    assert "3 deployments run what ran before" in drive.release.reason or phase is Phase.UPDATING


def test_an_abort_ends_though_nobody_can_see_what_was_put_back() -> None:
    """Azure ML does not answer: who aborts once more leaves it at what was read back when it was put back."""
    drive = driven_to(Phase.UPDATING)
    drive.tell(drive.by(e.AbortRequested))
    drive.finish()
    drive.overdue()
    assert drive.release.phase is Phase.HELD
    drive.tell(drive.by(e.AbortRequested))

    assert drive.release.phase is Phase.ABORTED
    assert "all was put back, and nobody knows whether it works since" in drive.release.reason


def test_a_person_may_leave_what_cannot_be_put_back_as_it_is() -> None:
    """The list is kept; before everything was tried, an abort only tries again (I11)."""
    drive = driven_to(Phase.ROLLING_BACK)
    drive.answered("P001-C001", e.Outcome.REFUSED, detail="was deleted by somebody else")
    drive.finish()
    assert drive.release.phase is Phase.HELD
    drive.tell(drive.by(e.AbortRequested))

    assert drive.release.phase is Phase.ABORTED
    assert "1 deployments were not put back: P001-C001: was deleted by somebody else" in drive.release.reason


def test_an_abort_of_a_hold_in_the_middle_of_a_roll_back_goes_on_rolling_back() -> None:
    """Nothing was tried in vain yet."""
    drive = driven_to(Phase.ROLLING_BACK)
    drive.answered("P001-C001", e.Outcome.REFUSED, detail="was deleted by somebody else")
    drive.tell(dead_letter(drive))
    assert drive.release.phase is Phase.HELD
    drive.tell(drive.by(e.AbortRequested))

    assert drive.release.phase is Phase.ROLLING_BACK


@pytest.mark.parametrize("phase", LIVE)
def test_aborting_needs_a_reason_and_a_member(phase: Phase) -> None:
    """Who and why are in the history."""
    drive = driven_to(phase)
    before = drive.release

    with pytest.raises(InvalidRequest, match="needs a reason"):
        drive.tell(drive.by(e.AbortRequested, reason=" "))
    with pytest.raises(NotEligible, match="not a member"):
        drive.tell(drive.by(e.AbortRequested, an_actor(9, groups=())))
    with pytest.raises(NotEligible, match="only a person"):
        drive.tell(drive.by(e.AbortRequested, an_actor(is_person=False)))
    assert drive.release == before


@pytest.mark.parametrize("phase", LIVE)
def test_a_message_that_cannot_be_processed_holds_the_release_where_it_is(phase: Phase) -> None:
    """A person looks; a retry goes on with the same phase."""
    drive = driven_to(phase)
    decision = drive.tell(dead_letter(drive))
    assert (drive.release.phase, drive.release.held_phase) == (Phase.HELD, phase)
    assert "m-1" in decision.note
    assert about(decision) == []

    drive.tell(drive.by(e.RetryRequested))
    assert (drive.release.phase, drive.release.held_phase) == (phase, None)


def test_a_second_dead_letter_does_not_forget_what_is_held() -> None:
    """Held is held; the deadline stays where it is."""
    drive = driven_to(Phase.UPDATING)
    drive.tell(dead_letter(drive))
    deadline = drive.release.deadline_at
    drive.wait(60)
    drive.tell(dead_letter(drive))

    assert (drive.release.held_phase, drive.release.deadline_at) == (Phase.UPDATING, deadline)


@pytest.mark.parametrize("phase", [Phase.CHECKING, Phase.UPDATING, Phase.ROLLING_BACK])
def test_a_hold_keeps_what_is_done_and_shows_what_was_under_way(phase: Phase) -> None:
    """No answer of the held step counts any more; nothing new is begun."""
    drive = driven_to(phase, 2, 1, checks_parallel_max=2)
    drive.answered("P001-C001")
    serial = drive.release.serial
    under_way = drive.keys(Progress.CHANGING)
    drive.tell(dead_letter(drive))
    before = drive.release
    drive.answered("P001-C002", serial=serial)

    assert drive.release == before
    assert drive.keys(Progress.DONE) == ["P001-C001"]
    assert drive.keys(Progress.CHANGING) == under_way


@pytest.mark.parametrize("phase", [Phase.VERIFYING, Phase.PROMOTING, Phase.FREEZING_TARGETS, Phase.CHECKING])
def test_a_step_that_does_not_end_in_time_is_held(phase: Phase) -> None:
    """No release waits without an end (L1)."""
    drive = driven_to(phase)
    drive.overdue()

    assert (drive.release.phase, drive.release.held_phase) == (Phase.HELD, phase)


@pytest.mark.parametrize("phase", [Phase.UPDATING, Phase.ROLLING_BACK])
def test_a_change_of_production_that_does_not_end_in_time_is_held_not_ended(phase: Phase) -> None:
    """Too late is not failed: what was done stays done, a person decides."""
    drive = driven_to(phase)
    drive.answered("P001-C001")
    drive.overdue()

    assert (drive.release.phase, drive.release.held_phase) == (Phase.HELD, phase)
    assert drive.keys(Progress.DONE) == ["P001-C001"]


@pytest.mark.parametrize("phase", LIVE)
def test_a_deadline_that_has_not_come_changes_nothing(phase: Phase) -> None:
    """Clocks differ, and messages come twice."""
    drive = driven_to(phase)
    before = drive.release
    drive.tell(drive.step(e.DeadlinePassed))

    assert drive.release == before


@pytest.mark.parametrize("gate", [Phase.AWAITING_REGISTRY_APPROVAL, Phase.AWAITING_PRODUCTION_APPROVAL])
def test_a_gate_nobody_opens_expires(gate: Phase) -> None:
    """Production stays as it is (I3)."""
    drive = driven_to(gate)
    drive.overdue()

    assert drive.release.phase is Phase.EXPIRED
    assert not drive.release.production_touched


def test_the_end_of_the_watch_is_the_end_of_the_release() -> None:
    """The circuits cool down, like after any change."""
    drive = driven_to(Phase.WATCHING)
    drive.predicted()
    decision = drive.overdue()

    assert drive.release.phase is Phase.RELEASED
    assert len(commands(decision, c.FreeFleet)) == 1


@pytest.mark.parametrize("phase", UNTOUCHED)
def test_a_hold_nobody_ends_expires(phase: Phase) -> None:
    """Nothing was touched, so nothing is put back."""
    drive = driven_to(phase)
    drive.tell(dead_letter(drive))
    drive.overdue()

    assert drive.release.phase is Phase.EXPIRED


@pytest.mark.parametrize("phase", TOUCHED)
def test_a_hold_nobody_ends_puts_production_back_before_it_expires(phase: Phase) -> None:
    """A fleet is not left half changed (I3)."""
    drive = driven_to(phase)
    drive.tell(dead_letter(drive))
    drive.overdue()
    assert (drive.release.phase, drive.release.ending) == (Phase.ROLLING_BACK, Phase.EXPIRED)
    drive.finish()
    drive.read_restored()

    assert drive.release.phase is Phase.EXPIRED


@pytest.mark.parametrize("phase", STEPS)
def test_a_faulty_step_is_tried_again_and_then_held(phase: Phase) -> None:
    """As often as the policy says."""
    drive = driven_to(phase, attempts_max=3)
    phases = []
    for _ in range(3):
        drive.tell(drive.step(e.StepErrored, reason="503"))
        phases.append(drive.release.phase)

    assert phases == [phase, phase, Phase.HELD]
    assert drive.release.held_phase is phase


@pytest.mark.parametrize("phase", STEPS)
def test_a_refused_step_ends_the_release(phase: Phase) -> None:
    """Before anything was touched, a definite no is an end."""
    drive = driven_to(phase)
    drive.tell(drive.step(e.StepFailed, reason="breaking change: release the models"))

    assert drive.release.phase is Phase.FAILED
    assert drive.release.reason == "breaking change: release the models"


@pytest.mark.parametrize("phase", STEPS)
def test_a_look_carries_an_unanswered_step_out_again(phase: Phase) -> None:
    """Under another id; the next look is scheduled with it."""
    drive = driven_to(phase)
    sent = [type(command) for command in drive.said[-1].commands if not _is_told(command)]
    decision = drive.looked()

    assert [type(command) for command in decision.commands if not _is_told(command)] == sent
    assert len(commands(decision, c.ScheduleEvent)) == 1


def _is_told(command: c.Command) -> bool:
    return isinstance(command, c.PublishFact | c.ScheduleEvent)


@pytest.mark.parametrize("phase", [phase for phase in LIVE if phase not in (Phase.UPDATING, Phase.WATCHING)])
def test_rolling_back_is_refused_where_nothing_can_be_rolled_back(phase: Phase) -> None:
    """Before the update abort is the word; during a roll-back it is under way already."""
    drive = driven_to(phase)

    with pytest.raises(Conflict):
        drive.tell(drive.by(e.RollbackRequested))


@pytest.mark.parametrize("phase", LIVE)
def test_only_what_is_held_can_be_retried(phase: Phase) -> None:
    """Everything else goes on by itself."""
    drive = driven_to(phase)

    with pytest.raises(Conflict, match="retrying is not possible"):
        drive.tell(drive.by(e.RetryRequested))


def ended(ending: Phase) -> Drive:
    """A release that ended so."""
    if ending is Phase.RELEASED:
        drive = driven_to(Phase.WATCHING)
        drive.predicted()
        drive.overdue()
    elif ending is Phase.ROLLED_BACK:
        drive = driven_to(Phase.ROLLING_BACK)
        drive.put_back()
    elif ending is Phase.SUPERSEDED:
        drive = driven_to(Phase.WAITING_FOR_FLEET)
        drive.tell(drive.step(e.CircuitBusy, holder="rel-of-1.5.2", newer="custom-tf-env:1.5.2"))
    else:
        drive = driven_to(Phase.AWAITING_PRODUCTION_APPROVAL)
        if ending is Phase.EXPIRED:
            drive.overdue()
        elif ending is Phase.REJECTED:
            drive.tell(drive.decision(an_actor(5), approved=False, reason="no"))
        elif ending is Phase.ABORTED:
            drive.tell(drive.by(e.AbortRequested))
        else:
            drive = driven_to(Phase.VERIFYING)
            drive.tell(drive.step(e.StepFailed, reason="no"))
    assert drive.release.phase is ending
    return drive


@pytest.mark.parametrize("ending", sorted(TERMINAL - {Phase.COMPARED}))
def test_nothing_moves_a_release_that_has_ended(ending: Phase) -> None:
    """Terminal phases are final, for people, timers and answers alike (I6)."""
    drive = ended(ending)
    before = drive.release
    for wish in (e.AbortRequested, e.RetryRequested, e.RollbackRequested):
        with pytest.raises(Conflict, match="has ended"):
            drive.tell(drive.by(wish))
    answer = {"target_key": "P001-C001", "attempt": 1, "look": 0, "outcome": e.Outcome.DONE}
    for event in (
        drive.step(e.TargetAnswered, **answer),
        drive.step(e.LookDue, look=1),
        drive.step(e.DeadlinePassed),
        dead_letter(drive),
    ):
        assert drive.tell(event).commands == ()

    assert (drive.release.phase, drive.release.fleet) == (ending, before.fleet)
