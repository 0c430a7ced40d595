"""Batch endpoints: created and changed by long-running operations, one at a time per endpoint.

A PUT replaces everything, and the client never patches (docs/azure-facts.md#calls-and-paths). Limits and names:
docs/azure-facts.md#assets-deployments-and-jobs.
"""

from __future__ import annotations

import re

from starlette.responses import JSONResponse, Response

from local.azureml.service.call import Call, Service
from local.azureml.service.config import PROVIDER, Scope
from local.azureml.service.documents import page, system_data, touched
from local.azureml.service.errors import invalid, not_found
from local.azureml.service.operations import Finisher, Operation
from local.azureml.service.quotas import check_endpoint
from local.azureml.service.store import Document

_NAME = re.compile(r"^[a-zA-Z](?:-?[a-zA-Z0-9])+$")
_SHORTEST_NAME, _LONGEST_NAME = 3, 32


def check_name(what: str, name: str) -> None:
    """Raises `ArmError` 400: 3 to 32 characters, a letter first, then letters, digits and single dashes."""
    if not _NAME.match(name) or not _SHORTEST_NAME <= len(name) <= _LONGEST_NAME:
        raise invalid(
            f"{what} name {name!r} must have 3 to 32 characters, begin with a letter, and hold only letters, "
            "digits and single dashes."
        )


def endpoint_id(scope: Scope, name: str) -> str:
    return f"{scope.arm_id}/batchEndpoints/{name}"


def stored_endpoint(call: Call) -> Document:
    """The endpoint of the path as it is stored. Raises `ArmError` 404."""
    document = call.service.store.get(endpoint_id(call.scope, call.param("endpoint")))
    if document is None:
        raise not_found(f"Batch endpoint {call.param('endpoint')} in workspace {call.scope.name}")
    return document


async def get_endpoint(call: Call) -> Response:
    return JSONResponse(_shown(call, stored_endpoint(call)))


async def list_endpoints(call: Call) -> Response:
    stored = call.service.store.newest_first(f"{call.scope.arm_id}/batchEndpoints")
    shown = [_shown(call, document) for document in stored]
    return JSONResponse(page(shown, call.query, call.base + call.request.url.path))


async def put_endpoint(call: Call) -> Response:
    """Create an endpoint or replace all of it; this is also how its default deployment is set."""
    store, scope, name = call.service.store, call.scope, call.param("endpoint")
    check_name("Endpoint", name)
    target = endpoint_id(scope, name)
    with store.transaction():
        operation = call.start("endpoint.put", target=target, entity=target)
        old = store.get(target)
        if old is None:
            check_endpoint(store, "batchEndpoints")
        properties = dict(call.body.get("properties") or {})
        default = (properties.get("defaults") or {}).get("deploymentName")
        if default and store.get(f"{target}/deployments/{default}") is None:
            raise not_found(f"Deployment {default}, the wanted default of endpoint {name},")
        properties["defaults"] = {"deploymentName": default}
        properties["provisioningState"] = "Updating" if old else "Creating"
        document = {
            "id": target,
            "name": name,
            "type": f"{PROVIDER}/workspaces/batchEndpoints",
            "location": scope.region,
            "tags": call.body.get("tags") or {},
            "kind": call.body.get("kind"),
            "identity": call.body.get("identity"),
            "properties": properties,
            "systemData": system_data(call.caller, old),
        }
        store.put(target, document)
    return call.accept(operation, _shown(call, document), status=200 if old else 201)


async def patch_endpoint(call: Call) -> Response:
    return patch(call, "endpoint.patch", stored_endpoint(call))


async def delete_endpoint(call: Call) -> Response:
    """Delete an endpoint with its deployments; its jobs stay. A missing one is no error."""
    target = endpoint_id(call.scope, call.param("endpoint"))
    return delete(call, "endpoint.delete", target=target, entity=target)


def patch(call: Call, kind: str, document: Document) -> Response:
    """Start to change an endpoint's tags or identity, which is all that PATCH can do."""
    store = call.service.store
    with store.transaction():
        operation = call.start(kind, target=document["id"], entity=document["id"])
        for field in ("tags", "identity"):
            if call.body.get(field) is not None:
                document[field] = call.body[field]
        document["properties"]["provisioningState"] = "Updating"
        document["systemData"] = system_data(call.caller, document)
        store.put(document["id"], document)
    return call.accept(operation)


def delete(call: Call, kind: str, *, target: str, entity: str) -> Response:
    """Start to delete a resource and what is below it; 204 if there is none."""
    store = call.service.store
    with store.transaction():
        document = store.get(target)
        if document is None:
            return Response(status_code=204)
        operation = call.start(kind, target=target, entity=entity)
        document["properties"]["provisioningState"] = "Deleting"
        store.put(target, document)
    return call.accept(operation)


def put_finisher(service: Service) -> Finisher:
    """An operation on an endpoint has no work of its own: its end only changes the provisioning state."""
    return Finisher(work=_nothing, commit=lambda operation, error: settle(service, operation, error))


def delete_finisher(service: Service) -> Finisher:
    """A failed deletion leaves the resource as it was, marked as failed."""

    def commit(operation: Operation, error: Document | None) -> None:
        if error:
            settle(service, operation, error)
        else:
            service.store.delete_tree(operation.target)

    return Finisher(work=_nothing, commit=commit)


def settle(service: Service, operation: Operation, error: Document | None) -> None:
    """Record the end of an operation in the resource's state."""
    document = service.store.get(operation.target)
    if document is not None:
        document["properties"]["provisioningState"] = "Failed" if error else "Succeeded"
        service.store.put(operation.target, touched(document))


async def _nothing(_: Operation) -> None:
    return None


def _shown(call: Call, document: Document) -> Document:
    """The document with its scoring URI.

    Endpoint names are unique per region in Azure; here each workspace has its own, so the path names it.
    """
    scope, name = call.scope, document["name"]
    host = f"{name.lower()}.{scope.region}.inference.ml.azure.com"
    uri = f"{call.public_base(host)}/workspaces/{scope.name}/batchEndpoints/{name}/jobs"
    return {**document, "properties": {**document["properties"], "scoringUri": uri, "swaggerUri": None}}
