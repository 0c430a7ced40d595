"""KeptConfigurations on Azure Blob Storage: one container, one archive per commit, named `<commit>.zip`."""

import asyncio
import io
import zipfile
import zlib
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from shared.adapters.blobs.container import BlobContainer

if TYPE_CHECKING:
    from azure.storage.blob.aio import BlobServiceClient

CONTAINER = "configurations"

FILES_BYTES_MAX = 160 * 1024 * 1024
"""Of one commit, packed and unpacked: above what the repository is read up to."""

_NO_ARCHIVE = (zipfile.BadZipFile, zlib.error, ValueError, RuntimeError, EOFError, NotImplementedError)


class BlobConfigurations:
    """`connect` makes the client, at the first call. Methods raise TransientFault when they got no usable answer."""

    def __init__(self, connect: "Callable[[], BlobServiceClient]", container: str = CONTAINER) -> None:
        self._container = BlobContainer(connect, container)

    async def put(self, commit: str, files: Mapping[str, bytes]) -> None:
        """Replaces what is there: a commit always holds the same."""
        await self._container.put(f"{commit}.zip", await asyncio.to_thread(_packed, files), _what(commit))

    async def get(self, commit: str) -> Mapping[str, bytes] | None:
        """The files. None when they are not kept, and for an archive that nobody can read: it is read from the
        repository again then, and replaced."""
        body = await self._container.get(f"{commit}.zip", _what(commit), FILES_BYTES_MAX)
        return await asyncio.to_thread(_unpacked, body) if body is not None else None


def _what(commit: str) -> str:
    return f"the configuration of commit {commit}"


def _packed(files: Mapping[str, bytes]) -> bytes:
    body = io.BytesIO()
    with zipfile.ZipFile(body, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(files):
            archive.writestr(zipfile.ZipInfo(path), files[path], zipfile.ZIP_DEFLATED)
    return body.getvalue()


def _unpacked(body: bytes) -> Mapping[str, bytes] | None:
    try:
        with zipfile.ZipFile(io.BytesIO(body)) as archive:
            if sum(each.file_size for each in archive.infolist()) > FILES_BYTES_MAX:
                return None
            return {each.filename: archive.read(each) for each in archive.infolist()}
    except _NO_ARCHIVE:
        return None
