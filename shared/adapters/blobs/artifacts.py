"""ArtifactStore on Azure Blob Storage: one container, one JSON file per trained model."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from azure.core.exceptions import AzureError, ResourceExistsError, ResourceNotFoundError

from shared.adapters.blobs.evidence import CALL_DEADLINE_S
from shared.application.errors import TransientFault

if TYPE_CHECKING:
    from azure.storage.blob.aio import BlobServiceClient, ContainerClient

CONTAINER = "training-artifacts"
_BYTES_MAX = 64_000
_NO_CONTAINER = "ContainerNotFound"
_FOREIGN = (AzureError, OSError, TimeoutError)


class BlobArtifactStore:
    """`connect` makes the client, at the first call. Methods raise TransientFault when they got no usable answer."""

    def __init__(self, connect: "Callable[[], BlobServiceClient]", container: str = CONTAINER) -> None:
        self._connect = connect
        self._container = container
        self._service: BlobServiceClient | None = None

    async def put(self, name: str, content: Mapping[str, str]) -> None:
        """Replaces what is there: a file of that name always says the same."""
        body = json.dumps(dict(content), indent=2).encode() + b"\n"
        async with self._call(f"storing artifact {name}") as container:
            try:
                await container.upload_blob(name, body, overwrite=True)
            except ResourceNotFoundError as error:
                if getattr(error, "error_code", "") != _NO_CONTAINER:
                    raise
                await _create(container)
                await container.upload_blob(name, body, overwrite=True)

    async def get(self, name: str) -> dict[str, str] | None:
        """The file; None when there is none."""
        async with self._call(f"reading artifact {name}") as container:
            try:
                stream = await container.download_blob(name, offset=0, length=_BYTES_MAX)
                content: dict[str, str] = json.loads(await stream.readall())
            except ResourceNotFoundError:
                return None
        return content

    @asynccontextmanager
    async def _call(self, what: str) -> "AsyncIterator[ContainerClient]":
        self._service = self._service or self._connect()
        try:
            async with asyncio.timeout(CALL_DEADLINE_S):
                yield self._service.get_container_client(self._container)
        except _FOREIGN as error:
            raise TransientFault(f"{what}: {error or type(error).__name__}") from error


async def _create(container: "ContainerClient") -> None:
    try:
        await container.create_container()
    except ResourceExistsError:
        return  # somebody else was quicker
