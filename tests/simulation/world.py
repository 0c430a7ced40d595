"""One seeded world: versions come in, people decide, everything fails; then faults stop and it must converge."""

from collections import Counter
from collections.abc import Coroutine, Iterable, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any

from shared.adapters.config.edits import with_environment_raised
from shared.application.carry_out import carry_out
from shared.application.configuration import OnlyPublished
from shared.application.errors import PlatformErrored, PlatformOutcomeUnknown
from shared.application.release import attempts, dead_letters, intake
from shared.application.release.handle_events import handle_events
from shared.application.release.ports import Ports
from shared.application.release.sweep import release_nets
from shared.application.work.dead_letters import DeadLetter
from shared.application.work.sweep import Net
from shared.domain.errors import DomainError
from shared.domain.names import file_of
from shared.domain.release.commands import Command, MarkRolledBack, ProposeEnvironment, PublishFact
from shared.domain.release.events import (
    AbortRequested,
    ApprovalSubmitted,
    DeadlinePassed,
    Event,
    LookDue,
    RetryRequested,
    RollbackRequested,
)
from shared.domain.release.model import Phase, Release
from tests.fakes.endpoints import MemoryEndpointLog
from tests.fakes.evidence import MemoryEvidenceStore
from tests.fakes.facts import MemoryFactPublisher
from tests.fakes.jobs import MemoryTestJobs
from tests.fakes.makers import MemoryMakerRecords
from tests.fakes.online_platform import MemoryHeldSets, MemoryOnlinePlatform
from tests.fakes.platform import DEV_WORKSPACE
from tests.fakes.source_control import MemorySourceControl
from tests.simulation.bus import Message, SimulatedQueue
from tests.simulation.circuits import ENVIRONMENT, PEOPLE
from tests.simulation.host import UNDELIVERABLE, Host
from tests.simulation.memories import Memories
from tests.simulation.oracle import ProductionJudge, WatchedStore, check_end
from tests.simulation.oracle_freeze import WatchedFreezes
from tests.simulation.oracle_proposals import check_proposals
from tests.simulation.outcomes import SimulatedOutcomes
from tests.simulation.platform import WatchedEnvironments, WatchedPlatform, place_of
from tests.simulation.production import check_production
from tests.simulation.scene import EnvironmentRequest, Registration, set_the_scene
from tests.simulation.scheduler import Late
from tests.simulation.violation import require
from tests.simulation.wishes import wish
from tests.simulation.wishes_again import may_be_had_again, release_again, release_by_hand
from tests.simulation.wishes_back import Unrest, freeze, may_be_undone, roll_back
from tests.simulation.wishes_evidence import read_once

FAULTY_STEPS = {False: (300, 1200, 2400), True: (1200, 3000, 6000)}
ACTING_STEPS = {False: (2000, 5000, 8000), True: (4000, 8000, 16_000)}

LATE_CHANGES = {"put_deployment": Late("land_late", PlatformOutcomeUnknown)}
LATE_CHECKS = {"submit_check": Late("submit_late")}

#: Messages on the queues of one release for each thing that may be under way, deadlines left out (L6). Twice the three
#: that are promised, because here one I/O may take a minute, in which looks go on.
MESSAGES_PER_WORK_MAX = 6


#: What people send.
BY_PEOPLE = (AbortRequested, ApprovalSubmitted, RetryRequested, RollbackRequested)


def _opened_at(release: Release) -> datetime:
    return release.opened_at


