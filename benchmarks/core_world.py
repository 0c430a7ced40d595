"""A whole environment release through the real rules and use cases, on ports that cost nothing: only the core is left.

Azure ML accepts everything at once and is done at the first look. Time is virtual, and messages come in the order of
their times, one after the other, as the sessions of the queue hand them over.
"""

from __future__ import annotations

import asyncio
import heapq
import logging
import time
from collections import Counter, defaultdict
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import count
from typing import Any

from benchmarks.memory_table import MemoryTable
from shared.adapters.config.edits import with_environment_raised
from shared.adapters.tables.releases import TableReleaseStore
from shared.application.carry_out import carry_out
from shared.application.configuration import OnlyPublished
from shared.application.platform_ports import DeploymentState, Place
from shared.application.release.attempts import request_environment_release
from shared.application.release.handle_events import handle_events
from shared.application.release.people import submit_approval
from shared.application.release.ports import Fleet, Ports, ReleaseStore
from shared.domain.release.commands import Command
from shared.domain.release.events import Event
from shared.domain.release.model import GATE_OF_PHASE, DeploymentPlan, Kind, Phase, Release
from shared.domain.release.policy import Limits, Policy
from shared.domain.release.specs import gate_digest
from tests.fakes.clock import FakeClock
from tests.fakes.config import CIRCUITS, PLANTS, FakeReleaseConfig
from tests.fakes.endpoints import MemoryEndpointLog
from tests.fakes.environment_platform import MemoryEnvironmentPlatform
from tests.fakes.evidence import MemoryEvidenceStore
from tests.fakes.facts import MemoryFactPublisher
from tests.fakes.freezes import MemoryFreezeLog
from tests.fakes.intake import MemoryIntakeLog
from tests.fakes.jobs import MemoryTestJobs
from tests.fakes.locks import MemoryCircuitLocks
from tests.fakes.makers import MemoryMakerRecords
from tests.fakes.online_platform import MemoryHeldSets, MemoryOnlinePlatform
from tests.fakes.outcomes import MemoryBatchOutcomes
from tests.fakes.platform import DEV_WORKSPACE, REGISTRY, FakeDeployment, MemoryModelPlatform
from tests.fakes.source_control import MemorySourceControl
from tests.fakes.store import MemoryReleaseStore
from tests.support.benches.road import ENGINEER, MANAGER, NAME, NEW, OLD_ID, REQUESTER, TAGS
from tests.support.builders import a_spec

#: Deployments of one endpoint.
PER_ENDPOINT = 10

#: A month for everything: what is measured is not how long the release may take.
UNHURRIED = Limits(deploy_deadline_s=2_592_000, test_deadline_s=2_592_000, rollback_deadline_s=2_592_000)


class LargeFleet(FakeReleaseConfig):
    """`targets` circuits, ten on each endpoint."""

    def __init__(self, targets: int) -> None:
        super().__init__()
        self.circuits = [divmod(number, PER_ENDPOINT) for number in range(targets)]
        self.keys = tuple(f"P{plant:04}-C{circuit:03}" for plant, circuit in self.circuits)
        self.endpoints = tuple(dict.fromkeys(endpoint_of(key) for key in self.keys))

    def policy(self, kind: Kind = Kind.MODEL) -> Policy:
        return replace(super().policy(kind), limits=UNHURRIED)

    def fleet(self) -> Fleet:
        return replace(super().fleet(), circuits=self.keys, endpoints=self.endpoints)

    def plan(self, plant_id: str, circuit_id: str) -> DeploymentPlan | None:
        return super().plan(PLANTS[0], CIRCUITS[0])  # an environment release asks only whether there is one


def endpoint_of(key: str) -> str:
    """The endpoint of a circuit's plant."""
    return f"batch-endpoint-plant-{key.partition('-')[0]}".lower()


