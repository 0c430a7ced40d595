"""Rules of an environment release up to the work on its targets: verified, promoted, fleet held, targets frozen."""

from datetime import datetime

from shared.domain.fleet.lanes import work_s
from shared.domain.fleet.strangers import doubles, strangers
from shared.domain.records import replace
from shared.domain.release import events as e
from shared.domain.release.dimensions import unmarked
from shared.domain.release.makers import is_refused, refused_makers
from shared.domain.release.model import Phase, Release
from shared.domain.release.moves import Move, end, enter, hold, stay, wait_on
from shared.domain.release.policy import Stage
from shared.domain.release.rules_gates import open_gate
from shared.domain.release.rules_steps import superseded
from shared.domain.release.steps import newly_listed

HOUR_S = 3600


def verified(release: Release, event: e.EnvironmentVerified, now: datetime) -> Move:
    """From here on the circuits that will be held are known; epoch 0 says that a lock is not taken yet."""
    note = f"{release.asset} may be released without new models: {len(event.circuits)} circuits"
    if is_refused(release, event.candidate):
        return hold(release, now, refused_makers(event.candidate))
    note += f" of {event.configuration}" if event.configuration else ""
    return open_gate(
        release,
        Stage.REGISTRY,
        now,
        note,
        candidate=event.candidate,
        configuration=event.configuration,
        endpoints_to_list=event.endpoints,
        epochs=dict.fromkeys(event.circuits, 0),
    )


def promoted(release: Release, event: e.EnvironmentPromoted, now: datetime) -> Move:
    """The registry's copy is what is tested and deployed."""
    note = f"{event.registry_environment_id} can be read from the registry"
    registry_id = event.registry_environment_id
    return enter(release, Phase.WAITING_FOR_FLEET, now, note, registry_environment_id=registry_id)


def fleet_acquired(release: Release, event: e.FleetAcquired, now: datetime) -> Move:
    """The release holds every circuit from here to its end, so that what is tested is what is updated (I7)."""
    note = f"holds {len(event.epochs)} circuits"
    return enter(release, Phase.FREEZING_TARGETS, now, note, epochs=event.epochs)


def fleet_busy(release: Release, event: e.CircuitBusy, now: datetime) -> Move:
    """Waiting says for whom: a release that holds a circuit, or whoever froze one."""
    if event.newer:
        return superseded(release, event, now)
    note = f"waits for {event.holder} to give its circuit back"
    if event.frozen:
        note = f"waits for the end of the {event.holder}"
    return wait_on(release, event.holder, now, note, frozen=event.frozen)


def targets_listed(release: Release, event: e.TargetsListed, now: datetime) -> Move:
    """The target set is what production really runs, frozen in full before anything changes (I1, I17).

    The endpoint that something unknown was found on is listed again by a retry.
    """
    if event.endpoint_name not in release.endpoints_to_list:
        return stay(release)
    if nobodys := strangers(event.endpoint_name, event.targets, release.epochs):
        return hold(release, now, f"{nobodys}: delete them, then have the release tried again")
    if twice := doubles(event.endpoint_name, event.targets, release.roster):
        return hold(
            release, now, f"{twice}: delete all but one of each on this endpoint, or all where one runs elsewhere"
        )
    fleet = release.roster.with_more(replace(target, previous=unmarked(target.previous)) for target in event.targets)
    left = tuple(name for name in release.endpoints_to_list if name != event.endpoint_name)
    if left:
        return listing_goes_on(release, event, replace(release, fleet=fleet, endpoints_to_list=left))
    if not fleet:
        return end(release, Phase.FAILED, now, "production runs nothing: there is nothing to update")
    note = f"{len(fleet)} targets are frozen; their models are checked{_time_told(replace(release, fleet=fleet))}"
    return enter(release, Phase.CHECKING, now, note, fleet=fleet, endpoints_to_list=())


def _time_told(frozen: Release) -> str:
    """How long checks and update of so many may take, where that is more than the policy gives to all together."""
    limits = frozen.policy.limits
    told = [
        f"{what} may take {need_s / HOUR_S:.0f} hours, {most} at once and {each_s} s each"
        for what, need_s, given_s, most, each_s in (
            (
                "checks",
                work_s(frozen, Phase.CHECKING),
                limits.test_deadline_s,
                limits.checks_parallel_max,
                limits.check_s,
            ),
            (
                "updates",
                work_s(frozen, Phase.UPDATING),
                limits.deploy_deadline_s,
                limits.updates_parallel_max,
                limits.update_s,
            ),
        )
        if need_s > given_s
    ]
    return f"; {', '.join(told)}" if told else ""


def listing_goes_on(release: Release, event: e.TargetsListed, listed: Release) -> Move:
    """One endpoint has answered, and the next is asked."""
    note = f"{event.endpoint_name}: {len(event.targets)} targets"
    listed = replace(listed, waiting_on="")
    return Move(release=listed, commands=newly_listed(release, listed), note=note)
