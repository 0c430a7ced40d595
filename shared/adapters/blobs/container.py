"""One container of Azure Blob Storage, whose blobs are replaced as a whole."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from azure.core.exceptions import AzureError, ResourceExistsError, ResourceNotFoundError

from shared.adapters.blobs.evidence import CALL_DEADLINE_S
from shared.application.errors import TransientFault

if TYPE_CHECKING:
    from azure.storage.blob.aio import BlobServiceClient, ContainerClient

_NO_CONTAINER = "ContainerNotFound"
_FOREIGN = (AzureError, OSError, TimeoutError)


class BlobContainer:
    """`connect` makes the client, at the first call. Methods raise TransientFault when they got no usable answer."""

    def __init__(self, connect: "Callable[[], BlobServiceClient]", name: str) -> None:
        self._connect = connect
        self._name = name
        self._service: BlobServiceClient | None = None

    async def put(self, name: str, body: bytes, what: str) -> None:
        """Replaces what is there. In Azure the container is made with the account; elsewhere by the first blob.
        `what` names the blob in errors."""
        async with self._call(f"storing {what}") as container:
            try:
                await container.upload_blob(name, body, overwrite=True)
            except ResourceNotFoundError as error:
                if getattr(error, "error_code", "") != _NO_CONTAINER:
                    raise
                await _create(container)
                await container.upload_blob(name, body, overwrite=True)

    async def get(self, name: str, what: str, bytes_max: int) -> bytes | None:
        """The blob, cut after `bytes_max`; None when there is none."""
        async with self._call(f"reading {what}") as container:
            try:
                stream = await container.download_blob(name, offset=0, length=bytes_max)
                body: bytes = await stream.readall()
            except ResourceNotFoundError:
                return None
        return body

    @asynccontextmanager
    async def _call(self, what: str) -> "AsyncIterator[ContainerClient]":
        self._service = self._service or self._connect()
        try:
            async with asyncio.timeout(CALL_DEADLINE_S):
                yield self._service.get_container_client(self._name)
        except _FOREIGN as error:
            raise TransientFault(f"{what}: {error or type(error).__name__}") from error


async def _create(container: "ContainerClient") -> None:
    try:
        await container.create_container()
    except ResourceExistsError:
        return  # somebody else was quicker
