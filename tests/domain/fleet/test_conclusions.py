"""What follows once every target is through: all, some or none of them well."""

import pytest

from shared.domain.release import commands as c
from shared.domain.release import events as e
from shared.domain.release.model import Phase, Progress, Verdict
from shared.domain.release.policy import Stage
from shared.domain.release.specs import gate_facts
from tests.support.drive_fleet import Drive, about, commands, driven_to

CHECKING, UPDATING, ROLLING_BACK = Phase.CHECKING, Phase.UPDATING, Phase.ROLLING_BACK
DONE, ERRORED, REFUSED = e.Outcome.DONE, e.Outcome.ERRORED, e.Outcome.REFUSED
A, B, C = "P001-C001", "P001-C002", "P002-C001"


def test_all_models_must_have_been_judged_before_anybody_decides() -> None:
    """The list that people see is complete."""
    drive = driven_to(CHECKING)
    for key in (A, C):
        drive.answered(key)
        assert drive.release.phase is CHECKING
    drive.answered(B)

    assert drive.release.phase is Phase.AWAITING_PRODUCTION_APPROVAL


@pytest.mark.parametrize("others", [Verdict.PASSED, Verdict.INCONCLUSIVE])
def test_one_model_that_failed_ends_the_release_and_is_named(others: Verdict) -> None:
    """A failed check never yields an approval (I16); the others are judged all the same."""
    drive = driven_to(CHECKING)
    drive.answered(A, verdict=Verdict.FAILED, detail="NaN in 3 rows")
    assert drive.release.phase is CHECKING
    drive.finish(verdict=others)

    assert drive.release.phase is Phase.FAILED
    assert "1 of 3 models failed: P001-C001: NaN in 3 rows" in drive.release.reason
    assert len(commands(drive.said[-1], c.FreeFleet)) == 1


def test_a_check_without_an_answer_holds_the_release() -> None:
    """Unknown is not passed (I16), and not failed either: a person has it tried again."""
    drive = driven_to(CHECKING)
    drive.answered(A, REFUSED, detail="no such model")
    drive.finish()

    assert (drive.release.phase, drive.release.held_phase) == (Phase.HELD, CHECKING)
    assert "1 of 3 checks errored: P001-C001: no such model" in drive.release.reason


def test_failed_weighs_more_than_errored() -> None:
    """Trying the errored ones again could not save the release."""
    drive = driven_to(CHECKING)
    drive.answered(A, REFUSED)
    drive.answered(B, verdict=Verdict.FAILED)
    drive.answered(C)

    assert drive.release.phase is Phase.FAILED


def test_models_that_predict_other_values_are_for_people_to_judge() -> None:
    """With the numbers, at the gate."""
    drive = driven_to(CHECKING)
    drive.answered(A, verdict=Verdict.INCONCLUSIVE, detail="largest difference 0.2 in temperature")
    drive.finish()
    facts = gate_facts(drive.release, Stage.PRODUCTION)

    assert drive.release.phase is Phase.AWAITING_PRODUCTION_APPROVAL
    assert "1 predict other values" in drive.said[-1].note
    assert facts["checks"] == "1 inconclusive, 2 passed"
    assert facts["models that predict other values"] == "P001-C001: largest difference 0.2 in temperature"


def test_production_is_watched_only_when_every_deployment_was_read_back() -> None:
    """For as long as the policy says."""
    drive = driven_to(UPDATING, watch_s=7200)
    drive.finish()

    assert drive.release.phase is Phase.WATCHING
    assert drive.release.deadline_at is not None
    assert (drive.release.deadline_at - drive.now).total_seconds() == 7200
    assert "all 3 deployments run custom-tf-env:1.5.1" in drive.said[-1].note


@pytest.mark.parametrize("failed", [(A,), (B,), (A, C), (A, B, C)])
def test_a_partial_failure_is_never_a_success(failed: tuple[str, ...]) -> None:
    """Whichever and however many failed: the release is held, with the list; the others were still tried."""
    drive = driven_to(UPDATING)
    while drive.release.phase is UPDATING:
        key = drive.keys(Progress.CHANGING)[0]
        drive.answered(key, REFUSED if key in failed else DONE, detail="no quota")

    assert (drive.release.phase, drive.release.held_phase) == (Phase.HELD, UPDATING)
    assert f"{len(failed)} of 3 deployments could not be updated" in drive.release.reason
    assert all(f"{key}: no quota" in drive.release.reason for key in failed)
    assert drive.keys(Progress.FAILED) == list(failed)


