"""One seeded world: models are registered, people decide, everything fails; then faults stop and it must converge."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

from shared.adapters.notebook_evidence import read_notebook
from shared.application import dead_letters, intake, people
from shared.application.effects import carry_out
from shared.application.errors import TransientFault
from shared.application.handle_events import handle_events
from shared.application.ports import AlertPorts, Place, Ports
from shared.application.sweep import sweep
from shared.domain.commands import Command, PublishFact
from shared.domain.errors import DomainError
from shared.domain.events import DeadlinePassed, Event, LookDue
from shared.domain.model import GATE_OF_PHASE, Actor, Phase, Release
from shared.domain.policy import ApprovalRule, Limits, Policy
from shared.domain.specs import gate_digest
from tests.builders import a_spec
from tests.fakes.alerts import MemoryAlertLog, MemoryAlertSource
from tests.fakes.config import FakeReleaseConfig, model_policy
from tests.fakes.environment_platform import MemoryEnvironmentPlatform
from tests.fakes.evidence import MemoryEvidenceStore
from tests.fakes.facts import MemoryFactPublisher
from tests.fakes.freezes import MemoryFreezeLog
from tests.fakes.intake import MemoryIntakeLog
from tests.fakes.jobs import MemoryTestJobs
from tests.fakes.platform import FakeDeployment
from tests.simulation.bus import Message, SimulatedQueue
from tests.simulation.oracle import Violation, WatchedLocks, WatchedPlatform, WatchedStore, check_end, require
from tests.simulation.scheduler import FaultRates, Scheduler

TENANT = "11111111-1111-1111-1111-111111111111"
ENGINEER = Actor(object_id="engineer-1", tenant_id=TENANT, name="Engineer 1", groups=("ML-Engineers",))
SECOND = Actor(object_id="engineer-2", tenant_id=TENANT, name="Engineer 2", groups=("ML-Engineers",))
REQUESTER = Actor(
    object_id="trainer", tenant_id=TENANT, name="Trainer", username="trainer@example.com", groups=("ML-Engineers",)
)
OUTSIDER = Actor(object_id="viewer-1", tenant_id=TENANT, name="Viewer")
ROBOT = Actor(object_id="robot", tenant_id=TENANT, name="Robot", groups=("ML-Engineers",), is_person=False)
PEOPLE = (ENGINEER, ENGINEER, ENGINEER, SECOND, SECOND, REQUESTER, OUTSIDER, ROBOT)

#: As in production, but with waits of an hour instead of days, so that a schedule ends after few looks.
LIMITS = Limits(
    promote_deadline_s=900,
    deploy_deadline_s=900,
    test_deadline_s=900,
    circuit_wait_deadline_s=7200,
    hold_deadline_s=1800,
)
SWEEP_EVERY_S = 60
FAULTY_STEPS = (300, 1200, 2400)
ACTING_STEPS = (2000, 5000, 8000)
STEPS_MAX = 60_000


class World:
    """Everything of one seed."""

    def __init__(self, seed: int) -> None:
        self.scheduler = Scheduler(seed)
        self.rng = self.scheduler.rng
        clock = self.scheduler.clock
        self.events = SimulatedQueue("release-events", clock, self.rng, self._dead)
        self.commands = SimulatedQueue("effects", clock, self.rng, self._dead)
        self.events.loses = self.commands.loses = self._loses
        acknowledged = (self.events.acknowledged, self.commands.acknowledged)
        self.store = WatchedStore(clock, self.events.published, *acknowledged)
        self.locks = WatchedLocks(self.store)
        self.platform = WatchedPlatform(self.store, self.locks, clock)
        self.intake = MemoryIntakeLog()
        faulty = self.scheduler.faulty
        self.ports = Ports(
            clock=clock,
            store=faulty(self.store),
            events=faulty(self.events),
            commands=faulty(self.commands),
            locks=faulty(self.locks),
            freezes=faulty(MemoryFreezeLog()),
            test_jobs=faulty(MemoryTestJobs()),
            intake=faulty(self.intake),
            facts=faulty(MemoryFactPublisher()),
            platform=faulty(self.platform),
            environments=faulty(MemoryEnvironmentPlatform(self.platform)),
            alerts=AlertPorts(log=faulty(MemoryAlertLog()), source=faulty(MemoryAlertSource())),
            config=FakeReleaseConfig(self._policy()),
            evidence=faulty(MemoryEvidenceStore()),
            read_notebook=read_notebook,
        )
        self.faulty_steps = self.rng.choice(FAULTY_STEPS)
        self.acting_steps = self.rng.choice(ACTING_STEPS)
        self.expected: set[str] = set()
        self.registered: set[str] = set()
        self.healed = False

    def run(self) -> int:
        """Runs to the end and returns the number of scheduler steps. Raises Violation, also for a handler's bug."""
        try:
            return self._run()
        except Violation:
            raise
        except Exception as error:
            raise Violation(f"a handler raised {error!r}") from error

    def _run(self) -> int:
        self._set_the_scene()
        at_first = dict(self.platform.deployments)
        self.scheduler.at(SWEEP_EVERY_S, self._sweep)
        while self.scheduler.steps < STEPS_MAX:
            if self.scheduler.steps == self.faulty_steps:
                self._heal()
            self._deliver()
            if self.scheduler.steps < self.acting_steps and self.rng.random() < 0.08:
                self._somebody_acts()
            self.scheduler.step()
            if self.healed and self._at_rest():
                break
        require(self._at_rest(), f"L1: not at rest after {STEPS_MAX} steps")
        for intake_id in self.registered:
            self._check_accounted(intake_id)
        check_end(self.store, self.locks, self.platform, at_first)
        return self.scheduler.steps

    def _policy(self) -> Policy:
        """Gates of one or of two approvals."""
        policy = model_policy(LIMITS, gate_deadline_s=3600)
        rules = (ApprovalRule(group="ML-Engineers", count=self.rng.choice((1, 1, 2))),)
        return replace(policy, gates={stage: replace(gate, approvals=rules) for stage, gate in policy.gates.items()})

    def _loses(self, body: Event | Command) -> bool:
        """What the sweeper and the looks promise to bring back may be lost."""
        mended = isinstance(body, LookDue | DeadlinePassed | Command) and not isinstance(body, PublishFact)
        return mended and self.scheduler.hit(self.scheduler.rates.lost_message)

    def _something_runs(self, circuit: str) -> None:
        """Production runs an older version, which no release of this world brought."""
        plan = FakeReleaseConfig().plan("P001", circuit)
        if plan is None or self.rng.random() < 0.25:
            return
        model = f"azureml://registries/mlregistry-shared/models/{plan.registry_model_name}/versions/0"
        spec = a_spec(endpoint_name=plan.endpoint_name, deployment_name=plan.deployment_name, model=model)
        self.platform.registry[model] = "older"
        key = (Place.PRODUCTION, plan.endpoint_name, plan.deployment_name)
        self.platform.deployments[key] = FakeDeployment(spec=spec)

    def _set_the_scene(self) -> None:
        for circuit in ("C001", "C002"):
            self._something_runs(circuit)
        self.platform.reads_in_progress = self.rng.randrange(3)
        self.platform.job_status = self.rng.choice((*["Completed"] * 8, "Failed", "Canceled"))
        if self.rng.random() < 0.15:
            self.platform.fail_deployments = {self.rng.choice((Place.TEST, Place.PRODUCTION))}
        for number in range(self.rng.randint(1, 3)):
            circuit = self.rng.choice(("C001", "C001", "C002"))
            name, version = f"sensor_model_P001_{circuit}", str(number + 1)
            tags = {"plant_id": "P001", "circuit_id": circuit, "pr_author": "author@example.com"}
            if self.rng.random() < 0.95:
                self.platform.add_model(name, version, tags if self.rng.random() < 0.95 else {})
            for copy in range(self.rng.randint(1, 3)):
                event_id = f"event-{number}-{copy if self.rng.random() < 0.5 else 0}"
                self.expected.add(event_id)
                self.scheduler.at(self.rng.uniform(0, 400), lambda a=(event_id, name, version): self._register(*a))

    def _register(self, event_id: str, name: str, version: str) -> None:
        def done(error: BaseException | None) -> None:
            if error is None:
                self.registered.add(event_id)
            else:  # Event Grid delivers again
                self.scheduler.at(10, lambda: self._register(event_id, name, version))

        at = self.scheduler.clock.now()
        coroutine = intake.model_registered(event_id, "dev-ml-workspace", name, version, at, self.ports)
        self.scheduler.start("model_registered", coroutine, done)

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
        if due is not None and all(timer.at > due for timer in self.scheduler.timers):
            self.scheduler.at((due - self.scheduler.clock.now()).total_seconds(), lambda: None)

    def _handle(self, queue: SimulatedQueue, message: Message) -> None:
        def done(error: BaseException | None) -> None:
            if error is None:
                queue.complete(message)
            elif isinstance(error, TransientFault):  # abandoned: visible again at once
                message.locked_until = None
            # a crash leaves the lock to expire

        if self.scheduler.hit(self.scheduler.rates.lost_lock):
            message.locked_until = None  # a second worker may take it while the first still runs
        if isinstance(message.body, Event):
            work: Any = handle_events(message.body.release_id, [message.body], self.ports)
        else:
            work = carry_out(message.body, self.ports)
        self.scheduler.start(f"{queue.name}:{message.message_id}", work, done)

    def _dead(self, queue: SimulatedQueue, message: Message) -> None:
        def done(error: BaseException | None) -> None:
            if error is not None:
                self.scheduler.at(5, lambda: self._dead(queue, message))

        work = dead_letters.dead_lettered(
            queue.name, message.message_id, message.body, "MaxDeliveryCountExceeded", "", self.ports
        )
        self.scheduler.start("dead_letters", work, done)

    def _sweep(self) -> None:
        self.scheduler.at(SWEEP_EVERY_S, self._sweep)
        if self.healed or self.rng.random() < 0.8:  # a timer may be missed
            self.scheduler.start("sweeper", sweep(self.ports), lambda error: None)

    def _somebody_acts(self) -> None:
        releases = [p.release for p in self.store.partitions.values() if not p.release.phase.is_terminal]
        if not releases:
            return
        release, actor = self.rng.choice(releases), self.rng.choice(PEOPLE)
        self.scheduler.start("person", self._wish(release, actor), lambda error: None)

    async def _wish(self, release: Release, actor: Actor) -> None:
        rid, dice = release.release_id, self.rng.random()
        impatience = 0.03 if release.production_touched else 0.002
        try:
            if dice < impatience:
                await people.abort(rid, actor, "changed my mind", self.ports)
            elif release.phase is Phase.HELD:
                await people.retry(rid, actor, "", self.ports)
            elif release.phase in GATE_OF_PHASE:
                stage = GATE_OF_PHASE[release.phase]
                digest = gate_digest(release, stage) if self.rng.random() < 0.95 else "0" * 64
                approved = self.rng.random() < 0.95
                await people.submit_approval(
                    rid, stage, actor, approved=approved, digest=digest, reason="looked at it", ports=self.ports
                )
        except DomainError:
            return  # told to the person

    def _heal(self) -> None:
        self.healed = True
        self.scheduler.rates = FaultRates()
        self.platform.fail_deployments.clear()

    def _at_rest(self) -> bool:
        ended = all(p.release.phase.is_terminal and not p.outbox for p in self.store.partitions.values())
        later = self.scheduler.clock.now() + timedelta(hours=1)
        waiting = [m for q in (self.events, self.commands) for m in q.messages if m.visible_at < later]
        locked = any(lock.holder for lock in self.locks.locks.values())
        accepted = self.registered == self.expected
        return ended and accepted and not waiting and not self.scheduler.tasks and not locked and not self.store.open

    def _check_accounted(self, event_id: str) -> None:
        """I13: an accepted event is in a release's history, or recorded with a reason."""
        intake_id = f"eg-{event_id}"
        in_history = sum(e.event_id == intake_id for p in self.store.partitions.values() for e in p.history)
        recorded = intake_id in self.intake.records
        require(in_history + recorded == 1, f"I13: event {event_id} is accounted for {in_history + recorded} times")
