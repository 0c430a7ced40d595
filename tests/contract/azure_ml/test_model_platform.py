"""ModelPlatform: what every implementation keeps, the one in memory and the one on Azure ML alike."""

import base64
import io
import itertools
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from shared.application.errors import PlatformBlocked, PlatformBusy, PlatformRefused
from shared.application.platform_ports import Place
from shared.domain.predictions import Predicted
from shared.domain.release.model import DeploymentSpec, Dimension
from tests.support.platforms import (
    DEV,
    ENVIRONMENT,
    INPUT_URI,
    REGISTRY,
    AzureMlHands,
    Hands,
    MemoryHands,
    azure_ml,
    eventually,
    settled,
)

_numbers = itertools.count(1)


@pytest.fixture(scope="module")
def azure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AzureMlHands]:
    with azure_ml(tmp_path_factory.mktemp("azureml")) as hands:
        yield hands


@pytest.fixture(params=["memory", pytest.param("azure-ml", marks=pytest.mark.azurite)])
def hands(request: pytest.FixtureRequest) -> Iterator[Hands]:
    """Each test runs on both."""
    if request.param == "memory":
        yield MemoryHands()
        return
    azure: AzureMlHands = request.getfixturevalue("azure")
    yield azure
    azure.calm()


@pytest.fixture
def name() -> str:
    """A model of the test's own."""
    return f"sensor-model-{next(_numbers)}"


async def deployable(hands: Hands, name: str, **changes: object) -> DeploymentSpec:
    """What to put to deploy a freshly shared model, on a circuit of its own."""
    version = hands.register(name, {"plant_id": "P001", "job": name})
    number = name.rpartition("-")[2]
    spec = DeploymentSpec(
        endpoint_name=f"batch-endpoint-plant-P{number}",
        deployment_name="deployment-circuit-C001",
        model=await hands.platform.promote_model(DEV, name, version, name),
        environment=await hands.platform.promote_environment(DEV, *ENVIRONMENT),
        compute="cpu-cluster",
        code="pipelines/scoring",
        scoring_script="score.py",
        mini_batch_size=100,
        description=f"{name}:{version} by Switchyard",
        environment_variables={"PLANT_ID": "P001", "CIRCUIT_ID": "C001"},
        tags={"model_version": version, "release_id": f"rel-{number}"},
    )
    return replace(spec, **changes)  # type: ignore[arg-type]


async def deployed(hands: Hands, name: str, **changes: object) -> DeploymentSpec:
    spec = await deployable(hands, name, **changes)
    await hands.platform.put_deployment(Place.TEST, spec)
    assert (await settled(hands.platform, Place.TEST, spec)).provisioning == "Succeeded"
    return spec


async def test_a_registered_model_is_read_with_its_tags_and_its_maker(hands: Hands, name: str) -> None:
    """What a release verifies is what the workspace says."""
    version = hands.register(name, {"plant_id": "P001", "circuit_id": "C001"})
    model = await hands.platform.get_model(DEV, name, version)
    assert model is not None
    assert model.tags == {"plant_id": "P001", "circuit_id": "C001"}
    assert model.asset_id.endswith(f"/models/{name}/versions/{version}")
    assert len(model.created_by) == 1
    assert model.created_by[0].endswith("@example.com")


async def test_a_version_that_was_taken_out_of_use_says_so_and_its_fingerprint_stays(hands: Hands, name: str) -> None:
    """The other versions of the model are in use."""
    first, second = hands.register(name, {"mae": "0.1"}), hands.register(name, {"mae": "0.2"})
    before = await hands.platform.get_model(DEV, name, second)
    hands.archive(name, second)
    kept, archived = [await hands.platform.get_model(DEV, name, version) for version in (first, second)]
    assert before is not None
    assert kept is not None
    assert archived is not None
    assert (before.archived, kept.archived, archived.archived) == (False, False, True)
    assert archived.fingerprint == before.fingerprint


async def test_a_model_that_nobody_registered_is_none(hands: Hands, name: str) -> None:
    """Not there is an answer, not an error."""
    assert await hands.platform.get_model(DEV, name, "1") is None


