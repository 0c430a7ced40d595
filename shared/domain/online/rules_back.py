"""Rules of the way back: the traffic from before is restored exactly, the failed slot goes, and nothing else does.

Traffic goes back at once, because people get its answers. The end comes later: a change forward that nobody got an
answer to may land after it, and is taken back as well until the quiet period has passed. Where nothing served before,
the endpoint and its slot stay, without traffic, for people to look at.
"""

from datetime import datetime, timedelta

from shared.domain.online import events as o
from shared.domain.online.model import TrafficMove
from shared.domain.online.specs import SIDE_OF, online_of, rollout_of
from shared.domain.online.traffic import told
from shared.domain.people import check_operator
from shared.domain.records import replace
from shared.domain.release import events as e
from shared.domain.release.model import Release
from shared.domain.release.moves import Move, end, enter, fault, hold, stay
from shared.domain.release.phases import Phase
from shared.domain.release.rules_endings import abort_note


def go_back(release: Release, ending: Phase, now: datetime, cause: str) -> Move:
    """Ends the release as `ending`; first what it changed on an endpoint goes back, unless that has passed in full."""
    online = online_of(release)
    rollout = online.under_way
    if rollout is None:
        return end(release, ending, now, f"{cause}; no traffic had to go back")
    quiet_until = now + timedelta(seconds=release.policy.limits.settle_quiet_s)
    note = f"{cause}; the traffic of {rollout.endpoint_name} in {rollout.side} goes back"
    return enter(
        release,
        Phase.RESTORING,
        now,
        note,
        ending=ending,
        reason=cause,
        held_phase=None,
        online=replace(online, quiet_until=quiet_until),
    )


def errored(release: Release, now: datetime, reason: str) -> Move:
    """A technical fault of a step on an endpoint: tried again, and back when the tries are used up."""
    if release.faults + 1 < release.policy.limits.attempts_max:
        return fault(release, now, reason)
    tries = f"{release.phase.value} did not succeed after {release.faults + 1} attempts"
    return go_back(release, Phase.FAILED, now, f"{tries}: {reason}")


def step_errored(release: Release, event: e.StepErrored, now: datetime) -> Move:
    """Where only looking failed, the next look is the next try."""
    return stay(release) if release.submitted else errored(release, now, event.reason)


def step_failed(release: Release, event: e.StepFailed, now: datetime) -> Move:
    """A definite no: no retry can change it."""
    return go_back(release, Phase.FAILED, now, event.reason)


def overdue(release: Release, event: e.DeadlinePassed, now: datetime) -> Move:
    """A slot that does not come up, or traffic that does not move, goes back."""
    waited = f"; it waited for {release.waiting_on}" if release.waiting_on else ""
    return go_back(release, Phase.FAILED, now, f"{release.phase.value} did not end before its deadline{waited}")


def changed_by_hand(release: Release, event: o.TrafficChanged, now: datetime) -> Move:
    """Nobody's order is overwritten unasked: people decide whose counts."""
    back = release.phase is Phase.RESTORING
    fix = (
        "retry overwrites it, abort leaves it as it is" if back else f"set it to {_wanted(release)} and retry, or abort"
    )
    mirrored = f", copies to {told(event.mirror)}" if event.mirror else ""
    reason = f"somebody changed the traffic by hand, to {told(event.traffic)}{mirrored}: {fix}"
    asking = replace(release, online=replace(online_of(release), by_hand=True))
    return hold(asking, now, f"{_cause(release)}{reason}" if back else reason)


def _wanted(release: Release) -> str:
    rollout = rollout_of(release, SIDE_OF[release.phase])
    return told(rollout.steps[rollout.step].traffic)


def put_back(release: Release, event: o.EndpointBack, now: datetime) -> Move:
    """What served before serves again; until the quiet period is over it is looked at again."""
    online = online_of(release)
    rollout = online.under_way
    if rollout is None:
        return end(release, release.ending or Phase.FAILED, now, f"{_cause(release)}{event.detail}")
    if event.removed and event.removed not in rollout.removed:
        rollout = replace(rollout, removed=(*rollout.removed, event.removed))
    note = ""
    last = rollout.moves[-1] if rollout.moves else None
    if last is not None and (last.traffic, last.mirror) != (event.traffic, event.mirror):
        move = TrafficMove(at=now, traffic=event.traffic, mirror=event.mirror)
        rollout = replace(rollout, moves=(*rollout.moves, move))
        note = f"{rollout.endpoint_name} in {rollout.side} serves by {told(event.traffic)} again"
    seen = replace(release, online=online.with_rollout(rollout), waiting_on="")
    if online.quiet_until is not None and now < online.quiet_until:
        return Move(release=seen, note=note)
    done = replace(release, online=online.with_rollout(replace(rollout, back=True)))
    return end(done, release.ending or Phase.FAILED, now, f"{_cause(release)}{event.detail}")


