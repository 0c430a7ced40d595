"""Puts the host together: load the app, build its triggers, and route requests to the parts that answer them."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from local.host.admin import AdminApi, HostStatus
from local.host.eventgrid import EventGridWebhook
from local.host.functions import SERVICE_BUS_OUTPUT, AppLoadError, FunctionDef, check_bindings, select
from local.host.hostjson import HostConfig, HostJsonError, load_host_config
from local.host.http import HttpFront, HttpRoute, build_routes
from local.host.invoker import Invoker
from local.host.keys import KeyRing
from local.host.measures import Measures
from local.host.settings import SettingsError, install_redirect
from local.host.timers import SystemClock
from local.host.triggers import Triggers
from local.host.worker import Worker

if TYPE_CHECKING:
    from local.host.outputs import Outputs

logger = logging.getLogger("host")

_WEBHOOKS = "/runtime/webhooks/"


@dataclass(frozen=True, kw_only=True)
class HostOptions:
    """What the command line gives; `functions` of None means all."""

    app_dir: Path
    data_dir: Path
    port: int
    functions: tuple[str, ...] | None = None
    keys_preset: Path | None = None


class Host:
    """One function app being served. `error` is set when the app could not be loaded; the host stays up then."""

    def __init__(self, options: HostOptions, on_fatal: Callable[[int], None]) -> None:
        self._options = options
        self._on_fatal = on_fatal
        self.status = HostStatus()
        self.error: str | None = None
        self.invoker: Invoker | None = None
        self.triggers: Triggers | None = None
        self.outputs: Outputs | None = None
        self.measures = Measures()

    async def load(self) -> None:
        """Load the app and prepare everything; a failure puts the host into state Error, as on the platform."""
        config, functions, routes = HostConfig(), [], []
        worker = Worker(self._options.app_dir)
        logging.getLogger().addHandler(self.measures.handler())
        try:
            config = load_host_config(self._options.app_dir)
            install_redirect()
            functions = _wanted(await worker.load(), self._options.functions, config)
            check_bindings(functions)
            routes = build_routes(functions, config.route_prefix)
            self.outputs = _outputs(functions)
            send = self.outputs.send if self.outputs else None
            self.invoker = Invoker(worker, config.function_timeout_s, self._on_fatal, send)
            self.triggers = Triggers(functions, config, self.invoker, self._options.data_dir, SystemClock())
        except (AppLoadError, HostJsonError, SettingsError) as error:
            self._fail(error)
            functions, routes = [], []
        invoker = self.invoker or Invoker(worker, config.function_timeout_s, self._on_fatal)
        self._build_fronts(functions, routes, invoker)
        for function in functions:
            logger.info("function=%s trigger=%s", function.name, function.trigger["type"])

    def _fail(self, error: Exception) -> None:
        self.error = str(error)
        self.status.state = "Error"
        self.status.errors.append(self.error)
        self.triggers = None
        logger.critical("the app cannot be served: %s\n%s", error, getattr(error, "detail", ""))

    def _build_fronts(self, functions: list[FunctionDef], routes: list[HttpRoute], invoker: Invoker) -> None:
        keys_path = self._options.data_dir / "keys.json"
        keys = KeyRing.open(keys_path, self._options.keys_preset, (function.name for function in functions))
        base = f"http://127.0.0.1:{self._options.port}/"
        urls = {route.function.name: base + route.template.text for route in routes}
        self._http = HttpFront(routes, keys, invoker)
        self._eventgrid = EventGridWebhook(functions, keys, invoker)
        self._admin = AdminApi(functions, keys, invoker, self.status, urls, self.measures)

    async def respond(self, request: Request) -> Response:
        """Answer any request."""
        path = request.url.path
        lowered = path.lower()
        if lowered == "/health":
            return JSONResponse({"status": "ok"})
        if lowered.startswith("/admin/"):
            return await self._admin.handle(request)
        if self.error is not None:
            return Response("Function host is not running.", status_code=503)
        if lowered.startswith(_WEBHOOKS):
            return await self._eventgrid.handle(path[len(_WEBHOOKS) :].split("/")[0], request)
        return await self._http.handle(request)


def asgi(respond: Callable[[Request], Awaitable[Response]]) -> ASGIApp:
    """The ASGI application of a host; it takes every method and path, since routing is the host's own."""

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        response = await respond(Request(scope, receive))
        await response(scope, receive, send)

    return application


def _outputs(functions: Iterable[FunctionDef]) -> Outputs | None:
    bound = [f for f in functions if any(binding["type"] == SERVICE_BUS_OUTPUT for binding in f.bindings)]
    if not bound:
        return None
    from local.host.outputs import Outputs  # the client takes half a second to import; not every host needs it

    return Outputs(bound)


def _wanted(
    indexed: Iterable[FunctionDef], from_command_line: tuple[str, ...] | None, config: HostConfig
) -> list[FunctionDef]:
    functions = list(indexed)
    if not functions:
        raise AppLoadError("the app has no functions")
    return select(functions, from_command_line or config.functions)
