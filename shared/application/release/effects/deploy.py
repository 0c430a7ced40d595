"""Commands about deployments and the circuit's lock. Azure ML cannot fence: a fresh check precedes each change."""

from datetime import timedelta

from shared.application.errors import PlatformBusy
from shared.application.freezes.freezes import busy_by_freeze, standing_before
from shared.application.platform_ports import DeploymentState, Place
from shared.application.release.effects.answers import answer, circuit_taken
from shared.application.release.effects.configured import check_configured
from shared.application.release.ports import Ports
from shared.domain.fleet.watch import watches
from shared.domain.release import commands as c
from shared.domain.release import events as e
from shared.domain.release.lowering import found_in, needs_environment, supersedes
from shared.domain.release.model import DeploymentSpec, InProduction, Phase, Release
from shared.domain.release.specs import runs


def place_of(phase: Phase) -> Place:
    """Which workspace a phase works on."""
    return Place.TEST if phase in (Phase.DEPLOYING_TEST, Phase.TESTING) else Place.PRODUCTION


async def acquire_circuit(command: c.AcquireCircuit, release: Release, ports: Ports) -> e.Event | None:
    """Takes the lock, also beside an environment that is only watched; if the release ended in between, it is given
    back at once. Behind a freeze nothing is taken, and neither is a circuit that the configuration does not have."""
    check_configured(command.target_key, release.target.plan, release.configuration, ports)
    if freeze := await standing_before(release, [command.target_key], ports):
        return busy_by_freeze(command, freeze, ports)
    now = ports.clock.now()
    lock = await ports.locks.acquire(command.target_key, command.release_id, now)
    if lock.holder != command.release_id and await _leaves_room(lock.holder, release, ports):
        lock = await ports.locks.acquire(command.target_key, command.release_id, now, beside=lock.holder)
    if lock.holder != command.release_id:
        newer = await newer_than(release, lock.holder, ports)
        return answer(e.CircuitBusy, command, ports, holder=lock.holder, newer=newer)
    stored = await ports.store.load(command.release_id)
    if stored is None or stored.release.phase.is_terminal:
        touched = stored is not None and stored.release.production_touched
        cool_down_s = release.policy.limits.settle_quiet_s if touched else 0
        await ports.locks.free(command.target_key, command.release_id, now + timedelta(seconds=cool_down_s))
        return None
    if lock.environment and not await _leaves_room(lock.environment, release, ports):
        return answer(e.CircuitBusy, command, ports, holder=lock.environment)
    return answer(e.CircuitAcquired, command, ports, epoch=lock.epoch, found=await _found(release, ports))


async def newer_than(release: Release, holder: str, ports: Ports) -> str:
    """What the holder of a circuit brings, where that is a newer version of what waits behind it; else empty."""
    held = await ports.store.without_fleet(holder)
    return held.asset if held is not None and supersedes(held, release) else ""


async def _leaves_room(holder: str, release: Release, ports: Ports) -> bool:
    """Whether `holder` only watches its environment, which this release of a model keeps. Asked again once the seat is
    taken: from then on `holder` finds that before each change, and nothing of before can be in flight. The seat is not
    given back where it is too late: another delivery may have told the release that it is its own."""
    if needs_environment(release, await _found(release, ports)):
        return False
    watching = await ports.store.without_fleet(holder)
    return watching is not None and watches(watching, ports.clock.now())


async def _found(release: Release, ports: Ports) -> InProduction | None:
    plan = release.target.plan
    running = await ports.platform.get_deployment(Place.PRODUCTION, plan.endpoint_name, plan.deployment_name)
    return found_in(running.spec if running else None)


async def free_circuit(command: c.FreeCircuit, ports: Ports) -> None:
    """The circuit is free again after its cool-down."""
    free_from = ports.clock.now() + timedelta(seconds=command.cool_down_s)
    await ports.locks.free(command.target_key, command.release_id, free_from)


async def record_previous(command: c.RecordPrevious, release: Release, ports: Ports) -> e.Event:
    """What production runs now, in full. A deployment that is being changed has no state to record yet; behind a
    freeze it is not recorded, because production counts as touched from then on, and neither is it for a circuit that
    was taken out of the configuration."""
    check_configured(release.target.key, release.target.plan, release.configuration, ports)
    if freeze := await standing_before(release, [release.target.key], ports):
        return busy_by_freeze(command, freeze, ports)
    state = await _read(Place.PRODUCTION, command.spec, ports)
    if state is not None and state.is_changing:
        raise PlatformBusy(f"{command.spec.deployment_name} is {state.provisioning}: it is being changed")
    return answer(e.PreviousRecorded, command, ports, previous=state.spec if state else None)


async def deploy(command: c.Deploy, release: Release, ports: Ports) -> e.Event | None:
    """Submits the change unless it is there already; its outcome is looked up later, never waited for."""
    place = place_of(command.phase)
    state = await _read(place, command.spec, ports)
    if state is not None:
        if runs(command.spec, state.spec) and (state.is_changing or state.provisioning == "Succeeded"):
            return _observed(command, command.spec, state, ports)
        if state.is_changing:
            raise PlatformBusy(f"{command.spec.deployment_name} is {state.provisioning}: it is being changed")
    if freeze := await standing_before(release, [command.target_key], ports):
        return busy_by_freeze(command, freeze, ports)
    if not await _still_wanted(command, ports):
        return None
    if taken := await _taken(command.release_id, command.target_key, command.epoch, ports):
        return taken
    await ports.platform.put_deployment(place, command.spec)
    return answer(e.DeploymentSubmitted, command, ports)


async def _still_wanted(command: c.Deploy, ports: Ports) -> bool:
    """Right before a change: the release is still in this step (I3)."""
    stored = await ports.store.load(command.release_id)
    return stored is not None and stored.release.serial == command.serial


async def _taken(release_id: str, key: str, epoch: int | None, ports: Ports) -> e.CircuitTaken | None:
    """The news that the circuit's lock is no longer the release's own (I7); None while it is."""
    lock = await ports.locks.get(key)
    if lock is not None and (lock.holder, lock.epoch) == (release_id, epoch):
        return None
    return circuit_taken(release_id, key, epoch or 0, lock.holder if lock else "", ports)


async def observe_deployment(command: c.ObserveDeployment, release: Release, ports: Ports) -> e.Event:
    """Reads the deployment back and compares; what runs on a circuit that was taken is no longer this release's."""
    place, target = place_of(command.phase), release.target
    if place is Place.PRODUCTION and (taken := await _taken(release.release_id, target.key, target.epoch, ports)):
        return taken
    state = await _read(place, command.spec, ports)
    return _observed(command, command.spec, state, ports)


async def _read(place: Place, spec: DeploymentSpec, ports: Ports) -> DeploymentState | None:
    return await ports.platform.get_deployment(place, spec.endpoint_name, spec.deployment_name)


def _observed(command: c.Command, wanted: DeploymentSpec, state: DeploymentState | None, ports: Ports) -> e.Event:
    if state is None:
        running, detail = e.Running.NOTHING, f"there is no deployment {wanted.deployment_name}"
    else:
        running = e.Running.WANTED if runs(wanted, state.spec) else e.Running.OTHER
        detail = f"{wanted.deployment_name}, provisioning {state.provisioning}"
        if running is e.Running.OTHER:
            detail = f"{detail}, runs {state.spec.model}"
    return answer(
        e.DeploymentObserved,
        command,
        ports,
        running=running,
        in_progress=state is not None and state.is_changing,
        broken=state is not None and state.is_broken,
        detail=detail,
    )
