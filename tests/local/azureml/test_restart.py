"""A killed server loses nothing it has acknowledged, and finishes what it had begun."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import time
from pathlib import Path

from azure.ai.ml.entities import AzureBlobDatastore, Model

from tests.local.azureml.cloud import ACCOUNT
from tests.local.azureml.workshop import Workshop
from tests.support.processes import REPOSITORY, alive, running, until

ENDPOINT = "endpoint-of-restarts"

FIRST_TIME_SLEEPY = """
import os, pathlib, time

def init():
    mark = pathlib.Path(os.environ["MARK"])
    if not mark.exists():
        mark.write_text(str(os.getpid()))
        time.sleep(60)

def run(mini_batch):
    return ["second attempt"]
"""
STUBBORN = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n" + FIRST_TIME_SLEEPY


def test_a_killed_server_keeps_its_state_finishes_its_operation_and_runs_its_job_again(
    workshop: Workshop, tmp_path: Path
) -> None:
    """A model, a deployment half created, and a job half run, whose process went with the server."""
    mark = tmp_path / "mark"
    workshop.endpoint(ENDPOINT)
    workshop.deploy(name="restarted", endpoint=ENDPOINT, score=FIRST_TIME_SLEEPY, variables={"MARK": str(mark)})
    job = workshop.invoke("restarted", ENDPOINT)
    until(lambda: mark.exists() and mark.read_text())
    job_process = int(mark.read_text())
    workshop.client.models.create_or_update(
        Model(name="kept", version="7", path="azureml://datastores/workspaceblobstore/paths/m/", type="custom_model")
    )
    workshop.cloud.control("PUT", "profile", json={"lro_seconds": 2})
    workshop.client.batch_deployments.begin_create_or_update(workshop.deployment(name="halfway", endpoint=ENDPOINT))

    workshop.cloud.control("PUT", "quotas", json={"deployments": 501})
    store = AzureBlobDatastore(name="kept_store", account_name=ACCOUNT, container_name="kept")
    workshop.client.datastores.create_or_update(store)
    ahead_s = workshop.cloud.control("POST", "clock", json={"advance_s": 0.5}).json()["ahead_s"]

    half_a_download = workshop.cloud.data / "partial" / "half" / "weights.txt"
    half_a_download.parent.mkdir(parents=True)
    half_a_download.write_text("0.")

    workshop.cloud.part.kill()
    until(lambda: not alive(job_process))
    workshop.cloud.part.start_again()

    assert not half_a_download.exists()
    assert workshop.cloud.control("GET", "quotas").json()["deployments"] == 501
    workshop.cloud.control("PUT", "quotas", json={})
    assert workshop.cloud.control("GET", "clock").json()["ahead_s"] == ahead_s

    assert workshop.client.models.get("kept", "7").version == "7"
    assert workshop.client.datastores.get("kept_store").container_name == "kept"
    until(lambda: workshop.client.batch_deployments.get("halfway", ENDPOINT).provisioning_state == "Succeeded")
    ended = workshop.finished(job)
    assert (ended.status, workshop.rows(ended)) == ("Completed", ["second attempt"])


def test_the_server_ends_gracefully_within_five_seconds_with_a_stubborn_job(workshop: Workshop, tmp_path: Path) -> None:
    """SIGTERM ends the job's process too, even if that will not hear of it; the job waits for the next start."""
    mark = tmp_path / "mark"
    workshop.endpoint(ENDPOINT)
    workshop.deploy(name="stopped", endpoint=ENDPOINT, score=STUBBORN, variables={"MARK": str(mark)})
    job = workshop.invoke("stopped", ENDPOINT)
    until(lambda: mark.exists() and mark.read_text())
    began = time.monotonic()
    workshop.cloud.part.terminate()
    assert time.monotonic() - began < 5
    assert not alive(int(mark.read_text()))
    workshop.cloud.part.start_again()
    assert workshop.finished(job).status == "Completed"


def test_a_second_server_refuses_a_directory_in_use(workshop: Workshop, blob_base: str) -> None:
    """It would put the jobs of the first one back into the queue and end their processes."""
    command = [sys.executable, "-m", "local.azureml", "--port", "0", "--data", str(workshop.cloud.data)]
    command += ["--blob-endpoint", f"{blob_base}/{ACCOUNT}"]
    second = subprocess.run(command, capture_output=True, text=True, timeout=20, cwd=REPOSITORY, check=False)
    assert (second.returncode, second.stdout) == (1, "")
    assert "in use by another" in second.stderr
    assert "Traceback" not in second.stderr
    assert workshop.cloud.part.process.poll() is None


def test_a_server_whose_work_stands_still_ends_itself(tmp_path: Path, blob_base: str) -> None:
    """Were it to go on answering, nobody would start it again."""
    options = ["--data", str(tmp_path / "data"), "--blob-endpoint", f"{blob_base}/{ACCOUNT}"]
    with running("local.azureml", *options, log=tmp_path / "log") as part:
        with sqlite3.connect(tmp_path / "data/azureml.db") as database:
            database.execute("ALTER TABLE operations RENAME TO lost")
        database.close()
        assert until(lambda: part.process.poll(), deadline_s=10) == 1
    assert "no such table: operations" in (tmp_path / "log").read_text()
