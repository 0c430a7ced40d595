"""The datastores of a workspace: the two that every workspace has, the lake, and those that clients created.

Uploads: docs/azure-facts.md#uploads. A created one is a container of the local storage account; another account is not
on this machine, and other kinds of storage are not served.
"""

from __future__ import annotations

import re
from typing import Any

from starlette.responses import JSONResponse, Response

from local.azureml.service.call import Call, Service
from local.azureml.service.config import PROVIDER, Scope
from local.azureml.service.documents import page, system_data
from local.azureml.service.errors import conflict, invalid, not_emulated, not_found
from local.azureml.service.storage import LAKE_DATASTORE
from local.azureml.service.store import Document
from local.azureml.service.workspaces import SYSTEM_DATA

_NAME = re.compile(r"^[A-Za-z0-9_]{1,255}$")
_CONTAINER = re.compile(r"^[a-z0-9](?:-?[a-z0-9]){2,62}$")


async def list_datastores(call: Call) -> Response:
    names = [*call.service.storage.datastores(call.scope), LAKE_DATASTORE]
    every = [_datastore(call, name) for name in names]
    return JSONResponse(page(every, call.query, call.base + call.request.url.path))


async def get_datastore(call: Call) -> Response:
    return JSONResponse(_datastore(call, call.param("datastore")))


async def list_secrets(call: Call) -> Response:
    """A signature for the datastore's container; the lake is a folder of this machine and has no secrets."""
    name = call.param("datastore")
    container = call.service.storage.datastores(call.scope).get(name)
    if container is None:
        raise not_found(f"A secret of datastore {name} in workspace {call.scope.name}")
    token = await call.service.storage.sas_token(container)
    return JSONResponse({"secretsType": "Sas", "sasToken": token})


async def put_datastore(call: Call) -> Response:
    """Create a datastore for a container, or change its description and tags."""
    service, scope, name = call.service, call.scope, call.param("datastore")
    wanted: Document = call.body.get("properties") or {}
    container = _checked(call, name, wanted)
    key = _key(scope, name)
    with service.store.transaction():
        old = service.store.get(key)
        if old and old["container"] != container:
            raise conflict(f"Datastore {name} is container {old['container']}; that does not change.")
        kept = {field: wanted.get(field) for field in ("description", "tags", "properties")}
        service.store.put(
            key, {"name": name, "container": container, **kept, "systemData": system_data(call.caller, old)}
        )
        service.storage.add_datastore(scope, name, container)
    return JSONResponse(_datastore(call, name), 200 if old else 201)


async def delete_datastore(call: Call) -> Response:
    """Delete a datastore that a client created; its container stays. 204 if there is none."""
    service, scope, name = call.service, call.scope, call.param("datastore")
    if name in service.storage.built_in(scope) or name == LAKE_DATASTORE:
        raise invalid(f"Datastore {name} belongs to the workspace.")
    if service.store.get(_key(scope, name)) is None:
        return Response(status_code=204)
    with service.store.transaction():
        service.store.delete_tree(_key(scope, name))
        service.storage.remove_datastore(scope, name)
    return Response(status_code=200)


def restore(service: Service) -> None:
    """Register the containers of the datastores that were created before a restart."""
    for scope in service.settings.workspaces.values():
        for each in reversed(service.store.newest_first(f"{scope.arm_id}/datastores")):
            service.storage.add_datastore(scope, each["name"], each["container"])


def _checked(call: Call, name: str, wanted: Document) -> str:
    """The container of a datastore that can be created. Raises `ArmError` for any other."""
    storage = call.service.storage
    if not _NAME.match(name):
        raise invalid(f"{name!r} is not the name of a datastore: letters, digits and underscores.")
    if name in storage.built_in(call.scope) or name == LAKE_DATASTORE:
        raise conflict(f"Datastore {name} belongs to the workspace.")
    if wanted.get("datastoreType") != "AzureBlob" or wanted.get("accountName") != storage.account:
        raise not_emulated(f"A datastore that is not a container of the account {storage.account}")
    container = str(wanted.get("containerName"))
    if not _CONTAINER.match(container):
        raise invalid(f"{container!r} is not the name of a container.")
    return container


def _key(scope: Scope, name: str) -> str:
    return f"{scope.arm_id}/datastores/{name}"


def _datastore(call: Call, name: str) -> dict[str, Any]:
    scope, storage = call.scope, call.service.storage
    common = {"accountName": storage.account, "endpoint": "core.windows.net", "protocol": "https"}
    container = storage.datastores(scope).get(name)
    if container:
        kind = {
            "datastoreType": "AzureBlob",
            "containerName": container,
            "credentials": {"credentialsType": "AccountKey"},
        }
    elif name == LAKE_DATASTORE:
        kind = {
            "datastoreType": "AzureDataLakeGen2",
            "filesystem": "production-datalake",
            "credentials": {"credentialsType": "None"},
        }
    else:
        raise not_found(f"Datastore {name} in workspace {scope.name}")
    own = call.service.store.get(_key(scope, name)) or {}
    return {
        "id": _key(scope, name),
        "name": name,
        "type": f"{PROVIDER}/workspaces/datastores",
        "systemData": own.get("systemData") or SYSTEM_DATA,
        "properties": {
            **common,
            **kind,
            "isDefault": name == "workspaceblobstore",
            "tags": own.get("tags") or {},
            "properties": own.get("properties") or {},
            "description": own.get("description"),
        },
    }
