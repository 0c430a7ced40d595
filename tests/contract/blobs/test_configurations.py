"""KeptConfigurations: one suite for the fake and for Azure Blob Storage."""

import pytest
from azure.storage.blob.aio import BlobServiceClient

from shared.adapters.blobs.configurations import BlobConfigurations
from shared.application.configuration import KeptConfigurations
from shared.application.errors import TransientFault
from tests.contract.blobs.test_evidence_store import address, blobs, service
from tests.contract.conftest import free_port
from tests.fakes.changes import MemoryKeptConfigurations

__all__ = ["blobs", "service"]  # fixtures
CONTAINER = "configurations-of-a-test"
FILES = {
    "policies.yml": b"version: 1\n",
    "plants/P001/C001.yml": "# \u00fc\r\n".encode(),
    "monitoring.yml": b"\xff\x00",
}


@pytest.fixture(params=["memory", pytest.param("blobs", marks=pytest.mark.azurite)])
def kept(request: pytest.FixtureRequest) -> KeptConfigurations:
    if request.param == "memory":
        return MemoryKeptConfigurations()
    client = request.getfixturevalue("service")
    return BlobConfigurations(lambda: client, CONTAINER)


async def test_files_come_back_as_they_were_and_keeping_them_again_is_fine(kept: KeptConfigurations) -> None:
    await kept.put("a" * 40, FILES)
    await kept.put("a" * 40, FILES)
    assert await kept.get("a" * 40) == FILES


async def test_a_commit_that_is_not_kept_has_none(kept: KeptConfigurations) -> None:
    assert await kept.get("b" * 40) is None


@pytest.mark.azurite
async def test_an_archive_that_nobody_can_read_counts_as_not_kept(service: BlobServiceClient) -> None:
    """It is read from the repository again."""
    kept = BlobConfigurations(lambda: service, CONTAINER)
    await kept.put("c" * 40, FILES)
    blob = service.get_blob_client(CONTAINER, f"{'c' * 40}.zip")
    whole = await (await blob.download_blob()).readall()
    for body in (b"no archive", whole[:-30], whole[:40] + bytes(10) + whole[50:]):
        await blob.upload_blob(body, overwrite=True)
        assert await kept.get("c" * 40) is None


async def test_storage_that_does_not_answer_is_a_passing_fault() -> None:
    options = {"retry_total": 0, "connection_timeout": 1, "read_timeout": 1}
    client = BlobServiceClient.from_connection_string(address(free_port()), **options)
    with pytest.raises(TransientFault, match="configuration of commit"):
        await BlobConfigurations(lambda: client).get("a" * 40)
    await client.close()
