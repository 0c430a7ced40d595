"""Jobs tell about their runs: with the run's own token, about no other run, and what is told is read with the job."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest
from azure.ai.ml import command
from azure.ai.ml.entities import BuildContext, Environment

from tests.local.azureml.cloud import GROUP, SUBSCRIPTION, Cloud, Credential
from tests.support.processes import until

pytestmark = pytest.mark.azurite
WORKSPACE = (
    f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{GROUP}"
    "/providers/Microsoft.MachineLearningServices/workspaces/dev-ml-workspace"
)
TELL = """
import json, os, urllib.request, urllib.error
def tell(run_id, token, **told):
    body = {kind: [{"key": k, "value": v} for k, v in values.items()] for kind, values in told.items()}
    body["run_id"] = run_id
    url = os.environ["MLFLOW_TRACKING_URI"] + "/api/2.0/mlflow/runs/log-batch"
    headers = {"Authorization": "Bearer " + token}
    request = urllib.request.Request(url, json.dumps(body).encode(), headers, method="POST")
    try:
        return urllib.request.urlopen(request).status
    except urllib.error.HTTPError as error:
        return error.code
mine, token = os.environ["MLFLOW_RUN_ID"], os.environ["MLFLOW_TRACKING_TOKEN"]
print(tell(mine, token, params={"units": "2"}, metrics={"mae": 0.5}, tags={"said": "so"}))
print(tell(mine, token, metrics={"mae": 0.25}))
print(tell(mine, token, params={"units": "3"}))
print(tell("another-run", token, tags={"said": "this"}))
print(tell(mine, "guessed", tags={"said": "that"}))
"""


def test_a_job_tells_about_its_own_run_and_about_no_other(cloud: Cloud, tmp_path: Path) -> None:
    """The last value of a metric counts, a parameter never changes, and a tag is a tag of the job."""
    (tmp_path / "Dockerfile").write_text("FROM scratch\n")
    (tmp_path / "tell.py").write_text(TELL)
    client = cloud.workspace()
    client.environments.create_or_update(
        Environment(name="telling", version="1", build=BuildContext(path=str(tmp_path)))
    )
    client.jobs.create_or_update(
        command(name="telling-1", command="python -m tell", environment="azureml:telling:1", compute="cpu-cluster")
    )
    until(lambda: client.jobs.get("telling-1").status in ("Completed", "Failed"), deadline_s=30)
    assert cloud.log_of("telling-1").split() == ["200", "200", "400", "401", "401"]
    assert client.jobs.get("telling-1").tags["said"] == "so"
    data = run(cloud, "telling-1").json()["run"]["data"]
    assert data["metrics"] == [{"key": "mae", "value": 0.25}]
    assert data["params"] == [{"key": "units", "value": "2"}]


ONE_BY_ONE = """
import json, os, urllib.request
def ask(call, query="", **body):
    url = os.environ["MLFLOW_TRACKING_URI"] + "/api/2.0/mlflow/runs/" + call + query
    headers = {"Authorization": "Bearer " + os.environ["MLFLOW_TRACKING_TOKEN"]}
    data = json.dumps({"run_id": os.environ["MLFLOW_RUN_ID"], **body}).encode() if body else None
    return json.load(urllib.request.urlopen(urllib.request.Request(url, data, headers)))
ask("log-metric", key="mae", value=0.5, timestamp=1, step=0)
ask("log-parameter", key="units", value="2")
ask("set-tag", key="said", value="so")
print(ask("update", status="FINISHED", end_time=1)["run_info"]["run_id"])
print(sorted(ask("get", "?run_id=" + os.environ["MLFLOW_RUN_ID"])["run"]["data"]))
"""


def test_a_job_tells_one_thing_at_a_time_and_reads_its_run(cloud: Cloud, tmp_path: Path) -> None:
    """As the MLflow library does for log_metric, log_param, set_tag and the end of a run."""
    (tmp_path / "Dockerfile").write_text("FROM scratch\n")
    (tmp_path / "one_by_one.py").write_text(ONE_BY_ONE)
    client = cloud.workspace()
    client.environments.create_or_update(
        Environment(name="one-by-one", version="1", build=BuildContext(path=str(tmp_path)))
    )
    client.jobs.create_or_update(
        command(name="one-by-one-1", command="python -m one_by_one", environment="azureml:one-by-one:1", compute="c")
    )
    until(lambda: client.jobs.get("one-by-one-1").status in ("Completed", "Failed"), deadline_s=30)
    assert cloud.log_of("one-by-one-1").splitlines() == ["one-by-one-1", "['metrics', 'params', 'tags']"]
    data = run(cloud, "one-by-one-1").json()["run"]["data"]
    assert data["metrics"] == [{"key": "mae", "value": 0.5}]
    assert data["params"] == [{"key": "units", "value": "2"}]
    assert client.jobs.get("one-by-one-1").tags["said"] == "so"


def test_a_run_is_shown_to_who_is_signed_in_and_only_if_it_is_there(cloud: Cloud) -> None:
    assert run(cloud, "nobody").status_code == 404
    assert run(cloud, "nobody", token="none").status_code == 401


def run(cloud: Cloud, name: str, token: str | None = None) -> httpx.Response:
    shown: Any = Credential().get_token("https://ml.azure.com/.default").token if token is None else token
    url = f"{cloud.part.url}/mlflow/v1.0{WORKSPACE}/api/2.0/mlflow/runs/get"
    return httpx.get(url, params={"run_id": name}, headers={"Authorization": f"Bearer {shown}"})
