"""EvidenceStore: files are kept by release and hash, as they came. One suite for memory and for Azurite's blobs."""

import hashlib
import itertools
import subprocess
import threading
from collections.abc import AsyncIterator, Iterator
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from azure.storage.blob.aio import BlobServiceClient

from shared.adapters.blobs.evidence import CLIENT_OPTIONS, BlobEvidenceStore
from shared.application.errors import TransientFault
from shared.application.release.ports import EvidenceStore
from shared.domain.evidence.matrix import NOTEBOOK_BYTES_MAX
from tests.contract.conftest import ACCOUNT, KEY, answers, free_port
from tests.fakes.evidence import MemoryEvidenceStore
from tests.support.builders import RELEASE_ID
from tests.support.processes import REPOSITORY, until

AZURITE = REPOSITORY / "node_modules" / "azurite" / "dist" / "src" / "blob" / "main.js"
CONTAINER_NUMBERS = itertools.count(1)
BYTES = bytes(range(256)) + "ü😀\r\n".encode()
SHA256 = hashlib.sha256(BYTES).hexdigest()


def address(port: int) -> str:
    endpoint = f"http://127.0.0.1:{port}/{ACCOUNT}"
    return f"DefaultEndpointsProtocol=http;AccountName={ACCOUNT};AccountKey={KEY};BlobEndpoint={endpoint};"


@pytest.fixture(scope="module")
def blobs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The connection string of Azurite's blob service on a free port, in memory, ended with SIGTERM."""
    port, directory = free_port(), tmp_path_factory.mktemp("azurite-blobs")
    options = ["--inMemoryPersistence", "--silent", "--disableTelemetry", "--skipApiVersionCheck"]
    with (directory / "log").open("wb") as log:
        process = subprocess.Popen(
            ["node", str(AZURITE), "--blobPort", str(port), *options], cwd=directory, stdout=log, stderr=log
        )
    try:
        until(lambda: answers(port), deadline_s=30)
        yield address(port)
    finally:
        process.terminate()
        process.wait(timeout=10)


@pytest.fixture
async def service(blobs: str) -> AsyncIterator[BlobServiceClient]:
    """A client with the settings of the product."""
    async with BlobServiceClient.from_connection_string(blobs, **CLIENT_OPTIONS) as client:
        yield client


@pytest.fixture
def container() -> str:
    """A container of the test's own, which does not exist yet."""
    return f"evidence-{next(CONTAINER_NUMBERS)}"


@pytest.fixture(params=["memory", pytest.param("blobs", marks=pytest.mark.azurite)])
def store(request: pytest.FixtureRequest) -> EvidenceStore:
    """Each test runs on both."""
    if request.param == "memory":
        return MemoryEvidenceStore()
    service = request.getfixturevalue("service")
    return BlobEvidenceStore(lambda: service, request.getfixturevalue("container"))


async def test_a_file_is_read_as_it_was_stored(store: EvidenceStore) -> None:
    """Byte by byte: its hash is what approvals bind to. The first file needs nothing to be there before it."""
    await store.put(RELEASE_ID, SHA256, BYTES)

    assert await store.get(RELEASE_ID, SHA256) == BYTES


async def test_storing_a_file_again_is_fine_and_changes_nothing(store: EvidenceStore) -> None:
    """A request that was sent twice; the first content of a name stays."""
    await store.put(RELEASE_ID, SHA256, BYTES)
    await store.put(RELEASE_ID, SHA256, BYTES)
    await store.put(RELEASE_ID, SHA256, b"something else")

    assert await store.get(RELEASE_ID, SHA256) == BYTES


async def test_a_file_that_is_not_there_is_none(store: EvidenceStore) -> None:
    """Before the first file, and beside another one."""
    assert await store.get(RELEASE_ID, SHA256) is None
    await store.put(RELEASE_ID, SHA256, BYTES)
    assert await store.get(RELEASE_ID, "0" * 64) is None


async def test_releases_do_not_share_files(store: EvidenceStore) -> None:
    """The same notebook for two releases is kept with each of them."""
    await store.put(RELEASE_ID, SHA256, BYTES)

    assert await store.get("rel-another", SHA256) is None


async def test_the_largest_file_is_kept(store: EvidenceStore) -> None:
    content = b"\0" * NOTEBOOK_BYTES_MAX
    sha256 = hashlib.sha256(content).hexdigest()
    await store.put(RELEASE_ID, sha256, content)

    assert await store.get(RELEASE_ID, sha256) == content


@pytest.mark.azurite
async def test_a_blob_is_named_by_release_and_hash_and_is_nothing_to_look_at(
    service: BlobServiceClient, container: str
) -> None:
    """Whoever opens its address saves a file: a notebook may hold HTML."""
    await BlobEvidenceStore(lambda: service, container).put(RELEASE_ID, SHA256, BYTES)

    found = await service.get_blob_client(container, f"{RELEASE_ID}/{SHA256}.ipynb").get_blob_properties()
    assert found.content_settings.content_type == "application/octet-stream"
    assert found.content_settings.content_disposition == "attachment"


@pytest.mark.azurite
async def test_a_blob_above_the_limit_is_not_read_to_its_end(service: BlobServiceClient, container: str) -> None:
    """Somebody else put it there; one byte too many shows that it is not what was judged."""
    await service.create_container(container)
    blob = service.get_blob_client(container, f"{RELEASE_ID}/{SHA256}.ipynb")
    await blob.upload_blob(b"\0" * (NOTEBOOK_BYTES_MAX + 1000))

    content = await BlobEvidenceStore(lambda: service, container).get(RELEASE_ID, SHA256)

    assert content is not None
    assert len(content) == NOTEBOOK_BYTES_MAX + 1


class ContainerGoes(BaseHTTPRequestHandler):
    """A blob service whose container is being deleted."""

    def do_PUT(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(409)
        self.send_header("x-ms-error-code", "ContainerBeingDeleted")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *arguments: object) -> None:
        """Says nothing."""


async def test_a_conflict_that_is_no_blob_of_that_name_is_not_taken_for_one() -> None:
    """The file was not stored, so nobody may be told that it was."""
    with ThreadingHTTPServer(("127.0.0.1", 0), ContainerGoes) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            text = address(server.server_port)
            async with BlobServiceClient.from_connection_string(text, **CLIENT_OPTIONS) as service:
                with pytest.raises(TransientFault, match="ContainerBeingDeleted"):
                    await BlobEvidenceStore(lambda: service).put(RELEASE_ID, SHA256, BYTES)
        finally:
            server.shutdown()
            thread.join()


async def test_storage_that_does_not_answer_is_a_passing_fault_within_the_deadline() -> None:
    """Whatever the SDK would like to try again."""
    connect = partial(BlobServiceClient.from_connection_string, address(free_port()), **CLIENT_OPTIONS)
    made: list[BlobServiceClient] = []

    def remembered() -> BlobServiceClient:
        made.append(connect())
        return made[-1]

    store = BlobEvidenceStore(remembered, call_deadline_s=0.3)
    for call in (store.put(RELEASE_ID, SHA256, BYTES), store.get(RELEASE_ID, SHA256)):
        with pytest.raises(TransientFault, match=SHA256):
            await call
    assert len(made) == 1
    await made[0].close()
