"""ArtifactStore on Azure Blob Storage: one container, one JSON file per trained model."""

import json
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from shared.adapters.blobs.container import BlobContainer

if TYPE_CHECKING:
    from azure.storage.blob.aio import BlobServiceClient

CONTAINER = "training-artifacts"
_BYTES_MAX = 64_000


class BlobArtifactStore:
    """`connect` makes the client, at the first call. Methods raise TransientFault when they got no usable answer."""

    def __init__(self, connect: "Callable[[], BlobServiceClient]", container: str = CONTAINER) -> None:
        self._container = BlobContainer(connect, container)

    async def put(self, name: str, content: Mapping[str, str]) -> None:
        """Replaces what is there: a file of that name always says the same."""
        body = json.dumps(dict(content), indent=2).encode() + b"\n"
        await self._container.put(name, body, f"artifact {name}")

    async def get(self, name: str) -> dict[str, str] | None:
        """The file; None when there is none."""
        body = await self._container.get(name, f"artifact {name}", _BYTES_MAX)
        if body is None:
            return None
        content: dict[str, str] = json.loads(body)
        return content
