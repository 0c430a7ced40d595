"""Managed online endpoints: deployments that really score, traffic, mirrors, keys, logs, and what is refused."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from pathlib import Path

import pytest
from azure.ai.ml.exceptions import ValidationException
from azure.core.exceptions import (
    HttpResponseError,
    ResourceExistsError,
    ResourceNotFoundError,
)

from tests.local.azureml.conftest import QUICK
from tests.local.azureml.online.workshop import OnlineWorkshop, lines, slow
from tests.local.azureml.workshop import Workshop
from tests.support.processes import alive, until

RAISES = "def init():\n    raise RuntimeError('the model is torn')\n\ndef run(data):\n    return []\n"


@pytest.fixture(scope="module")
def online(workshop: Workshop) -> Iterator[OnlineWorkshop]:
    """An endpoint with a blue deployment that has all the traffic, and a green one that has none."""
    made = OnlineWorkshop(workshop, "online-p001")
    made.create(tags={"plant_id": "P001"})
    workshop.environment("1.6.0")
    made.deploy("blue")
    made.deploy("green", environment="azureml:custom-tf-env:1.6.0")
    made.route({"blue": 100})
    yield made
    made.endpoints.begin_delete(made.name).result()


@pytest.fixture(autouse=True)
def _blue_serves(request: pytest.FixtureRequest) -> Iterator[None]:
    """Each test finds all traffic on blue."""
    yield
    if "online" in request.fixturenames:
        online: OnlineWorkshop = request.getfixturevalue("online")
        endpoint = online.endpoints.get(online.name)
        if endpoint.mirror_traffic or endpoint.traffic.get("blue") != 100:
            online.route({"blue": 100})


def test_an_endpoint_and_its_deployments_are_read_back_as_they_were_made(online: OnlineWorkshop) -> None:
    """Public addresses, states, ids; a deployment without traffic is shown with 0."""
    endpoint = online.endpoints.get(online.name)
    assert (endpoint.provisioning_state, endpoint.auth_mode, endpoint.tags) == (
        "Succeeded",
        "key",
        {"plant_id": "P001"},
    )
    assert endpoint.scoring_uri.startswith("https://online-p001.westeurope.inference.ml.azure.com/")
    assert endpoint.traffic == {"blue": 100, "green": 0}
    assert online.name in {each.name for each in online.endpoints.list()}
    assert {each.name for each in online.deployments.list(online.name)} == {"blue", "green"}
    green = online.deployments.get("green", online.name)
    assert (green.provisioning_state, green.instance_count, green.instance_type) == ("Succeeded", 1, "Standard_DS3_v2")
    assert green.environment.endswith("/environments/custom-tf-env/versions/1.6.0")
    assert green.request_settings.request_timeout_ms == 5000


def test_a_deployment_scores_with_its_model_and_the_code_of_its_environment(online: OnlineWorkshop) -> None:
    """By name, each has its own environment; without a name the traffic decides."""
    assert online.invoke({}, "green") == {**online.invoke({}, "green"), "slot": "green", "version": "1.6.0"}
    by_traffic = online.post({}).json()
    assert (by_traffic["slot"], by_traffic["weight"], by_traffic["version"]) == ("blue", "0.25", "1.5.0")
    with pytest.raises(ValidationException, match="purple not found"):
        online.invoke({}, "purple")


def test_a_client_that_names_no_deployment_is_served_by_the_traffic(online: OnlineWorkshop) -> None:
    assert online.invoke({})["slot"] == "blue"
    online.route({"blue": 0, "green": 100})
    assert online.invoke({})["slot"] == "green"


def test_traffic_is_split_by_weight_and_a_seed_repeats_its_course(online: OnlineWorkshop) -> None:
    """Thirty percent of 100 requests, give or take four standard deviations; the answer says who gave it."""
    online.route({"blue": 70, "green": 30})
    key = online.endpoints.get_keys(online.name).primary_key

    def course(seed: int, length: int) -> list[str]:
        online.cloud.control("PUT", "traffic", json={"seed": seed})
        return [online.post({}, key).headers["azureml-model-deployment"] for _ in range(length)]

    first = course(7, 100)
    assert 30 - 18 <= Counter(first)["green"] <= 30 + 18
    assert course(7, 20) == first[:20]
    assert course(8, 20) != first[:20]


def test_mirrored_requests_reach_the_shadow_and_answer_nobody(online: OnlineWorkshop, tmp_path: Path) -> None:
    """About half of them; all answers come from blue. A request that names its deployment is not copied."""
    mark, key = tmp_path / "mark", online.endpoints.get_keys(online.name).primary_key
    online.cloud.control("PUT", "traffic", json={"seed": 1})
    online.route({"blue": 100}, {"green": 50})
    slots = {online.post({"mark": str(mark)}, key).json()["slot"] for _ in range(40)}
    assert slots == {"blue"}
    copies = until(lambda: Counter(lines(mark))["green"])
    assert 8 <= copies <= 32
    online.post({"mark": str(mark)}, key, **{"azureml-model-deployment": "blue"})
    assert online.invoke({}, "green")["slot"] == "green"


@pytest.mark.parametrize(
    ("traffic", "mirror", "problem"),
    [
        ({"blue": 60, "green": 30}, {}, "sum to 0 or 100, not 90"),
        ({"blue": 130, "green": -30}, {}, "whole number from 0 to 100"),
        ({"blue": 100}, {"green": 60}, "At most 50 percent"),
        ({"blue": 70, "green": 30}, {"green": 10}, "live and mirrored traffic at once"),
        ({"purple": 100}, {}, "Deployment purple"),
    ],
)
def test_traffic_that_no_endpoint_can_have_is_refused(
    online: OnlineWorkshop, traffic: dict[str, int], mirror: dict[str, int], problem: str
) -> None:
    with pytest.raises(HttpResponseError, match=problem):
        online.route(traffic, mirror)
    assert online.endpoints.get(online.name).traffic == {"blue": 100, "green": 0}


def test_an_endpoint_without_traffic_answers_404(online: OnlineWorkshop) -> None:
    """As documented; a named deployment answers all the same."""
    online.route({})
    assert (online.post({}).status_code, online.post({}, **{"azureml-model-deployment": "blue"}).status_code) == (
        404,
        200,
    )
    with pytest.raises(ResourceNotFoundError, match="positive weight"):
        online.invoke({})


def test_a_deployment_with_traffic_is_not_deleted_and_one_without_is(online: OnlineWorkshop) -> None:
    """Its process ends, and its name leaves the traffic."""
    online.deploy("purple")
    process = online.invoke({}, "purple")["pid"]
    online.route({"blue": 90, "purple": 10})
    with pytest.raises(HttpResponseError, match="has 10 percent of its traffic"):
        online.deployments.begin_delete("purple", online.name)
    online.route({"blue": 100, "purple": 0})
    online.deployments.begin_delete("purple", online.name).result()
    assert "purple" not in online.endpoints.get(online.name).traffic
    until(lambda: not alive(process))


def test_one_change_at_a_time_per_endpoint(online: OnlineWorkshop) -> None:
    """A second one is a conflict while the first runs; the state shows which."""
    online.cloud.control("PUT", "profile", json={"lro_seconds": 30, "poll_seconds": 0.1})
    first = online.deployments.begin_create_or_update(online.deployment("green"))
    assert online.deployments.get("green", online.name).provisioning_state == "Updating"
    with pytest.raises(ResourceExistsError, match="another operation on same entity"):
        online.route({"blue": 100})
    online.cloud.control("POST", "clock", json={"advance_s": 30})
    assert first.result().provisioning_state == "Succeeded"
    online.cloud.control("PUT", "profile", json=QUICK)


def test_a_script_that_cannot_start_fails_its_deployment_and_the_log_says_why(online: OnlineWorkshop) -> None:
    """ResourceNotReady, as documented; the deployment can receive no traffic."""
    with pytest.raises(HttpResponseError, match=r"ResourceNotReady.*the model is torn"):
        online.deploy("torn", score=RAISES)
    assert online.deployments.get("torn", online.name).provisioning_state == "Failed"
    log = online.deployments.get_logs("torn", online.name, lines=50)
    assert "score.py" in log
    assert log.splitlines()[-1] == "RuntimeError: the model is torn"
    with pytest.raises(HttpResponseError, match="never came up"):
        online.route({"torn": 100})
    online.deployments.begin_delete("torn", online.name).result()


def test_a_failed_update_leaves_the_deployment_serving_what_it_served(online: OnlineWorkshop) -> None:
    """The traffic is not interrupted, and the state says that the update failed."""
    before = online.post({}).json()
    with pytest.raises(HttpResponseError, match="ResourceNotReady"):
        online.deploy("blue", score=RAISES)
    assert online.deployments.get("blue", online.name).provisioning_state == "Failed"
    assert online.post({}).json() == before
    online.deploy("blue")


def test_an_update_loses_no_request_that_is_under_way(online: OnlineWorkshop, tmp_path: Path) -> None:
    """The old process answers until the new one does, then what it had begun, and then ends."""
    start, go, mark = (tmp_path / name for name in ("start", "go", "mark"))
    with ThreadPoolExecutor(1) as caller:
        variables = {"SLOT": "blue2", "START": str(start)}
        update = online.deployments.begin_create_or_update(online.deployment("blue", environment_variables=variables))
        until((tmp_path / "start-waited-for").exists)
        assert online.post({}).json()["slot"] == "blue"
        asked = caller.submit(online.post, {"wait": str(go), "mark": str(mark)})
        until(lambda: lines(mark))
        start.touch()
        update.result()
        assert online.post({}).json()["slot"] == "blue2"
        go.touch()
        answered = asked.result().json()
    assert answered["slot"] == "blue"
    until(lambda: not alive(answered["pid"]))
    online.deploy("blue")


def test_logs_tell_what_the_script_said_and_what_was_downloaded(online: OnlineWorkshop) -> None:
    """Two containers; only as many lines as asked for."""
    online.invoke({}, "green")
    said = online.deployments.get_logs("green", online.name, lines=100)
    assert "the model is loaded" in said
    assert "POST /score 200" in online.deployments.get_logs("green", online.name, lines=1)
    downloads = online.deployments.get_logs("green", online.name, lines=10, container_type="storage-initializer")
    assert "/models/sensor-model/versions/1" in downloads


def test_an_exception_in_the_model_is_424_and_a_crash_is_mended_by_the_next_request(online: OnlineWorkshop) -> None:
    """The headers carry the model's own status; the caller's request id comes back without forbidden characters."""
    failed = online.post({"fail": "too warm"}, **{"x-ms-client-request-id": "abc/42"})
    assert (failed.status_code, failed.headers["ms-azureml-model-error-statuscode"]) == (424, "500")
    assert (failed.json()["message"], failed.headers["x-ms-client-request-id"]) == ("ValueError: too warm", "abc42")
    crashed = online.post({"crash": True})
    assert (crashed.status_code, crashed.headers["ms-azureml-model-error-statuscode"]) == (424, "502")
    assert online.post({}).json()["slot"] == "blue"


def test_a_model_that_is_too_slow_or_too_busy_is_not_waited_for(online: OnlineWorkshop, tmp_path: Path) -> None:
    """408 after the deployment's own time-out, 429 with more than twice as many requests as it works on."""
    key = online.endpoints.get_keys(online.name).primary_key
    named = {"azureml-model-deployment": "slow"}
    online.deploy("slow", request_settings=slow(0.3))
    assert online.post({"wait": str(tmp_path / "never")}, key, **named).status_code == 408
    online.deploy("slow", request_settings=slow(20))
    go = tmp_path / "go"
    with ThreadPoolExecutor(3) as callers:
        asked = [callers.submit(online.post, {"wait": str(go)}, key, **named) for _ in range(3)]
        [refused], waiting = wait(asked, return_when=FIRST_COMPLETED)
        assert (refused.result().status_code, refused.result().json()["error"]["message"]) == (
            429,
            "Too many pending requests.",
        )
        go.touch()
        assert {each.result().status_code for each in waiting} == {200}
    online.deployments.begin_delete("slow", online.name).result()


