"""Versions of assets as folders on this machine, and their copies in the registry.

"Building" an environment means to put its build context below `DATA/environments/<scope>/<name>/<version>/`: each
version has its own Python code, which a job finds on its PYTHONPATH. Versions never change, so a folder that is
there is complete and current.
"""

from __future__ import annotations

import asyncio
import shutil
import uuid
from collections import defaultdict
from pathlib import Path, PurePosixPath
from typing import Any

from local.azureml.service.arm_ids import AssetRef, BlobPath
from local.azureml.service.config import Scope
from local.azureml.service.errors import invalid
from local.azureml.service.storage import Storage
from local.azureml.service.store import Document


class Artifacts:
    """Brings asset versions to this machine, each once."""

    def __init__(self, data: Path, storage: Storage) -> None:
        self._data = data
        self._storage = storage
        self._partial = data / "partial"
        self._locks: defaultdict[Path, asyncio.Lock] = defaultdict(asyncio.Lock)

    def recover(self) -> None:
        """Remove what a killed server had begun to download."""
        shutil.rmtree(self._partial, ignore_errors=True)

    async def model_dir(self, scope: Scope, ref: AssetRef, model: Document) -> Path:
        """AZUREML_MODEL_DIR: the folder that holds the model's artifact folder or file."""
        uri = model["properties"]["modelUri"]
        place = self._storage.locate(uri, scope)
        leaf = PurePosixPath(place.path).name if isinstance(place, BlobPath) else place.name
        return await self._version(scope, ref, uri, leaf)

    async def environment_dir(self, scope: Scope, ref: AssetRef, environment: Document) -> Path | None:
        """The build context of an environment version; None if it is an image without one."""
        build = environment["properties"].get("build")
        return await self._version(scope, ref, build["contextUri"], "") if build else None

    async def code_dir(self, scope: Scope, ref: AssetRef, code: Document) -> Path:
        return await self._version(scope, ref, code["properties"]["codeUri"], "")

    async def fetch(self, workspace: Scope, uri: str, target: Path) -> Path:
        """An input of a job: a folder of the lake as it is, anything in Blob Storage as a copy in `target`."""
        place = self._storage.locate(uri, workspace)
        if isinstance(place, BlobPath):
            await self._storage.download(place, target)
            return target
        if not place.exists():
            raise invalid(f"The input {uri!r} does not exist: {place} is not on this machine.")
        return place

    def forget(self, scope: Scope, kind: str, name: str, version: str) -> None:
        """Delete the folder of a deleted version, since another version may get its name."""
        shutil.rmtree(self._data / kind / scope.name / name / version, ignore_errors=True)

    async def _version(self, scope: Scope, ref: AssetRef, uri: str, leaf: str) -> Path:
        folder = self._data / ref.kind / scope.name / ref.name / ref.version
        async with self._locks[folder]:
            if not folder.exists():
                partial = self._partial / uuid.uuid4().hex
                try:
                    await self._bring(scope, uri, partial / leaf)
                    folder.parent.mkdir(parents=True, exist_ok=True)
                    partial.rename(folder)
                finally:
                    shutil.rmtree(partial, ignore_errors=True)
        return folder

    async def _bring(self, scope: Scope, uri: str, target: Path) -> None:
        place = self._storage.locate(uri, scope)
        if isinstance(place, BlobPath):
            await self._storage.download(place, target)
        else:
            await asyncio.to_thread(shutil.copytree, place, target)


async def copy_to_registry(
    storage: Storage, source: Scope, registry: Scope, ref: AssetRef, properties: dict[str, Any]
) -> dict[str, Any]:
    """Copy what an asset version points to into the registry's storage; returns its properties as they are there.

    A registry keeps its own copy, readable without the workspace. `ref` is the name in the registry.
    """
    container = storage.asset_container(registry, ref.kind, ref.name, ref.version)

    async def copied(uri: str) -> str:
        place = storage.locate(uri, source)
        if not isinstance(place, BlobPath):
            raise invalid(f"{uri!r} is not in Blob Storage and cannot be shared.")
        copy = BlobPath(container=container, path=PurePosixPath(place.path).name)
        await storage.copy(place, copy)
        return storage.url(copy, public=True)

    if ref.kind == "models":
        return {**properties, "modelUri": await copied(properties["modelUri"])}
    if ref.kind == "environments" and properties.get("build"):
        context = await copied(properties["build"]["contextUri"])
        return {**properties, "build": {**properties["build"], "contextUri": context + "/"}}
    if ref.kind == "data":
        return {**properties, "dataUri": await copied(properties["dataUri"])}
    return properties
