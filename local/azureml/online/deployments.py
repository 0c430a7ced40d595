"""Managed online deployments: a model, its environment and its scoring script, behind an endpoint.

See docs/azure-facts.md#answers. An operation on a deployment ends when its process answers; a script that fails while
it starts surfaces as `ResourceNotReady` ("Troubleshoot online endpoints deployment"). An update brings up the new
process beside the old one, and a failed update leaves the old one serving.
"""

from __future__ import annotations

from typing import Any

from starlette.responses import JSONResponse, Response

from local.azureml.assets.references import check_references
from local.azureml.batch.endpoints import check_name, delete, settle
from local.azureml.online import preparation
from local.azureml.online.endpoints import KIND, SERVED, stored
from local.azureml.online.preparation import CONSOLE, STORAGE
from local.azureml.online.servers import Gone, Servers
from local.azureml.service.call import Call, Service
from local.azureml.service.config import PROVIDER
from local.azureml.service.documents import page, system_data
from local.azureml.service.errors import ArmError, invalid, not_emulated, not_found
from local.azureml.service.operations import Finisher, Operation
from local.azureml.service.quotas import check_deployment
from local.azureml.service.store import Document

_PROBE = {"initialDelay": "PT10S", "period": "PT10S", "timeout": "PT2S", "successThreshold": 1, "failureThreshold": 30}
_DEFAULTS: dict[str, Any] = {
    "endpointComputeType": "Managed",
    "instanceType": "Standard_DS3_v2",
    "scaleSettings": {"scaleType": "Default"},
    "requestSettings": {},
    "livenessProbe": _PROBE,
    "readinessProbe": _PROBE,
    "egressPublicNetworkAccess": "Enabled",
    "appInsightsEnabled": False,
    "environmentVariables": {},
    "properties": {},
}
_REQUESTS = {"maxConcurrentRequestsPerInstance": 1, "maxQueueWait": "PT0.5S", "requestTimeout": "PT5S"}
_LONGEST_TIMEOUT_S = 180
_CONTAINERS = {None: CONSOLE, "InferenceServer": CONSOLE, "StorageInitializer": STORAGE}
_INSTANCES_MAX = 50


async def get_deployment(call: Call) -> Response:
    return JSONResponse(_stored(call))


async def list_deployments(call: Call) -> Response:
    documents = call.service.store.newest_first(f"{stored(call)['id']}/deployments")
    return JSONResponse(page(documents, call.query, call.base + call.request.url.path))


async def put_deployment(call: Call) -> Response:
    """Create a deployment or replace all of it."""
    store, name = call.service.store, call.param("deployment")
    check_name("Deployment", name)
    properties, sku = _complete(call.body.get("properties") or {}), _sku(call.body.get("sku"))
    with store.transaction():
        endpoint = stored(call)
        target = f"{endpoint['id']}/deployments/{name}"
        old = store.get(target)
        if old is None:
            check_deployment(store, KIND, endpoint["id"])
        operation = call.start("online-deployment.put", target=target, entity=endpoint["id"])
        document = {
            "id": target,
            "name": name,
            "type": f"{PROVIDER}/workspaces/{KIND}/deployments",
            "location": call.scope.region,
            "tags": call.body.get("tags") or {},
            "kind": call.body.get("kind") or "Managed",
            "identity": call.body.get("identity"),
            "sku": sku,
            "properties": {**properties, "provisioningState": "Updating" if old else "Creating"},
            "systemData": system_data(call.caller, old),
        }
        store.put(target, document)
    return call.accept(operation, document, status=200 if old else 201)


async def patch_deployment(call: Call) -> Response:
    """Change tags or the number of instances, which is all that PATCH can do."""
    store = call.service.store
    with store.transaction():
        document = _stored(call)
        operation = call.start("online-deployment.put", target=document["id"], entity=stored(call)["id"])
        if call.body.get("tags") is not None:
            document["tags"] = call.body["tags"]
        if call.body.get("sku") is not None:
            document["sku"] = _sku({**document["sku"], **call.body["sku"]})
        document["properties"]["provisioningState"] = "Updating"
        document["systemData"] = system_data(call.caller, document)
        store.put(document["id"], document)
    return call.accept(operation)


