"""The run history: what a job looks like as a run, its logs, its children, and the few fields that can be changed.

See docs/azure-facts.md#calls-and-paths: the client looks up the address in the workspace's discovery document, and
changes tags, name, description and the archive flag here (`PATCH .../runs/{id}`) rather than by putting the job again.
Tags and properties are merged. Children of a pipeline are known here only.
"""

from __future__ import annotations

import uuid
from typing import Any

from starlette.responses import JSONResponse, Response

from local.azureml.service.arm_ids import BlobPath, job_output
from local.azureml.service.call import Call, Service
from local.azureml.service.config import Scope
from local.azureml.service.documents import system_data
from local.azureml.service.errors import not_found
from local.azureml.service.job_records import PARENT, TERMINAL
from local.azureml.service.store import Document

LOG = "user_logs/std_log.txt"
_MERGED = ("tags", "properties")
_REPLACED = {"displayName": "displayName", "description": "description", "hidden": "isArchived"}


async def patch_run(call: Call) -> Response:
    """Change the tags, name or archive flag of a job; fields that are left out keep their values."""
    service, workspace = call.service, call.scope
    with service.store.transaction():
        job = service.jobs.get(workspace, call.param("job"))
        if job["properties"]["experimentName"] != call.param("experiment"):
            raise not_found(f"Run {job['name']} in experiment {call.param('experiment')}")
        properties = job["properties"]
        for field in _MERGED:
            properties[field] = {**properties[field], **(call.body.get(field) or {})}
        for theirs, ours in _REPLACED.items():
            if call.body.get(theirs) is not None:
                properties[ours] = call.body[theirs]
        job["systemData"] = system_data(call.caller, job)
        service.store.put(job["id"], job)
    return JSONResponse(_run(workspace, job))


async def get_run(call: Call) -> Response:
    return JSONResponse(_run(call.scope, call.service.jobs.get(call.scope, call.param("job"))))


async def get_details(call: Call) -> Response:
    """A run with the addresses of its logs, which the client reads without a token."""
    service, workspace = call.service, call.scope
    job = service.jobs.get(workspace, call.param("job"))
    logs = {}
    if await upload_log(service, workspace, job["name"]):
        place = _place(service, workspace, job["name"])
        url = service.storage.url(place, public=call.emulated_host is not None)
        logs[LOG] = f"{url}?{await service.storage.sas_token(place.container)}"
    error = job["properties"]["properties"].get("local.error")
    details = {
        **_run(workspace, job),
        "logFiles": logs,
        "warnings": [],
        "error": {"error": {"code": "UserError", "message": error}} if error else None,
    }
    return JSONResponse(details)


async def list_children(call: Call) -> Response:
    """The jobs of a pipeline's steps, in the order in which they were started."""
    service, workspace = call.service, call.scope
    parent = service.jobs.get(workspace, call.param("job"))["name"]
    jobs = reversed(service.store.newest_first(f"{workspace.arm_id}/jobs"))
    children = [_run(workspace, job) for job in jobs if job["properties"]["properties"].get(PARENT) == parent]
    return JSONResponse({"value": children, "nextLink": None})


async def get_run_data(call: Call) -> Response:
    """A run, as the client asks for it before it downloads outputs. It finds those at their default places."""
    job = call.service.jobs.get(call.scope, str(call.body.get("runId", "")))
    await upload_log(call.service, call.scope, job["name"])  # which it is about to download too
    return JSONResponse({"runMetadata": _run(call.scope, job), "runDefinition": None, "jobSpecification": None})


async def upload_log(service: Service, workspace: Scope, name: str) -> bool:
    """Upload what the job's process wrote so far beside the run's artifacts; returns whether it wrote anything."""
    text = service.jobs.log(workspace, name)
    if text is not None:
        await service.storage.upload_text(text, _place(service, workspace, name))
    return text is not None


def _place(service: Service, workspace: Scope, name: str) -> BlobPath:
    place = service.storage.on_datastore(job_output(name, "artifacts", LOG), workspace)
    if not isinstance(place, BlobPath):
        raise TypeError("Artifacts of runs are kept in Blob Storage.")
    return place


def _run(workspace: Scope, job: Document) -> dict[str, Any]:
    properties, own = job["properties"], job["properties"]["properties"]
    ended = properties["status"] in TERMINAL
    return {
        "runId": job["name"],
        "runUuid": str(uuid.uuid5(uuid.UUID(workspace.guid), job["name"])),
        "parentRunId": own.get(PARENT),
        "rootRunId": own.get(PARENT, job["name"]),
        "experimentId": str(uuid.uuid5(uuid.UUID(workspace.guid), properties["experimentName"])),
        "status": properties["status"],
        "createdUtc": job["systemData"]["createdAt"],
        "endTimeUtc": job["systemData"]["lastModifiedAt"] if ended else None,
        "createdBy": {"userName": job["systemData"]["createdBy"]},
        "displayName": properties["displayName"],
        "description": properties["description"],
        "hidden": properties["isArchived"],
        "runType": "azureml.PipelineRun" if properties["jobType"] == "Pipeline" else "azureml.scriptrun",
        "dataContainerId": f"dcid.{job['name']}",
        "tags": properties["tags"],
        "properties": {name: str(value) for name, value in own.items()},
    }
