"""A fleet in production, and a release of its next environment that is one gate before the update.

Nothing is scored in this benchmark, so that one small model serves every circuit and the checks of the models are
answered for them. All else is the app's own: the use cases write the release through the real adapters; it holds the
locks of the circuits and has frozen what the endpoints really run.
"""

from __future__ import annotations

import time
from collections import deque
from dataclasses import replace
from datetime import datetime
from typing import Any

import httpx

from local.seeding.credentials import token_of
from local.seeding.environment_factory import CLEARER_LOG, FIRST, EnvironmentFactory, registry_id
from local.seeding.model_factory import Circuit, ModelFactory
from local.supervisor.cloud import CloudError, LocalCloud
from local.supervisor.settings import REGISTRY, RESOURCE_GROUP, SUBSCRIPTION, WORKSPACES
from shared.application.carry_out import carry_out
from shared.application.platform_ports import Place
from shared.application.release.attempts import request_environment_release
from shared.application.release.effects.answers import target_answer
from shared.application.release.handle_events import EVENTS_PER_COMMIT, handle_events
from shared.application.release.people import submit_approval
from shared.application.release.ports import Ports
from shared.domain.release.commands import CheckTarget, Command, PublishFact
from shared.domain.release.events import Event, Outcome, TargetAnswered
from shared.domain.release.model import Actor, DeploymentSpec, Phase, Release, Verdict
from shared.domain.release.policy import Stage
from shared.domain.release.specs import gate_digest

MODEL = "sensor_model"
ENVIRONMENT = "custom-tf-env"
REQUESTER = Actor(object_id="requester", tenant_id="local", name="Requester", groups=("ML-Engineers",))
APPROVER = Actor(object_id="approver", tenant_id="local", name="Approver", groups=("ML-Engineers",))
PATIENCE_S = 30.0


class Production:
    """The production workspace over REST, which costs a hundredth of the client's time."""

    def __init__(self, cloud: LocalCloud) -> None:
        token = token_of(cloud.urls["identity"], "trainer", "https://management.azure.com")
        workspace = (
            f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{RESOURCE_GROUP}/providers/"
            f"Microsoft.MachineLearningServices/workspaces/{WORKSPACES['PRODUCTION_WORKSPACE']}/batchEndpoints"
        )
        self._client = httpx.Client(
            base_url=cloud.urls["azureml"] + workspace, headers={"authorization": f"Bearer {token}"}, trust_env=False
        )

    def put(self, path: str, body: dict[str, Any]) -> None:
        """Put a resource as soon as its endpoint takes it."""
        end = time.monotonic() + PATIENCE_S
        while (answer := self._client.put(path, json=body)).status_code == httpx.codes.CONFLICT:
            _pause(end, path)
        answer.raise_for_status()

    def settled(self, path: str) -> None:
        """Wait until a resource is there."""
        end = time.monotonic() + PATIENCE_S
        while self.get(path)["properties"]["provisioningState"] != "Succeeded":
            _pause(end, path)

    def get(self, path: str) -> dict[str, Any]:
        answer = self._client.get(path)
        answer.raise_for_status()
        found: dict[str, Any] = answer.json()
        return found


def _pause(end: float, what: str) -> None:
    if time.monotonic() > end:
        raise CloudError(f"{what} is not there after {PATIENCE_S:g} s.")
    time.sleep(0.01)


async def deploy_fleet(cloud: LocalCloud, circuits: list[Circuit], ports: Ports) -> None:
    """The first deployment is put by the app's adapter; the others are copies of what it put."""
    factory = ModelFactory(cloud)
    environments = EnvironmentFactory(factory, cloud.data / "environments")
    environments.register(FIRST)
    environments.register(CLEARER_LOG)
    first = _spec(circuits[0], _shared_model(cloud, factory), environments.share(FIRST))
    await ports.platform.put_deployment(Place.PRODUCTION, first)
    production = Production(cloud)
    pattern = production.get(_path(circuits[0]))
    for plant_id in dict.fromkeys(each.plant_id for each in circuits):
        production.put(f"/{_endpoint(plant_id)}", {"location": pattern["location"], "properties": {}})
    for circuit in sorted(circuits, key=lambda each: each.circuit_id):  # endpoints take turns
        properties = {**pattern["properties"], "environmentVariables": _variables(circuit)}
        production.put(_path(circuit), {"location": pattern["location"], "properties": properties})
    for circuit in circuits:
        production.settled(_path(circuit))


