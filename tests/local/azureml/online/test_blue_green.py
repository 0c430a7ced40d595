"""A model of the registry goes to production in blue and green, as the plan for the integration branch says.

30 % of the traffic first, checks, then all of it, and the old slot is deleted; or back to what was before. The state of
the slots survives a killed server.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError

from tests.local.azureml.cloud import REGISTRY, Cloud
from tests.local.azureml.online.workshop import OnlineWorkshop
from tests.local.azureml.workshop import Workshop
from tests.support.processes import alive, until

ENVIRONMENT = f"azureml://registries/{REGISTRY}/environments/taxi-env/versions/1.0.0"


@pytest.fixture
def taxi(cloud: Cloud, workshop: Workshop, tmp_path: Path) -> OnlineWorkshop:
    """An endpoint whose blue slot serves version 1 of a registry's model; version 2 is in the registry too."""
    for version, weights in (("1", "0.1"), ("2", "0.2")):
        workshop.model("taxi-class", weights, version=version)
        shared = {"registry_name": REGISTRY, "share_with_name": "taxi-class", "share_with_version": version}
        cloud.workspace().models.share("taxi-class", version, **shared)
    shared = {"registry_name": REGISTRY, "share_with_name": "taxi-env", "share_with_version": "1.0.0"}
    cloud.workspace().environments.share("custom-tf-env", "1.5.0", **shared)
    made = OnlineWorkshop(workshop, "taxi-class")
    made.create()
    made.deploy("blue", model=model("1"), environment=ENVIRONMENT)
    made.route({"blue": 100})
    return made


def model(version: str) -> str:
    return f"azureml://registries/{REGISTRY}/models/taxi-class/versions/{version}"


def test_a_release_in_blue_and_green_and_the_way_back(taxi: OnlineWorkshop) -> None:
    """First forward and back, then forward for good, with a kill between the slots."""
    before = taxi.endpoints.get(taxi.name).traffic
    taxi.deploy("green", model=model("2"), environment=ENVIRONMENT)
    taxi.route({"blue": 70, "green": 30})
    assert taxi.invoke({}, "green")["weight"] == "0.2"

    taxi.route(before)
    assert {taxi.post({}).json()["weight"] for _ in range(10)} == {"0.1"}
    with pytest.raises(HttpResponseError, match="has 100 percent"):
        taxi.deployments.begin_delete("blue", taxi.name)

    taxi.route({"blue": 70, "green": 30})
    processes = [taxi.invoke({}, slot)["pid"] for slot in ("blue", "green")]
    taxi.cloud.part.kill()
    until(lambda: not any(alive(each) for each in processes))
    taxi.cloud.part.start_again()
    key = taxi.endpoints.get_keys(taxi.name).primary_key
    seen = Counter(taxi.post({}, key).json()["weight"] for _ in range(100))
    assert set(seen) == {"0.1", "0.2"}
    assert seen["0.1"] > seen["0.2"]

    taxi.route({"green": 100, "blue": 0})
    taxi.deployments.begin_delete("blue", taxi.name).result()
    with pytest.raises(ResourceNotFoundError):
        taxi.deployments.get("blue", taxi.name)
    assert {taxi.post({}, key).json()["weight"] for _ in range(10)} == {"0.2"}
    taxi.endpoints.begin_delete(taxi.name).result()
