"""Quotas, token buckets and the clock, as clients meet them."""

from __future__ import annotations

import time

import httpx
import pytest
from azure.ai.ml.entities import BatchEndpoint
from azure.core.exceptions import HttpResponseError

from tests.local.azureml.cloud import Cloud, token, workspace_path
from tests.local.azureml.online.workshop import OnlineWorkshop
from tests.local.azureml.workshop import Workshop
from tests.support.processes import until


def test_the_documented_quotas_are_in_force_unless_others_were_asked_for(quotas: dict[str, int]) -> None:
    assert quotas == {"endpoints": 100, "deployments": 500, "deployments_per_endpoint": 20}


def test_a_subscription_has_so_many_endpoints_of_a_kind_over_all_its_workspaces(
    cloud: Cloud, workshop: Workshop, quotas: dict[str, int]
) -> None:
    """One more is refused, in whichever workspace; one that is there can be changed; the other kind counts apart."""
    clients = [cloud.workspace(name) for name in ("dev-ml-workspace", "test-ml-workspace", "prod-ml-workspace")]
    there = sum(len(list(client.batch_endpoints.list())) for client in clients)
    cloud.control("PUT", "quotas", json={"endpoints": there + 1})
    last = BatchEndpoint(name="the-last-one")
    clients[0].batch_endpoints.begin_create_or_update(last).result()
    for client in clients:
        with pytest.raises(HttpResponseError, match=r"OutOfQuota.*batchEndpoints in this region"):
            client.batch_endpoints.begin_create_or_update(BatchEndpoint(name="one-too-many"))
    clients[0].batch_endpoints.begin_create_or_update(last).result()
    OnlineWorkshop(workshop, "of-another-kind").create()
    clients[0].online_endpoints.begin_delete("of-another-kind").result()
    clients[0].batch_endpoints.begin_delete("the-last-one").result()


def test_quotas_of_deployments_are_lowered_and_raised_on_request(
    cloud: Cloud, workshop: Workshop, quotas: dict[str, int]
) -> None:
    """Both limits, each refused by name."""
    workshop.endpoint("quota-deployments")
    cloud.control("PUT", "quotas", json={"deployments_per_endpoint": 1})
    workshop.deploy(name="first", endpoint="quota-deployments")
    with pytest.raises(HttpResponseError, match="has 1 deployments, which is the limit"):
        workshop.deploy(name="second", endpoint="quota-deployments")
    cloud.control("PUT", "quotas", json={"deployments": 1})
    with pytest.raises(HttpResponseError, match="1 deployments of batchEndpoints in this region"):
        workshop.deploy(name="second", endpoint="quota-deployments")
    cloud.control("PUT", "quotas", json={})
    workshop.deploy(name="second", endpoint="quota-deployments")
    workshop.client.batch_endpoints.begin_delete("quota-deployments").result()


def test_deletions_have_a_bucket_of_their_own_and_the_client_comes_back_when_told(
    cloud: Cloud, workshop: Workshop
) -> None:
    """The second deletion is refused with Retry-After; the client waits that long and tries again."""
    for name in ("first-gone", "second-gone"):
        workshop.endpoint(name)
    cloud.control("PUT", "profile", json={"lro_seconds": 0.05, "budgets": {"deletes": {"size": 1, "refill_per_s": 1}}})
    began = time.monotonic()
    for name in ("first-gone", "second-gone"):
        workshop.client.batch_endpoints.begin_delete(name).result()
    assert time.monotonic() - began >= 0.9
    answer = httpx.get(f"{cloud.part.url}{workspace_path()}", headers=token())
    assert int(answer.headers["x-ms-ratelimit-remaining-subscription-reads"]) > 200


def test_the_clock_ends_an_operation_and_fills_a_bucket(cloud: Cloud, workshop: Workshop) -> None:
    """An operation of an hour, over at once; times in answers follow. Back is refused."""
    before = cloud.control("GET", "clock").json()["ahead_s"]
    cloud.control("PUT", "profile", json={"lro_seconds": 3600, "poll_seconds": 0.05})
    poller = workshop.client.batch_endpoints.begin_create_or_update(BatchEndpoint(name="an-hour"))
    assert workshop.client.batch_endpoints.get("an-hour").provisioning_state == "Creating"
    now = cloud.control("POST", "clock", json={"advance_s": 3600}).json()
    assert poller.result().provisioning_state == "Succeeded"
    assert now["ahead_s"] == before + 3600
    backwards = httpx.post(f"{cloud.part.url}/control/clock", json={"advance_s": -1})
    assert backwards.status_code == 400
    small = {"writes": {"size": 1, "refill_per_s": 0.001}}
    cloud.control("PUT", "profile", json={"budgets": small})
    url = f"{cloud.part.url}{workspace_path()}/batchEndpoints/nobody"
    assert [httpx.patch(url, json={}, headers=token()).status_code for _ in range(2)] == [404, 429]
    cloud.control("POST", "clock", json={"advance_s": 1000})
    assert httpx.patch(url, json={}, headers=token()).status_code == 404


def test_an_operation_tells_where_to_ask_and_when(cloud: Cloud) -> None:
    """A PUT has a status document with its own times, a DELETE a result that is empty in the end."""
    cloud.control("PUT", "profile", json={"lro_seconds": 60, "poll_seconds": 7})
    url = f"{cloud.part.url}{workspace_path()}/batchEndpoints/told"
    body = {"properties": {"authMode": "AADToken"}, "location": "westeurope"}
    with httpx.Client(headers=token()) as client:
        created = client.put(url, json=body)
        assert (created.status_code, created.headers["retry-after"]) == (201, "7")
        status = client.get(created.headers["azure-asyncoperation"])
        assert (status.json()["status"], status.headers["retry-after"]) == ("InProgress", "7")
        assert client.delete(url).status_code == 409
        cloud.control("POST", "clock", json={"advance_s": 60})
        ended = until(lambda: last if (last := client.get(status.url).json())["endTime"] else None)
        assert (ended["status"], ended["startTime"] < ended["endTime"]) == ("Succeeded", True)
        deleted = client.delete(url)
        assert (deleted.status_code, "azure-asyncoperation" in deleted.headers) == (202, False)
        assert client.get(deleted.headers["location"]).status_code == 202
        cloud.control("POST", "clock", json={"advance_s": 60})
        until(lambda: client.get(deleted.headers["location"]).status_code == 204)
        assert client.delete(url).status_code == 204
