"""Commands of environment releases: the version, the fleet's locks, its deployments one endpoint at a time."""

import contextlib
from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.application.errors import (
    PlatformBlocked,
    PlatformBusy,
    PlatformOutcomeUnknown,
    PlatformRefused,
    TransientFault,
)
from shared.application.fleet.look_later import READS_PER_S, look_later
from shared.application.fleet.put_back import decides_environment, goes_back
from shared.application.fleet.rollback import list_restorable, notify_preempted, preempt
from shared.application.freezes.freezes import busy_by_freeze, standing_before
from shared.application.platform_ports import DeploymentState, Place
from shared.application.release.effects.answers import PLATFORM_FAULTS, answer, outcome_of, target_answer
from shared.application.release.effects.configured import taken_out
from shared.application.release.effects.deploy import newer_than
from shared.application.release.effects.makers import makers_of, requesters_of
from shared.application.release.effects.marks import rolled_back
from shared.application.release.ports import Lock, Ports
from shared.domain.changes.versions import SemanticVersion, review
from shared.domain.errors import InvalidRequest
from shared.domain.fleet.change_times import ChangeTimes
from shared.domain.fleet.roster import Roster
from shared.domain.fleet.specs import restored_by
from shared.domain.fleet.strangers import doubles, strangers
from shared.domain.release import commands as c
from shared.domain.release import events as e
from shared.domain.release.dimensions import brought_by, unmarked
from shared.domain.release.events import Outcome
from shared.domain.release.model import Candidate, DeploymentSpec, Dimension, FleetTarget, Phase, Progress, Release
from shared.domain.release.specs import runs

#: A change that is looked at after every tenth of its time is seen to end 5% late on average, however long it takes.
LOOK_SHARE = 0.1

#: Where changes take less than this, in seconds, or nobody knows yet, each is read back right after it was accepted.
LOOK_AT_ONCE_S = 1.0

#: All locks of a fleet are told in one message, each with its epoch; ten thousand circuits with names like P0001-C001
#: take 180,000.
KEYS_CHARS_MAX, EPOCH_CHARS = 190_000, 8


async def verify_environment(command: c.VerifyEnvironment, release: Release, ports: Ports) -> e.Event:
    """Raises PlatformRefused, with the route to take, unless the version may be released without new models. What
    people can mend, also in production, is a PlatformBlocked: it is found before anybody is asked to approve."""
    name, version = command.environment_name, command.environment_version
    found = await ports.environments.get_environment(command.workspace, name, version)
    if found is None:
        raise PlatformBlocked(f"there is no environment {name}:{version} in {command.workspace}: register it there")
    fleet = ports.config.fleet()
    if (size := sum(len(key) + EPOCH_CHARS for key in fleet.circuits)) > KEYS_CHARS_MAX:
        raise PlatformBlocked(
            f"the fleet has {len(fleet.circuits)} circuits, whose locks take {size} bytes in one message of at most "
            f"{KEYS_CHARS_MAX}: split it into fleets with an app each"
        )
    if name != fleet.environment_name:
        raise PlatformRefused(f"the fleet runs {fleet.environment_name}, not {name}: see config/policies.yml")
    existing = await ports.environments.list_endpoints(Place.PRODUCTION)
    endpoints = _union(fleet.endpoints, existing)
    reviewed = review(
        version=version, previous=await _lowest_running(endpoints, fleet.circuits, ports), tags=found.tags
    )
    if not reviewed.may_be_released:
        said = [str(problem) for problem in reviewed.problems]
        raise PlatformRefused("; ".join([*([reviewed.refusal] if reviewed.refusal else []), *said]))
    makers = await makers_of(found, (name, version), ports.environment_makers, ports)
    candidate = Candidate(
        workspace=command.workspace,
        name=name,
        version=version,
        asset_id=found.asset_id,
        fingerprint=found.fingerprint,
        requesters=requesters_of(makers),
        makers=makers,
        archived=found.archived,
        tags=found.tags,
        rolled_back=await rolled_back(Dimension.ENVIRONMENT, name, version, ports),
    )
    configured = {"circuits": fleet.circuits, "configuration": ports.config.origin}
    return answer(e.EnvironmentVerified, command, ports, candidate=candidate, endpoints=endpoints, **configured)


