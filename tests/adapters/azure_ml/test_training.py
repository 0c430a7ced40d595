"""Training on the local Azure ML with the product's adapters: data assets, jobs, models, where a model comes from."""

import asyncio
import dataclasses
import itertools
from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest

from shared.adapters.azure_ml.training_jobs import AzureMlTrainingJobs, command_job
from shared.application.errors import PlatformRefused
from shared.application.training.ports import TrainingJob, TrainingPlatform
from shared.domain.job_ends import JobEnded, JobSeen
from shared.domain.training.lineage import READS_MLTABLE, DataAsset, data_asset_of
from shared.domain.training.model import TrainingPhase, TrainingRequest, TrainingRun
from tests.support.benches.training import a_request
from tests.support.builders import NOW
from tests.support.platforms import INPUT_URI, eventually
from tests.support.processes import REPOSITORY
from tests.support.training_azure import QUICK_ENVIRONMENT, Workshop, register_environment, workshop

pytestmark = pytest.mark.azurite
DEFINITION = REPOSITORY / "pipelines" / "training.yml"
_numbers = itertools.count(1)


@pytest.fixture(scope="module")
def azure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workshop]:
    with workshop(tmp_path_factory.mktemp("azureml")) as made:
        yield made


@pytest.fixture(autouse=True)
def _calm(request: pytest.FixtureRequest) -> Iterator[None]:
    yield
    if "azure" in request.fixturenames:
        request.getfixturevalue("azure").hands.calm()


@pytest.fixture
def circuit() -> str:
    """A circuit that nobody trained yet."""
    return f"C{next(_numbers):03}"


def asset_of(request: TrainingRequest) -> DataAsset:
    run = TrainingRun(
        run_id="train-x",
        request=request,
        model_name="m",
        requested_at=NOW,
        phase=TrainingPhase.REGISTERING_DATA,
        since=NOW,
        deadline_at=None,
        look_at=NOW,
    )
    return data_asset_of(run, INPUT_URI, NOW)


def job_of(request: TrainingRequest, attempt: int = 1, **changes: Any) -> TrainingJob:
    run_id = f"train-{request.circuit_id.lower()}"
    job = TrainingJob(
        job_name=f"{run_id}-{attempt}",
        run_id=run_id,
        request=request,
        data_asset=f"sensor_training_data_P001_{request.circuit_id}",
        data_version=request.cutoff_date.isoformat(),
        environment_name=QUICK_ENVIRONMENT,
        compute="cpu-cluster",
        table_uri=INPUT_URI,
        limit_s=14_400,
    )
    return dataclasses.replace(job, **changes)


def slow(request: TrainingRequest, seconds: float) -> TrainingRequest:
    return dataclasses.replace(request, config_yaml=f"# sleep {seconds}\n{request.config_yaml}")


async def registered(platform: TrainingPlatform, asset: DataAsset) -> str:
    return await platform.register_data(asset, QUICK_ENVIRONMENT, "1.5.0")


async def ended(azure: Workshop, job_name: str) -> JobSeen:
    seen = await eventually(
        lambda: azure.platform.get_job(job_name), lambda job: job is not None and job.end is not None
    )
    assert seen is not None
    return seen


def written_out(job: Any) -> dict[str, Any]:
    """What the client would send, but for what only a run knows: its tags and the circuit's file."""
    sent = job._to_job()._to_rest_object().as_dict()["properties"]
    sent["outputs"]["model"]["uri"] = sent["outputs"]["model"]["uri"].replace("${{name}}", job.name)
    assert list(sent.pop("environmentVariables")) == ["CIRCUIT_CONFIG_BASE64"]
    for place, key in ((sent, "environmentId"), (sent["inputs"]["training_data"], "uri")):
        place[key] = place[key].removeprefix("azureml:")  # a file is read without it, and both mean the same
    return {"name": job.name, **{name: value for name, value in sent.items() if name != "tags"}}


def test_the_definition_and_the_submitted_job_are_the_same() -> None:
    """Who trains by hand trains as a run does."""
    from azure.ai.ml import load_job

    submitted = job_of(a_request(), job_name="train-p001-c001-20251209-0a1b2c3d-1", environment_name="custom-tf-env")
    defined = written_out(load_job(DEFINITION))
    assert defined == written_out(command_job(submitted))
    assert {"command", "environmentId", "computeId", "inputs", "outputs", "limits"} <= set(defined)


def test_a_job_is_called_by_its_circuit_and_pull_request() -> None:
    """And lies in the experiment of its circuit, where people look for it."""
    job = command_job(job_of(a_request()))

    assert (job.display_name, job.experiment_name) == ("Train_P001_C001_PR1234", "plant_P001_circuit_C001")


