"""The steps on the way to production, and what their answers mean."""

from dataclasses import replace
from datetime import timedelta

import pytest

from shared.domain.release import commands as c
from shared.domain.release import events as e
from shared.domain.release.decide import decide
from shared.domain.release.model import Phase, Release, Verdict
from tests.support.builders import NOW, a_spec
from tests.support.drive_model import answer, driven_to, kinds, next_event, observed, opened, release_in_test, retry


def test_the_straight_road_ends_in_production() -> None:
    """Registry, test, production, each with its command, in this order."""
    release, commands = opened(), []
    while not release.phase.is_terminal:
        decision = decide(release, next_event(release), NOW)
        release = decision.release
        commands += kinds(decision)

    assert release.phase is Phase.RELEASED
    assert commands == [
        "PromoteCandidate",
        "AcquireCircuit",
        "Deploy",
        "StartTest",
        "RecordPrevious",
        "Deploy",
        "FreeCircuit",
    ]


def test_previous_is_durable_before_production_may_change() -> None:
    """Write-ahead: the same commit records previous and first allows the change (I1)."""
    release = driven_to(Phase.RECORDING_PREVIOUS)

    decision = decide(release, next_event(release), NOW)

    assert decision.release.target.previous == a_spec()
    assert decision.release.target.previous_recorded
    assert decision.release.target.touched
    assert kinds(decision) == ["Deploy"]


def test_production_is_deployed_with_the_tags_of_the_architecture() -> None:
    """Tags of R-REL-18."""
    release = driven_to(Phase.RECORDING_PREVIOUS)
    decision = decide(release, next_event(release), NOW)

    [command] = [x for x in decision.commands if isinstance(x, c.Deploy)]

    assert command.spec.tags == {
        "model_version": "7",
        "deployed_at": "2026-01-05T08:00:00Z",
        "release_id": release.release_id,
        "approved_by": "person2@example.com",
        "previous_version": "6",
        "plant_id": "P001",
        "circuit_id": "C001",
        "environment_version": "1.5.0",
        "model_release": release.release_id,
        "environment_release": release.release_id,
        "mae": "0.12",
    }
    assert command.epoch == 4


def test_no_tag_of_a_deployment_is_longer_than_azure_takes() -> None:
    """Models may have longer tags: what would be cut in half says nothing, and is left out; names are cut."""
    release = driven_to(Phase.RECORDING_PREVIOUS)
    assert release.candidate
    candidate = replace(release.candidate, tags={**release.candidate.tags, "prediction_ranges": "f=0:1," * 60})
    people = [replace(each, actor=replace(each.actor, username="n" * 300)) for each in release.approvals]
    release = replace(release, candidate=candidate, approvals=tuple(people))
    [command] = [x for x in decide(release, next_event(release), NOW).commands if isinstance(x, c.Deploy)]

    assert max(len(value) for value in command.spec.tags.values()) == 256
    assert "prediction_ranges" not in command.spec.tags
    assert command.spec.tags["approved_by"].endswith("…")


@pytest.mark.parametrize(
    ("verdict", "phase"),
    [
        (Verdict.PASSED, Phase.AWAITING_PRODUCTION_APPROVAL),
        (Verdict.FAILED, Phase.FAILED),
        (Verdict.ERRORED, Phase.TESTING),
        (Verdict.INCONCLUSIVE, Phase.HELD),
    ],
)
def test_failed_errored_and_inconclusive_are_different(verdict: Verdict, phase: Phase) -> None:
    """Go on, reject, try again, ask a person."""
    release = release_in_test()

    finished = answer(e.TestFinished, release, job_name="batchjob-1", verdict=verdict, detail="told")

    assert decide(release, finished, NOW).release.phase is phase


def test_an_errored_test_is_a_new_attempt() -> None:
    """With a new serial, so that nothing of the old attempt counts any more."""
    release = release_in_test()
    finished = answer(e.TestFinished, release, job_name="batchjob-1", verdict=Verdict.ERRORED, detail="node lost")

    decision = decide(release, finished, NOW)

    assert decision.release.attempt == 2
    assert decision.release.serial == release.serial + 1
    [command] = [x for x in decision.commands if isinstance(x, c.StartTest)]
    assert command.not_before == NOW + timedelta(seconds=release.policy.limits.retry_backoff_s)


def test_the_result_of_a_job_that_was_not_recorded_counts_for_nothing() -> None:
    """Only the recorded job is believed (I15)."""
    release = release_in_test()
    foreign = answer(e.TestFinished, release, job_name="somebody-elses", verdict=Verdict.PASSED, detail="")

    assert decide(release, foreign, NOW).release.phase is Phase.TESTING