class World(Host):
    """Everything of one seed. Odd seeds release environments beside models, even ones models only; every fourth odd one
    is calm."""

    def __init__(self, seed: int) -> None:
        is_mixed, is_calm = seed % 2 == 1, seed % 8 == 3
        super().__init__(seed, intensity=0.1 if is_calm else 0.4 if is_mixed else 1)
        self.acts_pct = 12 if is_calm else self.acts_pct
        clock = self.clock
        self.events = SimulatedQueue("release-events", clock, self.rng, self.dead)
        self.commands = SimulatedQueue("effects", clock, self.rng, self.dead)
        self.events.loses = self.commands.loses = self._loses
        self.queues = [self.events, self.commands]
        acknowledged = self.events.acknowledged, self.commands.acknowledged
        self.store = WatchedStore(clock, Memories(self.rng), self.events.published, *acknowledged)
        self.locks, self.jobs = self.store.locks, MemoryTestJobs()
        self.platform = WatchedPlatform(clock, self.rng)
        self.environments = WatchedEnvironments(self.platform)
        self.freezes = WatchedFreezes(clock)
        self.production = ProductionJudge(self.store, self.freezes, self.platform, self.jobs)
        self.scene = set_the_scene(self.rng, self.platform, self.environments, is_mixed=is_mixed, is_calm=is_calm)
        self.outcomes = SimulatedOutcomes(clock, self.rng, self.scene.config.circuits)
        named = 'training:\n  environment_version: "0.9.0"\n'
        self.repository = MemorySourceControl({file_of("-".join(key)): named for key in self.scene.config.circuits})
        faulty = self.scheduler.faulty
        self.ports = Ports(
            clock=clock,
            store=faulty(self.store),
            events=faulty(self.events),
            commands=faulty(self.commands),
            locks=faulty(self.locks),
            freezes=faulty(self.freezes),
            test_jobs=faulty(self.jobs),
            endpoint_log=MemoryEndpointLog(),
            intake=faulty(self.intake),
            facts=faulty(MemoryFactPublisher()),
            platform=faulty(self.platform, PlatformErrored, late=LATE_CHANGES),
            environments=faulty(self.environments, PlatformErrored, late=LATE_CHECKS),
            online=faulty(MemoryOnlinePlatform(self.platform)),
            held_sets=MemoryHeldSets(),
            batch_outcomes=faulty(self.outcomes),
            model_makers=faulty(MemoryMakerRecords()),
            environment_makers=faulty(MemoryMakerRecords()),
            config=self.scene.config,
            configurations=OnlyPublished(self.scene.config),
            evidence=faulty(MemoryEvidenceStore()),
            read_notebook=read_once,
            local_files=faulty(MemorySourceControl({})),
            raise_environment=with_environment_raised,
            source_control=faulty(self.repository),
        )
        self._nets = release_nets(self.ports)
        self.store.fleets.verdicts = self.environments.verdicts
        self.store.fleets.silent = self.outcomes.silent
        self.store.fleets.checks, self.store.fleets.jobs = self.environments.checks, self.platform.jobs
        self.faulty_steps = self.rng.choice(FAULTY_STEPS[self.scene.is_mixed])
        self.acting_steps = self.rng.choice(ACTING_STEPS[self.scene.is_mixed])
        self.unrest = Unrest.of(self.rng, is_mixed=is_mixed, is_calm=is_calm)
        self.meddlers = self.scene.is_quiet and not self.unrest.releases_again and self.rng.random() < 0.3
        self.expected = {each.event_id for each in self.scene.registrations if not each.by_hand}
        self.registered: set[str] = set()
        self.asked = 0

    def begin(self) -> None:
        self.at_first = dict(self.platform.deployments)
        for each in self.scene.registrations:
            self.scheduler.at(each.after_s, lambda each=each: self._register(each))
        for request in self.scene.requests:
            self.scheduler.at(request.after_s, lambda request=request: self._request(request))

    def _loses(self, body: Event | Command) -> bool:
        """What the sweeper and the looks promise to bring back may be lost; what has ended nobody looks at."""
        last = (PublishFact, ProposeEnvironment, MarkRolledBack)
        mended = isinstance(body, LookDue | DeadlinePassed | Command) and not isinstance(body, last)
        return mended and self.scheduler.hit(self.scheduler.rates.lost_message)

    def _register(self, model: Registration) -> None:
        """Event Grid delivers again until it got an answer."""
        at = self.clock.now()

        def delivered() -> Coroutine[Any, Any, Any]:
            return intake.model_registered(model.event_id, DEV_WORKSPACE, model.name, model.version, at, self.ports)

        if model.by_hand:
            self.once("by hand", release_by_hand(model.name, model.version, self.rng.choice(PEOPLE), self.ports))
        else:
            self.until_done("model_registered", delivered, lambda: self.registered.add(model.event_id))

    def _request(self, request: EnvironmentRequest) -> None:
        """People ask until they get an answer; some of them may not."""
        actor = self.rng.choice(PEOPLE)

        async def ask() -> None:
            with suppress(DomainError):
                await attempts.request_environment_release(
                    DEV_WORKSPACE, ENVIRONMENT, request.version, actor, "clearer logs", self.ports
                )

        def counted() -> None:
            self.asked += 1

        self.until_done("environment_requested", ask, counted)

    def work_of(self, message: Message) -> Coroutine[Any, Any, Any]:
        body = message.body
        if isinstance(body, Event):
            return handle_events(body.release_id, [body], self.ports)
        return carry_out(body, self.ports)

    def bury(self, dead: DeadLetter, message: Message) -> Coroutine[Any, Any, None]:
        return dead_letters.dead_lettered(dead, message.body, self.ports)

    def nets(self) -> Sequence[Net[Any]]:
        return self._nets

    def somebody_acts(self) -> None:
        if self.rng.random() < self.unrest.freezes:
            self.once("freeze", freeze(self.rng, self.ports))
        if self.rng.random() < self.unrest.rolls_back:
            self._somebody_goes_back()
        if self.rng.random() < self.unrest.releases_again:
            self._somebody_releases_again()
        releases = [p.release for p in self.store.partitions.values() if not p.release.phase.is_terminal]
        if not releases:
            return
        release, actor = self.rng.choice(releases), self.rng.choice(PEOPLE)
        if self.meddlers and not self.healed and release.fleet and self.rng.random() < 0.05:
            target = self.rng.choice(release.fleet)
            self.platform.meddle(place_of(target.previous), delete=self.rng.random() < 0.3)
            return
        wants = wish(release, actor, self.rng, self.ports, self.store.evidence, is_calm=self.scene.is_calm)
        self.once("person", wants)

    def _somebody_goes_back(self) -> None:
        """Sometimes several do at once, of one release or of several; mostly of the latest."""
        ended = may_be_undone(self.store.partitions, self.rng)
        for _ in range(self.rng.choice((1, 1, 1, 2, 3)) if ended else 0):
            release = self.rng.choice(ended) if self.rng.random() < 0.5 else max(ended, key=_opened_at)
            self.once("goes back", roll_back(release, self.rng, self.ports))

    def _somebody_releases_again(self) -> None:
        """Sometimes several do at once."""
        there = may_be_had_again(self.store.partitions)
        for _ in range(self.rng.choice((1, 1, 2)) if there else 0):
            actor = self.rng.choice(PEOPLE)
            self.once("again", release_again(self.rng.choice(there), actor, self.rng, self.ports))

    def mend(self) -> None:
        self.platform.mend()
        self.outcomes.failing.clear()

    def has_ended(self) -> bool:
        ended = all(p.release.phase.is_terminal and not p.outbox for p in self.store.partitions.values())
        locked = any(lock.kept_by for lock in self.locks.locks.values())
        accepted = self.registered == self.expected and self.asked == len(self.scene.requests)
        return ended and accepted and not locked and not self.store.entries

    def check_end(self) -> None:
        for intake_id in self.registered:
            self._check_accounted(intake_id)
        check_end(self.store, self.platform, self.jobs)
        check_proposals(self.store, self.repository)
        check_production(self.store, self.platform, self.at_first)

    def ends(self) -> Iterable[str]:
        releases = (partition.release for partition in self.store.partitions.values())
        yield from (f"{release.kind.value} {release.phase.value}" for release in releases)
        for each in self.locks.besides.values():
            taker, keeper = (self.store.partitions[rid].release for rid in (each.by, each.keeper))
            if taker.phase is Phase.RELEASED:
                yield f"model released beside an environment that was watched and {keeper.phase.value}"

    def check_queues(self) -> None:
        """L6: looks, retries and sweeps must not make messages multiply; those of deadlines wait for their time, and
        each that a person sent is one, however often people ask while nothing answers."""
        waiting = Counter(
            message.body.release_id
            for queue in (self.events, self.commands)
            for message in queue.messages
            if not isinstance(message.body, (DeadlinePassed, *BY_PEOPLE))
        )
        most = MESSAGES_PER_WORK_MAX * (2 + len(self.scene.config.circuits))
        for rid, messages in waiting.items():
            require(messages <= most, f"L6: {messages} messages of {rid} wait, for {most} at most")

    def _check_accounted(self, event_id: str) -> None:
        """I13: an accepted event is in a release's history, or recorded with a reason, if only as a dead letter."""
        intake_id = f"eg-{event_id}"
        in_history = sum(e.event_id == intake_id for p in self.store.partitions.values() for e in p.history)
        recorded = intake_id in self.intake.records
        dead = DeadLetter(queue=self.events.name, message_id=intake_id, reason=UNDELIVERABLE, body="")
        times = in_history + recorded or int(dead.intake_id in self.intake.records)
        require(times == 1, f"I13: event {event_id} is accounted for {times} times")
