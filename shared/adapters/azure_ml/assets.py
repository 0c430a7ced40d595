"""Models and environments: reading a candidate, and sharing it to the registry exactly once.

Sharing is not idempotent (docs/azure-facts.md#assets-deployments-and-jobs), so the registry is asked first, and what is
there already is compared with what was to be shared.

What the comparison sees: type, tags and properties of a model; image, conda file, operating system, Dockerfile path,
tags and properties of an environment. The registry may have more tags and properties (a service adds its own), but
none of the source's may be missing or different. What it cannot see: the files themselves, because the registry keeps
a copy under another address and the service gives no hash of either. A model of another training run differs in its
tags (job, cutoff date, metrics), which is what the comparison rests on.
"""

import hashlib
import json
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from azure.core.exceptions import AzureError, ResourceNotFoundError

from shared.adapters.azure_ml.clients import AzureMlClients
from shared.adapters.azure_ml.errors import is_already_there, translated
from shared.adapters.azure_ml.values import texts, word
from shared.application.errors import PlatformBlocked, PlatformBusy, PlatformRefused
from shared.application.platform_ports import RegisteredModel
from shared.domain.names import can_be_asset

if TYPE_CHECKING:
    from azure.ai.ml.entities import Environment, Model
    from azure.ai.ml.operations import EnvironmentOperations, ModelOperations

Asset = TypeVar("Asset", "Model", "Environment")
Read = TypeVar("Read")
ARCHIVED = "archived"
NOT_PEOPLE = ("application", "managedidentity", "key")


def registered_model(model: "Model", *, archived: bool = False) -> RegisteredModel:
    """A model as the port describes it; identifiers of its maker are in lower case."""
    description = {
        "asset_id": str(model.id),
        "path": str(model.path),
        "type": word(model.type),
        "tags": texts(model.tags),
        "properties": texts(model.properties),
    }
    canonical = json.dumps(description, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return RegisteredModel(
        asset_id=str(model.id),
        fingerprint=hashlib.sha256(canonical.encode()).hexdigest(),
        tags=texts(model.tags),
        created_by=makers(model),
        archived=archived or str(model.stage or "").lower() == ARCHIVED,
    )


def is_archived(operations: "ModelOperations | EnvironmentOperations", name: str, version: str, what: str) -> bool:
    """Whether somebody took the version out of use. The client's entities do not say: only its lists do."""
    from azure.ai.ml.constants import ListViewType

    listed = _read(lambda: list(operations.list(name, list_view_type=ListViewType.ARCHIVED_ONLY)), what)
    return any(str(each.version) == version for each in listed or ())


def makers(asset: "Model | Environment") -> tuple[str, ...]:
    """The person who registered a version, in lower case; empty for an application or a managed identity."""
    context = asset.creation_context
    if context is None or not context.created_by:
        return ()
    return () if word(context.created_by_type).lower() in NOT_PEOPLE else (str(context.created_by).lower(),)


class AzureMlAssets:
    """The blocking calls about models and environments; each runs in the pool."""

    def __init__(self, clients: AzureMlClients) -> None:
        self._clients = clients
        self._scope = clients.scope

    def get_model(self, workspace: str, name: str, version: str) -> RegisteredModel | None:
        self._scope.check_dev(workspace)
        if not can_be_asset(name, version):
            return None
        model = _read(lambda: self._clients.dev().models.get(name, version), f"model {name}:{version}")
        if model is None:
            return None
        archived = is_archived(self._clients.dev().models, name, version, f"model {name}:{version}")
        return registered_model(model, archived=archived)

    def promote_model(self, workspace: str, name: str, version: str, registry_name: str) -> str:
        self._scope.check_dev(workspace)
        what = f"model {name}:{version}"
        known = can_be_asset(name, version) and can_be_asset(registry_name, version)
        source = _read(lambda: self._clients.dev().models.get(name, version), what) if known else None
        if source is None:
            raise PlatformBlocked(f"{what} does not exist in workspace {workspace}: register it there")

        def shared() -> "Model | None":
            found = f"{self._scope.registry}/{registry_name}:{version}"
            return _read(lambda: self._clients.registry().models.get(registry_name, version), found)

        def share() -> object:
            return self._clients.fresh_dev().models.share(
                name,
                version,
                share_with_name=registry_name,
                share_with_version=version,
                registry_name=self._scope.registry,
            )

        _share_once(source, shared, share, what, _model_differences)
        return self._registry_id("models", registry_name, version)

    def promote_environment(self, workspace: str, name: str, version: str) -> str:
        self._scope.check_dev(workspace)
        what = f"environment {name}:{version}"
        if not can_be_asset(name, version):
            raise PlatformRefused(f"{what} is no name of an environment")
        source = _read(lambda: self._clients.dev().environments.get(name, version), what)

        def shared() -> "Environment | None":
            found = f"{self._scope.registry}/{name}:{version}"
            return _read(lambda: self._clients.registry().environments.get(name, version), found)

        def share() -> object:
            return self._clients.fresh_dev().environments.share(
                name, version, share_with_name=name, share_with_version=version, registry_name=self._scope.registry
            )

        if source is not None:
            _share_once(source, shared, share, what, _environment_differences)
        elif shared() is None:
            raise PlatformBlocked(
                f"{what} exists neither in workspace {workspace} nor in registry {self._scope.registry}: register it"
            )
        return self._registry_id("environments", name, version)

    def _registry_id(self, kind: str, name: str, version: str) -> str:
        return f"azureml://registries/{self._scope.registry}/{kind}/{name}/versions/{version}"


def _share_once(
    source: Asset,
    shared: Callable[[], Asset | None],
    share: Callable[[], object],
    what: str,
    differences: Callable[[Asset, Asset], list[str]],
) -> None:
    """Share unless it is there; what is there, also because an earlier attempt got further than it knew, must match."""
    there = shared()
    if there is None:
        try:
            share()
            return
        except AzureError as error:
            if not is_already_there(error):
                raise translated(error, f"{what} could not be shared") from error
            there = shared()
            if there is None:  # another import of it is under way, maybe an earlier one of the same release
                raise PlatformBusy(f"{what} is being shared to the registry") from error
    if different := differences(source, there):
        raise PlatformRefused(
            f"{there.name}:{there.version} of the registry is not {what}, different in {', '.join(different)}: "
            "register a new version"
        )


def _read(call: Callable[[], Read], what: str) -> Read | None:
    try:
        return call()
    except ResourceNotFoundError:
        return None
    except AzureError as error:
        raise translated(error, f"{what} could not be read") from error


def _model_differences(source: "Model", there: "Model") -> list[str]:
    return [*_lost(source, there), *(["type"] if word(source.type) != word(there.type) else [])]


def _environment_differences(source: "Environment", there: "Environment") -> list[str]:
    def recipe(environment: "Environment") -> dict[str, object]:
        build = environment.build
        return {
            "image": environment.image or None,
            "conda_file": environment.conda_file or None,
            "os_type": word(environment.os_type).lower() or "linux",
            "dockerfile": build.dockerfile_path if build else None,
        }

    ours, theirs = recipe(source), recipe(there)
    return [*_lost(source, there), *(part for part in ours if ours[part] != theirs[part])]


def _lost(source: "Model | Environment", there: "Model | Environment") -> list[str]:
    """Tags and properties of the source that the registry's copy does not have, or has with another value."""
    return [
        f"{kind} {name}"
        for kind, ours, theirs in (
            ("tag", texts(source.tags), texts(there.tags)),
            ("property", texts(source.properties), texts(there.properties)),
        )
        for name, value in ours.items()
        if theirs.get(name) != value
    ]
