"""Events of a workspace reach Event Grid: what is announced, in which words, and what is not."""

from __future__ import annotations

import httpx
import pytest
from azure.ai.ml.entities import Model
from azure.core.exceptions import HttpResponseError

from tests.local.azureml.cloud import token, workspace_path
from tests.local.azureml.online.workshop import OnlineWorkshop
from tests.local.azureml.workshop import Workshop
from tests.support.processes import until


def register(workshop: Workshop, name: str, version: str, **tags: str) -> None:
    workshop.client.models.create_or_update(
        Model(
            name=name,
            version=version,
            path="azureml://datastores/workspaceblobstore/paths/m/",
            type="custom_model",
            tags=tags,
        )
    )


def test_a_new_model_version_is_announced_once_with_its_tags(workshop: Workshop) -> None:
    """A later change of its tags is not a registration."""
    receiver = workshop.cloud.receiver
    register(workshop, "announced", "3", circuit_id="C001")
    register(workshop, "announced", "3", circuit_id="C002")
    register(workshop, "announced", "4")
    until(lambda: receiver.of_type("ModelRegistered", "models/announced:4"))
    [event] = receiver.of_type("ModelRegistered", "models/announced:3")
    assert event["topic"].endswith("/workspaces/dev-ml-workspace")
    assert event["data"] == {
        "modelName": "announced",
        "modelVersion": "3",
        "modelTags": {"circuit_id": "C001"},
        "modelProperties": {},
    }
    assert "/system/dev-ml-workspace/api/events" in receiver.paths


def test_the_other_documented_spelling_can_be_chosen(workshop: Workshop) -> None:
    """PascalCase keys and a version that is a number."""
    workshop.cloud.control("PUT", "profile", json={"event_keys": "PascalCase"})
    register(workshop, "spelled", "20")
    [event] = until(lambda: workshop.cloud.receiver.of_type("ModelRegistered", "models/spelled:20"))
    assert (event["data"]["ModelName"], event["data"]["ModelVersion"]) == ("spelled", 20)


def test_a_job_announces_each_state_and_its_completion(workshop: Workshop) -> None:
    """`RunCompleted` comes for a success."""
    receiver = workshop.cloud.receiver
    job = workshop.invoke()
    until(lambda: receiver.of_type("RunCompleted", f"runs/{job}"), deadline_s=20)
    changes = receiver.of_type("RunStatusChanged", f"runs/{job}")
    assert [event["data"]["runStatus"] for event in changes] == [
        "Queued", "Preparing", "Running", "Finalizing", "Completed",
    ]  # fmt: skip
    assert changes[0]["data"]["experimentName"] == "batch-endpoint-plant-p001"


def test_a_failed_job_never_announces_a_completion(workshop: Workshop) -> None:
    """Only its last status tells."""
    receiver = workshop.cloud.receiver
    job = workshop.invoke(path="azureml://datastores/sensor_lake/paths/elsewhere/")
    until(lambda: "Failed" in [event["data"]["runStatus"] for event in receiver.of_type("RunStatusChanged", job)])
    register(workshop, "after-the-failure", "1")
    until(lambda: receiver.of_type("ModelRegistered", "after-the-failure:1"))
    assert receiver.of_type("RunCompleted", job) == []


def test_a_failed_deployment_announces_nothing(workshop: Workshop) -> None:
    """Nobody is told; who deploys has to look. The endpoint that the tests share may be full of their deployments."""
    receiver = workshop.cloud.receiver
    workshop.endpoint("fails-to-deploy")
    with pytest.raises(HttpResponseError, match="was not found"):
        workshop.deploy(name="unannounced", endpoint="fails-to-deploy", model="azureml:sensor-model:99")
    register(workshop, "after-the-deployment", "1")
    until(lambda: receiver.of_type("ModelRegistered", "after-the-deployment:1"))
    assert not [event for event in receiver.events if "unannounced" in str(event)]


def test_an_event_is_delivered_again_until_it_is_taken_even_after_a_kill(workshop: Workshop) -> None:
    """The receiver refuses; the server is killed; the event comes from disk after the restart."""
    receiver = workshop.cloud.receiver
    receiver.failing = 10_000
    register(workshop, "stubborn", "1")
    until(lambda: receiver.failing < 10_000)
    workshop.cloud.part.kill()
    receiver.failing = 1
    workshop.cloud.part.start_again()
    [event] = until(lambda: receiver.of_type("ModelRegistered", "models/stubborn:1"))
    assert event["data"]["modelVersion"] == "1"


def test_a_workspace_whose_events_nobody_takes_delays_only_itself(workshop: Workshop) -> None:
    """However many of them wait."""
    receiver, url = workshop.cloud.receiver, workshop.cloud.part.url + workspace_path()
    body = {"properties": {"modelUri": "azureml://datastores/workspaceblobstore/paths/m/"}}
    receiver.refused = "dev-ml-workspace"
    try:
        with httpx.Client(headers=token()) as http:
            for version in range(1, 61):
                assert http.put(f"{url}/models/crowd/versions/{version}", json=body).status_code == 201
            other = url.replace("dev-ml-workspace", "test-ml-workspace")
            assert http.put(f"{other}/models/alone/versions/1", json=body).status_code == 201
        until(lambda: receiver.of_type("ModelRegistered", "models/alone:1"))
    finally:
        receiver.refused = None
    until(lambda: receiver.of_type("ModelRegistered", "models/crowd:60"), deadline_s=20)


def test_an_online_deployment_is_announced_when_it_serves_and_not_when_it_fails(workshop: Workshop) -> None:
    """`ModelDeployed` names the model, in either spelling; a failure is no event."""
    receiver, online = workshop.cloud.receiver, OnlineWorkshop(workshop, "announced-online")
    online.create()
    with pytest.raises(HttpResponseError, match="ResourceNotReady"):
        online.deploy("blue", score="def init():\n    raise ValueError\n\ndef run(data):\n    return 1\n")
    online.deploy("blue", tags={"circuit_id": "C001"})
    [event] = until(lambda: receiver.of_type("ModelDeployed", "endpoints/announced-online"))
    assert event["data"] == {
        "serviceName": "announced-online",
        "serviceComputeType": "Managed",
        "serviceTags": {"circuit_id": "C001"},
        "serviceProperties": {},
        "modelIds": "sensor-model:1",
    }
    workshop.cloud.control("PUT", "profile", json={"event_keys": "PascalCase"})
    online.deploy("green")
    spelled = until(lambda: receiver.of_type("ModelDeployed", "endpoints/announced-online")[1:])
    assert spelled[0]["data"]["ModelIds"] == "sensor-model:1"
    online.endpoints.begin_delete("announced-online").result()
