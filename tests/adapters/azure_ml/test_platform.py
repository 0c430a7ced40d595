"""The adapter to Azure ML under faults and load: what is known, what is not, and that calls leave each other alone."""

import asyncio
import itertools
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace

import pytest

from shared.application.errors import (
    PlatformBlocked,
    PlatformBusy,
    PlatformErrored,
    PlatformOutcomeUnknown,
    PlatformRefused,
    PlatformThrottled,
)
from shared.application.platform_ports import Place
from shared.domain.release.model import DeploymentSpec
from tests.support.platforms import DEV, ENVIRONMENT, INPUT_URI, REGISTRY, AzureMlHands, azure_ml, eventually, settled
from tests.support.processes import REPOSITORY

pytestmark = pytest.mark.azurite
WORKSPACE_ID = "/subscriptions/0/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/w"
_numbers = itertools.count(1)


@pytest.fixture(scope="module")
def azure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AzureMlHands]:
    with azure_ml(tmp_path_factory.mktemp("azureml")) as hands:
        yield hands


@pytest.fixture(autouse=True)
def _calm(azure: AzureMlHands) -> Iterator[None]:
    yield
    azure.calm()


@pytest.fixture(scope="module")
def model_id(azure: AzureMlHands) -> str:
    """A model and the environment, in the registry."""

    async def promoted() -> str:
        version = azure.register("sensor-model", {"job": "training-1"})
        await azure.platform.promote_environment(DEV, *ENVIRONMENT)
        return await azure.platform.promote_model(DEV, "sensor-model", version, "sensor-model")

    return asyncio.run(promoted())


@pytest.fixture
def spec(model_id: str) -> DeploymentSpec:
    """A deployment nobody has put yet, on an endpoint of the test's own."""
    return DeploymentSpec(
        endpoint_name=f"batch-endpoint-plant-P{next(_numbers):03}",
        deployment_name="deployment-circuit-C001",
        model=model_id,
        environment=f"azureml://registries/{REGISTRY}/environments/{ENVIRONMENT[0]}/versions/{ENVIRONMENT[1]}",
        compute="cpu-cluster",
        code="pipelines/scoring",
        scoring_script="score.py",
        mini_batch_size=100,
    )


async def put_with_fault(azure: AzureMlHands, spec: DeploymentSpec, kind: str, **fields: object) -> None:
    """Puts the deployment on an endpoint that exists, and the PUT itself meets the fault."""
    await azure.platform.put_deployment(Place.TEST, replace(spec, deployment_name="deployment-other"))
    await settled(azure.platform, Place.TEST, replace(spec, deployment_name="deployment-other"))
    azure.fault("deployment.put", kind, **fields)
    await azure.platform.put_deployment(Place.TEST, spec)


@pytest.mark.parametrize(
    ("kind", "fields", "applied"),
    [
        ("drop_after_commit", {}, True),
        ("status_after_commit", {"status": 500}, True),
        ("status", {"status": 503, "retry_after_s": 0}, False),
    ],
)
async def test_a_put_without_a_usable_answer_has_an_unknown_outcome(
    azure: AzureMlHands, spec: DeploymentSpec, kind: str, fields: dict[str, int], applied: bool
) -> None:
    """Whether it was applied or not: the adapter does not guess, and it does not send it again."""
    with pytest.raises(PlatformOutcomeUnknown, match="may have been applied"):
        await put_with_fault(azure, spec, kind, **fields)
    state = await azure.platform.get_deployment(Place.TEST, spec.endpoint_name, spec.deployment_name)
    assert (state is not None) is applied


@pytest.mark.parametrize(
    ("status", "code", "message", "expected"),
    [
        (429, "TooManyRequests", "Slow down.", PlatformThrottled),
        (409, "Conflict", "The endpoint is in Updating provisioning state.", PlatformBusy),
        (400, "BadRequest", "Another operation on same entity is already running.", PlatformBusy),
        (409, "Conflict", "The property is immutable.", PlatformRefused),
        (400, "UserError", "The model is of a wrong type.", PlatformRefused),
        (401, "Unauthorized", "No.", PlatformBlocked),
        (400, "OutOfQuota", "There are 20 deployments.", PlatformBlocked),
        (400, "ComputeNotFound", "The cluster was not found.", PlatformBlocked),
        (403, "AuthorizationFailed", "The identity may not do this.", PlatformBlocked),
    ],
)
async def test_a_put_that_was_answered_with_no_changed_nothing(
    azure: AzureMlHands, spec: DeploymentSpec, status: int, code: str, message: str, expected: type[Exception]
) -> None:
    """A definite no either passes or stays; its text reaches the reader."""
    with pytest.raises(expected, match=message) as raised:
        await put_with_fault(azure, spec, "status", status=status, code=code, message=message)
    assert type(raised.value) is expected


