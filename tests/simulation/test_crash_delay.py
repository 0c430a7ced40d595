"""A crash at any point delays a release by the lock of a message and one sweep at most (L4)."""

import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, fields, replace
from datetime import timedelta
from typing import Any

import pytest

from shared.application.carry_out import carry_out
from shared.application.release import attempts, people
from shared.application.release.handle_events import handle_events
from shared.application.release.ports import Ports
from shared.application.release.sweep import release_nets
from shared.application.work.sweep import sweep
from shared.domain.release.events import Event
from shared.domain.release.model import Actor, Phase, Release
from shared.domain.release.policy import Stage
from shared.domain.release.specs import gate_digest
from tests.fakes.clock import FakeClock
from tests.simulation.bus import LOCK, SimulatedQueue
from tests.simulation.host import SWEEP_EVERY_S
from tests.simulation.scheduler import Crash
from tests.support.benches.online import OnlineBench
from tests.support.benches.release import Bench
from tests.support.benches.road import ENGINEER, MANAGER, fleet_in_production
from tests.support.builders import an_actor

DELAY_MAX = LOCK + timedelta(seconds=SWEEP_EVERY_S)
HELD_BESIDES = 5
"""Messages that the process had taken and not begun when it died."""

UNKNOWN = ("claim", "invoke")
"""After these nobody knows whether a test inference was started: a quiet period comes before it is started again."""

ENDS = (Phase.RELEASED, Phase.WATCHING)
GATES = {
    Phase.AWAITING_REGISTRY_APPROVAL: (Stage.REGISTRY, (an_actor(4),)),
    Phase.AWAITING_PRODUCTION_APPROVAL: (Stage.PRODUCTION, (ENGINEER, MANAGER)),
}
NOBODY: tuple[Stage, tuple[Actor, ...]] = (Stage.REGISTRY, ())


@dataclass
class Process:
    """What handles messages, one after the other. It dies once, after its call number `dies_at` of a port."""

    dies_at: int = 0
    calls: int = 0
    died_in: str = ""

    def watched(self, port: Any) -> "WatchedPort":
        return WatchedPort(port, self)

    def called(self, name: str) -> None:
        self.calls += 1
        if self.calls == self.dies_at:
            self.died_in = name
            raise Crash(f"after call {self.calls}")


class WatchedPort:
    """Any port of a process."""

    def __init__(self, port: Any, process: Process) -> None:
        self._port = port
        self._process = process

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._port, name)

        async def call(*args: Any, **kwargs: Any) -> Any:
            result = await method(*args, **kwargs)
            self._process.called(name)
            return result

        return call


