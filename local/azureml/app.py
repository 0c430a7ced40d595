"""What happens around every request: faults, the caller's token, errors in ARM's form; and the work in the background.

An unknown route is refused with 501 (docs/local-cloud-contract.md).
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

from local.azureml.assets import datastores, registry
from local.azureml.batch import deployments, endpoints
from local.azureml.jobs import mlflow, requests
from local.azureml.jobs.runner import Runner
from local.azureml.online import deployments as online_deployments
from local.azureml.online import endpoints as online_endpoints
from local.azureml.online.keys import regeneration_finisher
from local.azureml.online.scoring import Scoring
from local.azureml.online.servers import Servers
from local.azureml.pipelines.runs import Pipelines
from local.azureml.routes import Handler, operations
from local.azureml.service import control
from local.azureml.service.call import Call, Service
from local.azureml.service.errors import ArmError
from local.azureml.service.faults import Fault
from local.azureml.service.store import Document
from local.azureml.service.tags import check_tags
from local.conventions import stop_if_broken
from local.monitor import alerts
from local.monitor.action_group import ActionGroup
from local.serving import REFUSALS, health

_log = logging.getLogger("local.azureml")
_OPEN = ("online.score", "workspace.discovery")  # the first has keys of its own and takes any body


def create_app(service: Service, action_group: ActionGroup) -> Starlette:
    """The server of a service and of Azure Monitor; their background work runs as long as the server does."""
    runner, servers = Runner(service), Servers()
    pipelines, scoring = Pipelines(service, runner.stop), Scoring(servers)
    service.jobs.on_queued, service.jobs.on_change = runner.wake, pipelines.wake
    _register_finishers(service, pipelines, servers)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        service.artifacts.recover()
        datastores.restore(service)
        runner.recover()
        background = {
            "operations": service.operations.run(),
            "jobs": runner.run(),
            "pipelines": pipelines.run(),
            "events": service.outbox.run(),
            "alerts": action_group.run(),
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
            await scoring.close()
            await servers.close()
            await service.storage.close()
            service.store.close()

    app = Starlette(routes=_routes(), exception_handlers=REFUSALS, lifespan=lifespan)
    app.state.service, app.state.scoring, app.state.action_group = service, scoring, action_group
    return app


def _register_finishers(service: Service, pipelines: Pipelines, servers: Servers) -> None:
    for kind, finisher in {
        "endpoint.put": endpoints.put_finisher(service),
        "endpoint.patch": endpoints.put_finisher(service),
        "endpoint.delete": endpoints.delete_finisher(service),
        "deployment.put": deployments.put_finisher(service),
        "deployment.patch": endpoints.put_finisher(service),
        "deployment.delete": endpoints.delete_finisher(service),
        "online-endpoint.put": endpoints.put_finisher(service),
        "online-endpoint.patch": endpoints.put_finisher(service),
        "online-endpoint.keys": regeneration_finisher(service.store),
        "online-endpoint.delete": online_endpoints.delete_finisher(service, servers),
        "online-deployment.put": online_deployments.put_finisher(service, servers),
        "online-deployment.delete": online_endpoints.delete_finisher(service, servers),
        "job.cancel": requests.cancel_finisher(pipelines.stop),
        "job.delete": requests.delete_finisher(service.store),
        "import": registry.import_finisher(service),
    }.items():
        service.operations.register(kind, finisher)


def _routes() -> list[BaseRoute]:
    served = [
        Route(path, _endpoint(name, handler), methods=[method], name=name)
        for name, method, path, handler in operations()
    ]
    return [Route("/health", health, methods=["GET"]), *control.ROUTES, *alerts.CONTROL_ROUTES, *mlflow.ROUTES, *served]


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
            caller, body = "", {}
            if name not in _OPEN:
                caller = await service.authenticator.caller(request.headers.get("authorization"))
                service.asked.note(caller, name, request.path_params.get("workspace", ""))
                headers = await service.throttle.admit(service.faults.profile, caller, request.method, path)
                body = await _body(request)
                check_tags(name, body)
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
