"""Models, environments, data and code: containers and versions, in workspaces and in the registry.

The body of a version never changes (path, image, build context); tags, description, properties and the archive
flag do (docs/azure-facts.md#assets-deployments-and-jobs). Model versions are integers, other versions are
strings (R-FLEET-13).
"""

from __future__ import annotations

import re
from typing import Any

from starlette.responses import JSONResponse, Response

from local.azureml.service.arm_ids import job_of
from local.azureml.service.call import Call, Service
from local.azureml.service.config import PROVIDER, Scope
from local.azureml.service.documents import page, system_data
from local.azureml.service.errors import conflict, invalid, not_emulated, not_found
from local.azureml.service.store import Document, Store

_IMMUTABLE: dict[str, tuple[str, ...]] = {
    "models": ("modelUri", "modelType"),
    "environments": ("image", "build", "condaFile"),
    "data": ("dataUri", "dataType"),
    "codes": ("codeUri",),
    "components": ("componentSpec",),
}
_UPDATABLE = ("tags", "description", "properties", "isArchived")
_EXTRA: dict[str, dict[str, Any]] = {
    "models": {"flavors": {}},  # the SDK fails on a model without it
    "environments": {"environmentType": "UserCreated"},
    "data": {},
    "codes": {},
    "components": {},
}
_NAME = re.compile(r"^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,254}$")
_KNOWN_FILTERS = {"api-version", "$orderBy", "$top", "$skip", "listViewType", "hash", "hashVersion"}


async def put_version(call: Call) -> Response:
    """Create a version, or update the tags, description, properties or archive flag of one."""
    service, scope = call.service, call.scope
    kind, name, version = call.param("kind"), call.param("name"), call.param("version")
    with service.store.transaction():
        old = service.store.get(scope.key(kind, name, version))
        if old:
            document = _updated(kind, old, call)
            service.store.put(scope.key(kind, name, version), document)
        else:
            document = create_version(service, scope, kind, name, version, _properties(call), call.caller)
    return JSONResponse(document, 200 if old else 201)


def create_version(
    service: Service, scope: Scope, kind: str, name: str, version: str, properties: Document, caller: str
) -> Document:
    """Store a new version and its container, and announce a model; part of the caller's transaction."""
    check_name(kind, name, version)
    key = scope.key(kind, name, version)
    document: Document = {
        "id": scope.asset_id(kind, name, version),
        "name": version,
        "type": f"{PROVIDER}/{scope.kind}/{kind}/versions",
        "properties": {
            "description": None, "tags": {}, "properties": {}, "isArchived": False, "isAnonymous": False,
            **_EXTRA[kind], **_origin(kind, properties), **{k: v for k, v in properties.items() if v is not None},
            **_spec(kind, name, version, properties),
            "provisioningState": "Succeeded",
        },
        "systemData": system_data(caller, None),
    }  # fmt: skip
    service.store.put(key, document)
    _put_container(service.store, scope, kind, name, version, caller)
    if kind == "models" and not scope.is_registry:
        service.outbox.model_registered(scope, name, version, document["properties"])
    return document


def _origin(kind: str, properties: Document) -> Document:
    """The job that a model comes from, where its files are a job's output."""
    job = job_of(str(properties.get("modelUri", ""))) if kind == "models" else None
    return {"jobName": job} if job else {}


def _spec(kind: str, name: str, version: str, properties: Document) -> Document:
    """A component's own description, which says name and version also where it came without them."""
    spec = properties.get("componentSpec")
    return {"componentSpec": {**spec, "name": name, "version": version}} if kind == "components" and spec else {}


async def get_version(call: Call) -> Response:
    kind, name, version = call.param("kind"), call.param("name"), call.param("version")
    document = call.service.store.get(call.scope.key(kind, name, version))
    if document is None:
        raise not_found(f"{kind} {name}:{version} in {call.scope.name}")
    return JSONResponse(document)


async def list_versions(call: Call) -> Response:
    """Versions, newest first; `$top=1` is how the SDK resolves the label `latest`."""
    if unknown := set(call.query) - _KNOWN_FILTERS:
        raise not_emulated(f"A list of versions filtered by {', '.join(sorted(unknown))}")
    versions = call.service.store.newest_first(call.scope.key(call.param("kind"), call.param("name")) + "/versions")
    if digest := call.query.get("hash"):
        versions = [one for one in versions if one["properties"]["properties"].get("hash_sha256") == digest]
    return _listed(call, versions)


