"""A real repository, and everything else of change detection in memory; messages are delivered as the queue would."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from shared.adapters.git.cache import GitCache
from shared.adapters.git.source import GitSource
from shared.application.changes.looked_after import looked_after
from shared.application.changes.ports import ChangePorts, ChangeSource, Found
from shared.application.changes.take import accept_change, read_change
from shared.application.training.ports import TrainingPorts
from shared.application.work.look import look_at
from shared.domain.changes.record import ChangeClaim, ChangeRecord
from shared.domain.training.model import TrainingRun
from tests.fakes.changes import (
    MemoryChangeLog,
    MemoryEnvironmentRegistry,
    MemoryKeptConfigurations,
    MemoryRunning,
)
from tests.fakes.clock import FakeClock
from tests.fakes.facts import MemoryFactPublisher, MemoryFindingLog
from tests.fakes.queues import MemoryLookQueue, Sent
from tests.fakes.training import (
    FixedTrainingConfig,
    MemoryArtifactStore,
    MemoryTrainingPlatform,
    MemoryTrainingSlots,
    MemoryTrainingStore,
)
from tests.support.repositories import Project


@dataclass
class Meanwhile:
    """The source, with something that happens while it is read."""

    source: ChangeSource
    happens: Callable[[], Awaitable[None]]

    async def find(self, claim: ChangeClaim, *, taken: str, untaken: Sequence[ChangeClaim] = ()) -> Found | None:
        found = await self.source.find(claim, taken=taken, untaken=untaken)
        await self.happens()
        return found


@dataclass
class ChangeBench:
    """One branch of one repository."""

    project: Project
    cache: Path
    clock: FakeClock = field(default_factory=FakeClock)
    log: MemoryChangeLog = field(default_factory=MemoryChangeLog)
    queue: MemoryLookQueue = field(default_factory=MemoryLookQueue)
    kept: MemoryKeptConfigurations = field(default_factory=MemoryKeptConfigurations)
    environments: MemoryEnvironmentRegistry = field(default_factory=MemoryEnvironmentRegistry)
    running: MemoryRunning = field(default_factory=MemoryRunning)
    runs: MemoryTrainingStore = field(default_factory=MemoryTrainingStore)
    source: GitSource = field(init=False)
    ports: ChangePorts = field(init=False)

    def __post_init__(self) -> None:
        training = TrainingPorts(
            clock=self.clock,
            runs=self.runs,
            slots=MemoryTrainingSlots(),
            queue=MemoryLookQueue(),
            platform=MemoryTrainingPlatform(self.clock),
            artifacts=MemoryArtifactStore(),
            facts=MemoryFactPublisher(),
            findings=MemoryFindingLog(),
            config=FixedTrainingConfig([]),
        )
        self.environments.add("custom-tf-env", "1.5.0")
        self.source = GitSource(GitCache(str(self.project.root), "main", directory=self.cache))
        self.ports = ChangePorts(
            clock=self.clock,
            log=self.log,
            queue=self.queue,
            source=self.source,
            kept=self.kept,
            environments=self.environments,
            production=self.running,
            training=training,
            branch="main",
            environment_name="custom-tf-env",
        )

    async def merged(self, commit: str, pr_number: str = "PR-7", *, base: str = "", source: str = "github") -> None:
        """A webhook comes in."""
        claim = ChangeClaim(commit=commit, branch="main", source=source, base=base, pr_number=pr_number)
        await accept_change(claim, self.ports)

    async def deliver(self) -> Sent | None:
        """Delivers the next message that is due; None when there is none."""
        due = self.queue.due(self.clock.now())
        if not due:
            return None
        self.queue.sent.remove(due[0])
        await look_at(due[0].look, due[0].message_id, looked_after(self.ports))
        return due[0]

    async def settled(self, commit: str, pr_number: str = "PR-7", *, base: str = "") -> ChangeRecord:
        """A webhook comes in, and all its messages are delivered; the record."""
        await self.merged(commit, pr_number, base=base)
        while self.queue.sent:
            if await self.deliver() is None:
                self.clock.advance(60)
        return await read_change(commit, self.ports)

    def trained(self) -> list[TrainingRun]:
        """Every run that was asked for, by circuit."""
        found = [run for run, _ in self.runs.runs.values()]
        return sorted(found, key=lambda run: (run.request.plant_id, run.request.circuit_id, run.run_id))
