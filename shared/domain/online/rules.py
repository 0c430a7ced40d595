"""Rules of a release to online endpoints on its way forward: compared, promoted, a slot in dev, a slot in production.

Both sides have the same four steps: what serves is recorded, the slot comes up without traffic, it is tested by its
name, and the traffic goes there step by step. What fails goes back by `rules_back.py`.
"""

from datetime import datetime, timedelta

from shared.domain.online import events as o
from shared.domain.online.model import Rollout, Side, SlotTest, TrafficMove
from shared.domain.online.rules_back import errored, go_back
from shared.domain.online.specs import SIDE_OF, lock_key, online_of, plan_of, rollout_of
from shared.domain.online.steps import comparison_job, slot_test_of
from shared.domain.online.traffic import choose_slot, steps_to, told
from shared.domain.records import replace
from shared.domain.release import events as e
from shared.domain.release.events import Running
from shared.domain.release.makers import is_refused, refused_makers
from shared.domain.release.model import CheckRun, Release
from shared.domain.release.moves import Move, end, enter, fault, hold, only_looking, stay
from shared.domain.release.phases import Phase, Verdict
from shared.domain.release.policy import Stage
from shared.domain.release.rules_gates import open_gate
from shared.domain.release.rules_steps import with_verdict

AFTER_RECORDING = {Phase.RECORDING_DEV: Phase.DEPLOYING_DEV, Phase.RECORDING_PREVIOUS: Phase.DEPLOYING_PRODUCTION}
AFTER_DEPLOYING = {Phase.DEPLOYING_DEV: Phase.TESTING_DEV, Phase.DEPLOYING_PRODUCTION: Phase.TESTING_PRODUCTION}
AFTER_TESTING = {Phase.TESTING_DEV: Phase.MOVING_DEV_TRAFFIC, Phase.TESTING_PRODUCTION: Phase.MOVING_TRAFFIC}


def verified(release: Release, event: o.OnlineVerified, now: datetime) -> Move:
    """The plan is kept from here on, and what it is compared with is known."""
    if is_refused(release, event.candidate):
        return hold(release, now, refused_makers(event.candidate))
    online, plan = online_of(release), event.plan
    wish = replace(online.wish, branch=event.branch)
    if plan.branches and event.branch not in plan.branches and not wish.compare_only:
        wish = replace(wish, compare_only=True)
    only = f"; it is compared only{_why_only(online.wish.compare_only, event.branch)}" if wish.compare_only else ""
    note = f"{release.asset} is a candidate for {plan.name}, configured by {event.configuration}{only}"
    keys = [lock_key(side, plan.of(side).endpoint_name) for side in Side]
    return enter(
        release,
        Phase.COMPARING,
        now,
        note,
        candidate=event.candidate,
        configuration=event.configuration,
        epochs=dict.fromkeys(keys, 0),
        online=replace(online, wish=wish, plan=plan, baseline_model=event.baseline_model),
    )


def _why_only(was_asked: bool, branch: str) -> str:
    return "" if was_asked else f", because branch {branch or 'unknown'} is not one that is released from"


def comparison_started(release: Release, event: e.TestStarted, now: datetime) -> Move:
    """Only the recorded job's report will count; a job that was named is looked at again by another attempt."""
    if event.job_name != comparison_job(release) or release.submitted:
        return stay(release)
    run = CheckRun(attempt=release.attempt, job_name=event.job_name)
    return only_looking(release, f"comparison {event.job_name}", check_runs=(*release.check_runs, run))


def compared(release: Release, event: o.Compared, now: datetime) -> Move:
    """Better goes on, not better ends here, and what cannot be told is for people: a report that is missing or cannot
    be read never counts as better."""
    if not release.submitted or release.check_runs[-1].job_name != event.job_name:
        return stay(release)
    judged = with_verdict(release, event.verdict, event.detail)
    online = online_of(release)
    judged = replace(judged, online=replace(online, comparison=event.comparison))
    note = f"comparison {event.job_name}: {event.detail}"
    if event.verdict is Verdict.ERRORED:
        return fault(judged, now, event.detail)
    if event.verdict is Verdict.FAILED:
        return end(judged, Phase.FAILED, now, note)
    if event.verdict is Verdict.INCONCLUSIVE:
        return hold(judged, now, note)
    if online.wish.compare_only:
        return end(judged, Phase.COMPARED, now, f"{note}; nothing was registered")
    return open_gate(judged, Stage.REGISTRY, now, note)


