"""Jobs really run: batch scoring and commands, with logs, outputs, failures, a queue, and a way to stop them."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest
from azure.ai.ml import Input, Output, command
from azure.ai.ml.entities import CommandJobLimits, Model
from azure.core.exceptions import HttpResponseError

from tests.local.azureml.cloud import GROUP, SUBSCRIPTION, token, workspace_path
from tests.local.azureml.workshop import Workshop, folder
from tests.support.processes import alive, until

LONG_TABLE = (
    f"azureml://subscriptions/{SUBSCRIPTION}/resourcegroups/{GROUP}/workspaces/dev-ml-workspace"
    "/datastores/sensor_lake/paths/processed/sensor_data/"
)

BROKEN = """
def init():
    pass

def run(mini_batch):
    raise ValueError("the sensor is upside down")
"""
PICKY = """
import pathlib

def init():
    pass

def run(mini_batch):
    if mini_batch[0].endswith("b.parquet"):
        raise ValueError("b is not for me")
    return [pathlib.Path(mini_batch[0]).name]
"""
SILENT = """
def init():
    pass

def run(mini_batch):
    return []
"""
SLEEPY = """
import os, pathlib, time

def init():
    pathlib.Path(os.environ["AZUREML_BI_OUTPUT_PATH"], "awake").touch()
    time.sleep(60)

def run(mini_batch):
    return []
"""


def test_a_raising_script_fails_its_job_and_leaves_the_traceback_in_the_log(workshop: Workshop) -> None:
    """Whoever looks at the log sees the exception and where it came from."""
    workshop.deploy(name="broken", score=BROKEN)
    job = workshop.finished(workshop.invoke("broken"))
    assert job.status == "Failed"
    assert "ValueError: the sensor is upside down" in workshop.log(job.name)
    assert 'score.py", line 6, in run' in workshop.log(job.name)


def test_a_script_that_returns_no_result_for_any_file_fails_its_job(workshop: Workshop) -> None:
    """As in Azure, whatever the error threshold: results are what is counted as succeeded."""
    workshop.deploy(name="silent", score=SILENT, error_threshold=-1)
    job = workshop.finished(workshop.invoke("silent"))
    assert job.status == "Failed"
    assert "no succeeded mini batch item returned from run()" in workshop.log(job.name)


@pytest.mark.parametrize(("threshold", "status"), [(-1, "Completed"), (1, "Completed"), (0, "Failed")])
def test_the_error_threshold_decides_how_many_files_may_fail(workshop: Workshop, threshold: int, status: str) -> None:
    """One file of three fails; -1 allows any number."""
    name = f"picky{threshold}".replace("-", "minus")
    workshop.deploy(name=name, score=PICKY, mini_batch_size=1, error_threshold=threshold)
    job = workshop.finished(workshop.invoke(name))
    assert job.status == status, workshop.log(job.name)
    if status == "Completed":
        assert workshop.rows(job) == ["a.parquet", "c.parquet"]


def test_each_environment_version_brings_its_own_code(workshop: Workshop) -> None:
    """Two deployments of one script, model and machine differ only in the environment's version."""
    workshop.environment("1.6.0")
    workshop.deploy(name="older", environment="azureml:custom-tf-env:1.5.0")
    workshop.deploy(name="newer", environment="azureml:custom-tf-env:1.6.0")
    seen = [workshop.rows(workshop.finished(workshop.invoke(name)))[0] for name in ("older", "newer")]
    assert seen == ["a.parquet,0.25,1.5.0,C001", "a.parquet,0.25,1.6.0,C001"]


def test_a_compute_runs_two_jobs_at_a_time_and_a_canceled_one_makes_room(workshop: Workshop) -> None:
    """The third waits in the queue; canceling one that runs ends its process."""
    workshop.deploy(name="sleepy", score=SLEEPY)
    first, second, third = (workshop.invoke("sleepy") for _ in range(3))
    awake = [workshop.cloud.data / f"jobs/dev-ml-workspace/{name}/outputs/score/awake" for name in (first, second)]
    until(lambda: all(path.exists() for path in awake))
    assert [workshop.status(name) for name in (first, second, third)] == ["Running", "Running", "Queued"]
    workshop.client.jobs.begin_cancel(first).result()
    assert workshop.status(first) == "Canceled"
    until(lambda: workshop.status(third) == "Running")
    for name in (second, third):
        workshop.client.jobs.begin_cancel(name).result()
    assert [workshop.status(name) for name in (second, third)] == ["Canceled", "Canceled"]


def test_a_job_asked_to_end_while_it_waits_never_looks_as_if_it_ran(workshop: Workshop) -> None:
    """Its turn may come before the cancellation is done."""
    workshop.deploy(name="patient", score=SLEEPY)
    first, second, third = (workshop.invoke("patient") for _ in range(3))
    until(lambda: [workshop.status(name) for name in (first, second)] == ["Running", "Running"])
    workshop.cloud.control("PUT", "profile", json={"lro_seconds": 60})
    workshop.client.jobs.begin_cancel(third)
    workshop.cloud.control("PUT", "profile", json={"lro_seconds": 0.05})
    workshop.client.jobs.begin_cancel(first).result()
    until((workshop.cloud.data / f"jobs/dev-ml-workspace/{third}/outputs/score/awake").exists)
    assert workshop.status(third) == "CancelRequested"
    for name in (second, third):
        workshop.client.jobs.begin_cancel(name).result()
    assert [workshop.status(name) for name in (second, third)] == ["Canceled", "Canceled"]


def test_what_a_job_left_running_in_the_background_ends_with_it(workshop: Workshop, tmp_path: Path) -> None:
    """A node is empty when the next job gets it."""
    mark = tmp_path / "mark"
    job = workshop.finished(run_command(workshop, f"sleep 300 & echo $! > {mark}"))
    assert job.status == "Completed", workshop.log(job.name)
    until(lambda: not alive(int(mark.read_text())))


