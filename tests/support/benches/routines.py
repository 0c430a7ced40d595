"""Routines on fakes: production with a few circuits, and time that goes on until nothing is left to do."""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

from shared.application.platform_ports import Place
from shared.application.routines.looked_after import periods_looked_after, tasks_looked_after
from shared.application.routines.ports import RoutinePorts
from shared.application.work.look import WorkKind, look_at
from shared.domain.release.model import Actor, DeploymentSpec
from shared.domain.routines.task import Routine, Task
from shared.settings import APP_ROOT
from tests.fakes.clock import FakeClock
from tests.fakes.config import FakeReleaseConfig
from tests.fakes.environment_platform import MemoryEnvironmentPlatform
from tests.fakes.facts import MemoryFactPublisher, MemoryFindingLog
from tests.fakes.platform import FakeDeployment, MemoryModelPlatform
from tests.fakes.queues import MemoryLookQueue
from tests.fakes.routines import (
    MemoryProposalStore,
    MemoryRoutinePlatform,
    MemoryTaskStore,
)
from tests.fakes.source_control import MemorySourceControl
from tests.support.configuration import load_monitoring

ENGINEER = Actor(object_id="a1", tenant_id="t", name="Ada", groups=("ML-Engineers",))
STRANGER = Actor(object_id="b2", tenant_id="t", name="Bob", groups=())
CIRCUITS = ("P001-C001", "P001-C002", "P002-C001")


@dataclass
class Production:
    """The ports, and the hands of whoever watches."""

    clock: FakeClock = field(default_factory=lambda: FakeClock(datetime(2026, 1, 6, 3, 30, tzinfo=UTC)))
    models: MemoryModelPlatform = field(default_factory=MemoryModelPlatform)
    tasks: MemoryTaskStore = field(default_factory=MemoryTaskStore)
    queue: MemoryLookQueue = field(default_factory=MemoryLookQueue)
    facts: MemoryFactPublisher = field(default_factory=MemoryFactPublisher)
    findings: MemoryFindingLog = field(default_factory=MemoryFindingLog)
    proposals: MemoryProposalStore = field(default_factory=MemoryProposalStore)
    platform: MemoryRoutinePlatform = field(init=False)
    files: dict[str, str] = field(init=False)
    ports: RoutinePorts = field(init=False)

    def __post_init__(self) -> None:
        for circuit in CIRCUITS:
            self.deploy(circuit)
        self.platform = MemoryRoutinePlatform(self.models)
        self.files = {
            f"config/plants/{circuit.replace('-', '/')}.yml": (APP_ROOT / "config/plants/P001/C001.yml").read_text(
                encoding="utf-8"
            )
            for circuit in CIRCUITS
        }
        self.ports = RoutinePorts(
            clock=self.clock,
            tasks=self.tasks,
            queue=self.queue,
            platform=self.platform,
            models=self.models,
            environments=MemoryEnvironmentPlatform(self.models),
            facts=self.facts,
            findings=self.findings,
            proposals=self.proposals,
            config=FakeReleaseConfig(),
            policy=load_monitoring(APP_ROOT / "config" / "monitoring.yml"),
            registry="mlregistry-shared",
            local_files=MemorySourceControl(self.files),
        )

    def deploy(self, circuit: str, deployment_name: str = "") -> None:
        """A deployment of the circuit in production; names as Azure ML writes them."""
        plant_id, _, circuit_id = circuit.partition("-")
        name = deployment_name or f"deployment-circuit-{circuit_id}".lower()
        endpoint = f"batch-endpoint-plant-{plant_id}"
        spec = DeploymentSpec(
            endpoint_name=endpoint,
            deployment_name=name,
            model=f"azureml://registries/mlregistry-shared/models/sensor_model_{plant_id}_{circuit_id}/versions/3",
            environment="azureml://registries/mlregistry-shared/environments/custom-tf-env/versions/1.5.0",
            compute="cpu-cluster",
            code="pipelines/scoring",
            scoring_script="score.py",
            mini_batch_size=100,
            environment_variables={"PLANT_ID": plant_id, "CIRCUIT_ID": circuit_id},
        )
        self.models.deployments[Place.PRODUCTION, endpoint, name] = FakeDeployment(spec)

    async def go_on(self, hours: float = 48) -> None:
        """Delivers messages when they are due, until none is left or the time is over."""
        end = self.clock.now() + timedelta(hours=hours)
        while (at := self.queue.next_at(self.clock.now())) and at <= end:
            if at > self.clock.now():
                self.clock.advance((at - self.clock.now()).total_seconds())
            for each in self.queue.receive(self.clock.now()):
                work = tasks_looked_after if each.look.kind is WorkKind.TASK else periods_looked_after
                await look_at(each.look, each.message_id, work(self.ports))

    async def task(self, routine: Routine, period: str, circuit: str = "P001-C001") -> Task:
        """The task as it is."""
        return next(task for task in await self.tasks.of(routine, period) if task.circuit == circuit)

    def predict(self, circuit: str, first: date, days: int) -> None:
        """Published predictions of so many days."""
        for day in (first + timedelta(days=back) for back in range(days)):
            self.platform.published[f"predictions/{circuit.replace('-', '/')}/{day}.parquet"] = b""

    def alerts(self) -> list[tuple[str, str]]:
        """Rule and circuit of every alert that was raised."""
        return [
            (data["rule"], f"{data['plant_id']}-{data['circuit_id']}")
            for kind, _, data in self.facts.facts.values()
            if kind == "switchyard.alert.raised"
        ]
