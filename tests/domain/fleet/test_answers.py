"""What an answer about one target means: again, later, given up, or nothing at all."""

from dataclasses import replace
from datetime import timedelta

import pytest

from shared.domain.fleet.lanes import pause_s
from shared.domain.release import commands as c
from shared.domain.release import events as e
from shared.domain.release.model import Phase, Progress, Verdict
from tests.support.drive_fleet import about, commands, driven_to, work

KEY = "P001-C001"
WORK = (Phase.CHECKING, Phase.UPDATING, Phase.ROLLING_BACK)
DONE, PENDING, ERRORED, REFUSED = e.Outcome.DONE, e.Outcome.PENDING, e.Outcome.ERRORED, e.Outcome.REFUSED

every_phase = pytest.mark.parametrize("phase", WORK)


@every_phase
def test_a_target_that_is_under_way_is_looked_at_again_after_a_pause(phase: Phase) -> None:
    """The look has the same try and the next number; nothing is told."""
    drive = driven_to(phase)
    decision = drive.answered(KEY, PENDING)
    [command] = work(decision)

    assert (command.target_key, command.attempt, command.look) == (KEY, 1, 1)
    assert command.not_before == drive.now + timedelta(seconds=pause_s(drive.release, 1))
    assert (decision.entry, drive.keys(Progress.CHANGING)[0]) == (None, KEY)


def test_pauses_between_looks_grow_up_to_the_look_interval() -> None:
    """Short at first, because many changes are quick."""
    release = driven_to(Phase.UPDATING, look_interval_s=30, target_look_s=3).release
    pauses = [pause_s(release, look) for look in range(40)]

    assert pauses[0] == 3
    assert pauses == sorted(pauses)
    assert (pauses[-1], max(pauses)) == (30, 30)


@every_phase
def test_a_fault_is_tried_again_after_a_pause_and_told(phase: Phase) -> None:
    """Under the number of the new try, from its first look."""
    drive = driven_to(phase, retry_backoff_s=60)
    drive.answered(KEY, PENDING)
    decision = drive.answered(KEY, ERRORED, detail="503")
    [command] = work(decision)

    assert (command.attempt, command.look) == (2, 0)
    assert command.not_before == drive.now + timedelta(seconds=60)
    assert f"{KEY}: attempt 1 of {phase.value} errored, trying again: 503" in decision.note


@every_phase
def test_a_target_is_given_up_after_the_last_attempt(phase: Phase) -> None:
    """So often and no more (I14)."""
    drive = driven_to(phase, 2, 1, attempts_max=3)
    decisions = [drive.answered(KEY, ERRORED) for _ in range(3)]

    assert [any(about(decision) == [KEY] for _ in (1,)) for decision in decisions] == [True, True, False]
    assert drive.keys(Progress.FAILED) == [KEY]
    assert drive.target(KEY).attempt == 3


@every_phase
def test_a_refusal_is_not_tried_again(phase: Phase) -> None:
    """Trying again cannot help."""
    drive = driven_to(phase)
    decision = drive.answered(KEY, REFUSED, detail="no quota")

    assert drive.keys(Progress.FAILED) == [KEY]
    assert KEY not in about(decision)
    assert f"{KEY}: {phase.value} failed: no quota" in decision.note


@every_phase
@pytest.mark.parametrize("outcome", [PENDING, ERRORED, REFUSED])
@pytest.mark.parametrize("stale", [{"attempt": 1}, {"look": 0}, {"look": 2}], ids=["try", "look before", "look ahead"])
def test_a_late_answer_of_another_try_or_look_changes_nothing(
    phase: Phase, outcome: e.Outcome, stale: dict[str, int]
) -> None:
    """A message may come twice and out of order."""
    drive = driven_to(phase)
    drive.answered(KEY, ERRORED)
    drive.answered(KEY, PENDING)
    before = drive.release
    decision = drive.answered(KEY, outcome, **stale)

    assert (drive.release, decision.commands, decision.entry) == (before, (), None)


@pytest.mark.parametrize("phase", [Phase.UPDATING, Phase.ROLLING_BACK])
def test_a_late_answer_of_the_same_try_that_production_was_read_back_as_wanted_counts(phase: Phase) -> None:
    """Whichever look saw it: done is what production runs."""
    drive = driven_to(phase)
    drive.answered(KEY, PENDING)
    drive.answered(KEY, DONE, look=0)

    assert drive.keys(Progress.DONE) == [KEY]


@pytest.mark.parametrize("phase", [Phase.UPDATING, Phase.ROLLING_BACK])
def test_what_an_earlier_try_saw_of_a_deployment_is_older_than_the_failure_that_ended_it(phase: Phase) -> None:
    """The change was sent twice, one landed and was read back, the other one failed: the next try looks again."""
    drive = driven_to(phase)
    drive.answered(KEY, ERRORED)
    before = drive.release
    drive.answered(KEY, DONE, attempt=1, look=4)

    assert drive.release == before