class ListedEnvironments(MemoryEnvironmentPlatform):
    """Finds the deployments of an endpoint without looking at all of them."""

    def __init__(self, models: MemoryModelPlatform) -> None:
        super().__init__(models)
        self.of_endpoint: dict[str, list[str]] = defaultdict(list)

    async def list_endpoints(self, place: Place) -> list[str]:
        return sorted(self.of_endpoint)

    async def list_deployments(self, place: Place, endpoint_name: str) -> list[DeploymentState]:
        names = self.of_endpoint[endpoint_name]
        found = [await self.models.get_deployment(place, endpoint_name, name) for name in names]
        return [state for state in found if state]


class Queues:
    """Both queues in the order of their times, with duplicate detection; `sent` counts by queue."""

    def __init__(self, clock: FakeClock) -> None:
        self.sent: Counter[str] = Counter()
        self._clock = clock
        self._numbers = count()
        self._known: set[str] = set()
        self._waiting: list[tuple[datetime, int, Event | Command]] = []

    async def publish(self, event: Event, *, at: datetime | None = None, message_id: str | None = None) -> None:
        self._put("events", message_id or event.event_id, event, at)

    async def send(self, command: Command, *, message_id: str | None = None, at: datetime | None = None) -> None:
        self._put("commands", message_id or command.command_id, command, at or command.not_before)

    def _put(self, queue: str, message_id: str, body: Event | Command, at: datetime | None) -> None:
        if message_id not in self._known:
            self._known.add(message_id)
            self.sent[queue] += 1
            heapq.heappush(self._waiting, (at or self._clock.now(), next(self._numbers), body))

    def next(self) -> Event | Command | None:
        """The message that is due first; time comes to it."""
        if not self._waiting:
            return None
        at, _, body = heapq.heappop(self._waiting)
        self._clock.time = max(self._clock.now(), at)
        return body


class Counted:
    """A port; every call of it is counted under its name."""

    def __init__(self, port: Any, calls: Counter[str]) -> None:
        self._port, self._calls = port, calls

    def __getattr__(self, name: str) -> Any:
        method, calls, own = getattr(self._port, name), self._calls, f"{type(self._port).__name__}.{name}"

        def call(*args: Any, **kwargs: Any) -> Any:
            calls[own] += 1
            return method(*args, **kwargs)

        setattr(self, name, call)
        return call


@dataclass
class Measured:
    """What the work on the targets cost, per target. Counts do not depend on the machine; CPU does."""

    targets: int
    cpu_ms: float
    counts: dict[str, float] = field(default_factory=dict)


