"""Managed online endpoints: who may call them, and which deployment gets how much of the traffic.

See docs/azure-facts.md#calls-and-paths: the client puts the whole endpoint, with the traffic in it. Names, conflicts
and deletion are as for batch endpoints (`../batch/endpoints.py`). The authentication mode of an endpoint cannot be
changed.
"""

from __future__ import annotations

from starlette.responses import JSONResponse, Response

from local.azureml.batch import endpoints as common
from local.azureml.online import keys, traffic
from local.azureml.online.keys import AAD_TOKEN, AML_TOKEN, KEY
from local.azureml.online.servers import Servers
from local.azureml.service.call import Call, Service
from local.azureml.service.config import PROVIDER, Scope
from local.azureml.service.documents import page, system_data
from local.azureml.service.errors import invalid, not_emulated, not_found
from local.azureml.service.operations import Finisher, Operation
from local.azureml.service.quotas import check_endpoint
from local.azureml.service.store import Document, Store

KIND = "onlineEndpoints"
SERVED = "/served/current"
"""Suffix of the id under which the last version of a deployment that came up is stored. A failed update keeps it."""

_MODES = {mode.lower(): mode for mode in (KEY, AML_TOKEN, AAD_TOKEN)}


def endpoint_id(scope: Scope, name: str) -> str:
    return f"{scope.arm_id}/{KIND}/{name}"


def stored(call: Call) -> Document:
    """The endpoint of the path. Raises `ArmError` 404."""
    document = call.service.store.get(endpoint_id(call.scope, call.param("endpoint")))
    if document is None:
        raise not_found(f"Online endpoint {call.param('endpoint')} in workspace {call.scope.name}")
    return document


async def get_endpoint(call: Call) -> Response:
    return JSONResponse(_shown(call, stored(call)))


async def list_endpoints(call: Call) -> Response:
    documents = call.service.store.newest_first(f"{call.scope.arm_id}/{KIND}")
    shown = [_shown(call, document) for document in documents]
    return JSONResponse(page(shown, call.query, call.base + call.request.url.path))


async def put_endpoint(call: Call) -> Response:
    """Create an endpoint or replace all of it, the distribution of its traffic among it."""
    store, scope, name = call.service.store, call.scope, call.param("endpoint")
    common.check_name("Endpoint", name)
    target = endpoint_id(scope, name)
    wanted = dict(call.body.get("properties") or {})
    if wanted.get("compute"):
        raise not_emulated("An online endpoint on Kubernetes")
    with store.transaction():
        old = store.get(target)
        if old is None:
            check_endpoint(store, KIND)
        operation = call.start("online-endpoint.put", target=target, entity=target)
        document = {
            "id": target,
            "name": name,
            "type": f"{PROVIDER}/workspaces/{KIND}",
            "location": scope.region,
            "tags": call.body.get("tags") or {},
            "kind": call.body.get("kind") or "Managed",
            "identity": _identity(scope, call.body.get("identity") or {}),
            "properties": _properties(store, target, wanted, old),
            "systemData": system_data(call.caller, old),
        }
        store.put(target, document)
        if old is None:
            keys.create_keys(store, target, wanted.get("keys") or {})
    return call.accept(operation, _shown(call, document), status=200 if old else 201)


async def patch_endpoint(call: Call) -> Response:
    return common.patch(call, "online-endpoint.patch", stored(call))


async def delete_endpoint(call: Call) -> Response:
    """Delete an endpoint with its deployments, whatever traffic they have. A missing one is no error."""
    target = endpoint_id(call.scope, call.param("endpoint"))
    return common.delete(call, "online-endpoint.delete", target=target, entity=target)


async def list_keys(call: Call) -> Response:
    return keys.list_keys(call.service.store, stored(call))


async def regenerate_keys(call: Call) -> Response:
    return keys.start_regeneration(call, stored(call))


async def get_token(call: Call) -> Response:
    return keys.issue_token(call.service.store, stored(call))


def delete_finisher(service: Service, servers: Servers) -> Finisher:
    """Deletes an endpoint or a deployment, and ends the processes behind it."""
    deletion = common.delete_finisher(service)

    def commit(operation: Operation, error: Document | None) -> None:
        deletion.commit(operation, error)
        if not error:
            _forget_share(service.store, operation.target)
            servers.end_below(operation.target)

    return Finisher(work=deletion.work, commit=commit)


def _forget_share(store: Store, deleted: str) -> None:
    """Remove the share of 0 % that a deleted deployment has in its endpoint's traffic."""
    target, _, name = deleted.partition("/deployments/")
    endpoint = store.get(target)
    if endpoint is not None:
        for what in ("traffic", "mirrorTraffic"):
            shares = endpoint["properties"][what]
            endpoint["properties"][what] = {
                each: share for each, share in shares.items() if each.lower() != name.lower()
            }
        store.put(target, endpoint)


def _properties(store: Store, target: str, wanted: Document, old: Document | None) -> Document:
    mode = _MODES.get(str(wanted.get("authMode", "")).lower())
    if mode is None:
        raise invalid(f"authMode must be one of {', '.join(_MODES.values())}, not {wanted.get('authMode')!r}.")
    if old and old["properties"]["authMode"] != mode:
        raise invalid("The authentication mode of an endpoint cannot be changed.")
    live, mirrored = dict(wanted.get("traffic") or {}), dict(wanted.get("mirrorTraffic") or {})
    traffic.check(live, mirrored)
    for name in (*live, *mirrored):
        if store.get(f"{target}/deployments/{name}") is None:
            raise not_found(f"Deployment {name}, which shall receive traffic,")
        if (live.get(name) or mirrored.get(name)) and store.get(f"{target}/deployments/{name}{SERVED}") is None:
            raise invalid(f"Deployment {name} never came up, so that it cannot receive traffic.")
    return {
        "authMode": mode,
        "description": wanted.get("description"),
        "keys": None,  # only listKeys returns them
        "properties": {
            **((old or {}).get("properties", {}).get("properties") or {}),
            **(wanted.get("properties") or {}),
        },
        "publicNetworkAccess": wanted.get("publicNetworkAccess") or "Enabled",
        "compute": None,
        "traffic": live,
        "mirrorTraffic": mirrored,
        "provisioningState": "Updating" if old else "Creating",
    }


def _identity(scope: Scope, wanted: Document) -> Document:
    return {"type": "SystemAssigned", "principalId": scope.guid, "tenantId": scope.guid, **wanted}


def _shown(call: Call, document: Document) -> Document:
    """The document with its addresses; as for batch endpoints, the path names the workspace."""
    scope, name = call.scope, document["name"]
    host = f"{name.lower()}.{scope.region}.inference.ml.azure.com"
    base = f"{call.public_base(host)}/workspaces/{scope.name}/{KIND}/{name}"
    return {**document, "properties": {**document["properties"], "scoringUri": f"{base}/score", "swaggerUri": None}}