def test_a_sample_inference_of_an_earlier_try_that_succeeded_counts() -> None:
    """The job ran on what was put back; another one would say the same."""
    drive = driven_to(Phase.VERIFYING_ROLLBACK)
    [key] = drive.keys(Progress.CHANGING)[:1]
    drive.answered(key, ERRORED)
    drive.answered(key, DONE, attempt=1)

    assert key in drive.keys(Progress.DONE)


def test_a_late_verdict_of_an_earlier_job_does_not_count() -> None:
    """A result counts from the job that was recorded only (I15)."""
    drive = driven_to(Phase.CHECKING)
    drive.answered(KEY, ERRORED)
    before = drive.release
    drive.answered(KEY, DONE, attempt=1, verdict=Verdict.PASSED)

    assert drive.release == before
    assert drive.target(KEY).check is None


@every_phase
@pytest.mark.parametrize("outcome", list(e.Outcome))
def test_a_target_that_is_through_stays_as_it_is(phase: Phase, outcome: e.Outcome) -> None:
    """The first final answer counts."""
    drive = driven_to(phase)
    drive.answered(KEY, REFUSED)
    before = drive.release
    drive.answered(KEY, outcome, verdict=Verdict.FAILED)

    assert drive.release == before


@every_phase
@pytest.mark.parametrize("outcome", list(e.Outcome))
def test_an_answer_about_a_target_that_was_not_begun_or_does_not_exist_changes_nothing(
    phase: Phase, outcome: e.Outcome
) -> None:
    """Nobody asked."""
    drive = driven_to(phase, 2, 1, checks_parallel_max=1)
    before = drive.release
    for key in ("P001-C002", "P009-C009"):
        event = drive.step(e.TargetAnswered, target_key=key, attempt=1, look=0, outcome=outcome, detail="")
        assert drive.tell(event).commands == ()

    assert drive.release == before


@every_phase
@pytest.mark.parametrize("outcome", list(e.Outcome))
def test_an_answer_to_an_earlier_serial_changes_nothing(phase: Phase, outcome: e.Outcome) -> None:
    """The step it belonged to is over."""
    drive = driven_to(phase)
    before = drive.release
    drive.answered(KEY, outcome, serial=before.serial - 1)

    assert drive.release == before


@every_phase
def test_a_look_issues_every_command_under_way_again_under_ids_of_its_own(phase: Phase) -> None:
    """Commands may be lost; duplicate detection must not swallow the second copy."""
    drive = driven_to(phase, 2, 1)
    ids = {command.command_id for decision in drive.said for command in decision.commands}
    decision = drive.looked()

    assert about(decision) == drive.keys(Progress.CHANGING)
    assert not ids & {command.command_id for command in decision.commands}
    [again] = commands(decision, c.ScheduleEvent)
    assert again.not_before == drive.release.look_at
    assert (again.event.serial, again.event.look) == (drive.release.serial, drive.release.look + 1)


@every_phase
def test_a_look_that_was_taken_already_changes_nothing(phase: Phase) -> None:
    """Otherwise looks would multiply (L6)."""
    drive = driven_to(phase)
    drive.looked()
    before = drive.release
    decision = drive.tell(drive.step(e.LookDue, look=before.look))

    assert (drive.release, decision.commands) == (before, ())


@every_phase
def test_a_look_is_for_the_try_that_is_current(phase: Phase) -> None:
    """Its answer must count."""
    drive = driven_to(phase)
    drive.answered(KEY, ERRORED)
    drive.answered(KEY, PENDING)
    [command] = [command for command in work(drive.looked()) if command.target_key == KEY]

    assert (command.attempt, command.look) == (2, 1)


@every_phase
def test_a_look_that_finds_nothing_left_to_do_concludes_the_phase(phase: Phase) -> None:
    """Also when there never was anything to do, so that no command will ever answer (L1)."""
    drive = driven_to(phase)
    goal = {"goal": phase, "serial": drive.release.serial, "progress": Progress.DONE, "check": Verdict.PASSED}
    drive.release = replace(drive.release, fleet=tuple(replace(target, **goal) for target in drive.release.fleet))
    decision = drive.looked()

    after = {
        Phase.CHECKING: Phase.AWAITING_PRODUCTION_APPROVAL,
        Phase.UPDATING: Phase.WATCHING,
        Phase.ROLLING_BACK: Phase.VERIFYING_ROLLBACK,
    }
    assert drive.release.phase is after[phase]
    assert decision.note[0].isalnum()


@every_phase
def test_a_look_does_not_bring_a_try_forward(phase: Phase) -> None:
    """An outage that is shorter than the pauses between the tries must not use them up."""
    drive = driven_to(phase, retry_backoff_s=60, look_interval_s=30)
    drive.answered(KEY, ERRORED, detail="cannot connect")
    drive.wait(30)
    assert KEY not in about(drive.looked())
    drive.wait(30)
    assert KEY in about(drive.looked())
