"""Commands about endpoints and their slots. Azure ML cannot fence: a fresh check precedes each change.

A change reads first and sends only what is missing, so that it can come again as often as it likes.
"""

from shared.application.errors import PlatformBlocked, PlatformBusy, PlatformErrored
from shared.application.freezes.freezes import busy_by_freeze, standing_before
from shared.application.platform_ports import Place
from shared.application.release.effects.answers import answer
from shared.application.release.ports import Ports
from shared.domain.freezes.freeze import Freeze
from shared.domain.online import events as o
from shared.domain.online.model import RELEASE_TAG, Distribution, EndpointFound, Side, SlotSpec
from shared.domain.online.specs import lock_key, online_of
from shared.domain.online.traffic import down, going_back, is_same, served, serves
from shared.domain.release import commands as c
from shared.domain.release import events as e
from shared.domain.release.model import Release

PLACES = {Side.DEV: Place.DEV, Side.PRODUCTION: Place.PRODUCTION}


async def record_endpoint(command: c.RecordEndpoint, release: Release, ports: Ports) -> e.Event:
    """What it serves now. One that is being changed has no state to record; behind a freeze production is not recorded,
    because it counts as touched from then on."""
    if freeze := await _freeze(command.side, release, ports):
        return busy_by_freeze(command, freeze, ports)
    found = await ports.online.get_endpoint(PLACES[command.side], command.endpoint_name)
    if found is not None:
        _check_still(command.endpoint_name, found)
    return answer(o.EndpointRecorded, command, ports, found=found)


async def put_slot(command: c.PutSlot, release: Release, ports: Ports) -> e.Event | None:
    """Submits the slot unless it is there already; its outcome is looked up later, never waited for."""
    spec, place = command.spec, PLACES[command.side]
    found = await ports.online.get_endpoint(place, spec.endpoint_name)
    there = found.slot(spec.slot) if found else None
    if command.observe or (there and serves(spec, there.spec) and (there.is_changing or there.is_up)):
        return _observed(command, spec, found, ports)
    if there is not None and there.is_changing:
        raise PlatformBusy(f"slot {spec.slot} is {there.provisioning}: it is being changed")
    if found is not None and (share := _share(found, spec.slot)):
        raise PlatformBlocked(f"slot {spec.slot} serves {share} % by now: somebody changed the traffic by hand")
    if there is not None and not there.brought_by:
        raise PlatformBlocked(f"slot {spec.slot} is a deployment by now that no release brought: delete it and retry")
    if freeze := await _freeze(command.side, release, ports):
        return busy_by_freeze(command, freeze, ports)
    if not await may_change(command, command.side, spec.endpoint_name, release, ports):
        return None
    await ports.online.put_slot(place, spec)
    return answer(e.DeploymentSubmitted, command, ports)


def _share(found: EndpointFound, slot: str) -> int:
    """What the slot gets of the traffic, live or mirrored."""
    return served(found.traffic).get(slot.lower(), 0) or served(found.mirror).get(slot.lower(), 0)


def _observed(command: c.PutSlot, wanted: SlotSpec, found: EndpointFound | None, ports: Ports) -> e.Event:
    there = found.slot(wanted.slot) if found else None
    if there is None:
        running, detail = e.Running.NOTHING, f"there is no slot {wanted.slot} on {wanted.endpoint_name}"
    else:
        running = e.Running.WANTED if serves(wanted, there.spec) else e.Running.OTHER
        detail = f"slot {wanted.slot} of {wanted.endpoint_name}, provisioning {there.provisioning}"
    return answer(
        e.DeploymentObserved,
        command,
        ports,
        running=running,
        in_progress=there is not None and there.is_changing,
        broken=there is not None and not there.is_changing and not there.is_up,
        detail=detail,
    )


async def move_traffic(command: c.MoveTraffic, release: Release, ports: Ports) -> e.Event | None:
    """Moves traffic that is as this release left it, to slots that are up. Whatever somebody else set stays."""
    place = PLACES[command.side]
    found = await _there(command.side, command.endpoint_name, ports)
    wanted = command.wanted
    if is_same(wanted, found.now):
        return answer(o.TrafficObserved, command, ports)
    if command.before is None or not is_same(command.before, found.now):
        return answer(o.TrafficChanged, command, ports, traffic=found.traffic, mirror=found.mirror)
    slot = found.slot(command.spec.slot)
    if slot is None or not serves(command.spec, slot.spec):
        raise PlatformErrored(f"slot {command.spec.slot} of {command.endpoint_name} is not what was tested")
    if lacking := down(wanted, found):
        raise PlatformErrored(f"slots of {command.endpoint_name} that are to serve are not up: {', '.join(lacking)}")
    if freeze := await _freeze(command.side, release, ports):
        return busy_by_freeze(command, freeze, ports)
    if not await may_change(command, command.side, command.endpoint_name, release, ports):
        return None
    await ports.online.set_traffic(place, command.endpoint_name, wanted.traffic, wanted.mirror)
    return answer(e.DeploymentSubmitted, command, ports)