@pytest.mark.parametrize(
    "changes",
    [{"plant_id": "P001; rm -rf"}, {"circuit_id": "$(id)"}, {"config_yaml": "#" * 70_000}],
    ids=["plant", "circuit", "file"],
)
def test_what_cannot_be_part_of_a_command_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(PlatformRefused):
        command_job(dataclasses.replace(job_of(a_request()), request=a_request(**changes)))


async def test_a_data_asset_has_the_filter_the_tags_and_the_version_of_the_reference(
    azure: Workshop, circuit: str
) -> None:
    """The tags of R-TRAIN-7."""
    name = f"sensor_training_data_P001_{circuit}"
    assert await registered(azure.platform, asset_of(a_request(circuit))) == f"{name}:2025-12-09"
    data = azure.hands.trainer.data.get(name, "2025-12-09")
    assert data.type == "mltable"
    assert data.path.endswith(f"/paths/mltables/plant_P001_circuit_{circuit}_cutoff_20251209/")
    wanted = {"plant_id", "circuit_id", "cutoff_date", "pr_number", "pr_author", "git_commit_sha", "sensor_id"}
    assert wanted | {"hyperparameters_hash", "delta_path", "registered_at", "registered_by"} <= data.tags.keys()
    assert data.tags["filter"] == f"date <= '2025-12-09' AND sensor_id == 'SENSOR_P001_{circuit}'"
    assert data.tags["delta_path"] == "/processed/sensor_data/"


@pytest.mark.parametrize("is_told", [False, True], ids=["made before", "made now"])
async def test_training_data_has_the_form_that_its_environment_reads(
    azure: Workshop, circuit: str, is_told: bool
) -> None:
    """The training of an environment version of before refuses the form of Azure ML's own engine."""
    asset, version = asset_of(a_request(circuit)), f"1.6.{int(is_told)}"
    tags = {READS_MLTABLE: "true"} if is_told else {}
    register_environment(azure.hands, QUICK_ENVIRONMENT, version, azure.code, tags)
    await azure.platform.register_data(asset, QUICK_ENVIRONMENT, version)
    blobs = AzureMlTrainingJobs(azure.hands.clients).blobs
    written = await asyncio.to_thread(blobs.read, f"{asset.folder}/MLTable", 10_000)
    assert written.decode() == (asset.mltable if is_told else asset.mltable_before)


async def test_two_registrations_at_once_give_one_asset(azure: Workshop, circuit: str) -> None:
    """Whoever comes second finds it; nobody fails."""
    asset = asset_of(a_request(circuit))
    names = await asyncio.gather(*(registered(azure.platform, asset) for _ in range(4)))
    assert set(names) == {f"{asset.name}:{asset.version}"}
    assert [each.version for each in azure.hands.trainer.data.list(name=asset.name)] == ["2025-12-09"]


@pytest.mark.parametrize(
    ("kind", "fields"),
    [
        ("drop_after_commit", {}),
        ("status_after_commit", {"status": 500}),
        ("status_after_commit", {"status": 409, "code": "Conflict"}),
    ],
)
async def test_a_lost_or_late_answer_of_a_registration_is_read_back(
    azure: Workshop, circuit: str, kind: str, fields: dict[str, Any]
) -> None:
    """409 for what is there is what "there already" looks like."""
    azure.hands.fault("data.put", kind, **fields)
    asset = asset_of(a_request(circuit))
    assert await registered(azure.platform, asset) == f"{asset.name}:{asset.version}"


async def test_registering_again_changes_nothing(azure: Workshop, circuit: str) -> None:
    """The asset keeps the tags of the change that registered it."""
    await registered(azure.platform, asset_of(a_request(circuit)))
    await registered(azure.platform, asset_of(a_request(circuit, pr_number="PR-9")))
    data = await azure.platform.get_data(f"sensor_training_data_P001_{circuit}", "2025-12-09")
    assert data is not None
    assert data.tags["pr_number"] == "PR-1234"


async def test_another_sensor_under_the_same_cutoff_date_is_refused(azure: Workshop, circuit: str) -> None:
    """A version is its cutoff date, and a version never changes."""
    await registered(azure.platform, asset_of(a_request(circuit)))
    with pytest.raises(PlatformRefused, match="choose another cutoff date"):
        await registered(azure.platform, asset_of(a_request(circuit, sensor_id="SENSOR_P009_C009")))


