"""One seeded world: versions come in, people decide, everything fails; then faults stop and it must converge."""

import asyncio
from collections import Counter
from datetime import timedelta
from typing import Any

from shared.application.errors import PortError, TransientFault
from shared.application.release import attempts, dead_letters, intake
from shared.application.release.effects.carry_out import carry_out
from shared.application.release.handle_events import handle_events
from shared.application.release.ports import Ports
from shared.application.release.sweep import release_nets
from shared.application.work.dead_letters import DeadLetter
from shared.application.work.sweep import Net, sweep
from shared.domain.errors import DomainError
from shared.domain.release.commands import Command, PublishFact
from shared.domain.release.events import DeadlinePassed, Event, LookDue
from tests.fakes.evidence import MemoryEvidenceStore
from tests.fakes.facts import MemoryFactPublisher
from tests.fakes.intake import MemoryIntakeLog
from tests.fakes.jobs import MemoryTestJobs
from tests.fakes.platform import DEV_WORKSPACE
from tests.simulation.bus import Message, SimulatedQueue
from tests.simulation.circuits import ENVIRONMENT, PEOPLE
from tests.simulation.oracle import ProductionJudge, WatchedStore, check_end
from tests.simulation.oracle_freeze import WatchedFreezes
from tests.simulation.outcomes import SimulatedOutcomes
from tests.simulation.platform import WatchedEnvironments, WatchedPlatform, place_of
from tests.simulation.production import check_production
from tests.simulation.scene import EnvironmentRequest, Registration, set_the_scene
from tests.simulation.scheduler import FaultRates, Scheduler
from tests.simulation.violation import Violation, require
from tests.simulation.wishes import wish
from tests.simulation.wishes_back import Unrest, freeze, may_be_undone, roll_back
from tests.simulation.wishes_evidence import read_once

SWEEP_EVERY_S = 60
FAULTY_STEPS = {False: (300, 1200, 2400), True: (1200, 3000, 6000)}
ACTING_STEPS = {False: (2000, 5000, 8000), True: (4000, 8000, 16_000)}
STEPS_MAX = 60_000

#: Messages on the queues of one release for each thing that may be under way, deadlines left out (L6). Twice the three
#: that are promised, because here one I/O may take a minute, in which looks go on.
MESSAGES_PER_WORK_MAX = 6


async def swept(nets: list[Net[Any]]) -> None:
    """A sweep goes on after any error; here one that is no fault of the outside is a bug."""
    report = await sweep(nets)
    for error in report.failed.values():
        if not isinstance(error, PortError):
            raise error