@pytest.mark.parametrize("workspace", ["prod-ml-workspace", "someone-elses-workspace", "../dev-ml-workspace"])
async def test_a_model_of_any_other_workspace_is_refused(hands: Hands, name: str, workspace: str) -> None:
    """An event cannot point the app at a workspace."""
    with pytest.raises(PlatformRefused, match="dev workspace"):
        await hands.platform.get_model(workspace, name, "1")


async def test_the_fingerprint_stays_until_the_model_changes(hands: Hands, name: str) -> None:
    """An approval is void when what it was given for changes."""
    version = hands.register(name, {"mae": "0.12"})
    prints = []
    for tags in (None, None, {"mae": "0.01"}):
        if tags:
            hands.retag(name, version, tags)
        model = await hands.platform.get_model(DEV, name, version)
        assert model is not None
        prints.append(model.fingerprint)
    assert prints[0] == prints[1]
    assert prints[2] != prints[0]


async def test_sharing_a_model_twice_gives_the_same_asset(hands: Hands, name: str) -> None:
    """A step that is repeated finds its own result."""
    version = hands.register(name, {"job": "training-1"})
    first = await hands.platform.promote_model(DEV, name, version, f"{name}_shared")
    again = await hands.platform.promote_model(DEV, name, version, f"{name}_shared")
    assert first == again == f"azureml://registries/{REGISTRY}/models/{name}_shared/versions/{version}"


async def test_another_model_under_the_shared_name_is_refused(hands: Hands, name: str) -> None:
    """The registry's version is never mistaken for a different model."""
    version = hands.register(name, {"job": "training-1"})
    await hands.platform.promote_model(DEV, name, version, f"{name}_shared")
    hands.register(f"{name}-other", {"job": "training-2"})
    with pytest.raises(PlatformRefused):
        await hands.platform.promote_model(DEV, f"{name}-other", version, f"{name}_shared")


async def test_sharing_what_does_not_exist_is_refused(hands: Hands, name: str) -> None:
    """Until somebody registers it: then trying again helps."""
    with pytest.raises(PlatformBlocked):
        await hands.platform.promote_model(DEV, name, "1", name)
    with pytest.raises(PlatformBlocked):
        await hands.platform.promote_environment(DEV, name, "9.9.9")


async def test_sharing_an_environment_twice_gives_the_same_asset(hands: Hands) -> None:
    """Many circuits share one environment version."""
    wanted = f"azureml://registries/{REGISTRY}/environments/{ENVIRONMENT[0]}/versions/{ENVIRONMENT[1]}"
    assert [await hands.platform.promote_environment(DEV, *ENVIRONMENT) for _ in range(2)] == [wanted, wanted]


async def test_a_deployment_that_nobody_put_is_none(hands: Hands) -> None:
    """Neither a missing endpoint nor a missing deployment is an error."""
    assert await hands.platform.get_deployment(Place.PRODUCTION, "batch-endpoint-none", "deployment-none") is None


async def test_what_was_put_is_read_back_in_full(hands: Hands, name: str) -> None:
    """Everything that can be restored is in the specification; only the code has got an id."""
    spec = await deployed(
        hands,
        name,
        instance_count=2,
        max_concurrency_per_instance=2,
        error_threshold=5,
        retry_max_retries=1,
        retry_timeout_s=90,
        logging_level="debug",
        output_file_name="scores.csv",
    )
    state = await settled(hands.platform, Place.TEST, spec)
    assert replace(state.spec, code=spec.code) == spec


async def test_a_deployment_is_put_back_exactly_as_it_was(hands: Hands, name: str) -> None:
    """A restore is a deployment of what was read, code included."""
    first = await deployed(hands, name)
    previous = (await settled(hands.platform, Place.TEST, first)).spec
    await hands.platform.put_deployment(
        Place.TEST, replace(first, mini_batch_size=7, tags={"release_id": "rel-next"}, environment_variables={})
    )
    changed = await settled(hands.platform, Place.TEST, first)
    assert (changed.spec.mini_batch_size, changed.spec.environment_variables) == (7, {})
    await hands.platform.put_deployment(Place.TEST, previous)
    assert (await settled(hands.platform, Place.TEST, first)).spec == previous


