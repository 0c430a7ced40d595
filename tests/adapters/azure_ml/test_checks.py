"""Compatibility checks on Azure ML: the job and its definition, lost answers, and what it all costs in requests."""

import asyncio
import itertools
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import httpx
import pytest

from shared.adapters.azure_ml.checks import COMPARING, command_job
from shared.application.errors import PlatformErrored, PlatformRefused, PlatformThrottled
from shared.application.platform_ports import CompatibilityJob, Place
from shared.domain.release.model import DeploymentSpec
from tests.support.environment_platforms import AzureMlHands, ended, promoted
from tests.support.platforms import DEV, INPUT_URI, REGISTRY, azure_ml, settled
from tests.support.processes import REPOSITORY

pytestmark = pytest.mark.azurite
DEFINITION = REPOSITORY / "pipelines" / "environment_compatibility_test.yml"
ASSETS = f"azureml://registries/{REGISTRY}"
MANY = 100_000
_numbers = itertools.count(1)


@pytest.fixture(scope="module")
def azure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AzureMlHands]:
    with azure_ml(tmp_path_factory.mktemp("azureml")) as hands:
        yield AzureMlHands(hands)


@pytest.fixture(autouse=True)
def _calm(request: pytest.FixtureRequest) -> Iterator[None]:
    yield
    if "azure" in request.fixturenames:
        request.getfixturevalue("azure").inner.calm()


@pytest.fixture(scope="module")
def assets(azure: AzureMlHands) -> tuple[str, str]:
    """A model and an environment version, in the registry."""

    async def made() -> tuple[str, str]:
        azure.register("1.5.0", {})
        model = await azure.models.promote_model(DEV, "checked-model", azure.register_model("checked-model"), "checked")
        return model, await promoted(azure, "1.5.0")

    return asyncio.run(made())


@pytest.fixture
def check(assets: tuple[str, str]) -> CompatibilityJob:
    """A check that nobody submitted yet."""
    return CompatibilityJob(
        job_name=f"check-{next(_numbers)}",
        model=assets[0],
        environment=assets[1],
        plant_id="P001",
        circuit_id="C001",
        compute="cpu-cluster",
        input_uri=INPUT_URI,
    )


def requests(azure: AzureMlHands) -> int:
    """How many requests the service took since `count_requests`."""
    [rule] = httpx.get(f"{azure.inner.part.url}/control/faults").json()
    return MANY - int(rule["left"])


def count_requests(azure: AzureMlHands) -> None:
    """A delay of nothing for every request counts them."""
    azure.inner.fault("*", "delay", delay_s=0, count=MANY)


def example(**changes: object) -> CompatibilityJob:
    """The check that the definition describes."""
    job = CompatibilityJob(
        job_name="check-p001-c001-model-2-environment-1-5-1",
        model=f"{ASSETS}/models/sensor_model_P001_C001/versions/2",
        environment=f"{ASSETS}/environments/custom-tf-env/versions/1.5.1",
        plant_id="P001",
        circuit_id="C001",
        compute="cpu-cluster",
        input_uri=INPUT_URI,
        baseline="check-p001-c001-model-2-environment-1-5-0",
    )
    return replace(job, **changes)  # type: ignore[arg-type]


def written_out(job: Any) -> dict[str, Any]:
    """What the client would send, but for the tags, which only a release has; numbers in one spelling."""
    sent = job._to_job()._to_rest_object().as_dict()["properties"]
    for name in ("absolute_tolerance", "relative_tolerance"):
        sent["inputs"][name]["value"] = float(sent["inputs"][name]["value"])
    sent["outputs"]["report"]["uri"] = sent["outputs"]["report"]["uri"].replace("${{name}}", job.name)
    return {"name": job.name, **{name: value for name, value in sent.items() if name != "tags"}}


def test_the_definition_and_the_submitted_job_are_the_same() -> None:
    """Who runs the check by hand runs what a release runs."""
    from azure.ai.ml import load_job

    defined = written_out(load_job(DEFINITION))
    assert defined == written_out(command_job(example(), REGISTRY))
    assert {"command", "environmentId", "computeId", "inputs", "outputs", "limits"} <= set(defined)


