"""What a workspace answers about itself."""

from __future__ import annotations

import pytest
from azure.core.exceptions import ResourceNotFoundError

from .cloud import Cloud


def test_three_workspaces_have_the_ids_and_addresses_that_clients_need(cloud: Cloud) -> None:
    """Location, guid and discovery URL; the addresses are public ones, since the client insists on https."""
    names = ("dev-ml-workspace", "test-ml-workspace", "prod-ml-workspace")
    found = [cloud.workspace(name).workspaces.get(name) for name in names]
    assert {one.location for one in found} == {"westeurope"}
    assert len({one._workspace_id for one in found}) == 3
    assert all(one.discovery_url.startswith("https://westeurope.api.azureml.ms/discovery/") for one in found)
    with pytest.raises(ResourceNotFoundError):
        cloud.workspace("stage-ml-workspace").models.get("m", "1")


def test_the_lake_and_the_default_store_are_datastores(cloud: Cloud) -> None:
    """The lake stands for the mounted Data Lake folder."""
    datastores = cloud.workspace().datastores
    assert datastores.get("sensor_lake").type == "AzureDataLakeGen2"
    assert datastores.get_default().name == "workspaceblobstore"
    assert "sensor_lake" in {one.name for one in datastores.list()}


def test_a_compute_of_any_name_is_a_cluster_of_two_nodes(cloud: Cloud) -> None:
    """As many jobs run at a time."""
    compute = cloud.workspace().compute.get("cpu-cluster")
    assert (compute.type, compute.max_instances) == ("amlcompute", 2)