@pytest.mark.parametrize("operation", ["endpoint.get", "workspace.get", "code.upload"])
async def test_a_fault_before_the_put_is_sent_is_no_unknown_outcome(
    azure: AzureMlHands, spec: DeploymentSpec, operation: str
) -> None:
    """Production need not settle because a read failed."""
    azure.fault(operation, "drop_after_commit", count=10)
    with pytest.raises(PlatformErrored):
        await azure.platform.put_deployment(Place.TEST, spec)


async def test_a_read_is_tried_once_more_and_then_given_up(azure: AzureMlHands, spec: DeploymentSpec) -> None:
    """A blip costs nothing; an outage costs one attempt of the step, not minutes of a thread."""
    azure.fault("deployment.get", "status", status=503, count=1)
    assert await azure.platform.get_deployment(Place.TEST, spec.endpoint_name, spec.deployment_name) is None
    azure.fault("deployment.get", "status", status=503, count=2)
    with pytest.raises(PlatformErrored, match="503"):
        await azure.platform.get_deployment(Place.TEST, spec.endpoint_name, spec.deployment_name)
    azure.fault("deployment.get", "status", status=429, retry_after_s=600, count=1)
    with pytest.raises(PlatformThrottled) as throttled:
        await azure.platform.get_deployment(Place.TEST, spec.endpoint_name, spec.deployment_name)
    assert throttled.value.retry_after_s == 600


async def test_a_put_returns_while_the_operation_runs_and_leaves_nobody_polling(
    azure: AzureMlHands, spec: DeploymentSpec
) -> None:
    """The outcome is looked up by the release; no thread of the client looks too."""
    await put_with_fault(azure, spec, "delay", delay_s=0)
    await settled(azure.platform, Place.TEST, spec)
    azure.profile(lro_seconds=1.5)
    await azure.platform.put_deployment(Place.TEST, replace(spec, mini_batch_size=7))
    state = await azure.platform.get_deployment(Place.TEST, spec.endpoint_name, spec.deployment_name)
    assert state is not None
    assert state.provisioning == "Updating"
    assert [each.name for each in threading.enumerate() if each.name.startswith("LROPoller")] == []


@pytest.mark.parametrize(
    "changes",
    [
        {"model": "azureml://registries/other-registry/models/m/versions/1"},
        {"environment": "azureml://registries/mlregistry-shared-2/environments/e/versions/1"},
        {"model": f"{WORKSPACE_ID}/models/m"},
        {"code": f"{WORKSPACE_ID}/codes/c"},
        {"code": "../../etc"},
        {"code": "pipelines/missing"},
    ],
)
async def test_a_reference_to_anything_that_is_not_ours_is_refused(
    azure: AzureMlHands, spec: DeploymentSpec, changes: dict[str, str]
) -> None:
    """What a deployment refers to comes from the registry, its own workspace, or the app's own folder."""
    with pytest.raises(PlatformRefused):
        await azure.platform.put_deployment(Place.TEST, replace(spec, **changes))  # type: ignore[arg-type]
    assert await azure.platform.get_deployment(Place.TEST, spec.endpoint_name, spec.deployment_name) is None


async def test_invocations_at_the_same_time_reach_their_own_deployments(
    azure: AzureMlHands, spec: DeploymentSpec
) -> None:
    """The client keeps the deployment's name in one place for the whole process; nobody's job lands elsewhere."""
    specs = [replace(spec, deployment_name=f"deployment-circuit-C{number:03}") for number in range(1, 4)]
    for each in specs:
        await azure.platform.put_deployment(Place.TEST, each)
        await settled(azure.platform, Place.TEST, each)
    wanted = [specs[number % len(specs)] for number in range(12)]
    names = await asyncio.gather(*(azure.platform.invoke(Place.TEST, each, INPUT_URI) for each in wanted))
    jobs = azure.clients.of(Place.TEST).jobs
    ran = [jobs.get(name).properties["azureml.deploymentname"] for name in names]
    assert ran == [each.deployment_name.lower() for each in wanted]
    assert len(set(names)) == 12


async def test_an_invocation_without_an_answer_says_that_it_is_unknown(
    azure: AzureMlHands, spec: DeploymentSpec
) -> None:
    """Whether a job runs is for the claim to settle."""
    await azure.platform.put_deployment(Place.TEST, spec)
    await settled(azure.platform, Place.TEST, spec)
    azure.fault("batch.invoke", "status_after_commit", status=500)
    with pytest.raises(PlatformErrored, match="unknown"):
        await azure.platform.invoke(Place.TEST, spec, INPUT_URI)


