"""The registry's own operations: discovery, sharing into it, and access to its storage.

For `models.share` and `MLClient(registry_name=)` (docs/azure-facts.md#calls-and-paths) the client asks for the
discovery document, makes sure the version is not there (404), posts an import, polls it, and reads the version. The
final body of the import must be empty, or the client fails.
"""

from __future__ import annotations

from starlette.responses import JSONResponse, Response

from local.azureml.assets.versions import check_name, create_version
from local.azureml.service.arm_ids import AssetRef, BlobPath, parse_asset, parse_location
from local.azureml.service.artifacts import copy_to_registry
from local.azureml.service.call import Call, Service
from local.azureml.service.config import Scope
from local.azureml.service.errors import conflict, invalid, not_found
from local.azureml.service.operations import Finisher, Operation
from local.azureml.service.storage import REGISTRY_CONTAINERS
from local.azureml.service.store import Document

_SHAREABLE = ("models", "environments", "data")


async def discovery(call: Call) -> Response:
    """Where the registry is served: the client appends `mferp/managementfrontend/...` to the provider URI."""
    registry = call.scope
    base = call.public_base(f"{registry.region}.api.azureml.ms")
    return JSONResponse(
        {
            "registryName": registry.name,
            "primaryRegion": registry.region,
            "primaryRegionResourceProviderUri": f"{base}/",
            "resourceGroup": registry.resource_group,
            "subscriptionId": registry.subscription,
            "registryFqdns": {registry.region: {"uri": base}},
        }
    )


async def import_asset(call: Call) -> Response:
    """Start to copy a workspace's asset version into the registry, under the name the caller wants."""
    service, registry = call.service, call.scope
    wanted = call.body.get("properties") or {}
    reference = str(wanted.get("sourceAssetId", ""))
    _, ref, _ = _source(service, reference)
    name = str(wanted.get("destinationName") or ref.name)
    version = str(wanted.get("destinationVersion") or ref.version)
    check_name(ref.kind, name, version)
    target = registry.key(ref.kind, name, version)
    with service.store.transaction():
        _check_free(service, registry, ref.kind, name, version)
        operation = call.start(
            "import",
            target=target,
            entity=target,
            arguments={
                "source": reference,
                "registry": registry.name,
                "name": name,
                "version": version,
                "caller": call.caller,
            },
        )
    return call.accept(operation)


def import_finisher(service: Service) -> Finisher:
    """Copies the artifact first, then makes the asset visible."""
    copied: dict[str, Document] = {}

    async def work(operation: Operation) -> None:
        source, ref, document = _source(service, operation.arguments["source"])
        registry, destination = _destination(service, operation, ref.kind)
        copied[operation.id] = await copy_to_registry(
            service.storage, source, registry, destination, document["properties"]
        )
        _check_free(service, registry, ref.kind, destination.name, destination.version)

    def commit(operation: Operation, error: Document | None) -> None:
        properties = copied.pop(operation.id, None)
        if error or properties is None:
            return
        kind = parse_asset(operation.arguments["source"]).kind
        registry, ref = _destination(service, operation, kind)
        create_version(service, registry, ref.kind, ref.name, ref.version, properties, operation.arguments["caller"])

    return Finisher(work=work, commit=commit)


async def data_reference(call: Call) -> Response:
    """A signed URI for reading what a registry asset points to (`models.download` of a registry client)."""
    uri = str(call.body.get("blobUri", ""))
    place = parse_location(uri, blob_endpoint=call.service.storage.endpoint)
    if not isinstance(place, BlobPath) or not place.container.startswith(REGISTRY_CONTAINERS):
        raise invalid(f"{uri!r} is not in the storage of a registry.")
    return JSONResponse(await _reference(call, place.container, uri))


async def temporary_reference(call: Call) -> Response:
    """A signed URI for writing, asked for before an asset is created in the registry directly."""
    asset_id = str(call.body.get("assetId", ""))
    ref = parse_asset(asset_id)
    container = call.service.storage.asset_container(call.scope, ref.kind, ref.name, ref.version)
    return JSONResponse(await _reference(call, container, None))


async def _reference(call: Call, container: str, blob_uri: str | None) -> Document:
    storage = call.service.storage
    url = storage.url(BlobPath(container=container, path=""), public=call.emulated_host is not None)
    sas_uri = f"{url}?{await storage.sas_token(container)}"
    return {
        "blobReferenceForConsumption": {
            "blobUri": blob_uri or url,
            "credential": {"credentialType": "SAS", "sasUri": sas_uri},
        }
    }


def _source(service: Service, reference: str) -> tuple[Scope, AssetRef, Document]:
    ref = parse_asset(reference)
    if ref.kind not in _SHAREABLE:
        raise invalid(f"{ref.kind} cannot be shared to a registry.")
    scope = service.settings.workspace_by_guid(ref.scope) or service.settings.workspaces.get(ref.scope)
    document = service.store.get(scope.key(ref.kind, ref.name, ref.version)) if scope else None
    if scope is None or document is None:
        raise not_found(f"The asset {reference}")
    return scope, ref, document


def _check_free(service: Service, registry: Scope, kind: str, name: str, version: str) -> None:
    """Raises `ArmError` 409: an import never replaces a version."""
    if service.store.get(registry.key(kind, name, version)):
        raise conflict(f"{kind} {name}:{version} already exists in registry {registry.name}.")


def _destination(service: Service, operation: Operation, kind: str) -> tuple[Scope, AssetRef]:
    arguments = operation.arguments
    registry = service.settings.registries[arguments["registry"]]
    ref = AssetRef(
        home="registry",
        scope=registry.name,
        kind=kind,
        name=arguments["name"],
        version=arguments["version"],
    )
    return registry, ref