async def get_container(call: Call) -> Response:
    key = call.scope.key(call.param("kind"), call.param("name"))
    document = call.service.store.get(key)
    if document is None:
        raise not_found(f"{call.param('kind')} container {call.param('name')} in {call.scope.name}")
    return JSONResponse(document)


async def list_containers(call: Call) -> Response:
    return _listed(call, call.service.store.newest_first(f"{call.scope.arm_id}/{call.param('kind')}"))


async def put_container(call: Call) -> Response:
    """Update a container's description, tags or archive flag; versions keep their own."""
    store = call.service.store
    key = call.scope.key(call.param("kind"), call.param("name"))
    with store.transaction():
        document = store.get(key)
        if document is None:
            raise not_found(f"{call.param('kind')} container {call.param('name')}")
        changes = {name: value for name, value in _properties(call).items() if name in _UPDATABLE}
        document["properties"].update(changes)
        document["systemData"] = system_data(call.caller, document)
        store.put(key, document)
    return JSONResponse(document)


async def delete_version(call: Call) -> Response:
    """Delete a version for good; 204 if there is none. The client cannot do this, REST can."""
    service, scope, key = call.service, call.scope, call.scope.key(call.param("kind"), call.param("name"))
    version = call.param("version")
    if service.store.get(f"{key}/versions/{version}") is None:
        return Response(status_code=204)
    with service.store.transaction():
        service.store.delete_tree(f"{key}/versions/{version}")
    service.artifacts.forget(scope, call.param("kind"), call.param("name"), version)
    return Response(status_code=200)


async def delete_container(call: Call) -> Response:
    """Delete all versions of a name; 204 if there is none."""
    service, scope, key = call.service, call.scope, call.scope.key(call.param("kind"), call.param("name"))
    versions = service.store.newest_first(f"{key}/versions")
    if service.store.get(key) is None:
        return Response(status_code=204)
    with service.store.transaction():
        service.store.delete_tree(key)
    for each in versions:
        service.artifacts.forget(scope, call.param("kind"), call.param("name"), each["name"])
    return Response(status_code=200)


def _updated(kind: str, old: Document, call: Call) -> Document:
    """The version with the caller's tags, description and so on. Raises `ArmError` if its body would change."""
    new, kept = _properties(call), old["properties"]
    new = {**new, **_spec(kind, call.param("name"), call.param("version"), new)}
    for field in _IMMUTABLE[kind]:
        if new.get(field) and new[field] != kept.get(field):
            if kind == "environments":  # the SDK then tries the next version
                raise conflict(f"Environment {call.param('name')}:{call.param('version')} is immutable: {field}.")
            raise invalid("Asset paths cannot be updated.")
    changes = {field: new[field] for field in _UPDATABLE if new.get(field) is not None}
    return {**old, "properties": {**kept, **changes}, "systemData": system_data(call.caller, old)}


def _put_container(store: Store, scope: Scope, kind: str, name: str, version: str, caller: str) -> None:
    key = scope.key(kind, name)
    old = store.get(key)
    numbers = [int(one["name"]) for one in store.newest_first(key + "/versions") if one["name"].isdigit()]
    kept = old["properties"] if old else {"description": None, "tags": {}, "properties": {}, "isArchived": False}
    properties = {
        **kept,
        "latestVersion": version,
        "nextVersion": str(max(numbers, default=0) + 1),
        "provisioningState": "Succeeded",
    }
    document = {
        "id": key,
        "name": name,
        "type": f"{PROVIDER}/{scope.kind}/{kind}",
        "properties": properties,
        "systemData": system_data(caller, old),
    }
    store.put(key, document)


def check_name(kind: str, name: str, version: str) -> None:
    """Raises `ArmError` 400 for a name or version that an asset of this kind cannot have."""
    if not _NAME.match(name) or not _NAME.match(version):
        raise invalid(f"{name}:{version} is not a valid name and version.")
    if kind == "models" and not version.isdigit():
        raise invalid(f"Model version {version!r} is not an integer.")


def _properties(call: Call) -> Document:
    properties = call.body.get("properties")
    if not isinstance(properties, dict):
        raise invalid("The body has no properties.")
    return properties


def _listed(call: Call, documents: list[Document]) -> Response:
    view = call.query.get("listViewType", "ActiveOnly")
    if view != "All":
        archived = view == "ArchivedOnly"
        documents = [one for one in documents if bool(one["properties"].get("isArchived")) == archived]
    return JSONResponse(page(documents, call.query, call.base + call.request.url.path))