def promoted(release: Release, event: e.CandidatePromoted, now: datetime) -> Move:
    """From here on the registry's copy is what is deployed."""
    return enter(
        release,
        Phase.WAITING_FOR_ENDPOINT,
        now,
        f"{event.registry_model_id} can be read from the registry",
        registry_model_id=event.registry_model_id,
        registry_environment_id=event.registry_environment_id,
    )


def endpoints_held(release: Release, event: e.FleetAcquired, now: datetime) -> Move:
    """One release at a time changes an endpoint (I7)."""
    return enter(release, Phase.RECORDING_DEV, now, f"holds {', '.join(sorted(event.epochs))}", epochs=event.epochs)


def recorded(release: Release, event: o.EndpointRecorded, now: datetime) -> Move:
    """Write-ahead: what serves is durable in the same commit that first allows a change to it (I1)."""
    side, plan, online = SIDE_OF[release.phase], plan_of(release), online_of(release)
    where, found = plan.of(side), event.found
    choice = choose_slot(found, plan.slots, where.slot, online.wish.slots.get(side.value, ""))
    if choice.refusal:
        return hold(release, now, f"endpoint {where.endpoint_name} in {side} has no slot for it: {choice.refusal}")
    traffic = dict(found.traffic) if found else {}
    mirror = dict(found.mirror) if found else {}
    rollout = Rollout(
        side=side,
        endpoint_name=where.endpoint_name,
        slot=choice.slot,
        recorded_at=now,
        existed=found is not None,
        traffic_before=traffic,
        mirror_before=mirror,
        slots_before=tuple(each.spec for each in found.slots) if found else (),
        steps=steps_to(choice.slot, traffic, mirror, plan.traffic),
    )
    note = (
        f"{where.endpoint_name} in {side} serves by {told(traffic)}; recorded. {release.asset} gets slot {choice.slot}"
    )
    return enter(release, AFTER_RECORDING[release.phase], now, note, online=online.with_rollout(rollout))


def slot_observed(release: Release, event: e.DeploymentObserved, now: datetime) -> Move:
    """Only what was read back is tested."""
    if event.in_progress:
        return only_looking(release)
    if event.running is Running.WANTED and not event.broken:
        return enter(release, AFTER_DEPLOYING[release.phase], now, f"{event.detail}, read back")
    if not release.submitted:
        return stay(release)
    return errored(release, now, event.detail)


def slot_tested(release: Release, event: o.SlotTested, now: datetime) -> Move:
    """Asked by its name, before it gets any traffic."""
    return _tested(release, event, now)


def traffic_submitted(release: Release, event: e.DeploymentSubmitted, now: datetime) -> Move:
    """The next look reads it back; a look that finds it as it was sends it again, which changes nothing twice."""
    return stay(release, waiting_on="")


def traffic_unknown(release: Release, event: e.OutcomeUnknown, now: datetime) -> Move:
    """The same holds when nobody knows whether it was applied."""
    return stay(release, f"unknown outcome, looking: {event.reason}")


def traffic_observed(release: Release, event: o.TrafficObserved, now: datetime) -> Move:
    """It is tested once it was kept for as long as the step says."""
    side = SIDE_OF[release.phase]
    rollout = rollout_of(release, side)
    step = rollout.steps[rollout.step]
    note = ""
    if rollout.shared_since is None:
        note = f"{rollout.endpoint_name} in {side} serves by {told(step.traffic)}, read back"
        move = TrafficMove(at=now, traffic=step.traffic, mirror=step.mirror)
        rollout = replace(rollout, shared_since=now, moves=(*rollout.moves, move))
        release = replace(release, online=online_of(release).with_rollout(rollout), waiting_on="")
    since = rollout.shared_since or now
    is_due = now - since >= timedelta(seconds=step.share_s)
    return Move(release=release, commands=(slot_test_of(release, side, release.look),) if is_due else (), note=note)