def test_attempts_are_limited_and_then_a_person_is_asked() -> None:
    """Every retry has a limit; after it the release is held and says why."""
    release = driven_to(Phase.PROMOTING)
    for _ in range(release.policy.limits.attempts_max):
        assert release.phase is Phase.PROMOTING
        release = decide(release, answer(e.StepErrored, release, reason="503"), NOW).release

    assert release.phase is Phase.HELD
    assert "after 3 attempts: 503" in release.reason


def test_a_retry_is_a_new_attempt_of_the_held_step_with_all_its_tries() -> None:
    """A person's retry starts the same step again."""
    release = driven_to(Phase.PROMOTING)
    while release.phase is Phase.PROMOTING:
        release = decide(release, answer(e.StepErrored, release, reason="503"), NOW).release

    decision = decide(release, retry(release), NOW)

    assert decision.release.phase is Phase.PROMOTING
    assert decision.release.attempt == 4
    assert decision.release.faults == 0
    assert kinds(decision) == ["PromoteCandidate"]


def test_a_late_answer_of_an_earlier_attempt_changes_nothing() -> None:
    """Answers carry the serial of their attempt."""
    release = driven_to(Phase.PROMOTING)
    late = next_event(release)
    again = decide(release, answer(e.StepErrored, release, reason="503"), NOW).release

    decision = decide(again, late, NOW)

    assert decision.release.phase is Phase.PROMOTING
    assert "late answer" in decision.note
    assert not decision.commands


def test_looking_never_starts_a_second_test() -> None:
    """A look at a running test observes it."""
    release = release_in_test()

    decision = decide(release, answer(e.LookDue, release, look=1), NOW)

    assert kinds(decision) == ["ObserveTest"]
    assert decision.entry is None


def test_a_look_before_anybody_answered_repeats_the_command() -> None:
    """A command that was lost is sent again under a new id."""
    release = driven_to(Phase.PROMOTING)

    decision = decide(release, answer(e.LookDue, release, look=1), NOW)

    [command] = [x for x in decision.commands if isinstance(x, c.PromoteCandidate)]
    assert command.command_id.endswith("promoting-1")


def test_the_same_look_twice_looks_once() -> None:
    """A duplicate of a scheduled message does not multiply (finding 4 of the failure model)."""
    release = driven_to(Phase.PROMOTING)
    event = answer(e.LookDue, release, look=1)
    looked = decide(release, event, NOW).release

    assert not decide(looked, event, NOW).commands


def test_waiting_for_days_is_looked_at_less_and_less() -> None:
    """A held circuit costs few looks: the pause doubles after ten looks, up to twenty intervals."""
    release = driven_to(Phase.WAITING_FOR_CIRCUIT)
    now, looks = NOW, 0
    while (now - NOW).total_seconds() < 86_400:
        release = decide(release, answer(e.LookDue, release, look=release.look + 1), now).release
        now, looks = release.look_at or now, looks + 1

    assert looks < 200


def test_a_busy_circuit_says_for_whom_it_waits() -> None:
    """No silent wait."""
    release = driven_to(Phase.WAITING_FOR_CIRCUIT)

    decision = decide(release, answer(e.CircuitBusy, release, holder="another-release"), NOW)

    assert decision.release.phase is Phase.WAITING_FOR_CIRCUIT
    assert decision.release.waiting_on == "another-release"
    assert "another-release" in decision.note


def failed_deployment(phase: Phase) -> Release:
    """A submitted deployment that Azure ML then failed."""
    release = driven_to(phase)
    submitted = decide(release, answer(e.DeploymentSubmitted, release), NOW).release
    return decide(submitted, observed(submitted, broken=True, detail="provisioning Failed"), NOW).release


@pytest.mark.parametrize("phase", [Phase.DEPLOYING_TEST, Phase.DEPLOYING_PRODUCTION])
def test_accepted_is_not_deployed(phase: Phase) -> None:
    """A deployment that was accepted and then failed is a fault, not a success."""
    release = failed_deployment(phase)

    assert release.phase is phase
    assert release.attempt == 2


def test_a_candidate_that_cannot_be_read_ends_the_release_with_the_reason() -> None:
    """An event is only a hint."""
    release = opened()

    decision = decide(release, answer(e.StepFailed, release, reason="there is no model m:7"), NOW)

    assert decision.release.phase is Phase.FAILED
    assert decision.release.reason == "there is no model m:7"