def _shared_model(cloud: LocalCloud, factory: ModelFactory) -> str:
    from azure.ai.ml.entities import Model

    folder = cloud.data / "model"
    folder.mkdir(exist_ok=True)
    (folder / "weights.txt").write_text("0.25")
    client = factory.workspace()
    version = str(client.models.create_or_update(Model(name=MODEL, path=str(folder))).version)
    client.models.share(MODEL, version, share_with_name=MODEL, share_with_version=version, registry_name=REGISTRY)
    return registry_id("models", MODEL, version)


def _spec(circuit: Circuit, model: str, environment: str) -> DeploymentSpec:
    return DeploymentSpec(
        endpoint_name=_endpoint(circuit.plant_id),
        deployment_name=_deployment(circuit),
        model=model,
        environment=environment,
        compute="cpu-cluster",
        code="pipelines/scoring",
        scoring_script="score.py",
        mini_batch_size=100,
        environment_variables=_variables(circuit),
    )


def _endpoint(plant_id: str) -> str:
    return f"batch-endpoint-plant-{plant_id}".lower()


def _deployment(circuit: Circuit) -> str:
    return f"deployment-circuit-{circuit.circuit_id}".lower()


def _path(circuit: Circuit) -> str:
    return f"/{_endpoint(circuit.plant_id)}/deployments/{_deployment(circuit)}"


def _variables(circuit: Circuit) -> dict[str, str]:
    return {"PLANT_ID": circuit.plant_id, "CIRCUIT_ID": circuit.circuit_id, "MODEL_VERSION": "1"}


class Queues:
    """Both queues, in the order of sending; what is scheduled for later is left to the app's sweeper."""

    def __init__(self) -> None:
        self.events: deque[Event] = deque()
        self.commands: deque[Command] = deque()

    async def publish(self, event: Event, *, at: datetime | None = None, message_id: str | None = None) -> None:
        if at is None:
            self.events.append(event)

    async def send(self, command: Command, *, message_id: str | None = None, at: datetime | None = None) -> None:
        if not isinstance(command, PublishFact):
            self.commands.append(command)


async def release_before_update(ports: Ports) -> Release:
    """Requests the release and brings it to the gate of production. Raises CloudError when it ends elsewhere."""
    queues = Queues()
    own = replace(ports, events=queues, commands=queues)
    workspace, version = WORKSPACES["DEV_WORKSPACE"], CLEARER_LOG.version
    asked = await request_environment_release(workspace, ENVIRONMENT, version, REQUESTER, "benchmark", own)
    release = await _worked_off(asked.release.release_id, queues, own)
    if release.phase is Phase.AWAITING_REGISTRY_APPROVAL:
        digest = gate_digest(release, Stage.REGISTRY)
        await submit_approval(
            release.release_id, Stage.REGISTRY, APPROVER, approved=True, digest=digest, reason="", ports=own
        )
        release = await _worked_off(release.release_id, queues, own)
    if release.phase is not Phase.AWAITING_PRODUCTION_APPROVAL:
        raise CloudError(f"The release is {release.phase.value}, not at the gate of production: {release.reason}")
    return release


async def _worked_off(release_id: str, queues: Queues, ports: Ports) -> Release:
    """The release once nothing is left in the queues."""
    while queues.events or queues.commands:
        while queues.events:
            await handle_events(release_id, _taken(queues.events), ports)
        while queues.commands:
            command = queues.commands.popleft()
            if isinstance(command, CheckTarget):
                passed = target_answer(command, ports, Outcome.DONE, "not run", verdict=Verdict.PASSED)
                queues.events.append(passed)
            else:
                await carry_out(command, ports)
    stored = await ports.store.load(release_id)
    if stored is None:
        raise CloudError(f"There is no release {release_id}.")
    return stored.release


def _taken(events: deque[Event]) -> list[Event]:
    """The next event, or as many answers of checks as fit one commit, off the queue."""
    taken = [events.popleft()]
    if isinstance(taken[0], TargetAnswered):
        while len(taken) < EVENTS_PER_COMMIT and events and isinstance(events[0], TargetAnswered):
            taken.append(events.popleft())
    return taken
