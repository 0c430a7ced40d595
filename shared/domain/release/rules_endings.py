"""Rules of holding, ending and putting back: settle before reversing (R-FAULT-35).

Once production may have been touched, no release ends before production was read back after a quiet period. If the
release must end and production does not run what it ran before, *previous* is restored first.
"""

from datetime import datetime

from shared.domain.errors import InvalidRequest
from shared.domain.people import check_operator
from shared.domain.records import replace
from shared.domain.release import events as e
from shared.domain.release.events import Running
from shared.domain.release.model import Phase, Release, Verdict
from shared.domain.release.moves import Move, end, enter, fault, hold, only_looking, stay
from shared.domain.release.rules_steps import with_verdict
from shared.domain.release.steps import cancel_running_test


def abort_requested(release: Release, event: e.AbortRequested, now: datetime) -> Move:
    """Aborting always works; production is put back first if it was touched."""
    return _end_or_settle(release, Phase.ABORTED, now, abort_note(release, event))


def abort_note(release: Release, event: e.AbortRequested) -> str:
    """Who aborts and why. Raises NotEligible, and InvalidRequest without a reason."""
    check_operator(release, event.actor)
    if not event.reason.strip():
        raise InvalidRequest("aborting needs a reason: the next person on call will read it")
    return f"{event.actor.name} aborted: {event.reason}"


def _end_or_settle(release: Release, ending: Phase, now: datetime, note: str) -> Move:
    if not release.production_touched:
        return end(release, ending, now, f"{note}; production was not touched")
    settling = replace(release, ending=ending)
    return enter(settling, Phase.SETTLING, now, f"{note}; settling before production is put back", reason=note)


def retry_requested(release: Release, event: e.RetryRequested, now: datetime) -> Move:
    """A new attempt of the held step, with a full set of attempts; of work on targets only what is not done."""
    check_operator(release, event.actor)
    phase = release.held_phase or Phase.VERIFYING
    note = f"{event.actor.name} has {phase.value} tried again" + (f": {event.reason}" if event.reason else "")
    return enter(release, phase, now, note, attempt=release.attempt + 1, held_phase=None)


def message_dead_lettered(release: Release, event: e.MessageDeadLettered, now: datetime) -> Move:
    """Something could not be processed: stop automatic progress and say so."""
    reason = f"message {event.message_id} of {event.queue} could not be processed: {event.reason}"
    if release.phase is Phase.HELD:
        return stay(release, f"still held; {reason}")
    return hold(release, now, reason)


def gate_expired(release: Release, event: e.DeadlinePassed, now: datetime) -> Move:
    """People did not decide before the deadline: the release expires."""
    return end(release, Phase.EXPIRED, now, f"nobody ended {release.phase.value} before its deadline{_waited(release)}")


def step_overdue(release: Release, event: e.DeadlinePassed, now: datetime) -> Move:
    """The step took too long: a person looks."""
    return hold(release, now, f"{release.phase.value} did not end before its deadline{_waited(release)}")


def _waited(release: Release) -> str:
    """Who or what stood in the way last."""
    return f"; it waited for {release.waiting_on}" if release.waiting_on else ""


def test_overdue(release: Release, event: e.DeadlinePassed, now: datetime) -> Move:
    """A test that did not end says nothing about the model: inconclusive, not failed."""
    if not release.check_runs or release.check_runs[-1].verdict is not None:
        return step_overdue(release, event, now)
    judged = with_verdict(release, Verdict.INCONCLUSIVE, "did not end before its deadline")
    held = hold(judged, now, f"test inference {release.check_runs[-1].job_name} did not end before its deadline")
    return replace(held, commands=(*cancel_running_test(release), *held.commands))


def production_overdue(release: Release, event: e.DeadlinePassed, now: datetime) -> Move:
    """Too late is not failed: the outcome is unknown."""
    return enter(
        release,
        Phase.SETTLING,
        now,
        f"production did not answer before the deadline; settling{_waited(release)}",
        attempt=release.attempt,
        faults=release.faults,
    )


def hold_expired(release: Release, event: e.DeadlinePassed, now: datetime) -> Move:
    """The hold reached its deadline: the release ends, production is put back if it was touched."""
    return _end_or_settle(release, Phase.EXPIRED, now, "nobody ended the hold before its deadline")


def production_outcome_unknown(release: Release, event: e.OutcomeUnknown, now: datetime) -> Move:
    """Never map "no answer" to success or failure."""
    return enter(
        release,
        Phase.SETTLING,
        now,
        f"unknown outcome of the change to production; settling: {event.reason}",
        attempt=release.attempt,
        faults=release.faults,
    )


def production_refused(release: Release, event: e.StepFailed, now: datetime) -> Move:
    """Azure ML said no for good: end as failed, after production was looked at. The cause is the reason to the end."""
    settling = replace(release, ending=Phase.FAILED)
    cause = f"production refused the change: {event.reason}"
    return enter(settling, Phase.SETTLING, now, cause, reason=cause)


def settled(release: Release, event: e.DeploymentObserved, now: datetime) -> Move:
    """What production runs after the quiet period decides what happens next."""
    if event.in_progress:
        return stay(release)
    landed = event.running is Running.WANTED
    if release.ending is not None:
        return _put_back(release, now, landed=landed, event=event)
    if landed and not event.broken:
        note = f"settled: production runs {release.asset}, read back: {event.detail}"
        return end(release, Phase.RELEASED, now, note)
    return fault(release, now, f"settled: {event.detail}", phase=Phase.DEPLOYING_PRODUCTION)


def _put_back(release: Release, now: datetime, *, landed: bool, event: e.DeploymentObserved) -> Move:
    ending = release.ending or Phase.ABORTED
    if not landed and not event.broken:
        return end(release, ending, now, f"{_cause(release)}production does not run the candidate: {event.detail}")
    if release.target.previous is None:
        note = (
            f"{_cause(release)}nothing ran in production before, so there is nothing to put back: delete deployment "
            f"{release.target.plan.deployment_name} of {release.target.plan.endpoint_name} by hand ({event.detail})"
        )
        return end(release, ending, now, note)
    note = f"{_cause(release)}production is put back to previous: {event.detail}"
    return enter(release, Phase.RESTORING, now, note, reason=release.reason)


def _cause(release: Release) -> str:
    """Why the release must end; settling and restoring carry it along."""
    return f"{release.reason}; " if release.reason else ""


def restored(release: Release, event: e.DeploymentObserved, now: datetime) -> Move:
    """Put back is what was read back."""
    if event.in_progress:
        return only_looking(release)
    if event.running is Running.WANTED and not event.broken:
        note = f"{_cause(release)}production was put back: {event.detail}"
        return end(release, release.ending or Phase.ABORTED, now, note)
    if not release.submitted:
        return stay(release)
    return fault(release, now, event.detail)


def restore_outcome_unknown(release: Release, event: e.OutcomeUnknown, now: datetime) -> Move:
    """Restoring is looked at until it is read back; its deadline bounds it."""
    return only_looking(release, f"unknown outcome of putting back, looking: {event.reason}")


def reversal_refused(release: Release, event: e.StepFailed | e.StepBlocked, now: datetime) -> Move:
    """Looking at production, or putting it back, was refused: a person must."""
    what = "put back" if release.phase is Phase.RESTORING else "read back"
    return hold(release, now, f"production could not be {what}: {event.reason}")