class CoreWorld:
    """`with_rows` keeps releases as rows of a table in memory instead of as objects; `store` keeps them instead."""

    def __init__(self, targets: int, *, with_rows: bool = False, store: ReleaseStore | None = None) -> None:
        self.targets = targets
        self.clock, self.table, self.calls = FakeClock(), MemoryTable(), Counter[str]()
        self.store = store or (TableReleaseStore(self.table) if with_rows else MemoryReleaseStore(remembers=True))
        self.queues = Queues(self.clock)
        config, platform = LargeFleet(targets), MemoryModelPlatform()
        environments = ListedEnvironments(platform)
        _fill(config, platform, environments)
        counted = {
            "store": self.store,
            "locks": MemoryCircuitLocks(),
            "freezes": MemoryFreezeLog(),
            "test_jobs": MemoryTestJobs(),
            "intake": MemoryIntakeLog(),
            "facts": MemoryFactPublisher(),
            "platform": platform,
            "environments": environments,
            "online": MemoryOnlinePlatform(platform),
            "batch_outcomes": MemoryBatchOutcomes(),
            "evidence": MemoryEvidenceStore(),
            "model_makers": MemoryMakerRecords(),
            "environment_makers": MemoryMakerRecords(),
        }
        ports: dict[str, Any] = {name: Counted(port, self.calls) for name, port in counted.items()}
        self.ports = Ports(
            clock=self.clock,
            events=self.queues,
            commands=self.queues,
            config=config,
            configurations=OnlyPublished(config),
            read_notebook=_no_notebook,
            held_sets=MemoryHeldSets(),
            endpoint_log=MemoryEndpointLog(),
            local_files=MemorySourceControl({}),
            raise_environment=with_environment_raised,
            **ports,
        )
        self.release: Release | None = None

    def measure(self) -> Measured:
        """Runs the release to its watch, and says what its checks and its updates cost."""
        before = logging.root.manager.disable
        logging.disable(logging.CRITICAL)  # what the core says costs more than what it does
        try:
            return asyncio.run(self._measured())
        finally:
            logging.disable(before)

    async def up_to_the_checks(self) -> None:
        """Somebody wants the release and somebody agrees."""
        wish = request_environment_release(DEV_WORKSPACE, NAME, NEW, REQUESTER, "benchmark", self.ports)
        self.release_id = (await wish).release.release_id
        await self.up_to(Phase.AWAITING_REGISTRY_APPROVAL)
        await self._approve(ENGINEER)
        await self.up_to(Phase.CHECKING)

    async def _measured(self) -> Measured:
        await self.up_to_the_checks()
        cpu_s, counts = -time.process_time(), Counter[str]()
        counts.subtract(self._counted())
        await self.up_to(Phase.AWAITING_PRODUCTION_APPROVAL)
        cpu_s, before = cpu_s + time.process_time(), self._counted()
        await self._approve(ENGINEER, MANAGER)
        await self.up_to(Phase.UPDATING)
        counts.update(before)
        counts.subtract(self._counted())
        cpu_s -= time.process_time()
        await self.up_to(Phase.WATCHING)
        cpu_s += time.process_time()
        counts.update(self._counted())
        per_target = {name: number / self.targets for name, number in sorted(counts.items())}
        return Measured(self.targets, 1000 * cpu_s / self.targets, per_target)

    async def up_to(self, phase: Phase) -> None:
        """Hands over one message after the other until the release is in `phase`."""
        while self.release is None or self.release.phase is not phase:
            message = self.queues.next()
            if message is None or (self.release is not None and self.release.phase.is_terminal):
                raise RuntimeError(f"the release does not come to {phase.value}: {self.release}")
            if isinstance(message, Event):
                self.release = await handle_events(message.release_id, [message], self.ports)
            else:
                await carry_out(message, self.ports)
                stored = await self.store.recall(message.release_id)  # whose answer it may have committed
                self.release = stored.release if stored else self.release

    async def _approve(self, *people: Any) -> None:
        for actor in people:
            stored = await self.ports.store.load(self.release_id)
            if stored is None:
                raise RuntimeError("the release is gone")
            stage = GATE_OF_PHASE[stored.release.phase]
            digest = gate_digest(stored.release, stage)
            await submit_approval(
                self.release_id, stage, actor, approved=True, digest=digest, reason="", ports=self.ports
            )
            event = self.queues.next()
            while not isinstance(event, Event) or getattr(event, "actor", None) != actor:
                if event is None:
                    raise RuntimeError("the approval is gone")
                event = self.queues.next()
            self.release = await handle_events(self.release_id, [event], self.ports)

    def _counted(self) -> Counter[str]:
        """Everything that was counted so far."""
        calls = {
            "commits": self.calls[f"{type(self.store).__name__}.commit"],
            "calls of ports": self.calls.total(),
            "messages": self.queues.sent.total(),
        }
        return Counter({**calls, **self.table.counts})


def _no_notebook(raw: bytes) -> Any:
    raise NotImplementedError


def _fill(config: LargeFleet, platform: MemoryModelPlatform, environments: ListedEnvironments) -> None:
    for key in config.keys:
        plant_id, _, circuit_id = key.partition("-")
        model = f"{REGISTRY}/models/sensor_model_{plant_id}_{circuit_id}/versions/6"
        spec = a_spec(
            endpoint_name=endpoint_of(key),
            deployment_name=f"deployment-circuit-{circuit_id}".lower(),
            model=model,
            environment=OLD_ID,
            environment_variables={"PLANT_ID": plant_id, "CIRCUIT_ID": circuit_id, "MODEL_VERSION": "6"},
        )
        place = (Place.PRODUCTION, spec.endpoint_name, spec.deployment_name)
        platform.deployments[place] = FakeDeployment(spec)
        platform.registry[model] = "model"
        environments.of_endpoint[spec.endpoint_name].append(spec.deployment_name)
    platform.registry[OLD_ID] = "environment"
    environments.add_environment(NAME, NEW, TAGS)
