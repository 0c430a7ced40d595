"""Invoking a batch endpoint: the POST to its scoring URI that creates a job.

See docs/azure-facts.md#calls-and-paths: the deployment is named by the header `azureml-model-deployment`, or it is the
endpoint's default; the client may post the same request twice, so `repeatability_request-id` is remembered.
"""

from __future__ import annotations

import uuid
from typing import Any

from starlette.responses import JSONResponse, Response

from local.azureml.batch.deployments import deployment_id
from local.azureml.batch.endpoints import stored_endpoint
from local.azureml.service.call import Call
from local.azureml.service.config import PROVIDER
from local.azureml.service.documents import page
from local.azureml.service.errors import conflict, invalid, not_emulated, not_found
from local.azureml.service.job_records import SCORES, job_id, output_uri
from local.azureml.service.store import Document

DEPLOYMENT_HEADER = "azureml-model-deployment"
_OVERRIDDEN = ("miniBatchSize", "errorThreshold", "outputFileName")
_NOT_OVERRIDDEN = ("compute", "dataset", "outputDataset", "retrySettings")
REQUEST_ID_HEADER = "repeatability_request-id"


async def invoke(call: Call) -> Response:
    """Start a batch scoring job on the wanted deployment."""
    service, workspace = call.service, call.scope
    wanted: Document = call.body.get("properties") or {}
    request_id = call.request.headers.get(REQUEST_ID_HEADER)
    with service.store.transaction():
        endpoint = stored_endpoint(call)
        if earlier := _earlier_job(call, endpoint["id"], request_id):
            return _answer(service.jobs.get(workspace, earlier), 200)
        deployment = _deployment(call, endpoint)
        name = str(wanted.get("name") or f"batchjob-{uuid.uuid4()}")
        if service.store.get(job_id(workspace, name)):
            raise conflict(f"A job {name} exists in workspace {workspace.name}.")
        inputs, output_file = _inputs(wanted), _output_file(wanted, name)
        settings = {**deployment["properties"], **_overrides(wanted)}
        job = service.jobs.create(
            workspace,
            name,
            _properties(call, endpoint, deployment, name, wanted, inputs),
            spec={
                "kind": "batch",
                "workspace": workspace.name,
                "job": name,
                "inputs": inputs,
                "output_file": output_file or settings["outputFileName"],
                "deployment": settings,
            },
            compute=str(deployment["properties"].get("compute") or "serverless"),
            caller=call.caller,
        )
        if request_id:
            service.store.write(
                "INSERT INTO invocations (request_id, endpoint, job) VALUES (?, ?, ?)",
                request_id,
                endpoint["id"],
                name,
            )
    return _answer(job, 201)


async def list_jobs(call: Call) -> Response:
    """The jobs of an endpoint, or of one of its deployments, the newest first."""
    endpoint, deployment = stored_endpoint(call)["name"], call.request.path_params.get("deployment")
    found = []
    for job in call.service.store.newest_first(f"{call.scope.arm_id}/jobs"):
        own = job["properties"]["properties"]
        of_endpoint = str(own.get("azureml.endpointname", "")).lower() == endpoint.lower()
        if of_endpoint and deployment in (None, own.get("azureml.deploymentname")):
            found.append(_shown(job))
    return JSONResponse(page(found, call.query, call.base + call.request.url.path))


def _earlier_job(call: Call, endpoint: str, request_id: str | None) -> str | None:
    row = call.service.store.row(
        "SELECT job FROM invocations WHERE endpoint = ? AND request_id = ?", endpoint, request_id
    )
    return str(row["job"]) if row else None


def _deployment(call: Call, endpoint: Document) -> Document:
    name = call.request.headers.get(DEPLOYMENT_HEADER) or endpoint["properties"]["defaults"]["deploymentName"]
    if not name:
        raise invalid(f"Endpoint {endpoint['name']} has no default deployment, and the request names none.")
    deployment = call.service.store.get(deployment_id(call.scope, endpoint["name"], name))
    if deployment is None:
        raise not_found(f"Deployment {name} of endpoint {endpoint['name']}")
    state = deployment["properties"]["provisioningState"]
    if state != "Succeeded":
        raise conflict(f"Deployment {name} of endpoint {endpoint['name']} is {state}; it cannot be invoked.")
    return deployment


def _inputs(wanted: Document) -> dict[str, str]:
    """URIs by input name. Raises `ArmError` 400: a model deployment reads files or folders, at least one."""
    uris = {}
    for name, given in (wanted.get("inputData") or {}).items():
        if given.get("jobInputType") not in ("UriFolder", "UriFile", "uri_folder", "uri_file"):
            raise invalid(f"Input {name} of a model deployment must be a uri_folder or uri_file.")
        uris[name] = str(given["uri"])
    if not uris:
        raise invalid("The request has no inputData: a model deployment needs a folder or file to score.")
    return uris


def _overrides(wanted: Document) -> Document:
    """What the request sets for this job alone. Raises `ArmError` 501 for what cannot be set here."""
    if given := [name for name in _NOT_OVERRIDDEN if wanted.get(name) is not None]:
        raise not_emulated(f"A batch job with {', '.join(given)} of its own")
    return {name: wanted[name] for name in _OVERRIDDEN if wanted.get(name) is not None}


def _output_file(wanted: Document, job: str) -> str:
    """The name of the file for the rows of a job that says where its output goes: only the place it has anyway, which
    is the file's folder. Empty where nothing is said. Raises `ArmError` 501 for any other place."""
    outputs = wanted.get("outputData") or {}
    if not outputs:
        return ""
    given = outputs.get(SCORES) or {}
    folder, _, file = str(given.get("uri") or "").rpartition("/")
    here = f"azureml://datastores/workspaceblobstore/paths/azureml/{job}/{SCORES}"
    if set(outputs) != {SCORES} or given.get("jobOutputType") != "UriFile" or folder != here or not file:
        raise not_emulated(f"An output of a batch job that is not the file {here}/<name>")
    return file


def _properties(
    call: Call, endpoint: Document, deployment: Document, name: str, wanted: Document, inputs: dict[str, str]
) -> Document:
    invoked: dict[str, Any] = wanted.get("properties") or {}
    return {
        "jobType": "Pipeline",
        "displayName": name,
        "experimentName": invoked.get("experimentName") or endpoint["name"],
        "computeId": deployment["properties"].get("compute"),
        "inputs": {
            key: {"jobInputType": "uri_folder", "mode": "ReadOnlyMount", "uri": uri} for key, uri in inputs.items()
        },
        "outputs": {
            SCORES: {
                "jobOutputType": "uri_folder",
                "mode": "ReadWriteMount",
                "uri": output_uri(call.scope, name, SCORES),
            }
        },
        "jobs": {},
        "settings": {},
        "tags": wanted.get("tags") or {},
        "properties": {
            "azureml.endpointname": endpoint["name"],
            "azureml.deploymentname": deployment["name"],
        },
    }


def _answer(job: Document, status: int) -> Response:
    return JSONResponse(_shown(job), status)


def _shown(job: Document) -> Document:
    return {
        "id": job["id"],
        "name": job["name"],
        "type": f"{PROVIDER}/workspaces/batchEndpoints/jobs",
        "properties": {"name": job["name"], "status": job["properties"]["status"]},
    }