def test_keys_open_the_endpoint_until_they_are_regenerated(online: OnlineWorkshop) -> None:
    """Either key; a wrong one, an Azure token or none is 401. The endpoint itself never shows them."""
    keys = online.endpoints.get_keys(online.name)
    assert {online.post({}, key).status_code for key in (keys.primary_key, keys.secondary_key)} == {200}
    online.endpoints.begin_regenerate_keys(online.name, key_type="secondary").result()
    changed = online.endpoints.get_keys(online.name)
    assert (changed.primary_key == keys.primary_key, changed.secondary_key == keys.secondary_key) == (True, False)
    assert online.post({}, keys.secondary_key).status_code == 401
    assert online.post({}, changed.secondary_key).status_code == 200


def test_a_token_of_an_endpoint_ends_after_an_hour(workshop: Workshop) -> None:
    """The client fetches a new one for each call; an application that keeps one is refused after that."""
    tokens = OnlineWorkshop(workshop, "online-tokens")
    tokens.create(auth_mode="aml_token")
    tokens.deploy("blue")
    tokens.route({"blue": 100})
    token = tokens.endpoints.get_keys(tokens.name)
    assert tokens.post({}, token.access_token).status_code == 200
    workshop.cloud.control("POST", "clock", json={"advance_s": 3601})
    assert tokens.post({}, token.access_token).status_code == 401
    assert tokens.invoke({})["slot"] == "blue"
    with pytest.raises(ValidationException, match="does not use keys"):
        tokens.endpoints.begin_regenerate_keys(tokens.name)
    with pytest.raises(HttpResponseError, match="authentication mode of an endpoint cannot be changed"):
        tokens.create(auth_mode="key")
    tokens.endpoints.begin_delete(tokens.name).result()


def test_an_endpoint_can_be_called_with_a_token_of_entra(workshop: Workshop) -> None:
    entra = OnlineWorkshop(workshop, "online-entra")
    entra.create(auth_mode="aad_token")
    entra.deploy("blue")
    entra.route({"blue": 100})
    assert entra.invoke({})["slot"] == "blue"
    assert entra.post({}, "nonsense").status_code == 401
    entra.endpoints.begin_delete(entra.name).result()