async def delete_deployment(call: Call) -> Response:
    """Refused while the deployment receives traffic, live or mirrored."""
    endpoint, name = stored(call), call.param("deployment")
    for what in ("traffic", "mirrorTraffic"):
        shares = {each.lower(): share for each, share in endpoint["properties"][what].items()}
        if share := shares.get(name.lower()):
            raise invalid(
                f"Deployment {name} of endpoint {endpoint['name']} has {share} percent of its {what}. "
                "Set it to 0 before you delete the deployment."
            )
    target = f"{endpoint['id']}/deployments/{name}"
    return delete(call, "online-deployment.delete", target=target, entity=endpoint["id"])


async def get_logs(call: Call) -> Response:
    """The last lines that a container wrote."""
    document, kind = _stored(call), call.body.get("containerType")
    if kind not in _CONTAINERS:
        raise invalid(f"containerType must be InferenceServer or StorageInitializer, not {kind!r}.")
    folder = preparation.folder_of(call.service, document["id"])
    lines = int(call.body.get("tail") or 500)
    return JSONResponse({"content": preparation.log_tail(folder, _CONTAINERS[kind], lines)})


async def list_skus(call: Call) -> Response:
    """How many instances the deployment may have."""
    capacity = {"minimum": 1, "maximum": _INSTANCES_MAX, "default": 1, "scaleType": "Manual"}
    sku = {"resourceType": _stored(call)["type"], "sku": {"name": "Default", "tier": "Standard"}, "capacity": capacity}
    return JSONResponse({"value": [sku], "nextLink": None})


def put_finisher(service: Service, servers: Servers) -> Finisher:
    """Brings up the deployment's process, and records what it serves from then on."""

    async def work(operation: Operation) -> None:
        document = _document(service, operation.target)
        model = {
            "assetId": document["properties"].get("model")
        }  # a batch deployment has an object here, this one an id
        workspace = preparation.workspace_of(service, operation.target)
        check_references(service, workspace, {**document["properties"], "model": model})
        plan = await preparation.plan(service, operation.target, _served(document))
        try:
            await servers.replace(operation.target, plan)
        except Gone as problem:
            said = preparation.log_tail(plan.logs.parent, CONSOLE, 1)
            message = "User container has crashed or terminated. Look at the logs of the deployment for the reason: "
            raise ArmError(400, "ResourceNotReady", message + (said or "there are none.")) from problem

    def commit(operation: Operation, error: Document | None) -> None:
        settle(service, operation, error)
        document = service.store.get(operation.target)
        if document is not None and not error:
            service.store.put(operation.target + SERVED, _served(document))
            workspace = preparation.workspace_of(service, operation.target)
            service.outbox.model_deployed(workspace, operation.target.split("/")[10], document)

    return Finisher(work=work, commit=commit)


def _served(document: Document) -> Document:
    return {"properties": document["properties"], "capacity": document["sku"]["capacity"]}


def _document(service: Service, arm_id: str) -> Document:
    document = service.store.get(arm_id)
    if document is None:
        raise not_found(f"Deployment {arm_id}")
    return document


def _stored(call: Call) -> Document:
    return _document(call.service, f"{stored(call)['id']}/deployments/{call.param('deployment')}")


def _sku(wanted: Document | None) -> Document:
    sku = {
        "name": "Default",
        "capacity": 1,
        **{key: value for key, value in (wanted or {}).items() if value is not None},
    }
    if not isinstance(sku["capacity"], int) or not 1 <= sku["capacity"] <= _INSTANCES_MAX:
        raise invalid(f"A deployment has 1 to {_INSTANCES_MAX} instances, not {sku['capacity']!r}.")
    return sku


def _complete(wanted: Document) -> Document:
    """The properties with what Azure fills in. Raises `ArmError` for what cannot be served here."""
    given = {name: value for name, value in wanted.items() if value is not None}
    if given.get("endpointComputeType", "Managed") != "Managed":
        raise not_emulated(f"An online deployment on {given['endpointComputeType']}")
    requests = {name: value for name, value in (given.get("requestSettings") or {}).items() if value is not None}
    properties = {**_DEFAULTS, **given, "requestSettings": {**_REQUESTS, **requests}}
    if not 0 < preparation.seconds(properties["requestSettings"]["requestTimeout"]) <= _LONGEST_TIMEOUT_S:
        raise invalid(f"requestTimeout must be at most {_LONGEST_TIMEOUT_S} s.")
    return properties
