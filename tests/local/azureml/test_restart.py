"""A killed server loses nothing it has acknowledged, and finishes what it had begun."""

from __future__ import annotations

import os
from pathlib import Path

from azure.ai.ml.entities import Model

from tests.local.processes import until

from .workshop import Workshop

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


def test_a_killed_server_keeps_its_state_finishes_its_operation_and_runs_its_job_again(
    workshop: Workshop, tmp_path: Path
) -> None:
    """A model, a deployment in the middle of its creation, and a job in the middle of its run."""
    mark = tmp_path / "mark"
    workshop.endpoint(ENDPOINT)
    workshop.deploy(name="restarted", endpoint=ENDPOINT, score=FIRST_TIME_SLEEPY, variables={"MARK": str(mark)})
    job = workshop.invoke("restarted", ENDPOINT)
    until(lambda: mark.exists() and mark.read_text())
    survivor = int(mark.read_text())
    workshop.client.models.create_or_update(
        Model(name="kept", version="7", path="azureml://datastores/workspaceblobstore/paths/m/", type="custom_model")
    )
    workshop.cloud.control("PUT", "profile", json={"lro_seconds": 2})
    workshop.client.batch_deployments.begin_create_or_update(workshop.deployment(name="halfway", endpoint=ENDPOINT))

    workshop.cloud.part.kill()
    assert alive(survivor)
    workshop.cloud.part.start_again()

    assert workshop.client.models.get("kept", "7").version == "7"
    until(lambda: workshop.client.batch_deployments.get("halfway", ENDPOINT).provisioning_state == "Succeeded")
    ended = workshop.finished(job)
    assert (ended.status, workshop.rows(ended)) == ("Completed", ["second attempt"])
    until(lambda: not alive(survivor))


def test_the_server_ends_gracefully_within_five_seconds_with_a_job_running(workshop: Workshop, tmp_path: Path) -> None:
    """SIGTERM ends the job's process too; the job waits for the next start."""
    mark = tmp_path / "mark"
    workshop.endpoint(ENDPOINT)
    workshop.deploy(name="stopped", endpoint=ENDPOINT, score=FIRST_TIME_SLEEPY, variables={"MARK": str(mark)})
    job = workshop.invoke("stopped", ENDPOINT)
    until(lambda: mark.exists() and mark.read_text())
    workshop.cloud.part.terminate()
    assert not alive(int(mark.read_text()))
    workshop.cloud.part.start_again()
    assert workshop.finished(job).status == "Completed"


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    stat = Path(f"/proc/{pid}/stat")
    return not (stat.exists() and stat.read_text().rpartition(")")[2].split()[0] == "Z")
