"""Blob storage behind the workspaces (Azurite) and the folders of this machine that stand for mounted ones.

Uploads by the client use a shared access signature, as in Azure (docs/azure-facts.md#uploads). All workspaces share
one storage account here; each has its own containers.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import AsyncIterator
from pathlib import Path, PurePosixPath

from azure.core.exceptions import ResourceExistsError
from azure.storage.blob import ContainerSasPermissions, generate_container_sas
from azure.storage.blob.aio import BlobServiceClient, ContainerClient

from local import storage_account
from local.azureml.service.arm_ids import BlobPath, DatastorePath, parse_location
from local.azureml.service.config import Scope
from local.azureml.service.errors import invalid, not_found

_SAS_LIFETIME = dt.timedelta(hours=24)
LAKE_DATASTORE = "sensor_lake"
REGISTRY_CONTAINERS, _CODE_CONTAINERS = "registry-", "code-"


class Storage:
    """Containers of the emulated storage account, and the lake as a local folder."""

    def __init__(self, blob_endpoint: str, lake: Path) -> None:
        self.endpoint = blob_endpoint.rstrip("/")
        self.account = self.endpoint.rpartition("/")[2]
        self.lake = lake
        self._created: dict[str, dict[str, str]] = {}
        self._client = BlobServiceClient(
            self.endpoint, credential={"account_name": self.account, "account_key": storage_account.KEY}
        )

    async def close(self) -> None:
        await self._client.close()

    def datastores(self, workspace: Scope) -> dict[str, str]:
        """The container of each datastore of a workspace that is in Blob Storage."""
        return {**self.built_in(workspace), **self._created.get(workspace.name, {})}

    def add_datastore(self, workspace: Scope, name: str, container: str) -> None:
        self._created.setdefault(workspace.name, {})[name] = container

    def remove_datastore(self, workspace: Scope, name: str) -> None:
        self._created[workspace.name].pop(name, None)

    @staticmethod
    def built_in(workspace: Scope) -> dict[str, str]:
        """Those that every workspace has."""
        return {
            "workspaceblobstore": f"azureml-blobstore-{workspace.guid}",
            "workspaceartifactstore": f"azureml-{workspace.guid}",
        }

    @staticmethod
    def asset_container(scope: Scope, kind: str, name: str, version: str) -> str:
        """The container of one asset version: of code uploaded to a workspace, or of anything in a registry.

        Each has its own, since clients upload a folder under its bare name, which many have in common.
        """
        prefix = REGISTRY_CONTAINERS if scope.is_registry else _CODE_CONTAINERS
        digest = hashlib.sha256(scope.key(kind, name, version).lower().encode()).hexdigest()
        return prefix + digest[:32]

    def locate(self, uri: str, workspace: Scope) -> BlobPath | Path:
        """Where a URI of a workspace points: into a container, or into the lake's folder on this machine."""
        place = parse_location(uri, blob_endpoint=self.endpoint)
        if isinstance(place, BlobPath):
            return place
        return self.on_datastore(place, workspace)

    def on_datastore(self, place: DatastorePath, workspace: Scope) -> BlobPath | Path:
        if place.workspace and place.workspace.lower() != workspace.name.lower():
            raise invalid(f"A path in workspace {place.workspace} cannot be used in {workspace.name}.")
        relative = PurePosixPath(place.path.strip("/"))
        if place.datastore == LAKE_DATASTORE:
            if ".." in relative.parts:
                raise invalid(f"{place.path!r} leaves the lake.")
            return self.lake / relative
        container = self.datastores(workspace).get(place.datastore)
        if container is None:
            raise not_found(f"Datastore {place.datastore} in workspace {workspace.name}")
        return BlobPath(container=container, path=str(relative))

    def url(self, place: BlobPath, *, public: bool) -> str:
        """The blob URL of a place; public ones are what clients in the local cloud see through the redirect."""
        base = f"https://{self.account}.blob.core.windows.net" if public else self.endpoint
        return f"{base}/{place.container}/{place.path}".rstrip("/")

    async def sas_token(self, container: str) -> str:
        """A signature for everything in one container, which is created if need be."""
        await self._container(container)
        return generate_container_sas(
            self.account,
            container,
            account_key=storage_account.KEY,
            permission=ContainerSasPermissions(
                read=True, add=True, create=True, write=True, delete=True, list=True, tag=True
            ),
            expiry=dt.datetime.now(dt.UTC) + _SAS_LIFETIME,
        )

    async def download(self, source: BlobPath, target: Path) -> None:
        """Write a folder's files below `target`, or a single file as `target`. Raises `ArmError` 404 if empty."""
        container = self._client.get_container_client(source.container)
        found = False
        async for name, relative in self._files(container, source.path):
            found = True
            file = target / relative if relative else target
            file.parent.mkdir(parents=True, exist_ok=True)
            stream = await container.download_blob(name)
            file.write_bytes(await stream.readall())
        if not found:
            raise not_found(f"The artifact {source.container}/{source.path}")

    async def copy(self, source: BlobPath, target: BlobPath) -> None:
        """Copy a folder or file within the account. Raises `ArmError` 404 if there is nothing to copy."""
        origin = self._client.get_container_client(source.container)
        destination = await self._container(target.container)
        found = False
        async for name, relative in self._files(origin, source.path):
            found = True
            stream = await origin.download_blob(name)
            blob = f"{target.path}/{relative}" if relative else target.path
            await destination.upload_blob(blob, await stream.readall(), overwrite=True)
        if not found:
            raise not_found(f"The artifact {source.container}/{source.path}")

    async def upload(self, folder: Path, target: BlobPath) -> None:
        """Upload the files of a folder; an empty folder leaves nothing behind."""
        container = await self._container(target.container)
        for file in files_below(folder):
            blob = f"{target.path.rstrip('/')}/{file.relative_to(folder).as_posix()}"
            await container.upload_blob(blob, file.read_bytes(), overwrite=True)

    async def upload_text(self, text: str, target: BlobPath) -> None:
        """Write one file, in place of what was there."""
        container = await self._container(target.container)
        await container.upload_blob(target.path, text.encode(), overwrite=True)

    async def _container(self, name: str) -> ContainerClient:
        client = self._client.get_container_client(name)
        try:
            await client.create_container()
        except ResourceExistsError:
            return client
        return client

    async def _files(self, container: ContainerClient, path: str) -> AsyncIterator[tuple[str, str]]:
        """Names of the blobs at and below a path, each with its path relative to it ('' for the blob itself)."""
        if not await container.exists():
            return
        prefix = path.rstrip("/")
        async for name in container.list_blob_names(name_starts_with=prefix):
            if name == prefix:
                yield name, ""
            elif name.startswith(prefix + "/"):
                yield name, name.removeprefix(prefix + "/")


def files_below(folder: Path) -> list[Path]:
    """The files of a folder and its subfolders, in the order of their names."""
    return [path for path in sorted(folder.rglob("*")) if path.is_file()]