def _union(configured: tuple[str, ...], existing: list[str]) -> tuple[str, ...]:
    """Configured endpoints, and others that exist: Azure ML writes names in lower case."""
    known = {name.lower() for name in configured}
    return (*configured, *sorted(name for name in existing if name.lower() not in known))


async def _lowest_running(endpoints: tuple[str, ...], circuits: tuple[str, ...], ports: Ports) -> str:
    """The lowest environment version that production runs: a break anywhere above it counts. Raises PlatformBlocked for
    deployments that belong to nobody."""
    running, known = Roster(), frozenset(circuits)
    for endpoint in endpoints:
        found = _targets(await ports.environments.list_deployments(Place.PRODUCTION, endpoint))
        if nobodys := strangers(endpoint, found, known):
            raise PlatformBlocked(f"{nobodys}: add the circuits to config/plants_circuits.yml, or delete them")
        if twice := doubles(endpoint, found, running):
            raise PlatformBlocked(f"{twice}: delete all but one of each")
        running = running.with_more(found)
    if not running:
        raise PlatformBlocked("production runs nothing, so there is nothing to update: release models first")
    return str(min(_version_run_by(target.previous) for target in running))


def _version_run_by(spec: DeploymentSpec) -> SemanticVersion:
    try:
        return SemanticVersion.parse(spec.environment.replace(":", "/").rpartition("/")[2])
    except InvalidRequest as error:
        where = f"{spec.deployment_name} of {spec.endpoint_name}"
        raise PlatformBlocked(f"{where}: {error}: release its model again, or delete it") from error


def _targets(states: list[DeploymentState]) -> tuple[FleetTarget, ...]:
    specs = [state.spec for state in states]
    return tuple(FleetTarget(key=spec.circuit or spec.deployment_name, previous=spec) for spec in specs)


async def promote_environment(command: c.PromoteEnvironment, release: Release, ports: Ports) -> e.Event:
    """Shares what was approved: a version that changed since is refused (I2, I5)."""
    candidate = command.candidate
    found = await ports.environments.get_environment(candidate.workspace, candidate.name, candidate.version)
    if found is None:
        raise PlatformBlocked(f"there is no environment {candidate.name}:{candidate.version} any more: restore it")
    if found.fingerprint != candidate.fingerprint:
        raise PlatformRefused(f"environment {candidate.name}:{candidate.version} changed after it was approved")
    registry_id = await ports.platform.promote_environment(candidate.workspace, candidate.name, candidate.version)
    return answer(e.EnvironmentPromoted, command, ports, registry_environment_id=registry_id)


async def acquire_fleet(command: c.AcquireFleet, release: Release, ports: Ports) -> e.Event | None:
    """Takes the locks in the order of their keys, so that two releases never wait for each other in a circle. Behind a
    freeze of any of them no more are taken."""
    if freeze := await standing_before(release, command.target_keys, ports):
        return busy_by_freeze(command, freeze, ports)
    now = ports.clock.now()
    epochs: dict[str, int] = {}
    quiet_until: datetime | None = None
    for key in command.target_keys:
        lock = await ports.locks.acquire(key, command.release_id, now)
        if command.preempt and lock.holder != command.release_id:
            lock = await preempt(lock, command.release_id, ports)
        if lock.holder != command.release_id:
            newer = await newer_than(release, lock.holder, ports)
            return answer(e.CircuitBusy, command, ports, holder=f"{lock.holder} ({key})", newer=newer)
        await notify_preempted(lock, ports)
        epochs[key] = lock.epoch
        quiet_until = max(filter(None, (quiet_until, lock.free_from)), default=None)
    current = await ports.store.without_fleet(command.release_id)
    if current is None or current.phase.is_terminal:
        cooled_down = ports.clock.now() + timedelta(seconds=release.policy.limits.settle_quiet_s)
        for key in command.target_keys:  # nobody knows any more whether it changed anything
            await ports.locks.free(key, command.release_id, cooled_down)
        return None
    return answer(e.FleetAcquired, command, ports, epochs=epochs, quiet_until=quiet_until)


async def free_fleet(command: c.FreeFleet, ports: Ports) -> None:
    """The circuits are free again after the cool-down."""
    free_from = ports.clock.now() + timedelta(seconds=command.cool_down_s)
    for key in command.target_keys:
        await ports.locks.free(key, command.release_id, free_from)


