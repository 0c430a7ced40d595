"""Jobs as documents: what was asked for, in which state it is, and the events about it.

Running them is the business of `runner.py`. Wire notes, sections 2, 2.1 (status values) and 5 (a job of the same
name can only be updated in a few fields, so a deterministic name makes submitting idempotent).
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import isodate
from starlette.responses import JSONResponse, Response

from .arm_ids import DatastorePath, job_output, parse_location
from .assets import resolve
from .call import Call
from .config import PROVIDER, Scope
from .documents import page, system_data, touched
from .errors import ArmError, invalid, not_emulated, not_found
from .events import Outbox
from .operations import Finisher, Operation
from .store import Document, Store

TERMINAL = ("Completed", "Failed", "Canceled")
CANCEL_REQUESTED = "CancelRequested"
LONGEST_RUN_S = 3600.0  # a job that hangs must not hold a node for ever
_NAME = re.compile(r"^[a-zA-Z0-9_][a-zA-Z0-9_-]{0,254}$")  # each names a folder
_UPDATABLE = ("description", "tags", "displayName", "properties", "isArchived")
_ANSWERED = ("status", "services", "outputs")  # what the service adds, and a client may send back
_KNOWN_FILTERS = {"api-version", "$skip", "$top", "listViewType", "jobType"}


class Jobs:
    """Creates jobs and moves them through their states."""

    def __init__(self, store: Store, outbox: Outbox, data: Path) -> None:
        self._store = store
        self._outbox = outbox
        self._data = data
        self.on_queued: Callable[[], None] = lambda: None

    def folder(self, workspace: Scope, name: str) -> Path:
        """Logs, inputs and outputs of a job on this machine."""
        return self._data / "jobs" / workspace.name / name

    def create(
        self, workspace: Scope, name: str, properties: Document, *, spec: Document, compute: str, caller: str
    ) -> Document:
        """Store a job that is going to run; part of the caller's transaction. Raises `ArmError` 400 for a bad name."""
        for folder in (name, *(properties.get("inputs") or {}), *(properties.get("outputs") or {})):
            if not _NAME.match(folder):
                raise invalid(f"{folder!r} cannot be the name of a job, an input or an output.")
        arm_id = job_id(workspace, name)
        document = {
            "id": arm_id,
            "name": name,
            "type": f"{PROVIDER}/workspaces/jobs",
            "properties": {
                "description": None,
                "displayName": name,
                "experimentName": "Default",
                "isArchived": False,
                **{key: value for key, value in properties.items() if value is not None},
                "tags": properties.get("tags") or {},
                "properties": {
                    **(properties.get("properties") or {}),
                    "local.folder": str(self.folder(workspace, name)),
                },
                "services": _services(workspace, name),
                "status": "NotStarted",
            },
            "systemData": system_data(caller, None),
        }
        self._store.put(arm_id, document)
        self._store.write(
            "INSERT INTO runs (job, state, compute, spec) VALUES (?, 'Queued', ?, ?)",
            arm_id,
            f"{workspace.name}/{compute.rpartition('/')[2]}",
            json.dumps(spec),
        )
        self.set_status(workspace, name, "Queued")
        self.on_queued()
        return document

    def get(self, workspace: Scope, name: str) -> Document:
        """Raises `ArmError` 404."""
        document = self._store.get(job_id(workspace, name))
        if document is None:
            raise not_found(f"Job {name} in workspace {workspace.name}")
        return document

    def set_status(self, workspace: Scope, name: str, status: str, *, error: str | None = None) -> None:
        """Move a job on and announce it; part of the caller's transaction.

        A job that ended stays as it is, and one that was asked to end can only end.
        """
        document = self.get(workspace, name)
        properties = document["properties"]
        if properties["status"] in TERMINAL:
            return
        if properties["status"] == CANCEL_REQUESTED and status not in TERMINAL:
            return  # its turn came before the cancellation was done
        properties["status"] = status
        if error:
            properties["properties"]["local.error"] = error
        self._store.put(document["id"], touched(document))
        self._outbox.run_status_changed(workspace, document)
        if status == "Completed":
            self._outbox.run_completed(workspace, document)


