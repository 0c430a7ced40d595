"""Writes to Azure Resource Manager wait for their turn, and an answer that asks for patience holds all of them back."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field, replace

import pytest

from shared.adapters.azure_ml.clients import AzureMlClients
from shared.adapters.azure_ml.platform import AzureMlPlatform
from shared.application.errors import PlatformThrottled
from shared.application.platform_ports import Place
from shared.domain.release.model import DeploymentSpec
from tests.support.platforms import DEV, ENVIRONMENT, REGISTRY, AzureMlHands, Credential, azure_ml, settled

pytestmark = pytest.mark.azurite


@dataclass
class NotedPace:
    """Turns that are given at once, or not at all."""

    turns: int = 0
    closed: list[float] = field(default_factory=list)
    open: bool = True

    async def turn(self) -> None:
        if not self.open:
            raise PlatformThrottled("no turn", retry_after_s=30)
        self.turns += 1

    async def closed_for(self, seconds: float) -> None:
        self.closed.append(seconds)


@pytest.fixture(scope="module")
def azure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AzureMlHands]:
    with azure_ml(tmp_path_factory.mktemp("azureml")) as hands:
        yield hands


@pytest.fixture
def pace() -> NotedPace:
    return NotedPace()


@pytest.fixture
async def paced(azure: AzureMlHands, pace: NotedPace) -> AsyncIterator[AzureMlPlatform]:
    """The product's adapter at this pace."""
    clients = AzureMlClients(azure.clients.scope, Credential(), 4, pace)
    yield AzureMlPlatform(clients)
    clients.close()
    azure.calm()


@pytest.fixture
async def spec(azure: AzureMlHands) -> DeploymentSpec:
    """A deployment that is there, so that changing it is one write."""
    version = azure.register("sensor-model", {"job": "training-1"})
    await azure.platform.promote_environment(DEV, *ENVIRONMENT)
    wanted = DeploymentSpec(
        endpoint_name="batch-endpoint-plant-P001",
        deployment_name="deployment-circuit-C001",
        model=await azure.platform.promote_model(DEV, "sensor-model", version, "sensor-model"),
        environment=f"azureml://registries/{REGISTRY}/environments/{ENVIRONMENT[0]}/versions/{ENVIRONMENT[1]}",
        compute="cpu-cluster",
        code="pipelines/scoring",
        scoring_script="score.py",
        mini_batch_size=100,
    )
    await azure.platform.put_deployment(Place.TEST, wanted)
    await settled(azure.platform, Place.TEST, wanted)
    state = await azure.platform.get_deployment(Place.TEST, wanted.endpoint_name, wanted.deployment_name)
    assert state is not None
    return state.spec


async def test_every_write_takes_a_turn_and_no_read_does(
    paced: AzureMlPlatform, pace: NotedPace, spec: DeploymentSpec
) -> None:
    await paced.get_deployment(Place.TEST, spec.endpoint_name, spec.deployment_name)
    assert pace.turns == 0
    await paced.put_deployment(Place.TEST, spec)
    await settled(paced, Place.TEST, spec)
    assert pace.turns == 1


async def test_a_write_without_a_turn_is_not_sent(
    azure: AzureMlHands, paced: AzureMlPlatform, pace: NotedPace, spec: DeploymentSpec
) -> None:
    """Nothing reaches the service, so that its one fault is still there; uploading code takes turns too."""
    azure.fault("deployment.put", "status", status=500, count=1)
    pace.open = False
    for wanted in (spec, replace(spec, code="pipelines/scoring")):
        with pytest.raises(PlatformThrottled) as throttled:
            await paced.put_deployment(Place.TEST, wanted)
        assert throttled.value.retry_after_s == 30
    assert len(azure.faults()) == 1


async def test_a_429_to_a_write_closes_the_road_for_as_long_as_it_says(
    azure: AzureMlHands, paced: AzureMlPlatform, pace: NotedPace, spec: DeploymentSpec
) -> None:
    """One to a read concerns reads only."""
    azure.fault("deployment.put", "status", status=429, retry_after_s=17)
    with pytest.raises(PlatformThrottled) as throttled:
        await paced.put_deployment(Place.TEST, spec)
    assert (throttled.value.retry_after_s, pace.closed) == (17, [17])
    azure.fault("deployment.get", "status", status=429, retry_after_s=60)
    with pytest.raises(PlatformThrottled):
        await paced.get_deployment(Place.TEST, spec.endpoint_name, spec.deployment_name)
    assert pace.closed == [17]


async def test_no_answer_closes_the_road_for_more_than_an_hour(
    azure: AzureMlHands, paced: AzureMlPlatform, pace: NotedPace, spec: DeploymentSpec
) -> None:
    """A rollback goes by the same road, and Azure Resource Manager counts by the hour at most."""
    azure.fault("deployment.put", "status", status=429, retry_after_s=100_000)
    with pytest.raises(PlatformThrottled):
        await paced.put_deployment(Place.TEST, spec)
    assert pace.closed == [3600]
