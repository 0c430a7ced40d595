"""ArtifactStore: one suite for the fake and for Azure Blob Storage."""

from functools import partial

import pytest
from azure.storage.blob.aio import BlobServiceClient

from shared.adapters.blobs.artifacts import BlobArtifactStore
from shared.application.errors import TransientFault
from shared.application.training.ports import ArtifactStore
from tests.contract.blobs.test_evidence_store import address, blobs, service
from tests.contract.conftest import free_port
from tests.fakes.training import MemoryArtifactStore

__all__ = ["blobs", "service"]  # fixtures
NAME = "model-P001-C001/3/model_artifact_P001_C001.json"
CONTENT = {"plant_id": "P001", "model_version": "3"}


@pytest.fixture(params=["memory", pytest.param("blobs", marks=pytest.mark.azurite)])
def store(request: pytest.FixtureRequest) -> ArtifactStore:
    if request.param == "memory":
        return MemoryArtifactStore()
    client = request.getfixturevalue("service")
    return BlobArtifactStore(lambda: client, "artifacts-of-a-test")


async def test_an_artifact_is_kept_under_its_name_and_storing_it_again_is_fine(store: ArtifactStore) -> None:
    """The container is made by whoever comes first."""
    await store.put(NAME, CONTENT)
    await store.put(NAME, CONTENT)
    assert await store.get(NAME) == CONTENT


async def test_an_artifact_that_is_not_there_is_none(store: ArtifactStore) -> None:
    """Neither is one in a container that is not there."""
    assert await store.get("model-P009-C009/1/nothing.json") is None


async def test_storage_that_does_not_answer_is_a_passing_fault() -> None:
    options = {"retry_total": 0, "connection_timeout": 1, "read_timeout": 1}
    connect = partial(BlobServiceClient.from_connection_string, address(free_port()), **options)
    clients: list[BlobServiceClient] = []

    def remembered() -> BlobServiceClient:
        clients.append(connect())
        return clients[-1]

    with pytest.raises(TransientFault, match="storing artifact"):
        await BlobArtifactStore(remembered).put(NAME, CONTENT)
    for client in clients:
        await client.close()