@dataclass
class Road:
    """A release on its way, with people who decide at once; time goes on when nothing is left to do."""

    process: Process
    bench: Bench
    release_id: str = ""
    decided: set[tuple[Stage, Actor]] = field(default_factory=set)

    @classmethod
    def of(cls, process: Process, kind: type[Bench] = Bench) -> "Road":
        clock = FakeClock()
        queues = [SimulatedQueue(name, clock, random.Random(1), _dead) for name in ("release-events", "effects")]
        return cls(process, kind(clock=clock, events=queues[0], commands=queues[1]))  # type: ignore[arg-type]

    async def travel(self) -> timedelta:
        """How long it takes to the end."""
        began, clock = self.bench.clock.now(), self.bench.clock
        ports = _watched(self.bench.ports, self.process)
        sweep_at = began + timedelta(seconds=SWEEP_EVERY_S)
        while not self.release or self.release.phase not in ENDS:
            assert clock.now() - began < timedelta(hours=6), f"still {self.release and self.release.phase}"
            if clock.now() >= sweep_at:
                sweep_at += timedelta(seconds=SWEEP_EVERY_S)
                await self._until_death(sweep(release_nets(ports)))
            elif not await self._handle_next(ports) and not await self._somebody_decides():
                changes = (queue.nothing_until for queue in self._queues)
                clock.time = min(sweep_at, *changes)
        return clock.now() - began

    @property
    def _queues(self) -> tuple[SimulatedQueue, SimulatedQueue]:
        return self.bench.events, self.bench.commands  # type: ignore[return-value]

    @property
    def release(self) -> Release | None:
        partition = self.bench.store.partitions.get(self.release_id)
        return partition.release if partition else None

    async def _handle_next(self, ports: Ports) -> bool:
        for queue in self._queues:
            if (message := queue.receive()) is None:
                continue
            body = message.body
            is_event = isinstance(body, Event)
            work: Any = handle_events(body.release_id, [body], ports) if is_event else carry_out(body, ports)
            if await self._until_death(work):
                queue.complete(message)
            return True
        return False

    async def _until_death(self, work: Awaitable[Any]) -> bool:
        """False when the process died over it; what it held stays locked."""
        try:
            await work
        except Crash:
            for queue in self._queues:
                for _ in range(HELD_BESIDES):
                    queue.receive()
            return False
        return True

    async def _somebody_decides(self) -> bool:
        release = self.release
        stage, actors = GATES.get(release.phase, NOBODY) if release else NOBODY
        for actor in actors:
            if release and (stage, actor) not in self.decided and _is_asked(release, stage, actor):
                self.decided.add((stage, actor))
                about = (release.release_id, stage, actor)
                digest = gate_digest(release, stage)
                await people.submit_approval(*about, approved=True, digest=digest, reason="", ports=self.bench.ports)
                return True
        return False


def _is_asked(release: Release, stage: Stage, actor: Actor) -> bool:
    """A model's gate asks for one group, an environment's for two."""
    return any(rule.group in actor.groups for rule in release.policy.gates[stage].approvals)


def _watched(ports: Ports, process: Process) -> Ports:
    spared = ("clock", "config", "alerts", "read_notebook", "held_sets")
    return replace(
        ports, **{f.name: process.watched(getattr(ports, f.name)) for f in fields(ports) if f.name not in spared}
    )


def _dead(queue: SimulatedQueue, message: Any) -> None:
    raise AssertionError(f"{message.message_id} of {queue.name} was given up")


async def a_model(process: Process) -> Road:
    road = Road.of(process)
    road.release_id = await road.bench.registered()
    return road


async def an_environment(process: Process) -> Road:
    road = Road.of(process)
    fleet_in_production(road.bench)
    asked = attempts.request_environment_release(
        "dev-ml-workspace", "custom-tf-env", "1.5.1", an_actor(1), "", road.bench.ports
    )
    road.release_id = (await asked).release.release_id
    return road


async def an_online_model(process: Process) -> Road:
    road = Road.of(process, OnlineBench)
    bench = road.bench
    assert isinstance(bench, OnlineBench)
    bench.something_serves(dev={"green": 100}, production={"blue": 100})
    road.release_id = await bench.ask()
    return road


@pytest.mark.parametrize(
    ("kind", "every"),
    [(a_model, 1), (an_environment, 7), (an_online_model, 3)],
    ids=["model", "environment", "online"],
)
async def test_a_crash_at_any_point_delays_a_release_by_two_minutes_at_most(
    kind: Callable[[Process], Any], every: int
) -> None:
    """The process dies after each call of a port, or after every third or seventh; another one starts at once."""
    undisturbed = Process()
    usual = await (await kind(undisturbed)).travel()
    assert undisturbed.calls > 50
    for dies_at in range(1, undisturbed.calls + 1, every):
        process = Process(dies_at)
        road = await kind(process)
        delay = await road.travel() - usual
        quiet_s = road.release.policy.limits.settle_quiet_s if process.died_in in UNKNOWN and road.release else 0
        most = DELAY_MAX + timedelta(seconds=quiet_s)
        assert delay <= most, f"a crash after call {dies_at}, {process.died_in}, costs {delay}"