def test_a_job_that_wants_to_leave_this_machine_fails_with_the_name_of_the_host(workshop: Workshop) -> None:
    """What it asks of this machine itself works."""
    text = "python -c 'import urllib.request as r; r.urlopen(\"http://{}/\", timeout=1)'"
    outwards = workshop.finished(run_command(workshop, text.format("management.azure.com")))
    assert outwards.status == "Failed"
    assert "A connection of this job to management.azure.com was stopped" in workshop.log(outwards.name)
    inwards = workshop.finished(run_command(workshop, text.format("127.0.0.1:9")))
    assert "Connection refused" in workshop.log(inwards.name)


@pytest.mark.parametrize("text", ["sleep 60", "trap 'exit 0' TERM; sleep 60 & wait"])
def test_a_job_that_runs_longer_than_its_limit_is_canceled(workshop: Workshop, text: str) -> None:
    """Whatever exit code it ends with when it is asked to."""
    job = workshop.finished(run_command(workshop, text, timeout=1))
    assert job.status == "Canceled"
    assert job.properties["local.error"] == "The job ran longer than 1 s."


def run_command(workshop: Workshop, text: str, *, timeout: int | None = None) -> str:
    """The name of a submitted command job; the time-out is in seconds."""
    wanted = command(command=text, environment="azureml:custom-tf-env:1.5.0", compute="cpu-cluster")
    wanted.limits = CommandJobLimits(timeout=timeout) if timeout else None
    return str(workshop.client.jobs.create_or_update(wanted).name)


def test_a_command_trains_a_model_that_can_be_registered_and_deployed(workshop: Workshop, tmp_path: Path) -> None:
    """Inputs and outputs are filled in; a named output becomes a model by its job URI."""
    script = "import pathlib, sys; pathlib.Path(sys.argv[1], 'weights.txt').write_text(sys.argv[2])"
    job = workshop.client.jobs.create_or_update(
        command(
            name="train-c001",
            command="python train.py ${{outputs.model}} ${{inputs.weight}} && ls ${{inputs.table}}",
            code=str(folder(tmp_path / "training", {"train.py": script})),
            environment="azureml:custom-tf-env:1.5.0",
            compute="cpu-cluster",
            inputs={"weight": 0.75, "table": Input(type="uri_folder", path=LONG_TABLE)},
            outputs={"model": Output(type="uri_folder")},
            experiment_name="plant_P001_circuit_C001",
            tags={"circuit_id": "C001"},
        )
    )  # fmt: skip
    ended = workshop.finished(job.name)
    assert ended.status == "Completed", workshop.log(job.name)
    assert "a.parquet" in workshop.log(job.name)
    workshop.client.models.create_or_update(
        Model(name="trained", version="1", path=f"azureml://jobs/{job.name}/outputs/model/paths/", type="custom_model")
    )
    workshop.deploy(name="trained", model="azureml:trained:1")
    scored = workshop.finished(workshop.invoke("trained"))
    assert workshop.rows(scored)[0] == "a.parquet,0.75,1.5.0,C001"


def test_a_job_name_submitted_twice_is_one_job_and_another_command_is_refused(workshop: Workshop) -> None:
    """Deterministic names make submitting idempotent."""

    def submit(text: str, **tags: str) -> object:
        wanted = command(
            name="check-r1-test-1",
            command=text,
            environment="azureml:custom-tf-env:1.5.0",
            compute="cpu-cluster",
            tags=tags,
        )
        return workshop.client.jobs.create_or_update(wanted)

    submit("echo once", attempt="1")
    submit("echo once", verdict="passed")
    with pytest.raises(HttpResponseError, match="A job with this name already exists"):
        submit("echo twice")
    job = workshop.finished("check-r1-test-1")
    assert job.tags == {"attempt": "1", "verdict": "passed"}
    assert workshop.log(job.name).count("once") == 1


def test_a_job_whose_input_is_not_there_fails_and_says_so(workshop: Workshop) -> None:
    """The lake has no such folder."""
    job = workshop.finished(workshop.invoke(path="azureml://datastores/sensor_lake/paths/elsewhere/"))
    assert job.status == "Failed"
    assert "elsewhere" in workshop.log(job.name)


def test_a_folder_of_this_machine_can_be_scored(workshop: Workshop, tmp_path: Path) -> None:
    """The client uploads it to the workspace's store, and the job downloads it."""
    job = workshop.finished(workshop.invoke(path=str(folder(tmp_path / "readings", {"x.parquet": "x"}))))
    assert job.status == "Completed", workshop.log(job.name)
    assert workshop.rows(job) == ["x.parquet,0.25,1.5.0,C001"]


def test_jobs_are_listed_newest_first_with_the_deployment_they_ran_on(workshop: Workshop) -> None:
    """So that somebody who lost an answer can find the job."""
    older, newer = workshop.invoke(), workshop.invoke()
    listed = [job for job in workshop.client.jobs.list() if job.name in (older, newer)]
    assert [job.name for job in listed] == [newer, older]
    assert listed[0].properties["azureml.endpointname"] == "batch-endpoint-plant-p001"
    assert {workshop.finished(name).status for name in (older, newer)} == {"Completed"}


def test_a_job_of_another_kind_is_refused(workshop: Workshop) -> None:
    """Sweeps are not run, and nobody shall wait for one."""
    path = f"{workspace_path()}/jobs/some-sweep"
    answer = httpx.put(workshop.cloud.part.url + path, json={"properties": {"jobType": "Sweep"}}, headers=token())
    assert (answer.status_code, "'Sweep'" in answer.text) == (501, True)
