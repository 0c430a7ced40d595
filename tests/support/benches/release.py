"""The use cases on in-memory ports, with a delivery that stands in for the queues."""

from dataclasses import dataclass, field
from datetime import timedelta

from shared.adapters.config.edits import with_environment_raised
from shared.adapters.notebook_evidence import read_notebook
from shared.application.alerts.looked_after import looked_after
from shared.application.alerts.ports import AlertPorts
from shared.application.carry_out import carry_out
from shared.application.release import intake
from shared.application.release.handle_events import handle_events
from shared.application.release.ports import MakerRecords, Outcomes, Ports, ReleaseCommit, Stored
from shared.application.work.look import look_at
from shared.domain.makers import AccountKind, EntraPerson, People
from shared.domain.release.commands import Command
from shared.domain.release.events import Event
from shared.domain.release.model import Phase, Release
from tests.fakes.alerts import MemoryAlertLog, MemoryAlertSource
from tests.fakes.clock import FakeClock
from tests.fakes.config import FakeReleaseConfig, MemoryConfigurations
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
from tests.fakes.platform import DEV_WORKSPACE, MemoryModelPlatform
from tests.fakes.queues import MemoryCommandQueue, MemoryEventQueue, MemoryLookQueue
from tests.fakes.source_control import MemorySourceControl
from tests.fakes.store import MemoryReleaseStore

MODEL, VERSION = "sensor_model_P001_C001", "7"
TRAINER = "trainer@example.com"


@dataclass
class Bench:
    """Fakes of every port; `delivered` holds the message ids that were handled."""

    clock: FakeClock = field(default_factory=FakeClock)
    store: MemoryReleaseStore = field(default_factory=MemoryReleaseStore)
    events: MemoryEventQueue = field(default_factory=MemoryEventQueue)
    commands: MemoryCommandQueue = field(default_factory=MemoryCommandQueue)
    looks: MemoryLookQueue = field(default_factory=MemoryLookQueue)
    locks: MemoryCircuitLocks = field(default_factory=MemoryCircuitLocks)
    freezes: MemoryFreezeLog = field(default_factory=MemoryFreezeLog)
    jobs: MemoryTestJobs = field(default_factory=MemoryTestJobs)
    endpoint_log: MemoryEndpointLog = field(default_factory=MemoryEndpointLog)
    intake: MemoryIntakeLog = field(default_factory=MemoryIntakeLog)
    facts: MemoryFactPublisher = field(default_factory=MemoryFactPublisher)
    alert_log: MemoryAlertLog = field(default_factory=MemoryAlertLog)
    alert_source: MemoryAlertSource = field(default_factory=MemoryAlertSource)
    batch_outcomes: MemoryBatchOutcomes = field(default_factory=lambda: MemoryBatchOutcomes(Outcomes(succeeded=1)))
    platform: MemoryModelPlatform = field(default_factory=MemoryModelPlatform)
    model_makers: MakerRecords = field(default_factory=MemoryMakerRecords)
    environment_makers: MakerRecords = field(default_factory=MemoryMakerRecords)
    evidence: MemoryEvidenceStore = field(default_factory=MemoryEvidenceStore)
    online: MemoryOnlinePlatform = field(init=False)
    held_sets: MemoryHeldSets = field(default_factory=MemoryHeldSets)
    environments: MemoryEnvironmentPlatform = field(init=False)
    configurations: MemoryConfigurations = field(default_factory=lambda: MemoryConfigurations(FakeReleaseConfig()))
    files: dict[str, str] = field(default_factory=dict)
    source_control: MemorySourceControl | None = None
    delivered: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.environments = MemoryEnvironmentPlatform(self.platform)
        self.online = MemoryOnlinePlatform(self.platform)

    @property
    def ports(self) -> Ports:
        return Ports(
            clock=self.clock,
            store=self.store,
            events=self.events,
            commands=self.commands,
            locks=self.locks,
            freezes=self.freezes,
            test_jobs=self.jobs,
            endpoint_log=self.endpoint_log,
            intake=self.intake,
            facts=self.facts,
            platform=self.platform,
            environments=self.environments,
            online=self.online,
            held_sets=self.held_sets,
            batch_outcomes=self.batch_outcomes,
            model_makers=self.model_makers,
            environment_makers=self.environment_makers,
            config=self.configurations.current,
            configurations=self.configurations,
            evidence=self.evidence,
            read_notebook=read_notebook,
            local_files=MemorySourceControl(self.files),
            raise_environment=with_environment_raised,
            source_control=self.source_control,
        )

    def knows(self, kind: AccountKind, name: str, object_id: str) -> None:
        """Have this account belong to this person, beside those of the fakes."""
        config = self.configurations.current
        config.known = People({**config.known.accounts, (kind, name): EntraPerson(object_id=object_id, name="")})

    @property
    def alert_ports(self) -> AlertPorts:
        return AlertPorts(
            log=self.alert_log,
            source=self.alert_source,
            queue=self.looks,
            config=FakeReleaseConfig(),
            releases=self.ports,
        )

    def release(self, release_id: str) -> Release:
        """The release as it is stored."""
        return self.store.partitions[release_id].release

    async def stored(self, release_id: str) -> Stored:
        """The release as it is loaded."""
        found = await self.store.load(release_id)
        assert found is not None
        return found

    async def put(self, release: Release, *commands: Command, may_rest: bool = False) -> Release:
        """Stores a release that is where the test needs it, listed as open, with `commands` in its outbox."""
        await self.store.add_open(release.release_id, self.clock.now())
        await self.store.commit(ReleaseCommit(release=release, version=None, may_rest=may_rest, commands=commands))
        return release

    async def registered(self) -> str:
        """A model of circuit P001/C001 was registered; the id of its release."""
        self.platform.add_model(MODEL, VERSION, {"plant_id": "P001", "circuit_id": "C001"}, created_by=TRAINER)
        now = self.clock.now()
        return await intake.model_registered("registration-1", DEV_WORKSPACE, MODEL, VERSION, now, self.ports)

    async def deliver(self) -> None:
        """Delivers every message that is due, and what follows from it, until nothing is due."""
        while (due := self._due()) or self.looks.due(self.clock.now()):
            for each in self.looks.receive(self.clock.now()):
                await look_at(each.look, each.message_id, looked_after(self.alert_ports))
            for message_id, body in due:
                self.delivered.add(message_id)
                if isinstance(body, Event):
                    await handle_events(body.release_id, [body], self.ports)
                else:
                    await carry_out(body, self.ports)

    async def run_until(self, release_id: str, phase: Phase, *, within_s: int = 7200) -> Release:
        """Delivers and lets time pass until the release is in `phase`."""
        until = self.clock.now() + timedelta(seconds=within_s)
        await self.deliver()
        while self.release(release_id).phase is not phase:
            assert self.clock.now() < until, f"still {self.release(release_id).phase}, not {phase}"
            self.clock.advance(30)
            await self.deliver()
        return self.release(release_id)

    def _due(self) -> list[tuple[str, Event | Command]]:
        now = self.clock.now()
        sent = [*self.events.sent, *self.commands.sent]
        return [(key, body) for key, body, at in sent if key not in self.delivered and (at is None or at <= now)]
