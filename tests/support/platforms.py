"""The platforms that the ModelPlatform suite runs on, each with the hands of a trainer and of the service's operator.

`MemoryHands` works on the fake, `AzureMlHands` on the product's adapter, the real client and the local Azure ML.
"""

import asyncio
import hashlib
import os
import re
import signal
import subprocess
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol, TypeVar

import httpx

from infra.check.rights import document as needs
from local import redirect
from shared.adapters.azure_ml.clients import AzureMlClients, AzureMlScope
from shared.adapters.azure_ml.platform import AzureMlPlatform
from shared.application.platform_ports import DeploymentState, ModelPlatform, Place, RegisteredModel
from shared.domain.release.model import DeploymentSpec
from tests.fakes.platform import MemoryModelPlatform
from tests.local.azureml.cloud import ACCOUNT, GROUP, SUBSCRIPTION, Credential
from tests.support.processes import REPOSITORY, Part, running

DEV = "dev-ml-workspace"
REGISTRY = "mlregistry-shared"
ENVIRONMENT = ("custom-tf-env", "1.5.0")
THE_APP = "switchyard-app"
"""The name in the tokens of the product's clients."""

INPUT_URI = "azureml://datastores/sensor_lake/paths/processed/sensor_data/"
T = TypeVar("T")

SCORE = """
import base64, os, time
from pathlib import Path
def init():
    time.sleep(float(os.environ.get("SCORING_S", "0")))
def run(mini_batch):
    if "RAISED" in os.environ:
        raise ValueError(os.environ["RAISED"])
    for day in filter(None, os.environ.get("PREDICTED_DAYS", "").split(",")):
        file = Path(os.environ["AZUREML_BI_OUTPUT_PATH"], "P001", "C001", f"{day}.parquet")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(base64.b64decode(os.environ["PREDICTED_BYTES"]))
    return [str(file) for file in mini_batch]
"""


class Hands(Protocol):
    """What a test needs besides the port."""

    platform: ModelPlatform

    def register(self, name: str, tags: dict[str, str]) -> str:
        """Registers a model in the dev workspace; returns its version."""

    def retag(self, name: str, version: str, tags: dict[str, str]) -> None:
        """Changes the tags of a model."""

    def archive(self, name: str, version: str) -> None:
        """Takes a model version out of use."""

    def slow_down(self) -> None:
        """From now on a change of a deployment takes a while, and so does a job."""


@dataclass
class MemoryHands:
    """The fake needs no server."""

    platform: MemoryModelPlatform = field(default_factory=MemoryModelPlatform)

    def register(self, name: str, tags: dict[str, str]) -> str:
        version = str(1 + sum(1 for known, _ in self.platform.models if known == name))
        self.platform.add_model(name, version, tags)
        return version

    def archive(self, name: str, version: str) -> None:
        self.platform.models[name, version] = replace(self.platform.models[name, version], archived=True)

    def retag(self, name: str, version: str, tags: dict[str, str]) -> None:
        old = self.platform.models[name, version]
        fingerprint = hashlib.sha256(f"{old.asset_id}{sorted(tags.items())}".encode()).hexdigest()
        self.platform.models[name, version] = RegisteredModel(
            asset_id=old.asset_id, fingerprint=fingerprint, tags=tags, created_by=old.created_by
        )

    def slow_down(self) -> None:
        self.platform.reads_in_progress = 3


@dataclass
class AzureMlHands:
    """The local Azure ML and two kinds of clients of it: a trainer's, and the product's."""

    part: Part
    root: Path
    clients: AzureMlClients
    platform: AzureMlPlatform = field(init=False)
    trainer: Any = field(init=False)

    def __post_init__(self) -> None:
        from azure.ai.ml import MLClient

        self.platform = AzureMlPlatform(self.clients)
        self.trainer = MLClient(Credential(), SUBSCRIPTION, GROUP, DEV, show_progress=False)

    def register(self, name: str, tags: dict[str, str]) -> str:
        from azure.ai.ml.entities import Model

        folder = self.root / "models" / name
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "weights.txt").write_text(str(sorted(tags.items())))
        made = self.trainer.models.create_or_update(Model(name=name, path=str(folder), tags=tags))
        return str(made.version)

    def archive(self, name: str, version: str) -> None:
        self.trainer.models.archive(name, version)

    def retag(self, name: str, version: str, tags: dict[str, str]) -> None:
        model = self.trainer.models.get(name, version)
        model.tags = tags
        self.trainer.models.create_or_update(model)

    def register_environment(self, name: str, version: str) -> None:
        from azure.ai.ml.entities import BuildContext, Environment

        context = self.root / "context" / name / version
        context.mkdir(parents=True)
        (context / "Dockerfile").write_text("FROM scratch\n")
        self.trainer.environments.create_or_update(
            Environment(name=name, version=version, build=BuildContext(path=str(context)))
        )

    def slow_down(self) -> None:
        self.profile(lro_seconds=1.5)

    def profile(self, **values: Any) -> None:
        """How the service behaves; nothing gives the defaults."""
        assert httpx.put(f"{self.part.url}/control/profile", json=values).is_success

    def fault(self, operation: str, kind: str, **fields: Any) -> None:
        """Has the next request of an operation go wrong."""
        body = {"operation": operation, "kind": kind, **fields}
        assert httpx.post(f"{self.part.url}/control/faults", json=body).is_success

    def check_rights(self) -> None:
        """Fails where the product asked for something that `infra/check/needs.yml` does not know: it needs a right."""
        listed = needs()
        places = {DEV: "dev", "test-ml-workspace": "test", "prod-ml-workspace": "production", "": "registry"}
        known = {(place, operation) for place in listed["seen"] for operation in listed["seen"][place]}
        asked = httpx.get(f"{self.part.url}/control/asked", params={"caller": THE_APP}).json()
        seen = {
            (places[each["place"]], each["operation"]) for each in asked if each["operation"] not in listed["unnamed"]
        }
        assert seen <= known, f"not in infra/check/needs.yml: {sorted(seen - known)}"

    def faults(self) -> list[Any]:
        """What is still to go wrong."""
        return list(httpx.get(f"{self.part.url}/control/faults").json())

    def calm(self) -> None:
        """No faults, default timing."""
        assert httpx.delete(f"{self.part.url}/control/faults").is_success
        self.profile()


