"""One seeded world of releases to online endpoints: versions are asked for, people decide, everything fails."""

import random
from collections.abc import Coroutine, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from shared.adapters.config.edits import with_environment_raised
from shared.application.carry_out import carry_out
from shared.application.configuration import OnlyPublished
from shared.application.errors import PlatformErrored, PlatformOutcomeUnknown
from shared.application.fleet.rollback_requests import request_rollback
from shared.application.platform_ports import Place
from shared.application.release import attempts, dead_letters, people
from shared.application.release.handle_events import handle_events
from shared.application.release.ports import Ports
from shared.application.release.sweep import release_nets
from shared.application.work.dead_letters import DeadLetter
from shared.application.work.sweep import Net
from shared.domain.errors import DomainError
from shared.domain.online.model import OnlinePlan, OnlineWish, Side, TrafficPlan
from shared.domain.release.commands import Command, PublishFact
from shared.domain.release.events import DeadlinePassed, Event, LookDue
from shared.domain.release.history import broken_at
from shared.domain.release.model import GATE_OF_PHASE, Actor, Kind, Phase, Release
from shared.domain.release.policy import ApprovalRule, Policy, Stage, WatchPolicy
from shared.domain.release.specs import gate_digest
from tests.fakes.endpoints import MemoryEndpointLog
from tests.fakes.environment_platform import MemoryEnvironmentPlatform
from tests.fakes.evidence import MemoryEvidenceStore
from tests.fakes.facts import MemoryFactPublisher
from tests.fakes.jobs import MemoryTestJobs
from tests.fakes.makers import MemoryMakerRecords
from tests.fakes.online_platform import BETTER, WORSE, MemoryHeldSets
from tests.fakes.platform import DEV_WORKSPACE
from tests.fakes.source_control import MemorySourceControl
from tests.simulation.bus import Message, SimulatedQueue
from tests.simulation.circuits import ENGINEERS, LIMITS, PEOPLE, SimulatedConfig, gate
from tests.simulation.host import Host
from tests.simulation.memories import Memories
from tests.simulation.online_endpoints import WatchedOnline
from tests.simulation.oracle import WatchedStore
from tests.simulation.oracle_freeze import WatchedFreezes
from tests.simulation.outcomes import SimulatedOutcomes
from tests.simulation.platform import WatchedPlatform
from tests.simulation.scheduler import Late
from tests.simulation.violation import require
from tests.simulation.wishes_back import freeze
from tests.simulation.wishes_evidence import read_once
from tests.support.benches.online import a_slot, model_id
from tests.support.online_plans import NAME, an_online_plan

LATE = {
    "set_traffic": Late("land_traffic", PlatformOutcomeUnknown),
    "put_slot": Late("land_put", PlatformOutcomeUnknown),
    "delete_slot": Late("land_delete", PlatformOutcomeUnknown),
}
CIRCUIT = (("P001", "C001"),)


@dataclass(frozen=True)
class OnlineConfig(SimulatedConfig):
    """One model that is served, beside a fleet that nothing happens to."""

    served: OnlinePlan | None = None

    def online(self, name: str) -> OnlinePlan | None:
        return self.served if name == NAME else None

    def online_names(self) -> tuple[str, ...]:
        return (NAME,)