async def test_a_model_that_is_not_in_the_registry_is_not_deployed(hands: Hands, name: str) -> None:
    """Whether the service refuses at once or fails later, nobody takes it for a success."""
    spec = await deployable(hands, name)
    missing = replace(spec, model=spec.model.replace(name, "no-such-model"))
    try:
        await hands.platform.put_deployment(Place.TEST, missing)
    except PlatformRefused:
        return
    assert (await settled(hands.platform, Place.TEST, spec)).provisioning == "Failed"


async def test_a_change_during_another_change_is_an_error_that_passes(hands: Hands, name: str) -> None:
    """One operation at a time: the second is tried again later."""
    spec = await deployed(hands, name)
    hands.slow_down()
    await hands.platform.put_deployment(Place.TEST, replace(spec, mini_batch_size=8))
    with pytest.raises(PlatformBusy):
        await hands.platform.put_deployment(Place.TEST, replace(spec, mini_batch_size=9))
    assert (await settled(hands.platform, Place.TEST, spec)).spec.mini_batch_size == 8


async def test_an_invoked_deployment_runs_a_job_to_its_end(hands: Hands, name: str) -> None:
    """The job is found by the name that invoking gave."""
    spec = await deployed(hands, name)
    job_name = await hands.platform.invoke(Place.TEST, spec, INPUT_URI)
    job = await eventually(
        lambda: hands.platform.get_job(Place.TEST, job_name),
        lambda seen: seen is not None and seen.end is not None,
    )
    assert job is not None
    assert job.status == "Completed"
    assert job.detail
    await hands.platform.cancel_job(Place.TEST, job_name)
    ended = await hands.platform.get_job(Place.TEST, job_name)
    assert ended is not None
    assert ended.status == "Completed", "a job that has ended stays as it is"


@pytest.mark.azurite
async def test_what_a_job_predicted_is_read_from_its_own_folder(azure: AzureMlHands, name: str) -> None:
    """Of the wanted day, without one of the latest; what is no Parquet file is refused, with the job's name."""
    times = pa.array([datetime(2026, 1, 5, hour, tzinfo=UTC) for hour in range(3)], pa.timestamp("us", tz="UTC"))
    sink = io.BytesIO()
    pq.write_table(pa.table({"timestamp": times, "predicted_temperature": [60.0, 61.0, 62.0]}), sink)
    found = []
    for content, days in ((sink.getvalue(), "2026-01-04,2026-01-05"), (b"no Parquet", "2026-01-05"), (b"", "")):
        variables = {"PREDICTED_DAYS": days, "PREDICTED_BYTES": base64.b64encode(content).decode()}
        spec = await deployed(azure, f"{len(found)}-{name}", environment_variables=variables)
        job_name = await azure.platform.invoke(Place.TEST, spec, INPUT_URI)
        await eventually(
            lambda job_name=job_name: azure.platform.get_job(Place.TEST, job_name),
            lambda seen: seen is not None and seen.end is not None,
        )
        found.append(job_name)
    good, unreadable, silent = found

    latest = await azure.platform.predictions(Place.TEST, good, "P001", "C001")
    assert latest == Predicted(day=date(2026, 1, 5), rows=3, columns={"temperature": (60.0, 62.0)})
    before = await azure.platform.predictions(Place.TEST, good, "P001", "C001", date(2026, 1, 4))
    assert before is not None
    assert (before.rows, before.other_days) == (3, 3)
    assert await azure.platform.predictions(Place.TEST, good, "P001", "C002") is None
    assert await azure.platform.predictions(Place.TEST, silent, "P001", "C001") is None
    with pytest.raises(PlatformRefused, match=f"predictions of job {unreadable} for 2026-01-05 cannot be read"):
        await azure.platform.predictions(Place.TEST, unreadable, "P001", "C001")
    with pytest.raises(PlatformRefused, match="cannot be a plant id"):
        await azure.platform.predictions(Place.TEST, good, "../P001", "C001")


