"""Where a client asks about a long-running operation (docs/azure-facts.md#long-running-operations)."""

from __future__ import annotations

from starlette.responses import JSONResponse, Response

from local.azureml.service.call import Call
from local.azureml.service.errors import ArmError
from local.azureml.service.operations import Operation, poll_url, retry_headers
from local.azureml.service.store import Document


async def operation_status(call: Call) -> Response:
    """The status document behind `Azure-AsyncOperation`."""
    operation = _operation(call)
    body: Document = {
        "id": call.request.url.path,
        "name": call.param("operation"),
        "status": operation.state,
        "startTime": operation.started_at,
        "endTime": operation.ended_at,
    }
    if operation.error:
        body["error"] = operation.error
    headers = _retry(call) if operation.state == "InProgress" else {}
    return JSONResponse(body, headers=headers)


async def operation_result(call: Call) -> Response:
    """The result behind `Location`: 202 while it runs, then an empty answer, or the error.

    The body stays empty because the client fails on any other end of an import (docs/azure-facts.md#calls-and-paths).
    """
    operation = _operation(call)
    if operation.state == "InProgress":
        location = poll_url(operation, base=call.base, settings=call.service.settings, results=True)
        return Response(status_code=202, headers={"Location": location, **_retry(call)})
    if operation.error:
        raise ArmError(400, operation.error["code"], operation.error["message"])
    return Response(status_code=200 if operation.kind == "job.cancel" else 204)


def _operation(call: Call) -> Operation:
    return call.service.operations.get(call.param("operation").removeprefix("odidp:"))


def _retry(call: Call) -> dict[str, str]:
    return retry_headers(call.service.faults.profile.retry_after_s)
