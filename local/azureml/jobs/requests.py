"""Requests about jobs that are there: read, list, cancel and delete them. Submitting is in `submissions.py`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from starlette.responses import JSONResponse, Response

from local.azureml.service.call import Call
from local.azureml.service.documents import page
from local.azureml.service.errors import conflict, not_emulated
from local.azureml.service.job_records import CANCEL_REQUESTED, TERMINAL, is_step, job_id
from local.azureml.service.operations import Finisher, Operation
from local.azureml.service.store import Document, Store

_KNOWN_FILTERS = {"api-version", "$skip", "$top", "listViewType", "jobType"}


async def get_job(call: Call) -> Response:
    document = call.service.jobs.get(call.scope, call.param("job"))
    return JSONResponse({**document, "properties": None} if is_step(document) else document)


async def list_jobs(call: Call) -> Response:
    if unknown := set(call.query) - _KNOWN_FILTERS:
        raise not_emulated(f"A list of jobs filtered by {', '.join(sorted(unknown))}")
    jobs = [one for one in call.service.store.newest_first(f"{call.scope.arm_id}/jobs") if not is_step(one)]
    view = call.query.get("listViewType", "ActiveOnly")
    if view != "All":
        jobs = [one for one in jobs if one["properties"]["isArchived"] == (view == "ArchivedOnly")]
    if wanted := call.query.get("jobType"):
        jobs = [one for one in jobs if one["properties"]["jobType"] == wanted]
    return JSONResponse(page(jobs, call.query, call.base + call.request.url.path))


async def cancel_job(call: Call) -> Response:
    """Ask a job to end. A job that has ended keeps its status."""
    service, workspace = call.service, call.scope
    name = call.param("job")
    with service.store.transaction():
        document = service.jobs.get(workspace, name)
        operation = call.start("job.cancel", target=document["id"], entity=None)
        service.jobs.set_status(workspace, name, CANCEL_REQUESTED)
    return call.accept(operation)


async def delete_job(call: Call) -> Response:
    """Delete a job that has ended, and its run; its outputs stay. A missing one is no error."""
    service, target = call.service, job_id(call.scope, call.param("job"))
    with service.store.transaction():
        document = service.store.get(target)
        if document is None:
            return Response(status_code=204)
        if (status := document["properties"]["status"]) not in TERMINAL:
            raise conflict(f"Job {document['name']} is {status}: cancel it before you delete it.")
        operation = call.start("job.delete", target=target, entity=target)
    return call.accept(operation)


def delete_finisher(store: Store) -> Finisher:
    async def work(_: Operation) -> None:
        return None

    def commit(operation: Operation, error: Document | None) -> None:
        if not error:
            store.delete_tree(operation.target)
            store.write("DELETE FROM runs WHERE job = ?", operation.target)

    return Finisher(work=work, commit=commit)


def cancel_finisher(stop: Callable[[str], Awaitable[None]]) -> Finisher:
    """`stop` ends the process of a job, or takes a waiting job out of the queue, and returns when it is done."""

    async def work(operation: Operation) -> None:
        await stop(operation.target)

    return Finisher(work=work, commit=lambda operation, error: None)
