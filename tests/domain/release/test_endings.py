"""Holding, ending, and putting production back: settle before reversing."""

from dataclasses import replace
from datetime import timedelta

import pytest

from shared.domain.errors import InvalidRequest, NotEligible
from shared.domain.release import commands as c
from shared.domain.release import events as e
from shared.domain.release.decide import decide
from shared.domain.release.events import Running
from shared.domain.release.model import Phase, Release
from shared.domain.release.waiting import waiting
from tests.support.builders import NOW, a_spec, an_actor
from tests.support.drive_model import abort, answer, deadline, driven_to, kinds, observed, release_in_test, retry

BEFORE_PRODUCTION = [
    Phase.VERIFYING,
    Phase.AWAITING_REGISTRY_APPROVAL,
    Phase.PROMOTING,
    Phase.WAITING_FOR_CIRCUIT,
    Phase.DEPLOYING_TEST,
    Phase.TESTING,
    Phase.AWAITING_PRODUCTION_APPROVAL,
    Phase.RECORDING_PREVIOUS,
]


@pytest.mark.parametrize("phase", BEFORE_PRODUCTION)
def test_aborting_before_production_ends_at_once(phase: Phase) -> None:
    """Abort always works; nothing was touched, so nothing has to settle."""
    release = driven_to(phase)

    decision = decide(release, abort(release), NOW)

    assert decision.release.phase is Phase.ABORTED
    assert "production was not touched" in decision.note


def test_aborting_a_running_test_stops_its_job() -> None:
    """Nobody waits for it any more."""
    release = release_in_test()

    assert "CancelTest" in kinds(decide(release, abort(release), NOW))


def test_aborting_needs_a_reason_and_a_member_of_an_approving_group() -> None:
    """Who and why are in the history."""
    release = driven_to(Phase.PROMOTING)

    with pytest.raises(InvalidRequest, match="needs a reason"):
        decide(release, abort(release, reason=""), NOW)
    with pytest.raises(NotEligible, match="not a member"):
        decide(release, replace(abort(release), actor=an_actor(groups=())), NOW)


def settling(release: Release) -> Release:
    """The release after production gave no answer."""
    return decide(release, answer(e.OutcomeUnknown, release, reason="timed out"), NOW).release


def test_an_unknown_outcome_is_settled_before_anything_is_decided() -> None:
    """No answer is neither success nor failure; production is looked at after the quiet period, not before."""
    release = settling(driven_to(Phase.DEPLOYING_PRODUCTION))

    assert release.phase is Phase.SETTLING
    assert release.look_at == NOW + timedelta(seconds=release.policy.limits.settle_quiet_s)


def test_a_change_that_landed_after_all_is_a_release() -> None:
    """Settled: the candidate serves."""
    release = settling(driven_to(Phase.DEPLOYING_PRODUCTION))

    assert decide(release, observed(release), NOW).release.phase is Phase.RELEASED


def test_a_change_that_did_not_land_is_tried_again() -> None:
    """Settled: production runs what it ran before."""
    release = settling(driven_to(Phase.DEPLOYING_PRODUCTION))

    decision = decide(release, observed(release, Running.OTHER), NOW)

    assert decision.release.phase is Phase.DEPLOYING_PRODUCTION
    assert decision.release.attempt == 2
    assert kinds(decision) == ["Deploy"]


def test_a_production_deployment_that_takes_too_long_settles() -> None:
    """Too late is not failed."""
    release = driven_to(Phase.DEPLOYING_PRODUCTION)
    event, at = deadline(release)

    assert decide(release, event, at).release.phase is Phase.SETTLING


def test_no_outcome_by_the_next_deadline_holds_for_a_person() -> None:
    """Stuck: a person looks."""
    release = settling(driven_to(Phase.DEPLOYING_PRODUCTION))
    event, at = deadline(release)

    assert decide(release, event, at).release.phase is Phase.HELD


def test_aborting_while_production_changes_waits_for_the_outcome_first() -> None:
    """Reversing at once could be overtaken by the change itself."""
    release = driven_to(Phase.DEPLOYING_PRODUCTION)

    decision = decide(release, abort(release), NOW)

    assert decision.release.phase is Phase.SETTLING
    assert decision.release.ending is Phase.ABORTED
    assert not [x for x in decision.commands if isinstance(x, c.Deploy)]