async def test_reading_models_is_not_disturbed_by_sharing(azure: AzureMlHands) -> None:
    """A share rewrites the scope of the client it runs on, so it has one of its own."""
    versions = [azure.register(f"shared-{number}", {"number": str(number)}) for number in range(4)]

    async def read_often() -> list[object]:
        return [await azure.platform.get_model(DEV, "shared-0", versions[0]) for _ in range(25)]

    shares = [azure.platform.promote_model(DEV, f"shared-{n}", versions[n], f"shared-{n}") for n in range(4)]
    *_, first, second = await asyncio.gather(*shares, read_often(), read_often())
    assert None not in first
    assert None not in second


async def test_a_share_whose_answer_was_lost_is_found_by_the_next_attempt(azure: AzureMlHands) -> None:
    """The registry is asked first, and what it has is the same model."""
    version = azure.register("half-shared", {"job": "training-1"})
    azure.fault("registry.import", "drop_after_commit")
    wanted = f"azureml://registries/{REGISTRY}/models/half-shared/versions/{version}"

    async def promote() -> str:
        try:
            return await azure.platform.promote_model(DEV, "half-shared", version, "half-shared")
        except PlatformErrored as error:
            return str(error)

    assert await eventually(promote, lambda answer: answer == wanted) == wanted


@pytest.mark.parametrize("what", ["model", "environment"])
async def test_of_two_shares_at_once_the_second_is_told_that_it_is_under_way(azure: AzureMlHands, what: str) -> None:
    """A look comes before the share has ended, or two releases need the same new environment: no fault, and once the
    first has ended it is there for both."""
    azure.profile(lro_seconds=1.5)

    async def share() -> str:
        if what == "environment":
            return await azure.platform.promote_environment(DEV, "slow-env", "1.0.0")
        return await azure.platform.promote_model(DEV, "slow-model", "1", "slow-model")

    if what == "environment":
        azure.register_environment("slow-env", "1.0.0")
    else:
        assert azure.register("slow-model", {"job": "training-1"}) == "1"

    shared, busy = sorted(await asyncio.gather(share(), share(), return_exceptions=True), key=str)

    assert str(shared).startswith(f"azureml://registries/{REGISTRY}/{what}s/slow-")
    assert type(busy) is PlatformBusy
    assert str(busy).endswith("is being shared to the registry")
    assert await share() == shared


async def test_a_change_of_a_deployment_that_is_there_reads_nothing_before_it(
    azure: AzureMlHands, spec: DeploymentSpec
) -> None:
    """Each read would keep an endpoint of a fleet waiting: faults of both that the client would make stay unmet."""
    await azure.platform.put_deployment(Place.TEST, spec)
    there = (await settled(azure.platform, Place.TEST, spec)).spec
    for operation in ("endpoint.get", "workspace.get"):
        azure.fault(operation, "status", status=400, count=1)
    await azure.platform.put_deployment(Place.TEST, replace(there, mini_batch_size=7))
    assert (await settled(azure.platform, Place.TEST, spec)).spec.mini_batch_size == 7
    assert len(azure.faults()) == 2


async def test_an_endpoint_that_is_being_created_is_waited_for(azure: AzureMlHands, spec: DeploymentSpec) -> None:
    """The looks meanwhile say so, and the first look after that gets through."""
    azure.profile(lro_seconds=1.5)
    client = azure.clients.of(Place.TEST)
    first = asyncio.create_task(azure.platform.put_deployment(Place.TEST, spec))

    async def endpoints() -> list[str]:
        return [str(each.name) for each in await asyncio.to_thread(lambda: list(client.batch_endpoints.list()))]

    await eventually(endpoints, lambda names: spec.endpoint_name.lower() in names)
    with pytest.raises(PlatformBusy, match="is creating"):
        await azure.platform.put_deployment(Place.TEST, replace(spec, deployment_name="deployment-circuit-C002"))
    await first


async def test_an_endpoint_that_is_busy_is_waited_for(azure: AzureMlHands, spec: DeploymentSpec) -> None:
    """Two circuits of a plant may be released at the same time; the second waits for its next look."""
    azure.profile(lro_seconds=1.5)
    other = replace(spec, deployment_name="deployment-circuit-C002")
    first, second = await asyncio.gather(
        azure.platform.put_deployment(Place.TEST, spec),
        azure.platform.put_deployment(Place.TEST, other),
        return_exceptions=True,
    )
    assert {type(first), type(second)} == {type(None), PlatformBusy}


def test_importing_the_composition_root_and_the_adapter_loads_no_heavy_client() -> None:
    """Every cold start imports them; the client of Azure ML takes seconds."""
    code = (
        "import sys, shared.bootstrap, shared.adapters.azure_ml.platform; "
        "print([m for m in sys.modules if m.startswith(('azure.ai', 'azure.identity', 'azure.servicebus', "
        "'azure.data', 'azure.eventgrid', 'tensorflow', 'deltalake', 'local.')) or m == 'local'])"
    )
    found = subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
