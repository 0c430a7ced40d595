"""What production runs, as it was read last: kept for whoever looks at the fleet, because asking Azure ML for every
plant takes seconds and spends its reads. Nothing is decided by it: a release reads what it needs itself."""

import asyncio
import logging
from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.application.freezes.freezes import read_freezes
from shared.application.platform_ports import DeploymentState, Place
from shared.application.release.effects.answers import PLATFORM_FAULTS
from shared.application.release.lists import open_entries, summaries
from shared.application.release.ports import CircuitPlace, Ports
from shared.application.release.production import DeploymentRead, EndpointRead
from shared.application.release.summary import Summary
from shared.domain.freezes.freeze import Freeze
from shared.domain.release.dimensions import brought_by
from shared.domain.release.lock import Lock
from shared.domain.release.lowering import shown
from shared.domain.release.model import Dimension

log = logging.getLogger(__name__)

ENDPOINTS_PER_SWEEP = 10
"""Reads of Azure ML in one sweep, however large the fleet is: with a sweep each minute, 100 plants are as they were ten
minutes ago at most."""

READ_AGAIN_AFTER = timedelta(seconds=50)
"""What was read just now is not read again, by a sweep that comes twice."""


async def read_endpoints(ports: Ports) -> int:
    """Reads the endpoints again that were read longest ago. One that does not answer keeps what was read before, with
    its time. Returns how many were read."""
    now = ports.clock.now()
    before = {each.endpoint_name: each.at for each in await ports.endpoint_log.all()}
    oldest_first = sorted(ports.config.fleet().endpoints, key=lambda name: (name in before, before.get(name, now)))
    due = [name for name in oldest_first if name not in before or before[name] + READ_AGAIN_AFTER <= now]
    reads = await asyncio.gather(*(_read(name, ports) for name in due[:ENDPOINTS_PER_SWEEP]))
    return sum(reads)


async def _read(endpoint_name: str, ports: Ports) -> bool:
    at = ports.clock.now()
    try:
        states = await ports.environments.list_deployments(Place.PRODUCTION, endpoint_name)
    except PLATFORM_FAULTS as error:
        log.warning("nobody can see what %s runs: %s", endpoint_name, error)
        return False
    running = tuple(_running(state) for state in states)
    await ports.endpoint_log.put(EndpointRead(endpoint_name=endpoint_name, at=at, running=running))
    return True


def _running(state: DeploymentState) -> DeploymentRead:
    spec = state.spec
    return DeploymentRead(
        circuit=spec.circuit or spec.deployment_name,
        model=shown(spec.model),
        environment=shown(spec.environment),
        model_by=brought_by(spec, Dimension.MODEL),
        environment_by=brought_by(spec, Dimension.ENVIRONMENT),
        provisioning=state.provisioning,
    )


@dataclass(frozen=True, kw_only=True)
class CircuitState:
    """One circuit: where it is, what it runs and when that was read (None before the first time), the release that
    holds its lock, the open releases that are for it, and the freeze that stands before it."""

    circuit: str
    place: CircuitPlace | None
    running: DeploymentRead | None
    read_at: datetime | None
    lock: Lock | None
    releases: tuple[Summary, ...]
    freeze: Freeze | None


@dataclass(frozen=True, kw_only=True)
class FleetState:
    """All circuits of the configuration, and what else runs on its endpoints: `strangers` belong to none of them."""

    at: datetime
    circuits: tuple[CircuitState, ...]
    strangers: tuple[DeploymentRead, ...]


async def fleet_state(ports: Ports) -> FleetState:
    """From what is kept: Azure ML is not asked. The cost does not grow with what has ended."""
    fleet = ports.config.fleet()
    reads, locks, freezes = await asyncio.gather(ports.endpoint_log.all(), ports.locks.held(), read_freezes(ports))
    running = {each.circuit: (each, read.at) for read in reads for each in read.running}
    read_at = {read.endpoint_name.lower(): read.at for read in reads}
    held = {lock.key: lock for lock in locks}
    opened = await summaries([each async for each in open_entries(ports)], ports)
    releases = [each for each in opened if isinstance(each, Summary)]
    for_circuit: dict[str, list[Summary]] = {}
    for each in releases:
        for key in each.circuits:
            for_circuit.setdefault(key, []).append(each)
    circuits = []
    for key in fleet.circuits:
        place = fleet.places.get(key)
        found = running.pop(key, None)
        circuits.append(
            CircuitState(
                circuit=key,
                place=place,
                running=found[0] if found else None,
                read_at=found[1] if found else read_at.get(place.endpoint_name.lower()) if place else None,
                lock=held.get(key),
                releases=tuple(for_circuit.get(key, ())),
                freeze=freezes.before([key]),
            )
        )
    return FleetState(
        at=ports.clock.now(), circuits=tuple(circuits), strangers=tuple(each for each, _ in running.values())
    )