async def put_back(command: c.PutBack, release: Release, ports: Ports) -> e.Event | None:
    """Restores the traffic first, deletes the slot once it serves nothing, and says so when both are read back."""
    place, name = PLACES[command.side], command.endpoint_name
    found = await ports.online.get_endpoint(place, name)
    if found is None and command.removes:
        raise PlatformBlocked(f"there is no endpoint {name} in {command.side} any more: somebody deleted it")
    if found is None:
        return _back(command, EndpointFound(provisioning=""), f"there is no endpoint {name}, and none served", ports)
    _check_still(name, found)
    before = Distribution(traffic=going_back(command.wanted.traffic, found), mirror=command.wanted.mirror)
    if not is_same(before, found.now):
        if not command.overwrite and not any(is_same(own, found.now) for own in command.own):
            return answer(o.TrafficChanged, command, ports, traffic=found.traffic, mirror=found.mirror)
        if lacking := down(before, found):
            raise PlatformBlocked(f"{', '.join(lacking)} served before and is not up any more: mend it and retry")
        if not await may_change(command, command.side, name, release, ports):
            return None
        await ports.online.set_traffic(place, name, before.traffic, before.mirror)
        return answer(e.DeploymentSubmitted, command, ports)
    slot = found.slot(command.slot)
    is_own = slot is not None and slot.spec.tags.get(RELEASE_TAG) == release.release_id
    if slot is not None and is_own and command.removes:
        if slot.is_changing:
            raise PlatformBusy(f"slot {command.slot} is {slot.provisioning}: it is being changed")
        if not await may_change(command, command.side, name, release, ports):
            return None
        await ports.online.delete_slot(place, name, command.slot)
        return answer(e.DeploymentSubmitted, command, ports)
    detail = f"what served {name} before serves again; slot {command.slot} "
    detail += "is gone" if slot is None else "stays, without traffic" if is_own else "stays: it is somebody else's"
    return _back(command, found, detail, ports, removed=command.slot if slot is None and command.removes else "")


def _back(command: c.PutBack, found: EndpointFound, detail: str, ports: Ports, *, removed: str = "") -> o.EndpointBack:
    about = {"removed": removed} if removed else {}
    return answer(o.EndpointBack, command, ports, traffic=found.traffic, mirror=found.mirror, detail=detail, **about)


async def remove_slots(command: c.RemoveSlots, release: Release, ports: Ports) -> e.Event | None:
    """Deletes what served before, one slot for each look, and says so once all are gone or have a reason to stay."""
    removed: dict[str, tuple[str, ...]] = {}
    left: list[str] = []
    for side, names in sorted(command.slots.items()):
        endpoint = command.endpoints[side]
        found = await ports.online.get_endpoint(PLACES[Side(side)], endpoint)
        gone = []
        for name in names:
            slot = found.slot(name) if found else None
            if slot is None or found is None:
                gone.append(name)
            elif not slot.brought_by:
                left.append(f"{name} in {side}, which no release brought")
            elif _share(found, name):
                left.append(f"{name} in {side}, which serves again")
            elif slot.is_changing or found.is_changing:
                raise PlatformBusy(f"slot {name} of {endpoint} is {slot.provisioning}")
            elif not await may_change(command, Side(side), endpoint, release, ports):
                return None
            else:
                await ports.online.delete_slot(PLACES[Side(side)], endpoint, name)
                return answer(e.DeploymentSubmitted, command, ports)
        if gone:
            removed[side] = tuple(gone)
    return answer(o.SlotsRemoved, command, ports, removed=removed, left=tuple(left))


async def may_change(command: c.Command, side: Side, endpoint_name: str, release: Release, ports: Ports) -> bool:
    """Right before a change: whether the release is still in this step (I10). Raises PlatformBlocked when it does not
    hold the endpoint any more (I7)."""
    key = lock_key(side, endpoint_name)
    lock = await ports.locks.get(key)
    if lock is None or (lock.holder, lock.epoch) != (release.release_id, release.epochs.get(key)):
        raise PlatformBlocked(
            f"{key} is held by {lock.holder if lock and lock.holder else 'nobody'}, not by this release"
        )
    stored = await ports.store.without_fleet(command.release_id)
    return stored is not None and stored.serial == command.serial


async def _freeze(side: Side, release: Release, ports: Ports) -> Freeze | None:
    """The freeze that stands before a change of production; none stands before dev."""
    return await standing_before(release, [online_of(release).wish.config], ports) if side is Side.PRODUCTION else None


async def _there(side: Side, endpoint_name: str, ports: Ports) -> EndpointFound:
    found = await ports.online.get_endpoint(PLACES[side], endpoint_name)
    if found is None:
        raise PlatformBlocked(f"there is no endpoint {endpoint_name} in {side} any more: somebody deleted it")
    _check_still(endpoint_name, found)
    return found


def _check_still(endpoint_name: str, found: EndpointFound) -> None:
    """Azure ML changes one thing of an endpoint at a time."""
    if found.is_changing:
        raise PlatformBusy(f"endpoint {endpoint_name} is {found.provisioning}: it is being changed")
