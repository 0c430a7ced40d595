"""What a client may rely on, against the local part and, where one is given, a workspace in Azure.

Names are new each time, no compute is needed, and what can be deleted is deleted; models and environments are archived.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator

import pytest
from azure.ai.ml import MLClient
from azure.ai.ml.entities import BatchEndpoint, Environment, ManagedOnlineEndpoint, Model
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError

from local import redirect
from tests.local.azureml.cloud import Cloud

AZURE_WORKSPACE = "SWITCHYARD_CONTRACT_AZUREML_WORKSPACE"
PLACE = "azureml://datastores/workspaceblobstore/paths/switchyard-contract/"


@pytest.fixture(scope="module", params=["local", "azure"])
def workspace(request: pytest.FixtureRequest, cloud: Cloud, blob_base: str) -> Iterator[MLClient]:
    """A client of a workspace that this test may change."""
    if request.param == "local":
        yield cloud.workspace()
        return
    arm_id = os.environ.get(AZURE_WORKSPACE)
    if not arm_id:
        pytest.skip(f"set {AZURE_WORKSPACE} to run this against Azure (docs/local-azureml.md)")
    from azure.identity import DefaultAzureCredential

    _, _, subscription, _, group, _, _, _, name = arm_id.split("/")
    redirect.uninstall()
    yield MLClient(DefaultAzureCredential(), subscription, group, name, show_progress=False)
    redirect.install(azureml=cloud.part.url, blob=blob_base)


@pytest.fixture
def name() -> str:
    """One that nobody has, good for every kind of resource."""
    return f"contract-{uuid.uuid4().hex[:12]}"


def test_a_model_version_keeps_its_path_and_replaces_its_tags(workspace: MLClient, name: str) -> None:
    def model(path: str, **tags: str) -> Model:
        return Model(name=name, version="1", path=PLACE + path, type="custom_model", tags=tags)

    workspace.models.create_or_update(model("first/", stage="dev"))
    workspace.models.create_or_update(model("first/", stage="prod"))
    with pytest.raises(HttpResponseError, match="Asset paths cannot be updated"):
        workspace.models.create_or_update(model("second/"))
    assert workspace.models.get(name, "1").tags == {"stage": "prod"}
    workspace.models.archive(name)


def test_versions_of_a_model_count_up_and_latest_is_the_last(workspace: MLClient, name: str) -> None:
    for _ in range(2):
        workspace.models.create_or_update(Model(name=name, path=PLACE + "counted/", type="custom_model"))
    assert workspace.models.get(name, label="latest").version == "2"
    workspace.models.archive(name, version="1")
    assert [each.version for each in workspace.models.list(name)] == ["2"]
    workspace.models.archive(name)


def test_an_environment_version_keeps_its_image(workspace: MLClient, name: str) -> None:
    image = "mcr.microsoft.com/azureml/openmpi4.1.0-ubuntu20.04:"
    workspace.environments.create_or_update(Environment(name=name, version="1", image=image + "latest"))
    with pytest.raises(HttpResponseError):
        workspace.environments.create_or_update(Environment(name=name, version="1", image=image + "20240418.v1"))
    assert workspace.environments.get(name, "1").image == image + "latest"
    workspace.environments.archive(name)


def test_what_is_not_there_is_not_found(workspace: MLClient, name: str) -> None:
    for look in (
        lambda: workspace.models.get(name, "1"),
        lambda: workspace.environments.get(name, "1"),
        lambda: workspace.batch_endpoints.get(name),
        lambda: workspace.online_endpoints.get(name),
        lambda: workspace.jobs.get(name),
    ):
        with pytest.raises(ResourceNotFoundError):
            look()


def test_a_batch_endpoint_is_created_changed_and_deleted(workspace: MLClient, name: str) -> None:
    for tags in ({"a": "1"}, {"b": "2"}):
        endpoint = BatchEndpoint(name=name, tags=tags)
        workspace.batch_endpoints.begin_create_or_update(endpoint).result()
        found = workspace.batch_endpoints.get(name)
        assert (found.provisioning_state, found.tags) == ("Succeeded", tags)
    workspace.batch_endpoints.begin_delete(name).result()
    with pytest.raises(ResourceNotFoundError):
        workspace.batch_endpoints.get(name)


def test_an_online_endpoint_has_keys_and_refuses_traffic_for_deployments_it_does_not_have(
    workspace: MLClient, name: str
) -> None:
    endpoint = ManagedOnlineEndpoint(name=name, auth_mode="key")
    created = workspace.online_endpoints.begin_create_or_update(endpoint).result()
    assert (created.provisioning_state, created.traffic) == ("Succeeded", {})
    before = workspace.online_endpoints.get_keys(name)
    workspace.online_endpoints.begin_regenerate_keys(name, key_type="primary").result()
    after = workspace.online_endpoints.get_keys(name)
    assert after.primary_key != before.primary_key
    assert after.secondary_key == before.secondary_key
    created.traffic = {"nobody": 100}
    with pytest.raises(HttpResponseError):
        workspace.online_endpoints.begin_create_or_update(created).result()
    workspace.online_endpoints.begin_delete(name).result()
