"""The routes, and what happens around every request: faults, the caller's token, errors in ARM's form.

Paths: wire notes, section 2. The api-version is never looked at, since the client pins a different one per group of
operations. An unknown route is refused with 501 (docs/local-cloud-contract.md).
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from local.part import stop_if_broken
from local.serving import REFUSALS, health

from . import (
    alerts,
    assets,
    control,
    deployments,
    endpoints,
    invoke,
    jobs,
    polling,
    registry,
    workspaces,
)
from .call import Call, Service
from .config import PROVIDER
from .errors import ArmError
from .faults import Fault
from .runner import Runner
from .store import Document

Handler = Callable[[Call], Awaitable[Response]]

_log = logging.getLogger("local.azureml")

_GROUP = f"/subscriptions/{{subscription}}/resourceGroups/{{group}}/providers/{PROVIDER}"
_WORKSPACE = _GROUP + "/workspaces/{workspace}"
_REGISTRY = "/mferp/managementfrontend" + _GROUP + "/registries/{registry}"
_LOCATION = f"/subscriptions/{{subscription}}/providers/{PROVIDER}/locations/{{location}}"
_ENDPOINT = _WORKSPACE + "/batchEndpoints/{endpoint}"
_DEPLOYMENT = _ENDPOINT + "/deployments/{deployment}"

# operation name, methods, path, handler; the names are what faults are switched on for
_OPERATIONS: list[tuple[str, str, str, Handler]] = [
    ("workspace.list", "GET", _GROUP + "/workspaces", workspaces.list_workspaces),
    ("workspace.get", "GET", _WORKSPACE, workspaces.get_workspace),
    ("workspace.discovery", "GET", "/discovery/workspaces/{guid}", workspaces.service_discovery),
    ("datastore.list", "GET", _WORKSPACE + "/datastores", workspaces.list_datastores),
    ("datastore.get", "GET", _WORKSPACE + "/datastores/{datastore}", workspaces.get_datastore),
    ("datastore.secrets", "POST", _WORKSPACE + "/datastores/{datastore}/listSecrets", workspaces.list_secrets),
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
    ("endpoint.delete", "DELETE", _ENDPOINT, endpoints.delete_endpoint),
    ("deployment.list", "GET", _ENDPOINT + "/deployments", deployments.list_deployments),
    ("deployment.get", "GET", _DEPLOYMENT, deployments.get_deployment),
    ("deployment.put", "PUT", _DEPLOYMENT, deployments.put_deployment),
    ("deployment.patch", "PATCH", _DEPLOYMENT, deployments.patch_deployment),
    ("deployment.delete", "DELETE", _DEPLOYMENT, deployments.delete_deployment),
    ("batch.invoke", "POST", "/workspaces/{workspace}/batchEndpoints/{endpoint}/jobs", invoke.invoke),
    ("job.list", "GET", _WORKSPACE + "/jobs", jobs.list_jobs),
    ("job.get", "GET", _WORKSPACE + "/jobs/{job}", jobs.get_job),
    ("job.put", "PUT", _WORKSPACE + "/jobs/{job}", jobs.put_job),
    ("job.cancel", "POST", _WORKSPACE + "/jobs/{job}/cancel", jobs.cancel_job),
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

_ASSET_OPERATIONS: list[tuple[str, str, str, Handler]] = [
    ("list", "GET", "", assets.list_containers),
    ("container.get", "GET", "/{name}", assets.get_container),
    ("container.put", "PUT", "/{name}", assets.put_container),
    ("versions", "GET", "/{name}/versions", assets.list_versions),
    ("get", "GET", "/{name}/versions/{version}", assets.get_version),
    ("put", "PUT", "/{name}/versions/{version}", assets.put_version),
]
_ASSET_NAMES = {"models": "model", "environments": "environment", "data": "data", "codes": "code"}


def create_app(service: Service) -> Starlette:
    """The server of a service; its background work runs as long as the server does."""
    runner = Runner(service)
    service.jobs.on_queued = runner.wake
    for kind, finisher in {
        "endpoint.put": endpoints.put_finisher(service),
        "endpoint.delete": endpoints.delete_finisher(service),
        "deployment.put": deployments.put_finisher(service),
        "deployment.patch": endpoints.put_finisher(service),
        "deployment.delete": endpoints.delete_finisher(service),
        "job.cancel": jobs.cancel_finisher(runner.stop),
        "import": registry.import_finisher(service),
    }.items():
        service.operations.register(kind, finisher)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        service.artifacts.recover()
        runner.recover()
        background = {
            "operations": service.operations.run(),
            "jobs": runner.run(),
            "events": service.outbox.run(),
            "alerts": service.action_group.run(),
        }
        tasks = [asyncio.create_task(work, name=name) for name, work in background.items()]
        for task in tasks:
            task.add_done_callback(stop_if_broken)
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await service.storage.close()
            service.store.close()

    app = Starlette(routes=_routes(), exception_handlers=REFUSALS, lifespan=lifespan)
    app.state.service = service
    return app


def _routes() -> list[BaseRoute]:
    operations = list(_OPERATIONS)
    for kind, singular in _ASSET_NAMES.items():
        for scope, prefix in ((_WORKSPACE, ""), (_REGISTRY, "registry.")):
            operations += [
                (f"{prefix}{singular}.{name}", method, f"{scope}/{kind}{path}", _of_kind(kind, handler))
                for name, method, path, handler in _ASSET_OPERATIONS
            ]
    served = [
        Route(path, _endpoint(name, handler), methods=[method], name=name) for name, method, path, handler in operations
    ]
    return [Route("/health", health, methods=["GET"]), *control.ROUTES, *alerts.CONTROL_ROUTES, *served]


def _of_kind(kind: str, handler: Handler) -> Handler:
    async def handle(call: Call) -> Response:
        call.request.path_params["kind"] = kind
        return await handler(call)

    return handle


def _endpoint(name: str, handler: Handler) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        service: Service = request.app.state.service
        path = request.url.path
        headers: dict[str, str] = {}
        try:
            if fault := service.faults.take(name, path, "delay", "status", "hold"):
                if fault.kind == "hold" and not await service.faults.holds.hold(request):
                    return Response()  # which nobody reads
                await asyncio.sleep(fault.delay_s)
                if fault.kind == "status":
                    return _injected(fault)
            caller = await service.authenticator.caller(request.headers.get("authorization"))
            headers = await service.throttle.admit(service.faults.profile, caller, request.method, path)
            body = await _body(request)
            answer = await handler(Call(service=service, request=request, operation=name, caller=caller, body=body))
        except ArmError as problem:
            _log.info("%s %s: %d %s", request.method, path, problem.status, problem)
            return JSONResponse({"error": problem.error}, problem.status, headers={**headers, **problem.headers})
        answer.headers.update(headers)
        if fault := service.faults.take(name, path, "status_after_commit", "drop_after_commit"):
            if fault.kind == "drop_after_commit":
                _drop_connection(request)
            return _injected(fault)
        return answer

    return endpoint


async def _body(request: Request) -> Document:
    raw = await request.body()
    if not raw:
        return {}
    try:
        body = json.loads(raw)
    except ValueError as problem:
        raise ArmError(400, "BadRequest", f"The body is not JSON: {problem}") from problem
    if not isinstance(body, dict):
        raise ArmError(400, "BadRequest", "The body is not a JSON object.")
    return body


def _injected(fault: Fault) -> Response:
    headers = {} if fault.retry_after_s is None else {"Retry-After": str(fault.retry_after_s)}
    return JSONResponse(
        {"error": ArmError(fault.status, fault.code, fault.message).error}, fault.status, headers=headers
    )


def _drop_connection(request: Request) -> None:
    """Cut the connection without an answer. The transport is uvicorn's: ASGI itself cannot hang up."""
    cycle = getattr(request.receive, "__self__", None)
    transport = getattr(cycle, "transport", None)
    if transport is None:
        raise RuntimeError("The connection cannot be cut: this server is not uvicorn 0.54.")
    transport.abort()