@pytest.mark.azurite
async def test_a_failed_job_says_why_in_one_line_without_secrets(azure: AzureMlHands, name: str) -> None:
    """The last line of its log, so that nobody has to look for it."""
    raised = "the sensor is\tupside down https://store/x?sv=1&sig=secret"
    spec = await deployed(azure, name, environment_variables={"RAISED": raised}, retry_max_retries=0)
    job_name = await azure.platform.invoke(Place.TEST, spec, INPUT_URI)
    job = await eventually(
        lambda: azure.platform.get_job(Place.TEST, job_name),
        lambda seen: seen is not None and seen.end is not None,
    )
    assert job is not None
    assert (job.status, job.failure) == ("Failed", "")
    assert "ValueError: the sensor isupside down https://store/x?sv=1&sig=..." in job.error
    assert job.told.startswith(job.error)


async def test_a_running_job_can_be_cancelled(hands: Hands, name: str) -> None:
    """Nobody waits for the test of a release that was aborted."""
    spec = await deployed(hands, name, environment_variables={"SCORING_S": "30"})
    hands.slow_down()
    job_name = await hands.platform.invoke(Place.TEST, spec, INPUT_URI)
    await hands.platform.cancel_job(Place.TEST, job_name)
    job = await eventually(
        lambda: hands.platform.get_job(Place.TEST, job_name),
        lambda seen: seen is not None and seen.end is not None,
    )
    assert job is not None
    assert job.status == "Canceled"


async def test_invoking_what_is_not_deployed_is_refused(hands: Hands, name: str) -> None:
    """There is nothing to test until somebody deploys it."""
    spec = await deployable(hands, name)
    with pytest.raises(PlatformBlocked):
        await hands.platform.invoke(Place.TEST, spec, INPUT_URI)


@pytest.mark.parametrize("place", list(Place))
async def test_a_job_that_nobody_started_is_none_and_cancelling_it_is_fine(hands: Hands, place: Place) -> None:
    """Not there is an answer, not an error."""
    assert await hands.platform.get_job(place, "batchjob-none") is None
    await hands.platform.cancel_job(place, "batchjob-none")


async def test_a_version_in_the_registry_is_marked_and_stays_what_it_is(hands: Hands, name: str) -> None:
    """Again, or with something else, as often as somebody likes; what was shared is found to be the same as before."""
    version = hands.register(name, {"plant_id": "P001"})
    assert await hands.platform.marks(Dimension.MODEL, name, version) == {}
    shared = await hands.platform.promote_model(DEV, name, version, name)
    for value in ("first", "first", "second"):
        await hands.platform.mark(Dimension.MODEL, name, version, {"rolled_back_by": value})
    await hands.platform.mark(Dimension.MODEL, name, version, {"more": "yes"})
    marks = await hands.platform.marks(Dimension.MODEL, name, version)
    assert (marks["rolled_back_by"], marks["more"]) == ("second", "yes")
    assert await hands.platform.promote_model(DEV, name, version, name) == shared


async def test_an_environment_in_the_registry_is_marked_too(hands: Hands) -> None:
    """It is the same mechanism; what it is built from stays."""
    shared = await hands.platform.promote_environment(DEV, *ENVIRONMENT)
    await hands.platform.mark(Dimension.ENVIRONMENT, *ENVIRONMENT, {"rolled_back_by": "rel-1"})
    assert (await hands.platform.marks(Dimension.ENVIRONMENT, *ENVIRONMENT))["rolled_back_by"] == "rel-1"
    assert await hands.platform.promote_environment(DEV, *ENVIRONMENT) == shared


async def test_what_is_not_in_the_registry_cannot_be_marked(hands: Hands, name: str) -> None:
    """Nobody is told that something was marked which was not."""
    with pytest.raises(PlatformRefused, match="no model"):
        await hands.platform.mark(Dimension.MODEL, name, "1", {"rolled_back_by": "rel-1"})
