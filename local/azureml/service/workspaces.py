"""What a workspace itself answers: its description, computes, and where clients upload code.

See docs/azure-facts.md#calls-and-paths and docs/azure-facts.md#uploads.
"""

from __future__ import annotations

from typing import Any

from starlette.responses import JSONResponse, Response

from local.azureml.service.arm_ids import BlobPath
from local.azureml.service.call import Call
from local.azureml.service.config import PROVIDER, Scope
from local.azureml.service.documents import page

_FOUNDED = "2025-01-01T00:00:00Z"
SYSTEM_DATA = {"createdBy": "local", "createdByType": "Application", "createdAt": _FOUNDED}
_VM_SIZE = "STANDARD_DS3_V2"


async def get_workspace(call: Call) -> Response:
    return JSONResponse(_workspace(call, call.scope))


async def list_workspaces(call: Call) -> Response:
    every = [_workspace(call, scope) for scope in call.service.settings.workspaces.values()]
    return JSONResponse(page(every, call.query, call.base + call.request.url.path))


async def service_discovery(call: Call) -> Response:
    """The document behind a workspace's `discoveryUrl`."""
    base = call.public_base(f"{call.service.settings.region}.api.azureml.ms")
    return JSONResponse(dict.fromkeys(("api", "history", "experimentation", "catalog", "studio"), base))


async def get_compute(call: Call) -> Response:
    """Every name is a cluster: computes are made by the infrastructure code, which does not run here."""
    scope, name = call.scope, call.param("compute")
    nodes = call.service.settings.nodes_per_compute
    return JSONResponse(
        {
            "id": f"{scope.arm_id}/computes/{name}",
            "name": name,
            "type": f"{PROVIDER}/workspaces/computes",
            "location": scope.region,
            "systemData": SYSTEM_DATA,
            "properties": {
                "computeType": "AmlCompute",
                "computeLocation": scope.region,
                "provisioningState": "Succeeded",
                "properties": {
                    "vmSize": _VM_SIZE,
                    "vmPriority": "Dedicated",
                    "scaleSettings": {
                        "minNodeCount": 0,
                        "maxNodeCount": nodes,
                        "nodeIdleTimeBeforeScaleDown": "PT120S",
                    },
                },
            },
        }
    )


async def start_pending_upload(call: Call) -> Response:
    """Where to upload the files of a code version, with a signature."""
    storage = call.service.storage
    container = storage.asset_container(call.scope, "codes", call.param("name"), call.param("version"))
    url = storage.url(BlobPath(container=container, path=""), public=call.emulated_host is not None)
    sas_uri = f"{url}?{await storage.sas_token(container)}"
    return JSONResponse(
        {
            "blobReferenceForConsumption": {
                "blobUri": url,
                "storageAccountArmId": _storage_account(call.scope, storage.account),
                "credential": {"credentialType": "SAS", "sasUri": sas_uri},
            },
            "pendingUploadId": None,
            "pendingUploadType": "TemporaryBlobReference",
        }
    )


def _workspace(call: Call, scope: Scope) -> dict[str, Any]:
    api = call.public_base(f"{scope.region}.api.azureml.ms")
    return {
        "id": scope.arm_id,
        "name": scope.name,
        "type": f"{PROVIDER}/workspaces",
        "location": scope.region,
        "tags": {},
        "kind": "Default",
        "sku": {"name": "Basic", "tier": "Basic"},
        "identity": {"type": "SystemAssigned", "principalId": scope.guid, "tenantId": scope.guid},
        "systemData": SYSTEM_DATA,
        "properties": {
            "friendlyName": scope.name,
            "description": "",
            "workspaceId": scope.guid,
            "provisioningState": "Succeeded",
            "discoveryUrl": f"{api}/discovery/workspaces/{scope.guid}",
            "mlFlowTrackingUri": f"azureml://{scope.region}.api.azureml.ms/mlflow/v1.0{scope.arm_id}",
            "storageAccount": _storage_account(scope, call.service.storage.account),
            "hbiWorkspace": False,
            "publicNetworkAccess": "Enabled",
            "v1LegacyMode": False,
        },
    }


def _storage_account(scope: Scope, account: str) -> str:
    return (
        f"/subscriptions/{scope.subscription}/resourceGroups/{scope.resource_group}"
        f"/providers/Microsoft.Storage/storageAccounts/{account}"
    )
