"""The blob store of a workspace, opened with what Azure ML gives out for it, for half an hour at a time."""

import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from azure.core.credentials import AzureSasCredential, TokenCredential

from shared.adapters.azure_ml.clients import CONNECT_TIMEOUT_S, READ_TIMEOUT_S
from shared.application.errors import PlatformRefused

if TYPE_CHECKING:
    from azure.ai.ml import MLClient
    from azure.ai.ml.entities import Datastore
    from azure.storage.blob import ContainerClient

DATASTORE = "workspaceblobstore"

STORE_KEPT_S = 1800
"""How long a signature for the blob store is used: half of the hour for which Azure ML gives it out."""


class WorkspaceBlobs:
    """The blocking calls about files of one workspace's `workspaceblobstore`; each runs in the pool."""

    def __init__(self, client: "Callable[[], MLClient]", credential: TokenCredential) -> None:
        self._client = client
        self._credential = credential
        self._opening = threading.Lock()
        self._container: ContainerClient | None = None
        self._good_until = 0.0

    def read(self, name: str, bytes_max: int) -> bytes:
        """A file of a bearable size, else PlatformRefused. Raises azure.core's errors."""
        blob = self._open().get_blob_client(name)
        size = blob.get_blob_properties().size
        if size > bytes_max:
            raise PlatformRefused(f"{name} has {size} bytes; {bytes_max} are the limit")
        return blob.download_blob(offset=0, length=bytes_max).readall()

    def read_only_one(self, prefix: str, suffix: str, bytes_max: int) -> bytes:
        """The one file below a prefix that ends with `suffix`; PlatformRefused unless there is one, of a bearable size.
        Raises azure.core's errors."""
        container = self._open()
        found = [each for each in container.list_blobs(name_starts_with=prefix) if each.name.endswith(suffix)]
        if len(found) != 1:
            raise PlatformRefused(f"{len(found)} files {suffix} below {prefix} of {DATASTORE}, not one")
        if found[0].size > bytes_max:
            raise PlatformRefused(f"{found[0].name} has {found[0].size} bytes; {bytes_max} are the limit")
        return container.download_blob(found[0].name, offset=0, length=bytes_max).readall()

    def write(self, name: str, content: bytes) -> None:
        """Keeps a file, whatever was there. Raises azure.core's errors."""
        self._open().get_blob_client(name).upload_blob(content, overwrite=True)

    def address(self, name: str) -> str:
        """Where a file or folder is, without any secret: how Azure ML refers to it. Raises azure.core's errors."""
        container = self._open()
        return f"https://{container.primary_hostname}/{container.container_name}/{name}"

    def names(self, folder: str, first: str, after: str) -> list[str]:
        """Names of the files of a folder from `first` on and before `after`. Raises azure.core's errors."""
        found = (each.name for each in self._open().list_blobs(name_starts_with=folder))
        return [name for name in found if first <= name < after]

    def _open(self) -> "ContainerClient":
        from azure.storage.blob import ContainerClient, ExponentialRetry

        with self._opening:
            if self._container is None or time.monotonic() > self._good_until:
                store = self._client().datastores.get(DATASTORE, include_secrets=True)
                self._container = ContainerClient(
                    f"https://{_text(store, 'account_name')}.blob.{_text(store, 'endpoint') or 'core.windows.net'}",
                    _text(store, "container_name"),
                    credential=self._key_to(store),
                    retry_policy=ExponentialRetry(initial_backoff=1, increment_base=1, retry_total=1),
                    connection_timeout=CONNECT_TIMEOUT_S,
                    read_timeout=READ_TIMEOUT_S,
                )
                self._good_until = time.monotonic() + STORE_KEPT_S
            return self._container

    def _key_to(self, store: "Datastore") -> Any:
        """A signature or account key where the datastore has one; otherwise the app's own identity."""
        secrets: Any = store.credentials
        if token := getattr(secrets, "sas_token", None):
            return AzureSasCredential(token)
        return getattr(secrets, "account_key", None) or self._credential


def _text(store: "Datastore", name: str) -> str:
    return str(getattr(store, name, None) or "")
