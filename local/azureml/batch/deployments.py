"""Batch deployments of models: what a batch endpoint runs.

See docs/azure-facts.md#calls-and-paths: a PUT replaces everything, PATCH changes description and tags only, and an
update runs as an operation in which missing models, environments or code surface.
"""

from __future__ import annotations

from typing import Any

from starlette.responses import JSONResponse, Response

from local.azureml.assets.references import check_references
from local.azureml.batch.endpoints import check_name, delete, endpoint_id, settle, stored_endpoint
from local.azureml.service.call import Call, Service
from local.azureml.service.config import PROVIDER, Scope
from local.azureml.service.documents import page, system_data
from local.azureml.service.errors import invalid, not_emulated, not_found
from local.azureml.service.operations import Finisher, Operation
from local.azureml.service.quotas import check_deployment
from local.azureml.service.store import Document

_DEFAULTS: dict[str, Any] = {
    "miniBatchSize": 10,
    "errorThreshold": -1,
    "outputAction": "AppendRow",
    "outputFileName": "predictions.csv",
    "loggingLevel": "Info",
    "maxConcurrencyPerInstance": 1,
    "retrySettings": {"maxRetries": 3, "timeout": "PT30S"},
}


def deployment_id(scope: Scope, endpoint: str, name: str) -> str:
    return f"{endpoint_id(scope, endpoint)}/deployments/{name}"


async def get_deployment(call: Call) -> Response:
    return JSONResponse(_stored(call))


async def list_deployments(call: Call) -> Response:
    endpoint = stored_endpoint(call)
    documents = call.service.store.newest_first(f"{endpoint['id']}/deployments")
    return JSONResponse(page(documents, call.query, call.base + call.request.url.path))


async def put_deployment(call: Call) -> Response:
    """Create a deployment or replace all of it."""
    store, scope, name = call.service.store, call.scope, call.param("deployment")
    check_name("Deployment", name)
    properties = _complete(call.body.get("properties") or {})
    with store.transaction():
        endpoint = stored_endpoint(call)
        target = deployment_id(scope, endpoint["name"], name)
        old = store.get(target)
        if old is None:
            check_deployment(store, "batchEndpoints", endpoint["id"])
        operation = call.start("deployment.put", target=target, entity=endpoint["id"])
        document = {
            "id": target,
            "name": name,
            "type": f"{PROVIDER}/workspaces/batchEndpoints/deployments",
            "location": scope.region,
            "tags": call.body.get("tags") or {},
            "properties": {**properties, "provisioningState": "Updating" if old else "Creating"},
            "systemData": system_data(call.caller, old),
        }
        store.put(target, document)
    return call.accept(operation, document, status=200 if old else 201)


async def patch_deployment(call: Call) -> Response:
    """Change description and tags, which is all that PATCH can do."""
    store = call.service.store
    with store.transaction():
        document = _stored(call)
        operation = call.start(
            "deployment.patch",
            target=document["id"],
            entity=endpoint_id(call.scope, call.param("endpoint")),
        )
        if call.body.get("tags") is not None:
            document["tags"] = call.body["tags"]
        description = (call.body.get("properties") or {}).get("description")
        if description is not None:
            document["properties"]["description"] = description
        document["properties"]["provisioningState"] = "Updating"
        document["systemData"] = system_data(call.caller, document)
        store.put(document["id"], document)
    return call.accept(operation)


async def delete_deployment(call: Call) -> Response:
    endpoint = call.param("endpoint")
    target = deployment_id(call.scope, endpoint, call.param("deployment"))
    return delete(call, "deployment.delete", target=target, entity=endpoint_id(call.scope, endpoint))


def put_finisher(service: Service) -> Finisher:
    """The operation fails if what the deployment refers to does not exist."""

    async def work(operation: Operation) -> None:
        document = service.store.get(operation.target)
        if document is None:
            raise not_found(f"Deployment {operation.target}")
        workspace = service.settings.workspaces[operation.target.split("/")[8]]
        check_references(service, workspace, document["properties"])

    return Finisher(work=work, commit=lambda operation, error: settle(service, operation, error))


def _stored(call: Call) -> Document:
    scope, endpoint, name = call.scope, call.param("endpoint"), call.param("deployment")
    document = call.service.store.get(deployment_id(scope, endpoint, name))
    if document is None:
        raise not_found(f"Deployment {name} of endpoint {endpoint} in workspace {scope.name}")
    return document


def _complete(properties: Document) -> Document:
    if properties.get("deploymentConfiguration"):
        raise not_emulated("A batch deployment of a pipeline component")
    output = str(properties.get("outputFileName") or _DEFAULTS["outputFileName"])
    if "/" in output or output.startswith("."):
        raise invalid(f"{output!r} is not the name of an output file.")
    given = {name: value for name, value in properties.items() if value is not None}
    return {**_DEFAULTS, **given}
