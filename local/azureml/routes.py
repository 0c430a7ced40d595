"""Every route below Azure's own paths: its name, which is what faults are switched on for, and who handles it.

Paths: docs/azure-facts.md#calls-and-paths. The api-version is never looked at, since the client pins a different one
per group of operations.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from starlette.responses import Response

from local.azureml.assets import datastores, registry, versions
from local.azureml.batch import deployments, endpoints, invoke
from local.azureml.jobs import requests, run_history, submissions
from local.azureml.online import deployments as online_deployments
from local.azureml.online import endpoints as online_endpoints
from local.azureml.online import scoring
from local.azureml.service import polling, workspaces
from local.azureml.service.call import Call
from local.azureml.service.config import PROVIDER
from local.monitor import alerts

Handler = Callable[[Call], Awaitable[Response]]
Operation = tuple[str, str, str, Handler]
"""Name, method, path, handler."""

_GROUP = f"/subscriptions/{{subscription}}/resourceGroups/{{group}}/providers/{PROVIDER}"
_WORKSPACE = _GROUP + "/workspaces/{workspace}"
_FRONTEND = "/mferp/managementfrontend"
_REGISTRY = _FRONTEND + _GROUP + "/registries/{registry}"
_HISTORY = "/history/v1.0" + _WORKSPACE
_LOCATION = f"/subscriptions/{{subscription}}/providers/{PROVIDER}/locations/{{location}}"
_ENDPOINT = _WORKSPACE + "/batchEndpoints/{endpoint}"
_DEPLOYMENT = _ENDPOINT + "/deployments/{deployment}"
_ONLINE_ENDPOINT = _WORKSPACE + "/onlineEndpoints/{endpoint}"
_ONLINE_DEPLOYMENT = _ONLINE_ENDPOINT + "/deployments/{deployment}"

_OPERATIONS: list[Operation] = [
    ("workspace.list", "GET", _GROUP + "/workspaces", workspaces.list_workspaces),
    ("workspace.get", "GET", _WORKSPACE, workspaces.get_workspace),
    ("workspace.discovery", "GET", "/discovery/workspaces/{guid}", workspaces.service_discovery),
    ("datastore.list", "GET", _WORKSPACE + "/datastores", datastores.list_datastores),
    ("datastore.get", "GET", _WORKSPACE + "/datastores/{datastore}", datastores.get_datastore),
    ("datastore.put", "PUT", _WORKSPACE + "/datastores/{datastore}", datastores.put_datastore),
    ("datastore.delete", "DELETE", _WORKSPACE + "/datastores/{datastore}", datastores.delete_datastore),
    ("datastore.secrets", "POST", _WORKSPACE + "/datastores/{datastore}/listSecrets", datastores.list_secrets),
    ("compute.get", "GET", _WORKSPACE + "/computes/{compute}", workspaces.get_compute),
    (
        "code.upload",
        "POST",
        _WORKSPACE + "/codes/{name}/versions/{version}/startPendingUpload",
        workspaces.start_pending_upload,
    ),
    ("endpoint.list", "GET", _WORKSPACE + "/batchEndpoints", endpoints.list_endpoints),
    ("endpoint.get", "GET", _ENDPOINT, endpoints.get_endpoint),
    ("endpoint.put", "PUT", _ENDPOINT, endpoints.put_endpoint),
    ("endpoint.patch", "PATCH", _ENDPOINT, endpoints.patch_endpoint),
    ("endpoint.delete", "DELETE", _ENDPOINT, endpoints.delete_endpoint),
    ("deployment.list", "GET", _ENDPOINT + "/deployments", deployments.list_deployments),
    ("deployment.get", "GET", _DEPLOYMENT, deployments.get_deployment),
    ("deployment.put", "PUT", _DEPLOYMENT, deployments.put_deployment),
    ("deployment.patch", "PATCH", _DEPLOYMENT, deployments.patch_deployment),
    ("deployment.delete", "DELETE", _DEPLOYMENT, deployments.delete_deployment),
    ("batch.invoke", "POST", "/workspaces/{workspace}/batchEndpoints/{endpoint}/jobs", invoke.invoke),
    ("batch.jobs", "GET", _FRONTEND + _ENDPOINT + "/jobs", invoke.list_jobs),
    ("batch.deployment-jobs", "GET", _FRONTEND + _DEPLOYMENT + "/jobs", invoke.list_jobs),
    ("online-endpoint.list", "GET", _WORKSPACE + "/onlineEndpoints", online_endpoints.list_endpoints),
    ("online-endpoint.get", "GET", _ONLINE_ENDPOINT, online_endpoints.get_endpoint),
    ("online-endpoint.put", "PUT", _ONLINE_ENDPOINT, online_endpoints.put_endpoint),
    ("online-endpoint.patch", "PATCH", _ONLINE_ENDPOINT, online_endpoints.patch_endpoint),
    ("online-endpoint.delete", "DELETE", _ONLINE_ENDPOINT, online_endpoints.delete_endpoint),
    ("online-endpoint.list-keys", "POST", _ONLINE_ENDPOINT + "/listKeys", online_endpoints.list_keys),
    ("online-endpoint.keys", "POST", _ONLINE_ENDPOINT + "/regenerateKeys", online_endpoints.regenerate_keys),
    ("online-endpoint.token", "POST", _ONLINE_ENDPOINT + "/token", online_endpoints.get_token),
    ("online-deployment.list", "GET", _ONLINE_ENDPOINT + "/deployments", online_deployments.list_deployments),
    ("online-deployment.get", "GET", _ONLINE_DEPLOYMENT, online_deployments.get_deployment),
    ("online-deployment.put", "PUT", _ONLINE_DEPLOYMENT, online_deployments.put_deployment),
    ("online-deployment.patch", "PATCH", _ONLINE_DEPLOYMENT, online_deployments.patch_deployment),
    ("online-deployment.delete", "DELETE", _ONLINE_DEPLOYMENT, online_deployments.delete_deployment),
    ("online-deployment.logs", "POST", _ONLINE_DEPLOYMENT + "/getLogs", online_deployments.get_logs),
    ("online-deployment.skus", "GET", _ONLINE_DEPLOYMENT + "/skus", online_deployments.list_skus),
    ("online.score", "POST", "/workspaces/{workspace}/onlineEndpoints/{endpoint}/score", scoring.score),
    ("job.list", "GET", _WORKSPACE + "/jobs", requests.list_jobs),
    ("job.get", "GET", _WORKSPACE + "/jobs/{job}", requests.get_job),
    ("job.put", "PUT", _WORKSPACE + "/jobs/{job}", submissions.put_job),
    ("job.delete", "DELETE", _WORKSPACE + "/jobs/{job}", requests.delete_job),
    ("job.cancel", "POST", _WORKSPACE + "/jobs/{job}/cancel", requests.cancel_job),
    ("run.patch", "PATCH", _HISTORY + "/experiments/{experiment}/runs/{job}", run_history.patch_run),
    ("run.get", "GET", _HISTORY + "/runs/{job}", run_history.get_run),
    ("run.details", "GET", _HISTORY + "/runs/{job}/details", run_history.get_details),
    ("run.children", "GET", _HISTORY + "/runs/{job}/children", run_history.list_children),
    ("run.data", "POST", _HISTORY + "/rundata", run_history.get_run_data),
    ("lro.status", "GET", _LOCATION + "/mfeOperationsStatus/{operation}", polling.operation_status),
    ("lro.result", "GET", _LOCATION + "/mfeOperationResults/{operation}", polling.operation_result),
    (
        "registry.discovery",
        "GET",
        "/registrymanagement/v1.0/registries/{registry}/discovery",
        registry.discovery,
    ),
    ("registry.import", "POST", _REGISTRY + "/import", registry.import_asset),
    ("registry.read", "POST", _REGISTRY + "/datarefs/{name}/versions/{version}", registry.data_reference),
    ("alert.list", "GET", alerts.COLLECTION, alerts.list_alerts),
    ("alert.get", "GET", alerts.COLLECTION + "/{alert}", alerts.get_alert),
    ("registry.write", "PUT", _REGISTRY + "/tempdatarefs/{name}/versions/{version}", registry.temporary_reference),
]  # fmt: skip

_ASSET_OPERATIONS: list[Operation] = [
    ("list", "GET", "", versions.list_containers),
    ("container.get", "GET", "/{name}", versions.get_container),
    ("container.put", "PUT", "/{name}", versions.put_container),
    ("container.delete", "DELETE", "/{name}", versions.delete_container),
    ("versions", "GET", "/{name}/versions", versions.list_versions),
    ("get", "GET", "/{name}/versions/{version}", versions.get_version),
    ("put", "PUT", "/{name}/versions/{version}", versions.put_version),
    ("delete", "DELETE", "/{name}/versions/{version}", versions.delete_version),
]
_ASSET_NAMES = {
    "models": "model",
    "environments": "environment",
    "data": "data",
    "codes": "code",
    "components": "component",
}


def operations() -> list[Operation]:
    """All of them, those of each kind of asset in workspaces and registries among them."""
    every = list(_OPERATIONS)
    for kind, singular in _ASSET_NAMES.items():
        for scope, prefix in ((_WORKSPACE, ""), (_REGISTRY, "registry.")):
            every += [
                (f"{prefix}{singular}.{name}", method, f"{scope}/{kind}{path}", _of_kind(kind, handler))
                for name, method, path, handler in _ASSET_OPERATIONS
            ]
    return every


def _of_kind(kind: str, handler: Handler) -> Handler:
    async def handle(call: Call) -> Response:
        call.request.path_params["kind"] = kind
        return await handler(call)

    return handle
