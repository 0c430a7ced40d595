"""The switches of the local cloud, below `/control`: faults, timing, a look at what happened. No token is needed."""

from __future__ import annotations

from typing import TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from local.azureml.service import quotas
from local.azureml.service.call import Service
from local.azureml.service.clock import CLOCK
from local.azureml.service.documents import utc_now
from local.azureml.service.errors import ArmError
from local.azureml.service.faults import Fault
from local.azureml.service.profiles import PROFILES, Profile
from local.serving import json_body

_Body = TypeVar("_Body", bound=BaseModel)


class Advance(BaseModel):
    """By how many seconds the clock is put forward."""

    model_config = ConfigDict(extra="forbid")

    advance_s: float = Field(ge=0)


class Seed(BaseModel):
    """The seed of the random choice of deployments."""

    model_config = ConfigDict(extra="forbid")

    seed: int


async def parsed(request: Request, form: type[_Body]) -> _Body:
    """The body as the model `form`. Raises a 400 with the fields that do not fit."""
    try:
        return form.model_validate(await json_body(request))
    except ValidationError as problem:
        raise HTTPException(400, str(problem)) from problem


def service_of(request: Request) -> Service:
    """The service of the server that got the request."""
    service: Service = request.app.state.service
    return service


async def get_profile(request: Request) -> Response:
    return JSONResponse(service_of(request).faults.profile.model_dump())


async def put_profile(request: Request) -> Response:
    """Replace the profile; fields that are left out get their defaults."""
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


async def get_clock(request: Request) -> Response:
    return JSONResponse({"now": utc_now(), "ahead_s": CLOCK.ahead_s})


async def advance_clock(request: Request) -> Response:
    """Put the clock forward; what falls due by it happens now."""
    service, advance = service_of(request), await parsed(request, Advance)
    with service.store.transaction():
        CLOCK.advance(advance.advance_s, service.store)
    service.operations.wake()
    request.app.state.action_group.wake()
    return await get_clock(request)


async def get_quotas(request: Request) -> Response:
    return JSONResponse(quotas.quotas_of(service_of(request).store).model_dump())


async def put_quotas(request: Request) -> Response:
    """Replace the limits, as a support request would; fields that are left out get the documented limits."""
    store, wanted = service_of(request).store, await parsed(request, quotas.Quotas)
    with store.transaction():
        quotas.change(store, wanted)
    return JSONResponse(wanted.model_dump())


async def seed_traffic(request: Request) -> Response:
    """Seed the random choice of deployments by traffic shares, so that a test can repeat it."""
    request.app.state.scoring.reseed((await parsed(request, Seed)).seed)
    return Response(status_code=204)


async def list_operations(request: Request) -> Response:
    """Every operation of a kind that was ever started: what it changes, and how it ended."""
    operations = service_of(request).operations.all_of(request.path_params["kind"])
    return JSONResponse([{"target": each.target, "state": each.state} for each in operations])


async def asked_for(request: Request) -> Response:
    """What a caller asked for; `caller` is the name in its tokens."""
    return JSONResponse(service_of(request).asked.by(request.query_params.get("caller", "")))


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
    return PlainTextResponse(service.jobs.log(workspace, request.path_params["job"]) or "")


ROUTES = [
    Route("/control/profile", get_profile, methods=["GET"]),
    Route("/control/profile", put_profile, methods=["PUT"]),
    Route("/control/profile/{name}", choose_profile, methods=["POST"]),
    Route("/control/faults", list_faults, methods=["GET"]),
    Route("/control/faults", add_fault, methods=["POST"]),
    Route("/control/faults", clear_faults, methods=["DELETE"]),
    Route("/control/held", list_held, methods=["GET"]),
    Route("/control/clock", get_clock, methods=["GET"]),
    Route("/control/clock", advance_clock, methods=["POST"]),
    Route("/control/quotas", get_quotas, methods=["GET"]),
    Route("/control/quotas", put_quotas, methods=["PUT"]),
    Route("/control/asked", asked_for, methods=["GET"]),
    Route("/control/traffic", seed_traffic, methods=["PUT"]),
    Route("/control/operations/{kind}", list_operations, methods=["GET"]),
    Route("/control/jobs/{workspace}/{job}/log", job_log, methods=["GET"]),
]
