"""What carries out the steps of a release to online endpoints, and what looks at them."""

from collections.abc import Callable

from shared.domain.online.model import Distribution, Rollout, Side
from shared.domain.online.specs import SIDE_OF, online_of, plan_of, registry_tags, rollout_of, wanted_slot
from shared.domain.release import commands as c
from shared.domain.release.command_ids import Common, common_of
from shared.domain.release.model import Release
from shared.domain.release.phases import Kind, Phase

MOVING = (Phase.MOVING_DEV_TRAFFIC, Phase.MOVING_TRAFFIC)


def share_s(release: Release) -> int:
    """How long the current step keeps its distribution, in seconds: its deadline is that much later."""
    if release.kind is not Kind.ONLINE or release.phase not in MOVING:
        return 0
    rollout = rollout_of(release, SIDE_OF[release.phase])
    return rollout.steps[rollout.step].share_s


def comparison_job(release: Release) -> str:
    """The job of the current comparison: one that was named, or one of a name that follows from the step."""
    return online_of(release).wish.comparison_run or f"compare-{release.release_id}-{release.serial}"


def slot_test_of(release: Release, side: Side, look: int) -> c.TestSlot:
    """The test of the slot at the current share of the traffic."""
    rollout = rollout_of(release, side)
    share = rollout.steps[rollout.step].traffic.get(rollout.slot, 0) if release.phase in MOVING else 0
    share = 100 if release.phase is Phase.WATCHING else share
    return c.TestSlot(
        **common_of(release, f"test-{look}"),
        side=side,
        endpoint_name=rollout.endpoint_name,
        slot=rollout.slot,
        limits=plan_of(release).tests,
        look=look,
        share_pct=share,
    )


def observe_commands(release: Release, suffix: str) -> tuple[c.Command, ...]:
    """What looks at a step whose change is on its way."""
    common = common_of(release, "observe" + suffix)
    if release.phase is Phase.COMPARING:
        return (c.ObserveComparison(**common, job_name=release.check_runs[-1].job_name),)
    side = SIDE_OF[release.phase]
    return (c.PutSlot(**common, side=side, spec=wanted_slot(release, side), observe=True),)


def _verify(release: Release, common: Common) -> c.Command:
    return c.VerifyOnline(
        **common,
        workspace=release.asset_workspace,
        model_name=release.asset_name,
        model_version=release.asset_version,
    )


def _compare(release: Release, common: Common) -> c.Command:
    return c.StartComparison(**common, job_name=comparison_job(release))


def _promote(release: Release, common: Common) -> c.Command:
    if release.candidate is None:
        raise ValueError(f"release {release.release_id} has no verified candidate to promote")
    return c.PromoteOnline(**common, candidate=release.candidate, tags=registry_tags(release, release.candidate))


def _record(release: Release, common: Common) -> c.Command:
    side = SIDE_OF[release.phase]
    return c.RecordEndpoint(**common, side=side, endpoint_name=plan_of(release).of(side).endpoint_name)


def _deploy(release: Release, common: Common) -> c.Command:
    side = SIDE_OF[release.phase]
    return c.PutSlot(**common, side=side, spec=wanted_slot(release, side))


def _test(release: Release, common: Common) -> c.Command:
    return slot_test_of(release, SIDE_OF[release.phase], release.look)


def _move(release: Release, common: Common) -> c.Command:
    side = SIDE_OF[release.phase]
    rollout = rollout_of(release, side)
    step = rollout.steps[rollout.step]
    return c.MoveTraffic(
        **common,
        side=side,
        endpoint_name=rollout.endpoint_name,
        spec=wanted_slot(release, side),
        wanted=Distribution(traffic=step.traffic, mirror=step.mirror),
        before=left_by(rollout, rollout.step) if rollout.shared_since is None else None,
    )


def left_by(rollout: Rollout, step: int) -> Distribution:
    """Who gets the requests as the step before this one left it."""
    if step == 0:
        return Distribution(traffic=rollout.traffic_before, mirror=rollout.mirror_before)
    return Distribution(traffic=rollout.steps[step - 1].traffic, mirror=rollout.steps[step - 1].mirror)


def _put_back(release: Release, common: Common) -> c.Command:
    online = online_of(release)
    rollout = online.under_way
    if rollout is None:
        raise ValueError(f"release {release.release_id} restores an endpoint that it has not changed")
    return c.PutBack(
        **common,
        side=rollout.side,
        endpoint_name=rollout.endpoint_name,
        slot=rollout.slot,
        wanted=left_by(rollout, 0),
        own=tuple(left_by(rollout, step) for step in range(rollout.step + 2) if step <= len(rollout.steps)),
        removes=rollout.served_before,
        overwrite=online.overwrite,
    )


def _remove(release: Release, common: Common) -> c.Command:
    rollouts = online_of(release).rollouts
    return c.RemoveSlots(
        **common,
        endpoints={each.side.value: each.endpoint_name for each in rollouts},
        slots={each.side.value: old_slots(each) for each in rollouts},
    )


def old_slots(rollout: Rollout) -> tuple[str, ...]:
    """The slots that got traffic before, and now get none."""
    names = (*rollout.traffic_before, *rollout.mirror_before)
    given = {**rollout.mirror_before, **{n: share for n, share in rollout.traffic_before.items() if share}}
    return tuple(name for name in dict.fromkeys(names) if given.get(name) and name.lower() != rollout.slot.lower())


STEPS: dict[Phase, Callable[[Release, Common], c.Command]] = {
    Phase.VERIFYING: _verify,
    Phase.COMPARING: _compare,
    Phase.PROMOTING: _promote,
    Phase.RECORDING_DEV: _record,
    Phase.DEPLOYING_DEV: _deploy,
    Phase.TESTING_DEV: _test,
    Phase.MOVING_DEV_TRAFFIC: _move,
    Phase.RECORDING_PREVIOUS: _record,
    Phase.DEPLOYING_PRODUCTION: _deploy,
    Phase.TESTING_PRODUCTION: _test,
    Phase.MOVING_TRAFFIC: _move,
    Phase.WATCHING: _test,
    Phase.REMOVING_SLOTS: _remove,
    Phase.RESTORING: _put_back,
}