def back_submitted(release: Release, event: e.DeploymentSubmitted, now: datetime) -> Move:
    """The next look reads it back."""
    return stay(release, waiting_on="")


def back_unknown(release: Release, event: e.OutcomeUnknown, now: datetime) -> Move:
    """Looking shows whether it was applied; the deadline bounds it."""
    return stay(release, f"unknown outcome of putting back, looking: {event.reason}")


def back_errored(release: Release, event: e.StepErrored, now: datetime) -> Move:
    """Every look tries again, until the deadline: nothing matters more than that it goes back."""
    return stay(release)


def back_refused(release: Release, event: e.StepFailed | e.StepBlocked, now: datetime) -> Move:
    """People must see to it."""
    return hold(release, now, f"{_cause(release)}the traffic could not be put back: {event.reason}")


def back_overdue(release: Release, event: e.DeadlinePassed, now: datetime) -> Move:
    """The same."""
    waited = f"; it waited for {release.waiting_on}" if release.waiting_on else ""
    return hold(release, now, f"{_cause(release)}the traffic did not go back before its deadline{waited}")


def watch_blind(release: Release, event: e.StepFailed | e.StepBlocked, now: datetime) -> Move:
    """A slot that cannot be asked is not one that answers badly. The history tells it once."""
    note = "" if release.waiting_on else f"the slot cannot be asked: {event.reason}"
    return stay(release, note, waiting_on=event.reason)


def abort_requested(release: Release, event: e.AbortRequested, now: datetime) -> Move:
    """Aborting always works. Where going back was tried in vain, the release says what is left."""
    note = abort_note(release, event)
    return _left(release, Phase.ABORTED, now, note) or go_back(release, Phase.ABORTED, now, note)


def hold_expired(release: Release, event: e.DeadlinePassed, now: datetime) -> Move:
    """The hold reached its deadline."""
    note = "nobody ended the hold before its deadline"
    return _left(release, Phase.EXPIRED, now, note) or go_back(release, Phase.EXPIRED, now, note)


def _left(release: Release, ending: Phase, now: datetime, note: str) -> Move | None:
    rollout = online_of(release).under_way
    if release.phase is not Phase.HELD or release.held_phase is not Phase.RESTORING or rollout is None:
        return None
    where = f"{rollout.endpoint_name} in {rollout.side}"
    wanted = f"before this release it served by {told(rollout.traffic_before)}, and its slot was {rollout.slot}"
    return end(release, ending, now, f"{note}; {where} is left as it is: {wanted}; {release.reason}")


def retry_requested(release: Release, event: e.RetryRequested, now: datetime) -> Move:
    """A new attempt of the held step. On the way back a person who was told of a change by hand has it overwritten."""
    check_operator(release, event.actor)
    phase, online = release.held_phase or Phase.VERIFYING, online_of(release)
    note = f"{event.actor.name} has {phase.value} tried again" + (f": {event.reason}" if event.reason else "")
    online = replace(online, overwrite=phase is Phase.RESTORING and online.by_hand, by_hand=False)
    return enter(release, phase, now, note, attempt=release.attempt + 1, held_phase=None, online=online)


def rollback_requested(release: Release, event: e.RollbackRequested, now: datetime) -> Move:
    """Asked for while the traffic moves or is watched: what served before serves again."""
    check_operator(release, event.actor)
    note = f"{event.actor.name} asked to roll back: {event.reason}"
    asked = replace(release, rollback_reason=event.reason, rollback_by=(event.actor.object_id, event.actor.username))
    return go_back(asked, Phase.ROLLED_BACK, now, note)


def _cause(release: Release) -> str:
    return f"{release.reason.removeprefix('held: ')}; " if release.reason else ""
