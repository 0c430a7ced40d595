"""Submitting a job: what is asked for is checked, and either a new job is stored or an old one gets new tags.

See docs/azure-facts.md#assets-deployments-and-jobs: a job of the same name can only be updated in a few fields, so a
deterministic name makes submitting idempotent.
"""

from __future__ import annotations

import json
from collections.abc import Callable

from starlette.responses import JSONResponse, Response

from local.azureml.assets.references import resolve
from local.azureml.pipelines import graph
from local.azureml.pipelines.runs import PIPELINE, check_components
from local.azureml.service.arm_ids import DatastorePath, job_output, parse_location
from local.azureml.service.call import Call
from local.azureml.service.config import Scope
from local.azureml.service.documents import system_data
from local.azureml.service.errors import ArmError, invalid, not_emulated
from local.azureml.service.job_records import job_id, limit_s, output_uri
from local.azureml.service.store import Document

_UPDATABLE = ("description", "tags", "displayName", "properties", "isArchived")
_ANSWERED = ("status", "services", "outputs")  # what the service adds, and a client may send back


async def put_job(call: Call) -> Response:
    """Submit a command job or a pipeline, or update the few fields of a job that may change."""
    service, workspace, name = call.service, call.scope, call.param("job")
    request = dict(call.body.get("properties") or {})
    submit = _SUBMISSIONS.get(str(request.get("jobType")))
    if submit is None:
        raise not_emulated(f"A job of type {request.get('jobType')!r}")
    with service.store.transaction():
        if service.store.get(job_id(workspace, name)):
            return JSONResponse(_update(call, workspace, name, request))
        return JSONResponse(submit(call, workspace, name, request), 201)


def _submit_command(call: Call, workspace: Scope, name: str, request: Document) -> Document:
    _check_assets(call, request)
    limit_s({"request": request})
    request["outputs"] = _outputs(workspace, name, request)
    return call.service.jobs.create(
        workspace,
        name,
        request,
        spec={"kind": "command", "request": _identity(request), "workspace": workspace.name, "job": name},
        compute=str(request.get("computeId") or "serverless"),
        caller=call.caller,
    )


def _submit_pipeline(call: Call, workspace: Scope, name: str, request: Document) -> Document:
    steps = graph.steps_of(request)
    check_components(call.service, workspace, steps)
    request["outputs"] = _outputs(workspace, name, request)
    return call.service.jobs.create(
        workspace,
        name,
        request,
        spec={"kind": "pipeline", "request": _identity(request), "workspace": workspace.name, "job": name},
        compute="",
        caller=call.caller,
        state=PIPELINE,
    )


def _outputs(workspace: Scope, name: str, request: Document) -> Document:
    """Where the outputs will be. Raises `ArmError` for one that shall not go where outputs go by default."""
    outputs = request.get("outputs") or {}
    for output, given in outputs.items():
        _check_place(name, output, (given or {}).get("uri"))
    return {
        output: {"mode": "ReadWriteMount", **(given or {}), "uri": output_uri(workspace, name, output)}
        for output, given in outputs.items()
    }


def _check_place(name: str, output: str, uri: str | None) -> None:
    """Raises `ArmError` for an output that shall not go where outputs go by default."""
    if uri:
        wanted = parse_location(uri.replace("${{name}}", name), blob_endpoint=uri)
        default = job_output(name, output)
        if not isinstance(wanted, DatastorePath) or (wanted.datastore, wanted.path.rstrip("/")) != (
            default.datastore,
            default.path.rstrip("/"),
        ):
            raise not_emulated(f"The output {output!r} at {uri!r} instead of {default.path!r} in {default.datastore}")


def _check_assets(call: Call, request: Document) -> None:
    for field, kind in (("environmentId", "environments"), ("codeId", "codes")):
        reference = request.get(field)
        if reference:
            resolve(call.service, call.scope, reference, kind)
        elif field == "environmentId":
            raise invalid("A command job needs an environment.")
    for given in (request.get("inputs") or {}).values():
        uri = str((given or {}).get("uri") or "")
        if "/data/" in uri and "/versions/" in uri:
            resolve(call.service, call.scope, uri, "data")


def _update(call: Call, workspace: Scope, name: str, request: Document) -> Document:
    """The existing job with its new tags and so on. Raises `ArmError` 400 if anything else is different."""
    store = call.service.store
    row = store.row("SELECT spec FROM runs WHERE job = ?", job_id(workspace, name))
    stored = json.loads(row["spec"]).get("request") if row else None
    if stored != _identity(request):
        raise ArmError(
            400,
            "UserError",
            "A job with this name already exists. If you are trying to create a new job, use a different name. "
            "If you are trying to update an existing job, the existing job's properties cannot be changed. "
            "Only description, tags, displayName, properties, and isArchived can be updated. "
            "(JobPropertyImmutable)",
        )
    document = call.service.jobs.get(workspace, name)
    for field in _UPDATABLE:
        if request.get(field) is not None:
            merge = field in ("tags", "properties")  # a tag that is left out stays
            old = document["properties"].get(field)
            document["properties"][field] = {**old, **request[field]} if merge else request[field]
    document["systemData"] = system_data(call.caller, document)
    store.put(document["id"], document)
    return document


def _identity(request: Document) -> Document:
    """What makes two submissions of a name the same job."""
    kept = {key: value for key, value in request.items() if value is not None and value != {}}
    outputs = {name: (given or {}).get("jobOutputType") for name, given in (request.get("outputs") or {}).items()}
    return {
        **{key: value for key, value in kept.items() if key not in (*_UPDATABLE, *_ANSWERED)},
        "outputs": outputs,
    }


_SUBMISSIONS: dict[str, Callable[[Call, Scope, str, Document], Document]] = {
    "Command": _submit_command,
    "Pipeline": _submit_pipeline,
}