@contextmanager
def azure_ml(root: Path) -> Iterator[AzureMlHands]:
    """The local Azure ML with Azurite's blobs, an environment, a lake with two files, and an app with scoring code."""
    app, lake = root / "app", root / "lake" / "processed" / "sensor_data"
    for file, text in {app / "pipelines/scoring/score.py": SCORE, lake / "a.csv": "1", lake / "b.csv": "2"}.items():
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    scope = AzureMlScope(
        tenant_id="11111111-1111-1111-1111-111111111111",
        subscription_id=SUBSCRIPTION,
        resource_group=GROUP,
        dev_workspace=DEV,
        test_workspace="test-ml-workspace",
        production_workspace="prod-ml-workspace",
        registry=REGISTRY,
        app_root=app,
    )
    with blob_storage(root) as blob:
        options = ["--data", str(root / "data"), "--blob-endpoint", f"{blob}/{ACCOUNT}", "--lake", str(root / "lake")]
        with running("local.azureml", *options, log=root / "log") as part:
            redirect.install(azureml=part.url, blob=blob)
            clients = AzureMlClients(scope, Credential(THE_APP), 8)
            hands = AzureMlHands(part, root, clients)
            hands.register_environment(*ENVIRONMENT)
            try:
                yield hands
                hands.check_rights()
            finally:
                clients.close()
                redirect.uninstall()


@contextmanager
def blob_storage(root: Path) -> Iterator[str]:
    """Azurite's Blob service on a free port, in memory; it announces its address."""
    script = REPOSITORY / "node_modules/azurite/dist/src/blob/main.js"
    options = ["--silent", "--disableTelemetry", "--skipApiVersionCheck", "--inMemoryPersistence"]
    process = subprocess.Popen(
        ["node", str(script), *options, "--blobHost", "127.0.0.1", "--blobPort", "0"],
        stdout=subprocess.PIPE,
        text=True,
        cwd=root,
        env={**os.environ, "NODE_OPTIONS": "--no-warnings"},
    )
    assert process.stdout
    try:
        lines = (
            re.search(r"successfully listen\w* (?:at|on) (http://127\.0\.0\.1:\d+)", line) for line in process.stdout
        )
        yield next(match[1] for match in lines if match)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=10)
        process.stdout.close()


async def eventually(look: Callable[[], Awaitable[T]], good: Callable[[T], bool], deadline_s: float = 20) -> T:
    """Looks until what is seen is good. Fails with the last thing seen when the deadline passes.

    The pause is no bet on how long something takes: what is waited for happens in another process, which has no other
    way to tell than being asked, as Azure ML has none; without a pause the asking would take its processor. The longer
    it takes, the longer are the pauses.
    """
    end, pause_s = time.monotonic() + deadline_s, 0.05
    while not good(seen := await look()):
        if time.monotonic() > end:
            raise AssertionError(f"not seen within {deadline_s} s; last: {seen!r}")
        await asyncio.sleep(pause_s)
        pause_s = min(pause_s * 1.3, 0.2)
    return seen


async def settled(platform: ModelPlatform, place: Place, spec: DeploymentSpec) -> DeploymentState:
    """The deployment once no operation changes it any more."""
    state = await eventually(
        lambda: platform.get_deployment(place, spec.endpoint_name, spec.deployment_name),
        lambda seen: seen is not None and not seen.is_changing,
    )
    assert state is not None
    return state
