"""What a workspace answers about itself."""

from __future__ import annotations

from pathlib import Path

import pytest
from azure.ai.ml.entities import AzureBlobDatastore, Data
from azure.core.exceptions import HttpResponseError, ResourceExistsError, ResourceNotFoundError

from tests.local.azureml.cloud import ACCOUNT, Cloud
from tests.local.azureml.workshop import folder


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


def test_a_datastore_can_be_created_used_and_deleted(cloud: Cloud, tmp_path: Path) -> None:
    """A container of the local account: what is uploaded there is an input of jobs. Nothing else can be one."""
    client = cloud.workspace()
    wanted = AzureBlobDatastore(name="feeds", account_name=ACCOUNT, container_name="raw-feeds", tags={"owner": "etl"})
    client.datastores.create_or_update(wanted)
    stored = client.datastores.get("feeds")
    assert (stored.container_name, stored.tags, stored.account_name) == ("raw-feeds", {"owner": "etl"}, ACCOUNT)
    source = folder(tmp_path / "feed", {"day.csv": "1,2"})
    data = client.data.create_or_update(
        Data(name="feed", version="1", path=str(source), type="uri_folder", datastore="feeds")
    )
    assert "/datastores/feeds/paths/" in data.path
    moved = AzureBlobDatastore(name="feeds", account_name=ACCOUNT, container_name="elsewhere")
    with pytest.raises(ResourceExistsError, match="does not change"):
        client.datastores.create_or_update(moved)
    with pytest.raises(HttpResponseError, match="not a container of the account"):
        client.datastores.create_or_update(AzureBlobDatastore(name="far", account_name="other", container_name="c12"))
    with pytest.raises(HttpResponseError, match="belongs to the workspace"):
        client.datastores.delete("workspaceblobstore")
    client.datastores.delete("feeds")
    assert "feeds" not in {one.name for one in client.datastores.list()}


def test_a_compute_of_any_name_is_a_cluster_of_two_nodes(cloud: Cloud) -> None:
    """As many jobs run at a time."""
    compute = cloud.workspace().compute.get("cpu-cluster")
    assert (compute.type, compute.max_instances) == ("amlcompute", 2)
