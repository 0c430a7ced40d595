"""How long things take and how many requests are accepted, where a profile says so."""

from __future__ import annotations

import asyncio
import time

import httpx
import pytest
from azure.core.exceptions import HttpResponseError

from local.azureml.service.errors import ArmError
from local.azureml.service.profiles import PROFILES, Budgets, Profile
from local.azureml.service.throttle import Throttle
from tests.local.azureml.cloud import Cloud, token, workspace_path
from tests.local.azureml.workshop import ENDPOINT, Workshop

BUDGETS = Profile(budgets=Budgets())
ARM_PATH = "/subscriptions/s/resourceGroups/g"


class _Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def admitted(throttle: Throttle, method: str = "PUT", caller: str = "ada", path: str = ARM_PATH) -> dict[str, str]:
    return asyncio.run(throttle.admit(BUDGETS, caller, method, path))


def test_two_hundred_writes_empty_the_bucket_and_ten_come_back_each_second() -> None:
    """The documented limits; Retry-After is a whole number of seconds."""
    clock = _Clock()
    throttle = Throttle(clock)
    left = [admitted(throttle)["x-ms-ratelimit-remaining-subscription-writes"] for _ in range(200)]
    assert (left[0], left[-1]) == ("199", "0")
    with pytest.raises(ArmError) as refused:
        admitted(throttle)
    assert (refused.value.status, refused.value.headers["Retry-After"]) == (429, "1")
    clock.now += 1
    for _ in range(10):
        admitted(throttle)
    with pytest.raises(ArmError, match="SubscriptionRequestsThrottled"):
        admitted(throttle)


def test_reads_writes_deletes_and_callers_have_buckets_of_their_own() -> None:
    throttle = Throttle(_Clock())
    for _ in range(200):
        admitted(throttle)
    assert admitted(throttle, "GET")["x-ms-ratelimit-remaining-subscription-reads"] == "249"
    assert admitted(throttle, "DELETE")["x-ms-ratelimit-remaining-subscription-deletes"] == "199"
    assert admitted(throttle, caller="grace")["x-ms-ratelimit-remaining-subscription-writes"] == "199"


def test_requests_that_do_not_pass_resource_manager_are_not_counted() -> None:
    assert admitted(Throttle(_Clock()), path="/workspaces/w/batchEndpoints/e/jobs") == {}


def test_a_profile_is_chosen_by_its_name(cloud: Cloud) -> None:
    chosen = cloud.control("POST", "profile/realistic").json()
    assert chosen == PROFILES["realistic"].model_dump()
    assert cloud.control("GET", "profile").json() == chosen
    assert cloud.control("POST", "profile/instant").json()["budgets"] is None
    unknown = httpx.post(f"{cloud.part.url}/control/profile/dreamy")
    assert (unknown.status_code, "instant, realistic" in unknown.text) == (400, True)


def test_requests_and_operations_take_the_time_that_the_profile_says(cloud: Cloud, workshop: Workshop) -> None:
    cloud.control("PUT", "profile", json={"lro_seconds": 0.8, "lro_spread": 0.1, "poll_seconds": 0.05,
                                          "read_seconds": 0.2, "write_seconds": 0.3})  # fmt: skip
    begin = time.monotonic()
    assert httpx.get(f"{cloud.part.url}{workspace_path()}", headers=token()).is_success
    assert 0.2 <= time.monotonic() - begin < 0.8
    begin = time.monotonic()
    workshop.deploy(name="patient")
    assert time.monotonic() - begin >= 0.3 + 0.9 * 0.8


def test_an_empty_bucket_answers_429_and_when_to_come_again(cloud: Cloud, workshop: Workshop) -> None:
    """With a small bucket: the next write is refused, and reads go on."""
    small = {"size": 1, "refill_per_s": 0.05}
    cloud.control("PUT", "profile", json={"budgets": {"writes": small}})
    url = f"{cloud.part.url}{workspace_path()}/batchEndpoints/{ENDPOINT}"
    first = httpx.patch(f"{url}/deployments/nobody", json={}, headers=token())
    assert (first.status_code, first.headers.get("x-ms-ratelimit-remaining-subscription-writes")) == (404, "0")
    second = httpx.patch(f"{url}/deployments/nobody", json={}, headers=token())
    assert second.status_code == 429
    assert 1 <= int(second.headers["retry-after"]) <= 20
    assert httpx.get(url, headers=token()).headers["x-ms-ratelimit-remaining-subscription-reads"] == "249"
    with pytest.raises(HttpResponseError, match="SubscriptionRequestsThrottled"):
        Workshop(cloud, cloud.workspace(retry_total=0), workshop.root).deploy(name="hasty")