def traffic_tested(release: Release, event: o.SlotTested, now: datetime) -> Move:
    """Asked by the traffic, at its share of it."""
    if rollout_of(release, SIDE_OF[release.phase]).shared_since is None:
        return stay(release)
    return _tested(release, event, now)


def _tested(release: Release, event: o.SlotTested, now: datetime) -> Move:
    side = SIDE_OF[release.phase]
    rollout = rollout_of(release, side)
    moving = rollout.shared_since is not None
    share = rollout.steps[rollout.step].traffic.get(rollout.slot, 0) if moving else 0
    test = SlotTest(at=now, share_pct=share, verdict=event.verdict, detail=event.detail, measures=event.measures)
    judged = _with(release, replace(rollout, tests=(*rollout.tests, test)))
    where = f"slot {rollout.slot} in {side} at {share} %"
    note = f"{where} {event.verdict.value}: {event.detail}"
    if event.verdict is Verdict.ERRORED:
        return errored(judged, now, note)
    if event.verdict is Verdict.INCONCLUSIVE:
        return hold(judged, now, note)
    if event.verdict is Verdict.FAILED:
        return go_back(judged, Phase.FAILED, now, note)
    if not moving:
        return enter(judged, AFTER_TESTING[release.phase], now, note)
    return _next_step(judged, side, now, note)


def _next_step(release: Release, side: Side, now: datetime, note: str) -> Move:
    rollout = rollout_of(release, side)
    if rollout.step + 1 < len(rollout.steps):
        further = replace(rollout, step=rollout.step + 1, shared_since=None)
        return enter(_with(release, further), release.phase, now, note)
    if side is Side.PRODUCTION:
        return enter(release, Phase.WATCHING, now, f"{note}; what served before is kept while it is watched")
    return open_gate(_with(release, replace(rollout, done=True)), Stage.PRODUCTION, now, note)


def watch_tested(release: Release, event: o.SlotTested, now: datetime) -> Move:
    """While it is watched, a slot that fails sends the traffic back, and nothing else moves it."""
    if event.verdict is not Verdict.FAILED:
        return stay(release)
    rollout = rollout_of(release, Side.PRODUCTION)
    test = SlotTest(at=now, share_pct=100, verdict=event.verdict, detail=event.detail, measures=event.measures)
    judged = _with(release, replace(rollout, tests=(*rollout.tests, test)))
    note = f"the watch asked to roll back: {event.detail}"
    return go_back(replace(judged, rollback_reason=note), Phase.ROLLED_BACK, now, note)


def watched(release: Release, event: e.DeadlinePassed, now: datetime) -> Move:
    """The watch is over and nothing spoke against it: what served before goes."""
    rollout = replace(rollout_of(release, Side.PRODUCTION), done=True)
    return enter(_with(release, rollout), Phase.REMOVING_SLOTS, now, f"{release.asset} was watched")


def slots_removed(release: Release, event: o.SlotsRemoved, now: datetime) -> Move:
    """The release has ended well, also where an old slot stays."""
    online = online_of(release)
    for side in Side:
        gone = event.removed.get(side.value, ())
        if gone and (rollout := online.rollout(side)):
            online = online.with_rollout(replace(rollout, removed=(*rollout.removed, *gone)))
    names = [f"{name} in {side}" for side, slots in sorted(event.removed.items()) for name in slots]
    stays = f"; stays: {'; '.join(event.left)}" if event.left else ""
    note = f"production serves {release.asset}; removed: {', '.join(names) or 'nothing'}{stays}"
    return end(replace(release, online=online), Phase.RELEASED, now, note)


def removal_ended(
    release: Release, event: e.StepFailed | e.StepBlocked | e.DeadlinePassed | e.AbortRequested, now: datetime
) -> Move:
    """Production serves the candidate; that a slot could not be removed costs money and nothing else."""
    why = getattr(event, "reason", "") or "it took too long"
    why += f"; it waited for {release.waiting_on}" if release.waiting_on else ""
    return end(release, Phase.RELEASED, now, f"production serves {release.asset}; old slots were not removed: {why}")


def _with(release: Release, rollout: Rollout) -> Release:
    return replace(release, online=online_of(release).with_rollout(rollout))