async def list_targets(command: c.ListTargets, release: Release, ports: Ports) -> e.Event:
    """What the endpoint runs now, in full. A deployment that is being changed has no state to freeze yet."""
    if command.undoes:
        return await list_restorable(command, release, ports)
    states = await ports.environments.list_deployments(Place.PRODUCTION, command.endpoint_name)
    for state in states:
        if state.is_changing:
            raise PlatformBusy(f"{state.spec.deployment_name} is {state.provisioning}: it is being changed")
    targets = _targets(states)
    for target in targets:
        if target.key in release.epochs and (why := taken_out(target.key, ports)):
            raise PlatformBlocked(f"{why}: delete its deployment, or merge a change that adds it, and retry")
    return answer(e.TargetsListed, command, ports, endpoint_name=command.endpoint_name, targets=targets)


@dataclass(frozen=True, kw_only=True)
class Said:
    """What became of one try; without an outcome nobody waits for it any more. `lock` is of a circuit regained.
    A change that was accepted and over was done `at_once`."""

    outcome: Outcome | None
    detail: str = ""
    lock: Lock | None = None
    at_once: bool = False


async def change_target(command: c.ChangeTarget, release: Release, ports: Ports) -> e.Event | None:
    """Puts the deployment to `spec` at look 0 and reads it back at every later one; never waits for it."""
    try:
        said = await _change(command, release, ports)
    except PlatformOutcomeUnknown as error:
        said = Said(outcome=Outcome.PENDING, detail=f"nobody knows whether the change was applied, looking: {error}")
    except PLATFORM_FAULTS as error:
        said = Said(outcome=outcome_of(error), detail=str(error))
    if said.outcome is None:
        return None
    if said.outcome is Outcome.PENDING and command.look:
        times = release.change_times or ChangeTimes()
        least_s = times.looked_at * release.policy.limits.updates_parallel_max / READS_PER_S
        await look_later(command, release, ports, share=LOOK_SHARE, least_s=least_s)
        return None
    more = {"epoch": said.lock.epoch, "quiet_until": said.lock.free_from} if said.lock else {}
    return target_answer(command, ports, said.outcome, said.detail, at_once=said.at_once, **more)


async def _change(command: c.ChangeTarget, release: Release, ports: Ports) -> Said:
    wanted = command.spec
    state = await ports.platform.get_deployment(Place.PRODUCTION, wanted.endpoint_name, wanted.deployment_name)
    if state is None:
        return Said(outcome=Outcome.REFUSED, detail=f"{wanted.deployment_name} was deleted by somebody else")
    is_foreign = _is_foreign(command, state)
    if command.dimensions:
        back = await goes_back(command, release, state.spec, ports)
        if back.undecided and command.look == 0:
            return Said(outcome=Outcome.OCCUPIED, detail=back.undecided)
        wanted, is_foreign = back.spec, back.is_foreign
    busy = state.is_changing
    if runs(wanted, state.spec) and state.spec.environment == wanted.environment:
        if busy:
            return Said(outcome=Outcome.PENDING, detail=state.provisioning)
        if command.look == 0 and state.provisioning != "Succeeded":
            return await _put(command, wanted, state, ports)
        ended = Outcome.DONE if state.provisioning == "Succeeded" else Outcome.ERRORED
        return Said(outcome=ended, detail=f"runs {_version(state)}, provisioning {state.provisioning}")
    if busy:
        outcome = Outcome.PENDING if command.look else Outcome.BUSY
        return Said(outcome=outcome, detail=f"{wanted.deployment_name} is {state.provisioning}")
    if command.look:
        detail = f"still runs {_version(state)}, provisioning {state.provisioning}"
        return Said(outcome=Outcome.ERRORED, detail=detail)
    if not is_foreign:
        return await _put(command, wanted, state, ports)
    lock = await ports.locks.get(command.target_key)
    if lock is None or not _is_ours(lock, command):
        return Said(outcome=Outcome.TAKEN, detail=_holder(lock))
    if not command.dimensions and lock.taken_from and lock.taken_from == _changed_by(state):
        return await _put(command, wanted, state, ports)
    detail = f"was changed by somebody else: it runs {state.spec.model} in {_version(state)}"
    return Said(outcome=Outcome.REFUSED, detail=detail)