class OnlineWorld(Host):
    """Everything of one seed."""

    def __init__(self, seed: int) -> None:
        super().__init__(seed, intensity=random.Random(seed).choice((0.1, 0.3, 0.6)))
        clock, rng = self.clock, self.rng
        self.events = SimulatedQueue("release-events", clock, rng, self.dead)
        self.commands = SimulatedQueue("effects", clock, rng, self.dead)
        self.events.loses = self.commands.loses = self._loses
        self.queues = [self.events, self.commands]
        acknowledged = (self.events.acknowledged, self.commands.acknowledged)
        self.store = WatchedStore(clock, Memories(rng), self.events.published, *acknowledged)
        self.platform = WatchedPlatform(clock, rng)
        self.online = WatchedOnline(self.platform, rng, clock)
        self.online.store = self.store
        self.held_sets = MemoryHeldSets(5)
        config = self._config()
        self.plan = config.served or an_online_plan()
        faulty = self.scheduler.faulty
        self.ports = Ports(
            clock=clock,
            store=faulty(self.store),
            events=faulty(self.events),
            commands=faulty(self.commands),
            locks=faulty(self.store.locks),
            freezes=faulty(WatchedFreezes(clock)),
            test_jobs=faulty(MemoryTestJobs()),
            endpoint_log=MemoryEndpointLog(),
            intake=faulty(self.intake),
            facts=faulty(MemoryFactPublisher()),
            platform=faulty(self.platform, PlatformErrored),
            environments=faulty(MemoryEnvironmentPlatform(self.platform), PlatformErrored),
            online=faulty(self.online, PlatformErrored, late=LATE),
            held_sets=self.held_sets,
            batch_outcomes=faulty(SimulatedOutcomes(clock, rng, CIRCUIT)),
            model_makers=faulty(MemoryMakerRecords()),
            environment_makers=faulty(MemoryMakerRecords()),
            config=config,
            configurations=OnlyPublished(config),
            evidence=faulty(MemoryEvidenceStore()),
            read_notebook=read_once,
            local_files=faulty(MemorySourceControl({})),
            raise_environment=with_environment_raised,
        )
        self._nets = release_nets(self.ports)
        self.faulty_steps, self.acting_steps = rng.choice((300, 1200, 2400)), rng.choice((2000, 5000))
        self.meddlers = rng.random() < 0.2
        self.asked = 0
        self.requests = rng.randint(1, 4)

    def _config(self) -> OnlineConfig:
        rng = self.rng
        rule = ApprovalRule(group=ENGINEERS, count=rng.choice((1, 1, 2)))
        gates = {Stage.PRODUCTION: gate(rule)} | ({Stage.REGISTRY: gate(rule)} if rng.random() < 0.5 else {})
        limits = replace(LIMITS, attempts_max=rng.choice((1, 3)), watch_s=rng.choice((120, 600)))
        base = SimulatedConfig.of(rng, CIRCUIT)
        slots = rng.choice((("blue", "green"), ("blue", "green"), ("blue", "green", "red"), ("blue",)))
        traffic = TrafficPlan(
            steps_pct=rng.choice(((), (30,), (10, 50))), mirror_pct=rng.choice((0, 0, 20)), share_s=rng.choice((0, 60))
        )
        plan = an_online_plan(slots=slots, traffic=traffic, branches=())
        side = replace(plan.production, slot=rng.choice(("", slots[-1])))
        return OnlineConfig(
            circuits=base.circuits,
            policies={
                **base.policies,
                Kind.ONLINE: Policy(gates=gates, limits=limits, watch=WatchPolicy(look_interval_s=60)),
            },
            known=base.known,
            served=replace(plan, production=side),
        )

    def begin(self) -> None:
        rng, platform, online = self.rng, self.platform, self.online
        platform.share_s = rng.choice((0, 0, 50))
        online.reads_in_progress = rng.choice((0, 1, 2))
        online.break_share = rng.choice((0.0, 0.0, 0.2))
        platform.registry[model_id("1")] = "older"
        for side, place in ((Side.DEV, Place.DEV), (Side.PRODUCTION, Place.PRODUCTION)):
            self._something_serves(side, place)
        for number in range(self.requests):
            version = str(rng.choice((2, 2, 3)))
            platform.add_model("taxi-fare", version, {}, created_by="trainer@example.com")
            online.latency_ms[version] = rng.choice((*[10.0] * 6, 9000.0))
            self.scheduler.at(rng.choice((0, rng.uniform(0, 900))), lambda v=version, n=number: self._ask(v, n))
        online.report = rng.choice((*[BETTER] * 9, WORSE, None))

    def _something_serves(self, side: Side, place: Place) -> None:
        rng = self.rng
        if rng.random() < 0.3:
            return
        traffic = rng.choice(({"blue": 100}, {"green": 100}, {"blue": 60, "green": 40}, {}))
        names = {*traffic, *(("green",) if rng.random() < 0.2 else ())}
        tags = {} if rng.random() < 0.2 else {"release_id": "rel-before"}
        specs = [a_slot(side, name, "1", tags=tags) for name in sorted(names)]
        self.online.serves(place, self.plan.of(side).endpoint_name, dict(traffic), *specs)

    def _ask(self, version: str, number: int) -> None:
        """People ask until they get an answer; some of them may not."""
        actor, rng = self.rng.choice(PEOPLE), self.rng
        wish = OnlineWish(config=NAME, branch="integration", compare_only=rng.random() < 0.1)
        if rng.random() < 0.2:
            wish = replace(wish, slots={"production": rng.choice(self.plan.slots)})

        async def ask() -> None:
            with suppress(DomainError):
                await attempts.request_online_release(DEV_WORKSPACE, version, wish, actor, "better", self.ports)

        def counted() -> None:
            self.asked += 1

        self.until_done("online_requested", ask, counted)

    def _loses(self, body: Event | Command) -> bool:
        mended = isinstance(body, LookDue | DeadlinePassed | Command) and not isinstance(body, PublishFact)
        return mended and self.scheduler.hit(self.scheduler.rates.lost_message)

    def work_of(self, message: Message) -> Coroutine[Any, Any, Any]:
        body = message.body
        if isinstance(body, Event):
            return handle_events(body.release_id, [body], self.ports)
        return carry_out(body, self.ports)

    def bury(self, dead: DeadLetter, message: Message) -> Coroutine[Any, Any, None]:
        return dead_letters.dead_lettered(dead, message.body, self.ports)

    def nets(self) -> Sequence[Net[Any]]:
        return self._nets

    def check_queues(self) -> None:
        """Looks do not multiply here as they may in a fleet: each step has one."""

    def somebody_acts(self) -> None:
        if self.meddlers and not self.healed and self.rng.random() < 0.02:
            self.online.meddle()
        if self.rng.random() < 0.005:
            self.once("freeze", freeze(self.rng, self.ports))
        live = [p.release for p in self.store.partitions.values() if not p.release.phase.is_terminal]
        if live:
            self.once("person", self._wish(self.rng.choice(live), self.rng.choice(PEOPLE)))

    async def _wish(self, release: Release, actor: Actor) -> None:
        rid, rng = release.release_id, self.rng
        try:
            if rng.random() < 0.001:
                await people.abort(rid, actor, "changed my mind", self.ports)
            elif rng.random() < 0.002:
                await request_rollback(rid, actor, "people complain", self.ports, critical=rng.random() < 0.5)
            elif release.phase is Phase.HELD:
                act = people.abort if rng.random() < 0.03 else people.retry
                await act(rid, actor, "tried", self.ports)
            elif release.phase in GATE_OF_PHASE:
                stage = GATE_OF_PHASE[release.phase]
                await people.submit_approval(
                    rid,
                    stage,
                    actor,
                    approved=rng.random() < 0.97,
                    digest=gate_digest(release, stage),
                    reason="looked at it",
                    ports=self.ports,
                )
        except DomainError:
            return

    def mend(self) -> None:
        self.platform.mend()
        self.online.break_share = 0.0

    def has_ended(self) -> bool:
        ended = all(p.release.phase.is_terminal and not p.outbox for p in self.store.partitions.values())
        locked = any(lock.kept_by for lock in self.store.locks.locks.values())
        return ended and not locked and self.asked == self.requests and not self.store.entries

    def check_end(self) -> None:
        for rid, partition in self.store.partitions.items():
            require(broken_at(partition.history) is None, f"I21: the history of {rid} does not verify")
            events = [entry.event_id for entry in partition.history]
            require(len(events) == len(set(events)), f"I13: an event acted twice in {rid}")
        self.online.check_end()

    def ends(self) -> Iterable[str]:
        yield from (p.release.phase.value for p in self.store.partitions.values())