class World:
    """Everything of one seed. Odd seeds release environments beside models, even ones models only; every fourth odd one
    is calm."""

    def __init__(self, seed: int) -> None:
        is_mixed, is_calm = seed % 2 == 1, seed % 8 == 3
        self.scheduler = Scheduler(seed, intensity=0.1 if is_calm else 0.4 if is_mixed else 1)
        self.rng = self.scheduler.rng
        clock = self.scheduler.clock
        self.events = SimulatedQueue("release-events", clock, self.rng, self._dead)
        self.commands = SimulatedQueue("effects", clock, self.rng, self._dead)
        self.events.loses = self.commands.loses = self._loses
        self.store = WatchedStore(clock, self.events.published, self.events.acknowledged, self.commands.acknowledged)
        self.locks, self.jobs = self.store.locks, MemoryTestJobs()
        self.platform = WatchedPlatform(clock, self.rng)
        self.environments = WatchedEnvironments(self.platform)
        self.freezes = WatchedFreezes(clock)
        self.production = ProductionJudge(self.store, self.freezes, self.platform, self.jobs)
        self.intake = MemoryIntakeLog()
        self.scene = set_the_scene(self.rng, self.platform, self.environments, is_mixed=is_mixed, is_calm=is_calm)
        self.outcomes = SimulatedOutcomes(clock, self.rng, self.scene.config.circuits)
        faulty = self.scheduler.faulty
        self.ports = Ports(
            clock=clock,
            store=faulty(self.store),
            events=faulty(self.events),
            commands=faulty(self.commands),
            locks=faulty(self.locks),
            freezes=faulty(self.freezes),
            test_jobs=faulty(self.jobs),
            intake=faulty(self.intake),
            facts=faulty(MemoryFactPublisher()),
            platform=faulty(self.platform),
            environments=faulty(self.environments),
            batch_outcomes=faulty(self.outcomes),
            config=self.scene.config,
            evidence=faulty(MemoryEvidenceStore()),
            read_notebook=read_once,
        )
        self.store.fleets.verdicts = self.environments.verdicts
        self.store.fleets.silent = self.outcomes.silent
        self.store.fleets.checks, self.store.fleets.jobs = self.environments.checks, self.platform.jobs
        self.faulty_steps = self.rng.choice(FAULTY_STEPS[self.scene.is_mixed])
        self.acting_steps = self.rng.choice(ACTING_STEPS[self.scene.is_mixed])
        self.unrest = Unrest.of(self.rng, is_mixed=is_mixed, is_calm=is_calm)
        self.meddlers = self.scene.is_quiet and self.rng.random() < 0.3
        self.expected = {each.event_id for each in self.scene.registrations}
        self.registered: set[str] = set()
        self.asked = 0
        self.healed = False

    def run(self) -> int:
        """Runs to the end and returns the number of scheduler steps. Raises Violation, also for a handler's bug."""
        outside = asyncio._get_running_loop()
        asyncio._set_running_loop(self.scheduler.threads)
        try:
            return self._run()
        except Violation:
            raise
        except Exception as error:
            raise Violation(f"a handler raised {error!r}") from error
        finally:
            asyncio._set_running_loop(outside)

    def _run(self) -> int:
        at_first = dict(self.platform.deployments)
        for each in self.scene.registrations:
            self.scheduler.at(each.after_s, lambda each=each: self._register(each))
        for request in self.scene.requests:
            self.scheduler.at(request.after_s, lambda request=request: self._request(request))
        self.scheduler.at(SWEEP_EVERY_S, self._sweep)
        while self.scheduler.steps < STEPS_MAX:
            if self.scheduler.steps == self.faulty_steps:
                self._heal()
            self._deliver()
            if self.scheduler.steps < self.acting_steps and self.rng.random() < (0.12 if self.scene.is_calm else 0.08):
                self._somebody_acts()
            self.scheduler.step()
            if self.healed and not self.scheduler.tasks and self._at_rest():
                break
        require(self._at_rest(), f"L1: not at rest after {STEPS_MAX} steps")
        for intake_id in self.registered:
            self._check_accounted(intake_id)
        check_end(self.store, self.platform, self.jobs)
        check_production(self.store, self.platform, at_first)
        return self.scheduler.steps

    def _loses(self, body: Event | Command) -> bool:
        """What the sweeper and the looks promise to bring back may be lost."""
        mended = isinstance(body, LookDue | DeadlinePassed | Command) and not isinstance(body, PublishFact)
        return mended and self.scheduler.hit(self.scheduler.rates.lost_message)

    def _register(self, model: Registration) -> None:
        def done(error: BaseException | None) -> None:
            if error is None:
                self.registered.add(model.event_id)
            else:  # Event Grid delivers again
                self.scheduler.at(10, lambda: self._register(model))

        at = self.scheduler.clock.now()
        coroutine = intake.model_registered(model.event_id, DEV_WORKSPACE, model.name, model.version, at, self.ports)
        self.scheduler.start("model_registered", coroutine, done)

    def _request(self, request: EnvironmentRequest) -> None:
        """People ask until they get an answer; some of them may not."""
        actor = self.rng.choice(PEOPLE)

        def done(error: BaseException | None) -> None:
            if error is None:
                self.asked += 1
            else:
                self.scheduler.at(10, lambda: self._request(request))

        async def ask() -> None:
            try:
                await attempts.request_environment_release(
                    DEV_WORKSPACE, ENVIRONMENT, request.version, actor, "clearer logs", self.ports
                )
            except DomainError:
                return

        self.scheduler.start("environment_requested", ask(), done)

    def _deliver(self) -> None:
        for queue in (self.events, self.commands):
            message = queue.receive()
            if message is not None:
                self._handle(queue, message)
        if not self.scheduler.tasks:
            self._wake_at_next_change()

    def _wake_at_next_change(self) -> None:
        """Time has to come to the next message even when no timer is due before it."""
        due = min(filter(None, (self.events.next_change(), self.commands.next_change())), default=None)
        if due is not None and (not self.scheduler.timers or self.scheduler.timers[0].at > due):
            self.scheduler.at((due - self.scheduler.clock.now()).total_seconds(), lambda: None)

    def _handle(self, queue: SimulatedQueue, message: Message) -> None:
        def done(error: BaseException | None) -> None:
            if error is None:
                queue.complete(message)
            elif isinstance(error, TransientFault):  # abandoned: visible again at once
                queue.unlock(message)
            # a crash leaves the lock to expire

        if self.scheduler.hit(self.scheduler.rates.lost_lock):
            queue.unlock(message)  # a second worker may take it while the first still runs
        if isinstance(message.body, Event):
            work: Any = handle_events(message.body.release_id, [message.body], self.ports)
        else:
            work = carry_out(message.body, self.ports)
        self.scheduler.start(f"{queue.name}:{message.message_id}", work, done)

    def _dead(self, queue: SimulatedQueue, message: Message) -> None:
        def done(error: BaseException | None) -> None:
            if error is not None:
                self.scheduler.at(5, lambda: self._dead(queue, message))

        reason = "MaxDeliveryCountExceeded"
        dead = DeadLetter(queue=queue.name, message_id=message.message_id, reason=reason, body="")
        work = dead_letters.dead_lettered(dead, message.body, self.ports)
        self.scheduler.start("dead_letters", work, done)

    def _sweep(self) -> None:
        self.scheduler.at(SWEEP_EVERY_S, self._sweep)
        self._check_queues()
        if self.healed or self.rng.random() < 0.8:  # a timer may be missed
            self.scheduler.start("sweeper", swept(release_nets(self.ports)), lambda error: None)

    def _somebody_acts(self) -> None:
        if self.rng.random() < self.unrest.freezes:
            self.scheduler.start("freeze", freeze(self.rng, self.ports), lambda error: None)
        if self.rng.random() < self.unrest.rolls_back:
            self._somebody_goes_back()
        releases = [p.release for p in self.store.partitions.values() if not p.release.phase.is_terminal]
        if not releases:
            return
        release, actor = self.rng.choice(releases), self.rng.choice(PEOPLE)
        if self.meddlers and not self.healed and release.fleet and self.rng.random() < 0.05:
            target = self.rng.choice(release.fleet)
            self.platform.meddle(place_of(target.previous), delete=self.rng.random() < 0.3)
            return
        wants = wish(release, actor, self.rng, self.ports, self.store.evidence, is_calm=self.scene.is_calm)
        self.scheduler.start("person", wants, lambda error: None)

    def _somebody_goes_back(self) -> None:
        """Sometimes several do at once, of one release or of several."""
        ended = may_be_undone(self.store.partitions, self.rng)
        for _ in range(self.rng.choice((1, 1, 1, 2, 3)) if ended else 0):
            release = self.rng.choice(ended)
            self.scheduler.start("goes back", roll_back(release, self.rng, self.ports), lambda error: None)

    def _heal(self) -> None:
        self.healed = True
        self.scheduler.rates = FaultRates()
        self.platform.mend()
        self.outcomes.failing.clear()

    def _at_rest(self) -> bool:
        ended = all(p.release.phase.is_terminal and not p.outbox for p in self.store.partitions.values())
        later = self.scheduler.clock.now() + timedelta(hours=1)
        waiting = [m for q in (self.events, self.commands) for m in q.messages if m.visible_at < later]
        locked = any(lock.holder for lock in self.locks.locks.values())
        accepted = self.registered == self.expected and self.asked == len(self.scene.requests)
        return ended and accepted and not waiting and not self.scheduler.tasks and not locked and not self.store.open

    def _check_queues(self) -> None:
        """L6: looks, retries and sweeps must not make messages multiply; those of deadlines wait for their time."""
        waiting = Counter(
            message.body.release_id
            for queue in (self.events, self.commands)
            for message in queue.messages
            if not isinstance(message.body, DeadlinePassed)
        )
        most = MESSAGES_PER_WORK_MAX * (2 + len(self.scene.config.circuits))
        for rid, messages in waiting.items():
            require(messages <= most, f"L6: {messages} messages of {rid} wait, for {most} at most")

    def _check_accounted(self, event_id: str) -> None:
        """I13: an accepted event is in a release's history, or recorded with a reason."""
        intake_id = f"eg-{event_id}"
        in_history = sum(e.event_id == intake_id for p in self.store.partitions.values() for e in p.history)
        recorded = intake_id in self.intake.records
        require(in_history + recorded == 1, f"I13: event {event_id} is accounted for {in_history + recorded} times")