def limit_s(spec: Mapping[str, Any]) -> float:
    """After how many seconds a job is canceled: `limits.timeout` of a command. Raises `ArmError` 400 for nonsense."""
    wanted = ((spec.get("request") or {}).get("limits") or {}).get("timeout")
    if wanted is None:
        return LONGEST_RUN_S
    try:
        seconds = isodate.parse_duration(wanted).total_seconds()
    except (isodate.ISO8601Error, TypeError) as problem:
        raise invalid(f"limits.timeout must be an ISO 8601 duration, not {wanted!r}.") from problem
    return min(float(seconds), LONGEST_RUN_S)


def job_id(workspace: Scope, name: str) -> str:
    return f"{workspace.arm_id}/jobs/{name}"


def output_uri(workspace: Scope, name: str, output: str) -> str:
    """Where an output of a job can be read once it is completed."""
    return (
        f"azureml://subscriptions/{workspace.subscription}/resourcegroups/{workspace.resource_group}"
        f"/workspaces/{workspace.name}/datastores/workspaceblobstore/paths/azureml/{name}/{output}/"
    )


async def get_job(call: Call) -> Response:
    return JSONResponse(call.service.jobs.get(call.scope, call.param("job")))


async def list_jobs(call: Call) -> Response:
    if unknown := set(call.query) - _KNOWN_FILTERS:
        raise not_emulated(f"A list of jobs filtered by {', '.join(sorted(unknown))}")
    jobs = call.service.store.newest_first(f"{call.scope.arm_id}/jobs")
    view = call.query.get("listViewType", "ActiveOnly")
    if view != "All":
        jobs = [one for one in jobs if one["properties"]["isArchived"] == (view == "ArchivedOnly")]
    if wanted := call.query.get("jobType"):
        jobs = [one for one in jobs if one["properties"]["jobType"] == wanted]
    return JSONResponse(page(jobs, call.query, call.base + call.request.url.path))


async def put_job(call: Call) -> Response:
    """Submit a command job, or update the few fields of a job that may change."""
    service, workspace, name = call.service, call.scope, call.param("job")
    request = dict(call.body.get("properties") or {})
    if request.get("jobType") != "Command":
        raise not_emulated(f"A job of type {request.get('jobType')!r}")
    with service.store.transaction():
        if service.store.get(job_id(workspace, name)):
            return JSONResponse(_update(call, workspace, name, request))
        _check_assets(call, request)
        limit_s({"request": request})
        outputs = request.get("outputs") or {}
        for output, given in outputs.items():
            _check_place(name, output, (given or {}).get("uri"))
        request["outputs"] = {
            output: {"mode": "ReadWriteMount", **(given or {}), "uri": output_uri(workspace, name, output)}
            for output, given in outputs.items()
        }
        document = service.jobs.create(
            workspace,
            name,
            request,
            spec={"kind": "command", "request": _identity(request), "workspace": workspace.name, "job": name},
            compute=str(request.get("computeId") or "serverless"),
            caller=call.caller,
        )
    return JSONResponse(document, 201)


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


async def cancel_job(call: Call) -> Response:
    """Ask a job to end. One that has ended already stays as it is."""
    service, workspace = call.service, call.scope
    name = call.param("job")
    with service.store.transaction():
        document = service.jobs.get(workspace, name)
        operation = call.start("job.cancel", target=document["id"], entity=None)
        service.jobs.set_status(workspace, name, CANCEL_REQUESTED)
    return call.accept(operation)


def cancel_finisher(stop: Callable[[str], Any]) -> Finisher:
    """`stop` ends the process of a job, or takes a waiting job out of the queue, and returns when it is done."""

    async def work(operation: Operation) -> None:
        await stop(operation.target)

    return Finisher(work=work, commit=lambda operation, error: None)


def _check_assets(call: Call, request: Document) -> None:
    for field, kind in (("environmentId", "environments"), ("codeId", "codes")):
        reference = request.get(field)
        if reference:
            resolve(call.service, call.scope, reference, kind)
        elif field == "environmentId":
            raise invalid("A command job needs an environment.")


def _update(call: Call, workspace: Scope, name: str, request: Document) -> Document:
    """The existing job with the new tags and so on. Raises `ArmError` 400 if anything else is different."""
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


def _services(workspace: Scope, name: str) -> Document:
    studio = f"https://ml.azure.com/runs/{name}?wsid={workspace.arm_id}"
    return {
        "Tracking": {
            "jobServiceType": "Tracking",
            "endpoint": f"azureml://{workspace.region}.api.azureml.ms",
            "port": None,
            "status": None,
        },
        "Studio": {"jobServiceType": "Studio", "endpoint": studio, "port": None, "status": None},
    }