async def test_a_job_trains_and_its_output_becomes_a_model_with_its_origin(azure: Workshop, circuit: str) -> None:
    """The way back from the model: its job, and by Azure ML's own record the data asset that this read."""
    request, platform = a_request(circuit), azure.platform
    await registered(platform, asset_of(request))
    job = job_of(request)
    await platform.submit(job)
    await platform.submit(job)
    seen = await ended(azure, job.job_name)
    assert seen.end is JobEnded.COMPLETED, azure.log(job.job_name)
    trained = await platform.trained(job.job_name)
    assert (trained.metrics, trained.ranges) == ({"mae": 0.1, "r2": 0.9}, {"temperature": (40.0, 80.0)})
    name, tags = f"sensor_model_P001_{circuit}", {"training_run": job.run_id}
    model = await platform.register_model(name, "1", job.job_name, tags)
    again = await platform.register_model(name, "1", job.job_name, {"training_run": "another"})
    assert again == model == await platform.get_model(name, "1")
    assert (model.job_name, dict(model.tags)) == (job.job_name, tags)
    assert [each.version for each in await platform.versions(name)] == ["1"]
    assert await platform.data_input(job.job_name) == f"sensor_training_data_P001_{circuit}:2025-12-09"


@pytest.mark.parametrize("told", [True, False])
async def test_a_model_says_what_it_was_trained_on_where_its_training_tells(
    azure: Workshop, circuit: str, told: bool
) -> None:
    """Training code of other origin, or of before, tells nothing, and its model is registered all the same."""
    request = a_request(circuit)
    if told:
        request = dataclasses.replace(request, config_yaml=f"# tell\n{request.config_yaml}")
    await registered(azure.platform, asset_of(request))
    await azure.platform.submit(job_of(request))
    await ended(azure, job_of(request).job_name)
    tags = {"data_table_version": "30", "data_rows": "263", "data_sha256": "0a1b", "data_closed": "false"}
    assert (await azure.platform.trained(job_of(request).job_name)).data == (tags if told else {})


async def test_a_lost_answer_of_a_models_registration_makes_no_second_model(azure: Workshop, circuit: str) -> None:
    request = a_request(circuit)
    await registered(azure.platform, asset_of(request))
    job = job_of(request)
    await azure.platform.submit(job)
    await ended(azure, job.job_name)
    azure.hands.fault("model.put", "drop_after_commit")
    name = f"sensor_model_P001_{circuit}"
    model = await azure.platform.register_model(name, "1", job.job_name, {"training_run": job.run_id})
    assert (model.version, [each.version for each in await azure.platform.versions(name)]) == ("1", ["1"])


async def test_another_training_under_the_name_of_a_job_is_refused(azure: Workshop, circuit: str) -> None:
    """A name that says what is trained cannot stand for two things."""
    request = a_request(circuit)
    await registered(azure.platform, asset_of(request))
    await azure.platform.submit(job_of(request))
    other = dataclasses.replace(request, config_yaml=request.config_yaml + "# changed\n")
    with pytest.raises(PlatformRefused, match="is another one"):
        await azure.platform.submit(job_of(other))
    await ended(azure, job_of(request).job_name)


async def test_a_process_that_dies_without_a_word_is_a_technical_failure(azure: Workshop, circuit: str) -> None:
    request = a_request(circuit)
    broken = dataclasses.replace(request, config_yaml=f"# break\n{request.config_yaml}")
    await registered(azure.platform, asset_of(request))
    await azure.platform.submit(job_of(broken))
    seen = await ended(azure, job_of(broken).job_name)
    assert (seen.end, seen.failure) == (JobEnded.FAILED, "")
    assert "ml.azure.com/runs/" in seen.detail
    with pytest.raises(PlatformRefused, match="left no"):
        await azure.platform.trained(job_of(broken).job_name)


async def test_a_cancelled_job_ends_and_cancelling_again_is_fine(azure: Workshop, circuit: str) -> None:
    request = slow(a_request(circuit), 30)
    await registered(azure.platform, asset_of(request))
    job = job_of(request)
    await azure.platform.submit(job)
    seen = await azure.platform.get_job(job.job_name)
    assert seen is not None
    assert seen.end is None
    await azure.platform.cancel(job.job_name)
    await azure.platform.cancel(job.job_name)
    assert (await ended(azure, job.job_name)).end is JobEnded.CANCELLED


async def test_what_is_not_there_is_said_so(azure: Workshop) -> None:
    assert await azure.platform.get_job("train-nobody-1") is None
    assert await azure.platform.get_model("sensor_model_P009_C009", "1") is None
    assert await azure.platform.get_data("sensor_training_data_P009_C009", "2025-12-09") is None
    assert await azure.platform.versions("sensor_model_P009_C009") == []
    assert await azure.platform.data_input("train-nobody-1") == ""
    with pytest.raises(PlatformRefused):
        await azure.platform.submit(job_of(a_request("C999", cutoff_date=date(2025, 1, 1))))
