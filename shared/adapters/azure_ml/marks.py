"""Marks on versions in the shared registry: tags, which are all of a version that can change.

A version is put again as it was read, with more tags. Somebody who tags it at the same moment may be overwritten: Azure
ML has no ETag for versions. Marks are written again whenever what they tell of is carried out again.
"""

from typing import TYPE_CHECKING

from azure.core.exceptions import AzureError, ResourceNotFoundError

from shared.adapters.azure_ml.clients import AzureMlClients
from shared.adapters.azure_ml.errors import translated
from shared.adapters.azure_ml.values import texts
from shared.application.errors import PlatformRefused
from shared.domain.names import can_be_asset
from shared.domain.release.model import Dimension

if TYPE_CHECKING:
    from azure.ai.ml.operations import EnvironmentOperations, ModelOperations


class AzureMlMarks:
    """The blocking calls about tags in the registry; each runs in the pool."""

    def __init__(self, clients: AzureMlClients) -> None:
        self._clients = clients

    def mark(self, what: Dimension, name: str, version: str, tags: dict[str, str]) -> None:
        told = f"{what.value} {name}:{version} in the registry"
        try:
            asset = self._of(what).get(name, version)
            if texts(asset.tags) == texts(asset.tags) | tags:
                return
            asset.tags = {**texts(asset.tags), **tags}
            self._of(what).create_or_update(asset)
        except ResourceNotFoundError as error:
            raise PlatformRefused(f"there is no {told}") from error
        except AzureError as error:
            raise translated(error, f"{told} could not be marked") from error

    def marks(self, what: Dimension, name: str, version: str) -> dict[str, str]:
        if not can_be_asset(name, version):
            return {}
        try:
            return texts(self._of(what).get(name, version).tags)
        except ResourceNotFoundError:
            return {}
        except AzureError as error:
            raise translated(error, f"{what.value} {name}:{version} in the registry could not be read") from error

    def _of(self, what: Dimension) -> "ModelOperations | EnvironmentOperations":
        registry = self._clients.registry()
        return registry.models if what is Dimension.MODEL else registry.environments