def test_a_long_list_of_failures_stays_readable() -> None:
    """The first few by name, the rest by count."""
    drive = driven_to(UPDATING, *[1] * 8)
    drive.finish(REFUSED, detail="no quota")

    assert drive.release.reason.count("no quota") == 5
    assert drive.release.reason.endswith("and 3 more")


@pytest.mark.parametrize("phase", [CHECKING, UPDATING])
def test_a_retry_works_on_what_is_not_done_and_on_nothing_else(phase: Phase) -> None:
    """With a full set of attempts."""
    drive = held_with_failures(phase)
    decision = drive.tell(drive.by(e.RetryRequested))

    assert drive.release.phase is phase
    assert about(decision) == [A, C]
    assert drive.keys(Progress.DONE) == [B]
    assert {drive.target(key).attempt for key in (A, C)} == {1}


def test_a_retry_that_succeeds_goes_on_as_if_nothing_had_failed() -> None:
    """What was done in the first round counts."""
    drive = held_with_failures(UPDATING)
    drive.tell(drive.by(e.RetryRequested))
    drive.finish()

    assert drive.release.phase is Phase.WATCHING


def test_a_retry_that_fails_again_is_held_again() -> None:
    """As often as people want."""
    drive = held_with_failures(UPDATING)
    drive.tell(drive.by(e.RetryRequested))
    drive.finish(REFUSED)

    assert drive.release.phase is Phase.HELD
    assert "2 of 3 deployments" in drive.release.reason


def test_a_judged_model_is_not_checked_again_by_a_retry() -> None:
    """Its verdict was recorded; a late one of the first round changes nothing (I15)."""
    drive = held_with_failures(CHECKING)
    serial = drive.release.serial
    drive.tell(drive.by(e.RetryRequested))
    drive.answered(B, verdict=Verdict.FAILED)
    drive.answered(A, verdict=Verdict.FAILED, serial=serial)
    drive.finish()

    assert drive.release.phase is Phase.AWAITING_PRODUCTION_APPROVAL


def test_put_back_is_told_in_numbers() -> None:
    """How many were restored, and how many were never touched."""
    drive = driven_to(UPDATING, 2, 1)
    drive.answered(A)
    drive.tell(drive.by(e.RollbackRequested))
    drive.put_back()

    assert drive.release.phase is Phase.ROLLED_BACK
    assert "3 deployments were put back and read back, 0 had not been touched" in drive.notes()


def test_a_deployment_that_could_not_be_put_back_holds_the_release_with_the_list() -> None:
    """Never rolled back by name only (I11). A retry reads what was put back as well: a change that was sent twice may
    have landed after it was read."""
    drive = driven_to(ROLLING_BACK)
    drive.answered(A, REFUSED, detail="was deleted by somebody else")
    drive.finish()

    assert (drive.release.phase, drive.release.held_phase) == (Phase.HELD, ROLLING_BACK)
    assert "1 deployments could not be put back: P001-C001: was deleted by somebody else" in drive.release.reason
    decision = drive.tell(drive.by(e.RetryRequested))
    assert about(decision) == [A, C]
    drive.put_back()
    assert drive.release.phase is Phase.ROLLED_BACK


def test_the_last_answer_leaves_no_command_of_its_phase_behind() -> None:
    """Those of the phase that follows, and the facts, are all."""
    drive = driven_to(UPDATING, 1)
    decision = drive.answered(A)

    assert about(decision) == []
    assert [command.phase for command in commands(decision, c.PublishFact)] == [Phase.WATCHING]


def held_with_failures(phase: Phase) -> Drive:
    """Of three targets the first and the last could not be worked on."""
    drive = driven_to(phase, 2, 1)
    while drive.release.phase is phase:
        key = drive.keys(Progress.CHANGING)[0]
        drive.answered(key, DONE if key == B else REFUSED)
    return drive