def test_a_job_without_a_baseline_only_lacks_the_comparison() -> None:
    """It is the baseline of others."""
    compared, alone = (written_out(command_job(job, REGISTRY)) for job in (example(), example(baseline="")))
    assert alone["command"] + COMPARING == compared["command"]
    assert set(compared["inputs"]) - set(alone["inputs"]) == {"baseline"}


@pytest.mark.parametrize(
    ("kind", "fields"),
    [("drop_after_commit", {}), ("status_after_commit", {"status": 500}), ("status", {"status": 429})],
)
async def test_a_submission_without_a_usable_answer_is_simply_repeated(
    azure: AzureMlHands, check: CompatibilityJob, kind: str, fields: dict[str, int]
) -> None:
    """The name makes one job of both."""
    azure.inner.fault("job.put", kind, **fields)
    with pytest.raises((PlatformErrored, PlatformThrottled)):
        await azure.platform.submit_check(check)
    await azure.platform.submit_check(check)
    assert await ended(azure, check.job_name) == "Completed"
    assert azure.runs(check.job_name) == 1


async def test_a_service_that_refuses_every_second_submission_is_asked_what_it_has(
    azure: AzureMlHands, check: CompatibilityJob
) -> None:
    """Even an equal job may be answered with "already exists"."""
    await azure.platform.submit_check(check)
    text = "A job with this name already exists."
    azure.inner.fault("job.put", "status", status=400, code="UserError", message=text, count=2)
    await azure.platform.submit_check(check)
    with pytest.raises(PlatformRefused, match="is another one"):
        await azure.platform.submit_check(replace(check, circuit_id="C002"))
    assert await ended(azure, check.job_name) == "Completed"


@pytest.mark.parametrize("operation", ["datastore.secrets", "datastore.get"])
async def test_a_report_whose_store_does_not_open_is_an_error_that_passes(
    azure: AzureMlHands, check: CompatibilityJob, operation: str
) -> None:
    """A check that has passed does not fail for it."""
    await azure.platform.submit_check(check)
    await ended(azure, check.job_name)
    fresh = AzureMlHands(azure.inner)
    azure.inner.fault(operation, "status", status=503, count=10)
    with pytest.raises(PlatformErrored):
        await fresh.platform.read_report(check.job_name)
    azure.inner.calm()
    assert (await fresh.platform.read_report(check.job_name))["status"] == "scored"


async def test_checks_cost_one_request_to_submit_and_none_of_the_control_plane_to_read(
    azure: AzureMlHands, check: CompatibilityJob
) -> None:
    """Two hundred models are checked on the same budget that production is released with."""
    await azure.platform.submit_check(check)
    await ended(azure, check.job_name)
    await azure.platform.read_report(check.job_name)
    count_requests(azure)
    await azure.platform.submit_check(replace(check, job_name=f"{check.job_name}-again"))
    assert requests(azure) == 1
    await azure.platform.read_report(check.job_name)
    assert requests(azure) == 1


async def test_a_full_endpoint_is_listed_with_one_request(azure: AzureMlHands, assets: tuple[str, str]) -> None:
    """Twenty deployments, the service's limit; reading each would cost twenty."""
    model, environment = assets
    spec = DeploymentSpec(
        endpoint_name="batch-endpoint-plant-P001",
        deployment_name="",
        model=model,
        environment=environment,
        compute="cpu-cluster",
        code="pipelines/scoring",
        scoring_script="score.py",
        mini_batch_size=100,
    )
    azure.inner.profile(lro_seconds=0)
    for number in range(1, 21):
        one = replace(spec, deployment_name=f"deployment-circuit-C{number:03}")
        await azure.models.put_deployment(Place.TEST, one)
        await settled(azure.models, Place.TEST, one)
    count_requests(azure)
    listed = await azure.platform.list_deployments(Place.TEST, spec.endpoint_name)
    assert requests(azure) == 1
    assert sorted(state.spec.deployment_name[-3:] for state in listed) == [f"{number:03}" for number in range(1, 21)]
    assert {(state.spec.environment, state.provisioning) for state in listed} == {(environment, "Succeeded")}
