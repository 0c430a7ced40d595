"""EvidenceStore on Azure Blob Storage: one container, one blob per file, named `<release id>/<SHA-256>.ipynb`.

A name says what is in it, so a blob is written once and never changed. The client library takes half a second to load,
and few calls need it: it is loaded by the first of them.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from azure.core.exceptions import AzureError, ResourceExistsError, ResourceNotFoundError

from shared.application.errors import TransientFault
from shared.domain.evidence.matrix import NOTEBOOK_BYTES_MAX

if TYPE_CHECKING:
    from azure.storage.blob.aio import BlobClient, BlobServiceClient

#: For whoever constructs the BlobServiceClient. The SDK's own first pause between two tries is 15 s: longer than a
#: person wants to look at a command line.
CLIENT_OPTIONS: Mapping[str, Any] = {
    "retry_total": 2,
    "initial_backoff": 0.5,
    "increment_base": 2,
    "random_jitter_range": 0.3,
    "connection_timeout": 5,
    "read_timeout": 10,
}
CALL_DEADLINE_S = 25.0  # of one call with all its retries

#: Whatever opens a blob's address saves a file and shows nothing: notebooks may hold HTML.
_CONTENT_TYPE, _DISPOSITION = "application/octet-stream", "attachment"
_NO_CONTAINER, _BLOB_EXISTS = "ContainerNotFound", "BlobAlreadyExists"
_FOREIGN = (AzureError, OSError, TimeoutError)


class BlobEvidenceStore:
    """`connect` makes the client, at the first call. Methods raise TransientFault when they got no usable answer."""

    def __init__(
        self,
        connect: "Callable[[], BlobServiceClient]",
        container: str = "evidence",
        *,
        call_deadline_s: float = CALL_DEADLINE_S,
    ) -> None:
        self._connect = connect
        self._container = container
        self._call_deadline_s = call_deadline_s
        self._service: BlobServiceClient | None = None

    async def put(self, release_id: str, sha256: str, content: bytes) -> None:
        """A blob that is there already has this content: its name is the hash."""
        async with self._call("storing", release_id, sha256) as blob:
            try:
                await self._upload(blob, content)
            except ResourceNotFoundError as error:
                if getattr(error, "error_code", "") != _NO_CONTAINER:
                    raise
                await self._create_container()
                await self._upload(blob, content)

    async def get(self, release_id: str, sha256: str) -> bytes | None:
        """The bytes as they are stored; whether they fit the hash is for the caller to see. Of a blob that is larger
        than any evidence, one byte more than the limit: enough to see that it is not what was judged."""
        async with self._call("reading", release_id, sha256) as blob:
            try:
                content: bytes = await (await blob.download_blob(offset=0, length=NOTEBOOK_BYTES_MAX + 1)).readall()
            except ResourceNotFoundError:
                return None
        return content

    async def _upload(self, blob: "BlobClient", content: bytes) -> None:
        from azure.storage.blob import ContentSettings

        settings = ContentSettings(content_type=_CONTENT_TYPE, content_disposition=_DISPOSITION)
        try:
            await blob.upload_blob(content, overwrite=False, content_settings=settings)
        except ResourceExistsError as error:
            if getattr(error, "error_code", "") != _BLOB_EXISTS:
                raise

    async def _create_container(self) -> None:
        """In Azure the container is made with the account; elsewhere by the first file."""
        try:
            await self._client().create_container(self._container)
        except ResourceExistsError:
            return

    def _client(self) -> "BlobServiceClient":
        if self._service is None:
            self._service = self._connect()
        return self._service

    @asynccontextmanager
    async def _call(self, what: str, release_id: str, sha256: str) -> "AsyncIterator[BlobClient]":
        name = f"{release_id}/{sha256}.ipynb"
        try:
            async with asyncio.timeout(self._call_deadline_s):
                yield self._client().get_blob_client(self._container, name)
        except _FOREIGN as error:
            raise TransientFault(f"{what} {name} of {self._container}: {error or type(error).__name__}") from error
