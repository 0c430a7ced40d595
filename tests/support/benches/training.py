"""Requests, and everything a run needs, in memory."""

from dataclasses import dataclass, field
from datetime import date
from typing import Any

from shared.application.training.looked_after import looked_after
from shared.application.training.ports import TrainingPorts
from shared.application.work.look import look_at
from shared.domain.release.model import Actor
from shared.domain.training.model import TrainingRequest, TrainingRun
from tests.fakes.clock import FakeClock
from tests.fakes.facts import MemoryFactPublisher, MemoryFindingLog
from tests.fakes.queues import MemoryLookQueue
from tests.fakes.training import (
    FixedTrainingConfig,
    MemoryArtifactStore,
    MemoryTrainingPlatform,
    MemoryTrainingSlots,
    MemoryTrainingStore,
)

HYPERPARAMETERS: dict[str, int | float] = {
    "sequence_length": 4,
    "lstm_units": 2,
    "dropout": 0.1,
    "learning_rate": 0.01,
    "batch_size": 64,
    "epochs": 1,
}
ENGINEER = Actor(object_id="o-1", tenant_id="t-1", name="Ada", username="ada@example.com", groups=("ML-Engineers",))
STRANGER = Actor(object_id="o-2", tenant_id="t-1", name="Bob", username="bob@example.com")


def config_yaml(plant_id: str, circuit_id: str, cutoff: date, version: str = "1.5.0") -> str:
    """A circuit's file."""
    numbers = "\n".join(f"    {name}: {value}" for name, value in HYPERPARAMETERS.items())
    return f"""plant_id: "{plant_id}"
circuit_id: "{circuit_id}"
training:
  cutoff_date: "{cutoff}"
  environment_version: "{version}"
  hyperparameters:
{numbers}
  data_filters:
    sensor_id: "SENSOR_{plant_id}_{circuit_id}"
    feature_columns: ["temperature", "pressure", "vibration"]
deployment:
  compute_instance_type: "Standard_DS3_v2"
  mini_batch_size: 100
"""


def a_request(circuit_id: str = "C001", **changes: Any) -> TrainingRequest:
    """Training of P001/<circuit_id> as a merge asks for it."""
    cutoff = changes.get("cutoff_date", date(2025, 12, 9))
    version = changes.get("environment_version", "1.5.0")
    values: dict[str, Any] = {
        "plant_id": "P001",
        "circuit_id": circuit_id,
        "cutoff_date": cutoff,
        "environment_version": version,
        "sensor_id": f"SENSOR_P001_{circuit_id}",
        "features": ("temperature", "pressure", "vibration"),
        "hyperparameters": HYPERPARAMETERS,
        "config_yaml": config_yaml("P001", circuit_id, cutoff, version),
        "pr_number": "PR-1234",
        "author": "ada@example.com",
        "commit": "4f2a" * 10,
    }
    return TrainingRequest(**{**values, **changes})


@dataclass
class TrainingBench:
    """The ports in memory."""

    clock: FakeClock = field(default_factory=FakeClock)
    config: FixedTrainingConfig = field(default_factory=lambda: FixedTrainingConfig([a_request(), a_request("C002")]))

    def __post_init__(self) -> None:
        self.runs, self.slots = MemoryTrainingStore(), MemoryTrainingSlots()
        self.queue, self.platform = MemoryLookQueue(), MemoryTrainingPlatform(self.clock)
        self.artifacts, self.facts = MemoryArtifactStore(), MemoryFactPublisher()
        self.findings = MemoryFindingLog()
        self.ports = TrainingPorts(
            clock=self.clock,
            runs=self.runs,
            slots=self.slots,
            queue=self.queue,
            platform=self.platform,
            artifacts=self.artifacts,
            facts=self.facts,
            findings=self.findings,
            config=self.config,
        )

    def run(self, run_id: str) -> TrainingRun:
        """The run as it is kept."""
        return self.runs.runs[run_id][0]

    async def deliver(self) -> int:
        """Every message that is due, once; how many there were."""
        due = self.queue.receive(self.clock.now())
        for each in due:
            await look_at(each.look, each.message_id, looked_after(self.ports))
        return len(due)

    async def until_quiet(self, seconds: float = 20_000, step_s: float = 10) -> None:
        """Time passes and messages are delivered until no message is left."""
        for _ in range(int(seconds / step_s)):
            while await self.deliver():
                continue
            if not self.queue.sent:
                return
            self.clock.advance(step_s)
        raise AssertionError(f"still busy after {seconds} s: {self.queue.ids}")
