"""The platforms that the EnvironmentPlatform suite runs on, each with the hands of an engineer who registers versions.

`MemoryHands` works on the fakes; `AzureMlHands` on the product's adapter, the real client and the local Azure ML, where
an environment's code is a stand-in for `sensor_model` that reports without a network.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from shared.adapters.azure_ml.environments import AzureMlEnvironmentPlatform
from shared.application.platform_ports import EnvironmentPlatform, ModelPlatform, Place
from shared.domain.job_ends import JobSeen
from tests.fakes.environment_platform import MemoryEnvironmentPlatform
from tests.support import platforms
from tests.support.platforms import DEV, eventually

NAME = "checked-env"

STAND_IN = '''
"""Takes the options of the real check, and notes in the table's folder that it ran."""
import argparse, json, os, pathlib

parser = argparse.ArgumentParser()
parser.add_argument("task")
for name in ("model", "table", "output", "environment-version", "absolute-tolerance", "relative-tolerance", "baseline"):
    parser.add_argument(f"--{name}")
options = parser.parse_args()
who, _, path = options.model.partition("=")
circuit, _, version = who.partition(":")
assert any(pathlib.Path(path).rglob("weights.txt")), "no model"
with pathlib.Path(options.table, "ran.txt").open("a") as log:
    log.write(os.environ["AZUREML_RUN_ID"] + "\\n")
ordered = pathlib.Path(options.table, circuit.replace("/", "-") + ".txt")
output = pathlib.Path(options.output, circuit)
output.mkdir(parents=True)
comparison = None
if options.baseline:
    [baseline] = pathlib.Path(options.baseline).rglob("*.json")
    assert json.loads(baseline.read_text())["comparison"] is None
    comparison = {"verdict": "identical"}
plant_id, circuit_id = circuit.split("/")
report = {"plant_id": plant_id, "circuit_id": circuit_id, "model_version": version, "rows": 24, "status": "scored",
          "environment_version": options.environment_version, "comparison": comparison}
text = ordered.read_text() if ordered.exists() else json.dumps(report)
if text:
    name = f"model-{version}-environment-{options.environment_version}.json"
    (output / name).write_text(text)
'''


class Hands(Protocol):
    """What a test needs besides the port."""

    platform: EnvironmentPlatform
    models: ModelPlatform

    def register(self, version: str, tags: dict[str, str]) -> None:
        """Registers a version of the environment in the dev workspace."""

    def retag(self, version: str, tags: dict[str, str]) -> None:
        """Changes the tags of a version."""

    def register_model(self, name: str) -> str:
        """Registers a model in the dev workspace; returns its version."""

    def has_written(self, circuit: str, text: str) -> None:
        """What checks of a circuit ("P001/C001") leave as their report from now on; nothing at all when empty."""

    def runs(self, job_name: str) -> int:
        """How many times the job ran."""


@dataclass
class MemoryHands:
    """The fakes need no server."""

    inner: platforms.MemoryHands = field(default_factory=platforms.MemoryHands)
    platform: MemoryEnvironmentPlatform = field(init=False)

    def __post_init__(self) -> None:
        self.models = self.inner.platform
        self.platform = MemoryEnvironmentPlatform(self.models)

    def register(self, version: str, tags: dict[str, str]) -> None:
        self.platform.add_environment(NAME, version, tags)

    retag = register

    def register_model(self, name: str) -> str:
        return self.inner.register(name, {"job": name})

    def has_written(self, circuit: str, text: str) -> None:
        self.platform.texts[circuit] = text

    def runs(self, job_name: str) -> int:
        return sum(1 for place, name in self.models.jobs if (place, name) == (Place.TEST, job_name))


@dataclass
class AzureMlHands:
    """An engineer's client, and the product's."""

    inner: platforms.AzureMlHands
    platform: AzureMlEnvironmentPlatform = field(init=False)

    def __post_init__(self) -> None:
        self.models = self.inner.platform
        self.platform = AzureMlEnvironmentPlatform(self.inner.clients)

    @property
    def table(self) -> Path:
        return self.inner.root / "lake" / "processed" / "sensor_data"

    def register(self, version: str, tags: dict[str, str]) -> None:
        from azure.ai.ml.entities import BuildContext, Environment

        context = self.inner.root / "context" / NAME / version
        (context / "sensor_model").mkdir(parents=True)
        (context / "Dockerfile").write_text("FROM scratch\n")
        (context / "sensor_model" / "compatibility.py").write_text(STAND_IN)
        self.inner.trainer.environments.create_or_update(
            Environment(name=NAME, version=version, build=BuildContext(path=str(context)), tags=tags)
        )

    def retag(self, version: str, tags: dict[str, str]) -> None:
        environment = self.inner.trainer.environments.get(NAME, version)
        environment.tags = tags
        self.inner.trainer.environments.create_or_update(environment)

    def register_model(self, name: str) -> str:
        return self.inner.register(name, {"job": name})

    def has_written(self, circuit: str, text: str) -> None:
        (self.table / f"{circuit.replace('/', '-')}.txt").write_text(text)

    def runs(self, job_name: str) -> int:
        return (self.table / "ran.txt").read_text().splitlines().count(job_name)


async def ended(hands: Hands, job_name: str) -> str:
    """The status of a check once it has one that stays."""

    async def look() -> JobSeen | None:
        return await hands.models.get_job(Place.TEST, job_name)

    state = await eventually(look, lambda seen: seen is not None and seen.end is not None)
    assert state is not None
    return state.status


async def promoted(hands: Hands, version: str) -> str:
    """The registry id of a version of the environment."""
    return await hands.models.promote_environment(DEV, NAME, version)
