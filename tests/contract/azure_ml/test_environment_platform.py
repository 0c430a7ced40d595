"""EnvironmentPlatform: what every implementation keeps, the one in memory and the one on Azure ML alike."""

import itertools
import json
from collections.abc import Iterator
from dataclasses import replace

import pytest

from shared.application.errors import PlatformRefused
from shared.application.platform_ports import CheckTolerance, CompatibilityJob, Place
from shared.domain.release.model import DeploymentSpec
from tests.support.environment_platforms import NAME, AzureMlHands, Hands, MemoryHands, ended, promoted
from tests.support.platforms import DEV, INPUT_URI, REGISTRY, azure_ml, settled

_numbers = itertools.count(1)


@pytest.fixture(scope="module")
def azure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AzureMlHands]:
    with azure_ml(tmp_path_factory.mktemp("azureml")) as hands:
        yield AzureMlHands(hands)


@pytest.fixture(params=["memory", pytest.param("azure-ml", marks=pytest.mark.azurite)])
def hands(request: pytest.FixtureRequest) -> Hands:
    """Each test runs on both."""
    if request.param == "memory":
        return MemoryHands()
    azure: AzureMlHands = request.getfixturevalue("azure")
    return azure


@pytest.fixture
def version() -> str:
    """An environment version of the test's own."""
    return f"1.5.{next(_numbers)}"


@pytest.fixture
async def check(hands: Hands, version: str) -> CompatibilityJob:
    """A check that can be submitted: its model and environment are in the registry."""
    number = version.rpartition(".")[2]
    name = f"checked-model-{number}"
    hands.register(version, {"backward_compatible": "true"})
    return CompatibilityJob(
        job_name=f"check-{number}",
        model=await hands.models.promote_model(DEV, name, hands.register_model(name), name),
        environment=await promoted(hands, version),
        plant_id="P001",
        circuit_id=f"C{int(number):03}",
        compute="cpu-cluster",
        input_uri=INPUT_URI,
        tolerance=CheckTolerance(absolute=1e-7, relative=0.001),
    )


async def deployed(hands: Hands, version: str, circuits: tuple[str, ...]) -> tuple[str, list[DeploymentSpec]]:
    """An endpoint of the test's own with a deployment per circuit."""
    name = f"deployed-model-{version.rpartition('.')[2]}"
    endpoint_name = f"batch-endpoint-plant-P{version.rpartition('.')[2]}"
    hands.register(version, {})
    spec = DeploymentSpec(
        endpoint_name=endpoint_name,
        deployment_name="",
        model=await hands.models.promote_model(DEV, name, hands.register_model(name), name),
        environment=await promoted(hands, version),
        compute="cpu-cluster",
        code="pipelines/scoring",
        scoring_script="score.py",
        mini_batch_size=100,
        environment_variables={"PLANT_ID": "P001"},
        tags={"release_id": "rel-1"},
    )
    specs = [replace(spec, deployment_name=f"deployment-circuit-{circuit}") for circuit in circuits]
    for each in specs:
        await hands.models.put_deployment(Place.TEST, each)
        await settled(hands.models, Place.TEST, each)
    return endpoint_name, specs


async def test_a_registered_environment_is_read_with_its_tags_and_its_maker(hands: Hands, version: str) -> None:
    """What a release classifies is what the workspace says."""
    hands.register(version, {"backward_compatible": "true", "requires_retrain": "false"})
    environment = await hands.platform.get_environment(DEV, NAME, version)
    assert environment is not None
    assert environment.tags == {"backward_compatible": "true", "requires_retrain": "false"}
    assert environment.asset_id.endswith(f"/environments/{NAME}/versions/{version}")
    assert len(environment.created_by) == 1
    assert environment.created_by[0].endswith("@example.com")


async def test_an_environment_that_nobody_registered_is_none(hands: Hands) -> None:
    """Not there is an answer, not an error."""
    assert await hands.platform.get_environment(DEV, NAME, "9.9.9") is None
    assert await hands.platform.get_environment("", NAME, "9.9.9") is None
    assert await hands.platform.environment_versions("no-such-env") == []


@pytest.mark.parametrize("workspace", ["prod-ml-workspace", "someone-elses-workspace", "../dev-ml-workspace"])
async def test_an_environment_of_any_other_workspace_is_refused(hands: Hands, workspace: str) -> None:
    """A request cannot point the app at a workspace."""
    with pytest.raises(PlatformRefused, match="dev workspace"):
        await hands.platform.get_environment(workspace, NAME, "1.5.0")


async def test_the_fingerprint_stays_until_the_environment_changes(hands: Hands, version: str) -> None:
    """An approval is void when what it was given for changes, such as the tag that says who must train again."""
    hands.register(version, {"requires_retrain": "true"})
    prints = []
    for tags in (None, None, {"requires_retrain": "false"}):
        if tags:
            hands.retag(version, tags)
        environment = await hands.platform.get_environment(DEV, NAME, version)
        assert environment is not None
        prints.append(environment.fingerprint)
    assert prints[0] == prints[1]
    assert prints[2] != prints[0]


async def test_a_promoted_environment_is_read_from_the_registry(hands: Hands, version: str) -> None:
    """Under the id that deployments and jobs of every workspace refer to."""
    hands.register(version, {"change_summary": "logging"})
    assert await hands.platform.get_environment("", NAME, version) is None
    asset_id = await promoted(hands, version)
    environment = await hands.platform.get_environment("", NAME, version)
    assert environment is not None
    assert environment.asset_id == asset_id == f"azureml://registries/{REGISTRY}/environments/{NAME}/versions/{version}"
    assert environment.tags == {"change_summary": "logging"}