def aborted_and_settling() -> Release:
    """A release that is to end, with production in an unknown state."""
    release = driven_to(Phase.DEPLOYING_PRODUCTION)
    return decide(release, abort(release), NOW).release


def test_an_aborted_release_whose_change_landed_puts_previous_back() -> None:
    """Rollback is an ordinary deployment of previous, in full."""
    release = aborted_and_settling()

    decision = decide(release, observed(release), NOW)

    assert decision.release.phase is Phase.RESTORING
    [command] = [x for x in decision.commands if isinstance(x, c.Deploy)]
    assert replace(command.spec, tags=a_spec().tags) == a_spec()
    assert command.spec.tags["restored_by_release"] == release.release_id


def test_an_aborted_release_whose_change_did_not_land_leaves_production_alone() -> None:
    """Nothing to put back."""
    release = aborted_and_settling()

    decision = decide(release, observed(release, Running.OTHER), NOW)

    assert decision.release.phase is Phase.ABORTED
    assert "Deploy" not in kinds(decision)


def test_a_release_ends_only_when_previous_was_read_back() -> None:
    """Put back is what was read back, not what was accepted."""
    release = aborted_and_settling()
    restoring = decide(release, observed(release), NOW).release

    submitted = decide(restoring, answer(e.DeploymentSubmitted, restoring), NOW).release
    ended = decide(submitted, observed(submitted), NOW).release

    assert submitted.phase is Phase.RESTORING
    assert ended.phase is Phase.ABORTED
    assert "put back" in ended.reason


def test_when_nothing_ran_before_the_history_says_what_to_delete() -> None:
    """A first deployment has no previous; the person is told what is left."""
    release = aborted_and_settling()
    first = replace(release, targets=(replace(release.target, previous=None),))

    decision = decide(first, observed(first), NOW)

    assert decision.release.phase is Phase.ABORTED
    assert "delete deployment deployment-circuit-C001" in decision.note


def test_production_that_refuses_for_good_fails_after_it_was_looked_at() -> None:
    """A refusal ends the release as failed."""
    release = driven_to(Phase.DEPLOYING_PRODUCTION)
    refused = decide(release, answer(e.StepFailed, release, reason="quota"), NOW).release

    assert refused.phase is Phase.SETTLING
    assert decide(refused, observed(refused, Running.OTHER), NOW).release.phase is Phase.FAILED


def test_a_dead_lettered_message_holds_the_release_and_a_retry_resumes_its_step() -> None:
    """Hold and say so."""
    release = driven_to(Phase.DEPLOYING_TEST)
    dead = e.MessageDeadLettered(
        event_id="dead",
        release_id=release.release_id,
        occurred_at=NOW,
        queue="effects",
        message_id="m-1",
        reason="MaxDeliveryCountExceeded",
    )

    held = decide(release, dead, NOW).release

    assert held.phase is Phase.HELD
    assert "m-1 of effects" in held.reason
    assert decide(held, retry(held), NOW).release.phase is Phase.DEPLOYING_TEST


def test_a_hold_that_nobody_ends_expires() -> None:
    """Every wait has a deadline."""
    release = release_in_test()
    event, at = deadline(release)
    held = decide(release, event, at).release
    event, later = deadline(held)

    assert held.phase is Phase.HELD
    assert decide(held, event, later).release.phase is Phase.EXPIRED


def test_a_test_that_does_not_end_is_inconclusive_and_its_job_is_stopped() -> None:
    """It says nothing about the model."""
    release = release_in_test()
    event, at = deadline(release)

    decision = decide(release, event, at)

    assert decision.release.check_runs[-1].verdict == "inconclusive"
    assert "CancelTest" in kinds(decision)


@pytest.mark.parametrize("phase", [*BEFORE_PRODUCTION, Phase.DEPLOYING_PRODUCTION])
def test_every_live_release_says_for_what_until_when_and_who_can_end_it(phase: Phase) -> None:
    """No silent wait (R-INV-27)."""
    answer_ = waiting(driven_to(phase))

    assert answer_ is not None
    assert answer_.waits_for
    assert answer_.until is not None
    assert answer_.who_can_end_it == ("ML-Engineers",)


def test_an_ended_release_waits_for_nothing() -> None:
    """Terminal."""
    release = driven_to(Phase.PROMOTING)

    assert waiting(decide(release, abort(release), NOW).release) is None
