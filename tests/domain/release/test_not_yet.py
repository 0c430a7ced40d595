"""Every step of every kind of release: not yet is no fault, what people can give back is held, a no for good ends."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from shared.domain.fleet.lanes import WORK, begin, of_progress
from shared.domain.online.machine import CHANGING
from shared.domain.release import events as e
from shared.domain.release.decide import Decision, decide
from shared.domain.release.model import Kind, Phase, Progress, Release
from shared.domain.release.moves import CLAIMING
from shared.domain.release.waiting import waiting
from tests.support.all_steps import ALONE, ON_TARGETS, STEPS, in_phase
from tests.support.builders import NOW, RELEASE_ID, a_release, an_actor

LONG = 20  # looks, far more than attempts

#: Production serves the candidate by then, whatever becomes of the slots from before.
ONLINE_ENDS = {Phase.REMOVING_SLOTS: Phase.RELEASED}


def under_way(kind: Kind, phase: Phase) -> Release:
    """A release in the middle of its step, whose targets were begun."""
    release = in_phase(kind, phase)
    return begin(release, NOW)[0] if phase in WORK else release


def tell(release: Release, event_type: type[e.Event], now: datetime = NOW, **content: Any) -> Decision:
    if issubclass(event_type, e.StepEvent):
        content = {"serial": release.serial, **content}
    event = event_type(event_id=f"event-{now}-{content}", release_id=RELEASE_ID, occurred_at=now, **content)
    return decide(release, event, now)


def busy(release: Release, times: int) -> tuple[Release, list[str]]:
    """The release after so many looks that found Azure ML still at work, and what the history got to hear."""
    notes = []
    for number in range(times):
        detail = f"it is being changed, request {number}"
        if release.phase in WORK:
            target = of_progress(release, Progress.CHANGING)[0]
            about: dict[str, Any] = {"target_key": target.key, "attempt": target.attempt, "look": target.look}
            said = tell(release, e.TargetAnswered, **about, outcome=e.Outcome.BUSY, detail="it is being changed")
        else:
            said = tell(release, e.StepBusy, detail=detail)
        assert said.applied
        assert not said.commands, "the release's own looks ask again"
        release = said.release
        notes += [said.note] if said.note else []
    return release, notes


@pytest.mark.parametrize(("kind", "phase"), STEPS)
def test_not_yet_costs_no_attempt_and_is_what_the_release_waits_for(kind: Kind, phase: Phase) -> None:
    """However many looks find it so; the history tells it once, with what stands in the way."""
    before = under_way(kind, phase)

    after, notes = busy(before, LONG)

    assert (after.phase, after.serial, after.attempt, after.faults) == (phase, before.serial, before.attempt, 0)
    assert after.deadline_at == before.deadline_at
    assert [target.attempt for target in after.fleet] == [target.attempt for target in before.fleet]
    assert len(notes) == 1
    said = waiting(after)
    assert said
    if phase not in CLAIMING:
        assert "it is being changed" in said.waits_for


@pytest.mark.parametrize(("kind", "phase"), STEPS)
def test_only_the_deadline_ends_waiting_and_says_what_for(kind: Kind, phase: Phase) -> None:
    """Production is looked at first, and what waits for a circuit has changed nothing: it ends."""
    waited, _ = busy(under_way(kind, phase), LONG)
    deadline_at = (waited.deadline_at or NOW) + timedelta(seconds=1)

    after = tell(waited, e.DeadlinePassed, deadline_at)

    own = {Phase.DEPLOYING_PRODUCTION: Phase.SETTLING, Phase.WAITING_FOR_CIRCUIT: Phase.EXPIRED}
    if kind is Kind.ENVIRONMENT:
        own[Phase.WAITING_FOR_FLEET] = Phase.EXPIRED
    if kind is Kind.ONLINE:
        own = {**dict.fromkeys(CHANGING, Phase.RESTORING), **ONLINE_ENDS, Phase.WAITING_FOR_ENDPOINT: Phase.EXPIRED}
    assert after.release.phase is own.get(phase, Phase.HELD)
    assert "it waited for Azure ML: it is being changed" in after.note


@pytest.mark.parametrize(("kind", "phase"), ON_TARGETS)
def test_a_target_that_had_to_wait_is_done_like_any_other(kind: Kind, phase: Phase) -> None:
    """What it waited for is over, and no longer said."""
    waited, _ = busy(under_way(kind, phase), LONG)
    target = of_progress(waited, Progress.CHANGING)[0]
    about: dict[str, Any] = {"target_key": target.key, "attempt": target.attempt, "look": target.look}

    after = tell(waited, e.TargetAnswered, **about, outcome=e.Outcome.DONE, detail="done").release

    assert after.phase is not phase or after.waiting_on == ""
    assert next(each.detail for each in after.fleet if each.key == target.key) == "done"


@pytest.mark.parametrize(("kind", "phase"), [each for each in ALONE if each[1] not in ONLINE_ENDS])
def test_what_people_can_give_back_is_held_with_its_cause_and_a_retry_goes_on(kind: Kind, phase: Phase) -> None:
    """The same for all kinds of release, before people approved and after."""
    held = tell(under_way(kind, phase), e.StepBlocked, reason="(AuthorizationFailed) no").release

    assert held.phase is Phase.HELD
    assert "(AuthorizationFailed) no" in held.reason
    again = tell(held, e.RetryRequested, actor=an_actor(), reason="role given").release
    assert (again.phase, again.serial) == (phase, held.serial + 1)


@pytest.mark.parametrize(("kind", "phase"), ON_TARGETS)
def test_a_target_that_people_must_unblock_holds_the_release_and_a_retry_goes_on(kind: Kind, phase: Phase) -> None:
    """The others are worked on first; then people see the list."""
    release = under_way(kind, phase)
    while working := of_progress(release, Progress.CHANGING):
        about: dict[str, Any] = {"target_key": working[0].key, "attempt": working[0].attempt, "look": working[0].look}
        release = tell(release, e.TargetAnswered, **about, outcome=e.Outcome.REFUSED, detail="OutOfQuota").release

    assert (release.phase, release.held_phase) == (Phase.HELD, phase)
    assert "OutOfQuota" in release.reason
    again = tell(release, e.RetryRequested, actor=an_actor(), reason="quota raised").release
    assert again.phase is phase
    assert of_progress(again, Progress.CHANGING)


@pytest.mark.parametrize(("kind", "phase"), ALONE)
def test_a_no_for_good_ends_the_release_unless_production_must_be_seen_to(kind: Kind, phase: Phase) -> None:
    """No retry can change it; what may have touched production is looked at, or held for people."""
    after = tell(under_way(kind, phase), e.StepFailed, reason="of a wrong type").release

    seen_to = {
        Phase.DEPLOYING_PRODUCTION: Phase.SETTLING,
        Phase.SETTLING: Phase.HELD,
        Phase.RESTORING: Phase.HELD,
    }
    if kind is Kind.ONLINE:
        seen_to = {**dict.fromkeys(CHANGING, Phase.RESTORING), **ONLINE_ENDS, Phase.RESTORING: Phase.HELD}
    assert after.phase is seen_to.get(phase, Phase.FAILED)
    assert "of a wrong type" in after.reason


@pytest.mark.parametrize(
    ("running", "broken", "said"),
    [
        (e.Running.OTHER, False, "production does not run the candidate"),
        (e.Running.NOTHING, False, "production does not run the candidate"),
        (e.Running.WANTED, False, "production was put back"),
    ],
)
def test_the_cause_is_the_reason_to_the_end_also_after_production_was_seen_to(
    running: e.Running, broken: bool, said: str
) -> None:
    """A person must not have to look for it in the history."""
    release = tell(a_release(Phase.DEPLOYING_PRODUCTION), e.StepFailed, reason="of a wrong type").release
    seen = {"running": running, "in_progress": False, "broken": broken, "detail": "read back"}

    release = tell(release, e.DeploymentObserved, **seen).release
    if release.phase is Phase.RESTORING:
        release = tell(replace(release, submitted=True), e.DeploymentObserved, **seen).release

    assert release.phase is Phase.FAILED
    assert "of a wrong type" in release.reason
    assert said in release.reason