async def test_versions_are_listed_with_their_tags(hands: Hands, version: str) -> None:
    """Of the dev workspace, and of the registry, which has those that were promoted."""
    other = f"2.0.{next(_numbers)}"
    for each in (version, other):
        hands.register(each, {"source_code_version": each})
    await promoted(hands, version)
    in_dev = dict(await hands.platform.environment_versions(NAME, DEV))
    shared = dict(await hands.platform.environment_versions(NAME))
    assert in_dev[version] == shared[version] == {"source_code_version": version}
    assert in_dev[other] == {"source_code_version": other}
    assert other not in shared


async def test_all_deployments_of_an_endpoint_are_listed_in_full(hands: Hands, version: str) -> None:
    """As each of them would be read alone; only the name is in Azure ML's lower case."""
    endpoint_name, specs = await deployed(hands, version, ("C001", "C002", "C003"))
    listed = await hands.platform.list_deployments(Place.TEST, endpoint_name)
    alone = [await settled(hands.models, Place.TEST, spec) for spec in specs]
    assert sorted(listed, key=lambda state: state.spec.deployment_name) == [
        replace(state, spec=replace(state.spec, deployment_name=state.spec.deployment_name.lower())) for state in alone
    ]
    assert await hands.platform.list_deployments(Place.PRODUCTION, endpoint_name) == []


async def test_endpoints_are_listed_by_the_names_azure_ml_gives_them(hands: Hands, version: str) -> None:
    """The fleet is what production has, and not what a file says."""
    endpoint_name, _ = await deployed(hands, version, ("C001",))
    assert endpoint_name.lower() in await hands.platform.list_endpoints(Place.TEST)
    assert endpoint_name.lower() not in await hands.platform.list_endpoints(Place.PRODUCTION)


async def test_a_check_runs_and_its_report_is_read(hands: Hands, check: CompatibilityJob, version: str) -> None:
    """Without a baseline there is nothing to compare."""
    await hands.platform.submit_check(check)
    assert await ended(hands, check.job_name) == "Completed"
    report = await hands.platform.read_report(check.job_name)
    about = {name: report[name] for name in ("plant_id", "circuit_id", "model_version", "environment_version")}
    assert about == {
        "plant_id": "P001",
        "circuit_id": check.circuit_id,
        "model_version": "1",
        "environment_version": version,
    }
    assert (report["status"], report["rows"], report["comparison"]) == ("scored", 24, None)


async def test_a_check_submitted_again_is_one_job(hands: Hands, check: CompatibilityJob) -> None:
    """While it runs and after it ended: a step that is repeated finds its own job."""
    for _ in range(2):
        await hands.platform.submit_check(check)
    await ended(hands, check.job_name)
    await hands.platform.submit_check(check)
    assert await ended(hands, check.job_name) == "Completed"
    assert hands.runs(check.job_name) == 1


async def test_another_check_under_the_same_name_is_refused(hands: Hands, check: CompatibilityJob) -> None:
    """A report is never mistaken for another model's."""
    await hands.platform.submit_check(check)
    with pytest.raises(PlatformRefused):
        await hands.platform.submit_check(replace(check, circuit_id="C999"))


async def test_a_check_with_a_baseline_compares(hands: Hands, check: CompatibilityJob) -> None:
    """The current version's report is an input of the new version's check."""
    await hands.platform.submit_check(check)
    await ended(hands, check.job_name)
    compared = replace(check, job_name=f"{check.job_name}-compared", baseline=check.job_name)
    await hands.platform.submit_check(compared)
    assert await ended(hands, compared.job_name) == "Completed"
    report = await hands.platform.read_report(compared.job_name)
    assert report["comparison"]["verdict"] == "identical"


async def test_a_baseline_that_is_not_there_fails_the_check(hands: Hands, check: CompatibilityJob) -> None:
    """It does not pass for want of something to compare with."""
    await hands.platform.submit_check(replace(check, baseline="check-nobody-submitted"))
    assert await ended(hands, check.job_name) == "Failed"
    with pytest.raises(PlatformRefused):
        await hands.platform.read_report(check.job_name)


@pytest.mark.parametrize(
    "changes",
    [
        {"model": "azureml://registries/another-registry/models/m/versions/1"},
        {"environment": f"azureml://registries/{REGISTRY}/environments/{NAME}/versions/9.9.9"},
        {"environment": "azureml:custom-tf-env:1.5.0"},
        {"plant_id": "P001; curl example.com"},
        {"circuit_id": "$(id)"},
        {"job_name": "../other"},
        {"job_name": "Check-P001"},
    ],
)
async def test_a_check_that_names_anything_else_is_refused(
    hands: Hands, check: CompatibilityJob, changes: dict[str, str]
) -> None:
    """What comes from outside becomes a reference or a word of a command, and nothing more."""
    with pytest.raises(PlatformRefused):
        await hands.platform.submit_check(replace(check, **changes))  # type: ignore[arg-type]


@pytest.mark.parametrize("text", ["", "{", "[1, 2]", "[" * 100_000, json.dumps({"rows": "x" * 300_000})])
async def test_a_report_that_is_missing_broken_or_too_large_is_refused(
    hands: Hands, check: CompatibilityJob, text: str
) -> None:
    """Trying again cannot help: the check has not passed."""
    hands.has_written(f"{check.plant_id}/{check.circuit_id}", text)
    await hands.platform.submit_check(check)
    assert await ended(hands, check.job_name) == "Completed"
    with pytest.raises(PlatformRefused):
        await hands.platform.read_report(check.job_name)


async def test_the_report_of_a_job_that_nobody_submitted_is_refused(hands: Hands) -> None:
    """So is a name that is none."""
    for name in ("check-none", "../../secrets"):
        with pytest.raises(PlatformRefused):
            await hands.platform.read_report(name)