async def _put(command: c.ChangeTarget, wanted: DeploymentSpec, state: DeploymentState, ports: Ports) -> Said:
    """Right before a change: the release is still in this step and nobody has sent this change before, its lock is
    still its own, and neither a freeze nor a change of the configuration stands before an update (I3, I7, I19)."""
    release = await ports.store.without_fleet(command.release_id)
    if release is None or release.serial != command.serial or not await _is_to_be_sent(command, ports):
        return Said(outcome=None)
    lock = await ports.locks.get(command.target_key)
    if lock is None or not _is_ours(lock, command):
        return await _without_the_circuit(command, lock, state, ports)
    if freeze := await standing_before(release, [command.target_key], ports):
        return Said(outcome=Outcome.FROZEN, detail=str(freeze))
    if release.phase is Phase.UPDATING and (why := taken_out(command.target_key, ports)):
        return Said(outcome=Outcome.REFUSED, detail=f"{why} any more")
    await ports.platform.put_deployment(Place.PRODUCTION, wanted)
    times = release.change_times
    if times is None or times.first_look_s < LOOK_AT_ONCE_S:
        with contextlib.suppress(*PLATFORM_FAULTS, TransientFault):  # it was accepted: a later look reads it
            after = await ports.platform.get_deployment(Place.PRODUCTION, wanted.endpoint_name, wanted.deployment_name)
            if after is not None and _is_done(wanted, after):
                detail = f"runs {_version(after)}, provisioning {after.provisioning}"
                return Said(outcome=Outcome.DONE, detail=detail, at_once=True)
    return Said(outcome=Outcome.PENDING, detail="accepted by Azure ML")


def _is_done(wanted: DeploymentSpec, state: DeploymentState) -> bool:
    is_wanted = runs(wanted, state.spec) and state.spec.environment == wanted.environment
    return is_wanted and state.provisioning == "Succeeded"


async def _without_the_circuit(
    command: c.ChangeTarget, lock: Lock | None, state: DeploymentState, ports: Ports
) -> Said:
    """Whoever took the circuit decides what it runs, but for an environment that was left running: the release that
    brought it still takes it back, as soon as the circuit can be had."""
    is_back = bool(command.dimensions) and not command.undoes
    left = is_back and brought_by(state.spec, Dimension.ENVIRONMENT) == command.release_id
    if not left or (lock is not None and await decides_environment(lock, ports)):
        return Said(outcome=Outcome.TAKEN, detail=_holder(lock))
    again = await ports.locks.acquire(command.target_key, command.release_id, ports.clock.now())
    if again.holder != command.release_id:
        again = await preempt(again, command.release_id, ports)
    if again.holder != command.release_id:
        return Said(outcome=Outcome.OCCUPIED, detail=again.holder)
    await notify_preempted(again, ports)
    return Said(outcome=Outcome.REGAINED, detail=f"epoch {again.epoch}", lock=again)


async def _is_to_be_sent(command: c.ChangeTarget, ports: Ports) -> bool:
    """A second delivery would send the same once more, and that may fail after the first was read back."""
    target = await ports.store.fleet_target(command.release_id, command.target_key)
    wanted = (command.serial, command.attempt, 0, Progress.CHANGING)
    return target is not None and (target.serial, target.attempt, target.look, target.progress) == wanted


def _is_ours(lock: Lock, command: c.ChangeTarget) -> bool:
    return lock.holder == command.release_id and lock.epoch == command.epoch


def _holder(lock: Lock | None) -> str:
    """Who has the circuit now, or had it last."""
    return lock.holder if lock and lock.holder else "a rollback that has ended"


def _changed_by(state: DeploymentState) -> str:
    """The release that changed the deployment last, forward or back; empty when none did."""
    return restored_by(state.spec) or state.spec.tags.get("release_id", "")


def _is_foreign(command: c.ChangeTarget, state: DeploymentState) -> bool:
    """Neither what was frozen nor what this release made of it: only the last to change it may change it back."""
    tags = state.spec.tags
    ours = tags.get("release_id") in (command.release_id, command.undoes)
    untouched = runs(command.previous, unmarked(state.spec))  # marks of an earlier roll-back were not frozen
    return not ours and restored_by(state.spec) != command.release_id and not untouched


def _version(state: DeploymentState) -> str:
    return state.spec.environment.rpartition("/")[2] or state.spec.environment
