"""Every answer, judged by the models that Microsoft generates from the description of the service, sync and aio."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from azure.ai.ml import command
from azure.core.exceptions import HttpResponseError
from azure.mgmt.machinelearningservices import models as described

from tests.local.azureml.official import WHERE, async_client, client, missing
from tests.local.azureml.online.workshop import OnlineWorkshop
from tests.local.azureml.workshop import DEPLOYMENT, ENDPOINT, Workshop

JUDGED = "judged-by-models"


@pytest.fixture(scope="module")
def answers(workshop: Workshop) -> Iterator[OnlineWorkshop]:
    """One of everything there is to read."""
    made = OnlineWorkshop(workshop, JUDGED)
    made.create()
    made.deploy("blue")
    made.route({"blue": 100})
    workshop.finished(workshop.invoke())
    yield made
    made.endpoints.begin_delete(made.name).result()


BATCH = {"endpoint_name": ENDPOINT, **WHERE}
ONLINE = {"endpoint_name": JUDGED, **WHERE}
READS: dict[str, tuple[type, Callable[[Any], Any]]] = {
    "workspace": (described.Workspace, lambda c: c.workspaces.get(**WHERE)),
    "compute": (described.ComputeResource, lambda c: c.compute.get(compute_name="cpu-cluster", **WHERE)),
    "datastore": (described.Datastore, lambda c: c.datastores.get(name="workspaceblobstore", **WHERE)),
    "lake": (described.Datastore, lambda c: c.datastores.get(name="sensor_lake", **WHERE)),
    "model": (described.ModelVersion, lambda c: c.model_versions.get(name="sensor-model", version="1", **WHERE)),
    "models": (described.ModelContainer, lambda c: c.model_containers.get(name="sensor-model", **WHERE)),
    "environment": (
        described.EnvironmentVersion,
        lambda c: c.environment_versions.get(name="custom-tf-env", version="1.5.0", **WHERE),
    ),
    "batch endpoint": (described.BatchEndpoint, lambda c: c.batch_endpoints.get(**BATCH)),
    "batch deployment": (
        described.BatchDeployment,
        lambda c: c.batch_deployments.get(deployment_name=DEPLOYMENT, **BATCH),
    ),
    "online endpoint": (described.OnlineEndpoint, lambda c: c.online_endpoints.get(**ONLINE)),
    "online deployment": (
        described.OnlineDeployment,
        lambda c: c.online_deployments.get(deployment_name="blue", **ONLINE),
    ),
}
PARTS: dict[str, tuple[type, Callable[[Any], Any]]] = {
    "secrets": (described.SasDatastoreSecrets, lambda c: c.datastores.list_secrets(name="workspaceblobstore", **WHERE)),
    "keys": (described.EndpointAuthKeys, lambda c: c.online_endpoints.list_keys(**ONLINE)),
    "logs": (
        described.DeploymentLogs,
        lambda c: c.online_deployments.get_logs(deployment_name="blue", body={"tail": 5}, **ONLINE),
    ),
}
LISTS: dict[str, tuple[type, Callable[[Any], Any]]] = {
    "workspaces": (
        described.Workspace,
        lambda c: c.workspaces.list_by_resource_group(resource_group_name=WHERE["resource_group_name"]),
    ),
    "datastores": (described.Datastore, lambda c: c.datastores.list(**WHERE)),
    "model versions": (described.ModelVersion, lambda c: c.model_versions.list(name="sensor-model", **WHERE)),
    "model containers": (described.ModelContainer, lambda c: c.model_containers.list(**WHERE)),
    "environments": (described.EnvironmentContainer, lambda c: c.environment_containers.list(**WHERE)),
    "codes": (described.CodeContainer, lambda c: c.code_containers.list(**WHERE)),
    "batch endpoints": (described.BatchEndpoint, lambda c: c.batch_endpoints.list(**WHERE)),
    "batch deployments": (described.BatchDeployment, lambda c: c.batch_deployments.list(**BATCH)),
    "online endpoints": (described.OnlineEndpoint, lambda c: c.online_endpoints.list(**WHERE)),
    "online deployments": (described.OnlineDeployment, lambda c: c.online_deployments.list(**ONLINE)),
    "skus": (described.SkuResource, lambda c: c.online_deployments.list_skus(deployment_name="blue", **ONLINE)),
    "jobs": (described.JobBase, lambda c: c.jobs.list(**WHERE)),
}


@pytest.mark.parametrize("what", READS)
async def test_a_resource_is_understood_in_full(answers: OnlineWorkshop, what: str) -> None:
    """The type the description names, and nothing required left out; the same by both clients."""
    kind, read = READS[what]
    found = read(client())
    assert (type(found), missing(found)) == (kind, [])
    async with async_client() as aio:
        assert (await read(aio)).serialize(keep_readonly=True) == found.serialize(keep_readonly=True)


@pytest.mark.parametrize("what", PARTS)
async def test_an_answer_that_is_no_resource_is_understood_in_full(answers: OnlineWorkshop, what: str) -> None:
    kind, read = PARTS[what]
    found = read(client())
    assert (type(found), missing(found, resource=False)) == (kind, [])
    async with async_client() as aio:
        assert type(await read(aio)) is kind


@pytest.mark.parametrize("what", LISTS)
async def test_every_element_of_a_list_is_understood_in_full(answers: OnlineWorkshop, what: str) -> None:
    kind, read = LISTS[what]
    found = list(read(client()))
    assert found
    assert {type(each) for each in found} == {kind}
    assert [lack for each in found for lack in missing(each, resource=what != "skus")] == []
    async with async_client() as aio:
        assert len([each async for each in read(aio)]) == len(found)


def test_both_kinds_of_job_are_understood_in_full(workshop: Workshop) -> None:
    """The discriminator picks the class: what a job is cannot be read from anything else."""
    wanted = command(command="true", environment="azureml:custom-tf-env:1.5.0", compute="cpu-cluster")
    named = {
        workshop.invoke(): described.PipelineJob,
        str(workshop.client.jobs.create_or_update(wanted).name): described.CommandJob,
    }
    for name, kind in named.items():
        job = client().jobs.get(id=workshop.finished(name).name, **WHERE)
        assert (type(job.properties), missing(job)) == (kind, [])


async def test_long_running_operations_end_for_both_clients(workshop: Workshop) -> None:
    """Created by PUT, changed by PATCH, which the other client never sends, and deleted, each to its end."""
    where = {"endpoint_name": "long-running", **WHERE}
    body = described.OnlineEndpoint(
        location="westeurope", properties=described.OnlineEndpointProperties(auth_mode="Key"), tags={"a": "1"}
    )
    endpoints = client().online_endpoints
    created = endpoints.begin_create_or_update(body=body, **where).result()
    assert (created.properties.provisioning_state, missing(created)) == ("Succeeded", [])
    patch = described.PartialMinimalTrackedResourceWithIdentity(tags={"a": "2"})
    endpoints.begin_update(body=patch, **where).result()
    before = endpoints.list_keys(**where)
    request = described.RegenerateEndpointKeysRequest(key_type="Primary", key_value="mine")
    endpoints.begin_regenerate_keys(body=request, **where).result()
    after = endpoints.list_keys(**where)
    assert (after.primary_key, after.secondary_key) == ("mine", before.secondary_key)
    async with async_client() as aio:
        assert (await aio.online_endpoints.get(**where)).tags == {"a": "2"}
        await (await aio.online_endpoints.begin_delete(**where)).result()
    with pytest.raises(HttpResponseError) as gone:
        endpoints.get(**where)
    assert gone.value.error.code == "ResourceNotFound"


async def test_a_batch_deployment_is_patched_and_an_endpoint_too(workshop: Workshop) -> None:
    """PATCH changes description and tags of a deployment, and tags of an endpoint."""
    workshop.endpoint("patched-by-mgmt")
    workshop.deploy(name="only", endpoint="patched-by-mgmt")
    where = {"endpoint_name": "patched-by-mgmt", **WHERE}
    async with async_client() as aio:
        body = described.PartialBatchDeploymentPartialMinimalTrackedResourceWithProperties(
            properties=described.PartialBatchDeployment(description="by the other client"), tags={"x": "y"}
        )
        poller = await aio.batch_deployments.begin_update(deployment_name="only", body=body, **where)
        await poller.result()
        patch = described.PartialMinimalTrackedResourceWithIdentity(tags={"e": "1"})
        await (await aio.batch_endpoints.begin_update(body=patch, **where)).result()
    deployment = client().batch_deployments.get(deployment_name="only", **where)
    assert (deployment.properties.description, deployment.tags) == ("by the other client", {"x": "y"})
    assert client().batch_endpoints.get(**where).tags == {"e": "1"}
    workshop.client.batch_endpoints.begin_delete("patched-by-mgmt").result()


def test_more_instances_of_an_online_deployment_are_a_patch_of_its_sku(answers: OnlineWorkshop) -> None:
    body = described.PartialMinimalTrackedResourceWithSku(sku=described.PartialSku(capacity=3))
    client().online_deployments.begin_update(deployment_name="blue", body=body, **ONLINE).result()
    assert answers.deployments.get("blue", JUDGED).instance_count == 3
    assert answers.invoke({})["slot"] == "blue"
