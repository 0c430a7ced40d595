"""The switches of the local cloud, below `/control`: faults, timing, a look at what happened. No token is needed."""

from __future__ import annotations

from typing import TypeVar

from pydantic import BaseModel, ValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from local.serving import json_body

from .call import Service
from .errors import ArmError
from .faults import Fault
from .profiles import PROFILES, Profile

_Body = TypeVar("_Body", bound=BaseModel)


async def parsed(request: Request, form: type[_Body]) -> _Body:
    """The body in its form. Raises a 400 that says what is wrong with it."""
    try:
        return form.model_validate(await json_body(request))
    except ValidationError as problem:
        raise HTTPException(400, str(problem)) from problem


def service_of(request: Request) -> Service:
    """The one that the request came to."""
    service: Service = request.app.state.service
    return service


async def get_profile(request: Request) -> Response:
    return JSONResponse(service_of(request).faults.profile.model_dump())


async def put_profile(request: Request) -> Response:
    """Replace the profile; what is left out goes back to its default."""
    return _behaving(request, await parsed(request, Profile))


async def choose_profile(request: Request) -> Response:
    """Behave as the profile with this name says."""
    name = request.path_params["name"]
    if name not in PROFILES:
        raise HTTPException(400, f"There is no profile {name}: choose from {', '.join(PROFILES)}.")
    return _behaving(request, PROFILES[name])


def _behaving(request: Request, profile: Profile) -> Response:
    service = service_of(request)
    service.faults.profile = profile
    service.throttle.clear()
    return JSONResponse(profile.model_dump())


async def list_faults(request: Request) -> Response:
    return JSONResponse(service_of(request).faults.active())


async def add_fault(request: Request) -> Response:
    fault = await parsed(request, Fault)
    service_of(request).faults.add(fault)
    return JSONResponse(fault.model_dump(), 201)


async def clear_faults(request: Request) -> Response:
    service_of(request).faults.clear()
    return Response(status_code=204)


async def list_held(request: Request) -> Response:
    """The paths of the requests that are held now."""
    return JSONResponse(service_of(request).faults.holds.paths())


async def list_operations(request: Request) -> Response:
    """Every operation of a kind that was ever started: what it changes, and how it ended."""
    operations = service_of(request).operations.all_of(request.path_params["kind"])
    return JSONResponse([{"target": each.target, "state": each.state} for each in operations])


async def job_log(request: Request) -> Response:
    """What the job's process wrote: standard output, then standard error."""
    service = service_of(request)
    workspace = service.settings.workspaces.get(request.path_params["workspace"])
    if workspace is None:
        raise HTTPException(404, f"There is no workspace {request.path_params['workspace']}.")
    try:
        service.jobs.get(workspace, request.path_params["job"])
    except ArmError as problem:
        raise HTTPException(problem.status, problem.message) from problem
    logs = service.jobs.folder(workspace, request.path_params["job"]) / "logs"
    texts = [path.read_text("utf-8", errors="replace") for path in sorted(logs.glob("*.txt"), reverse=True)]
    return PlainTextResponse("".join(texts))


ROUTES = [
    Route("/control/profile", get_profile, methods=["GET"]),
    Route("/control/profile", put_profile, methods=["PUT"]),
    Route("/control/profile/{name}", choose_profile, methods=["POST"]),
    Route("/control/faults", list_faults, methods=["GET"]),
    Route("/control/faults", add_fault, methods=["POST"]),
    Route("/control/faults", clear_faults, methods=["DELETE"]),
    Route("/control/held", list_held, methods=["GET"]),
    Route("/control/operations/{kind}", list_operations, methods=["GET"]),
    Route("/control/jobs/{workspace}/{job}/log", job_log, methods=["GET"]),
]
