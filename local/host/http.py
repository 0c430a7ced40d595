"""HTTP triggers: finds the function, checks the key, and translates request and response as the platform does.

Rules: docs/azure-facts.md#http-of-the-functions-host. Headers that only the platform's front may set are dropped from
every request, since nothing stands in front of this host that would.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from email.utils import formatdate
from http.cookies import SimpleCookie
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from local.host.functions import AppLoadError, FunctionDef
from local.host.invoker import Invoker
from local.host.keys import KeyRing, Level
from local.host.protos import TypedData
from local.host.protos import http as http_data
from local.host.routes import RouteTemplate, compile_route

_PLATFORM_HEADERS = ("x-ms-client-principal", "x-ms-token-")
# The server writes these itself; a copy from the function would contradict it.
_SERVER_HEADERS = frozenset({"content-length", "transfer-encoding", "connection", "date", "server"})
_RESERVED_PREFIXES = ("admin", "runtime", "health")

logger = logging.getLogger("host.http")


@dataclass(frozen=True, kw_only=True)
class HttpRoute:
    """One HTTP function and what reaches it; empty `methods` means any."""

    function: FunctionDef
    template: RouteTemplate
    methods: frozenset[str]
    level: Level


def build_routes(functions: Iterable[FunctionDef], prefix: str) -> list[HttpRoute]:
    """Routes in the order they are tried. Raises AppLoadError for a template that cannot be served."""
    routes = []
    for function in functions:
        trigger = function.trigger
        if trigger["type"] != "httpTrigger":
            continue
        path = "/".join(part for part in (prefix, (trigger.get("route") or function.name).strip("/")) if part)
        if path.split("/")[0].lower() in _RESERVED_PREFIXES:
            raise AppLoadError(f"function '{function.name}': route '{path}' is reserved by the host")
        try:
            template = compile_route(path)
        except ValueError as error:
            raise AppLoadError(f"function '{function.name}': {error}") from error
        methods = frozenset(method.upper() for method in trigger.get("methods") or ())
        level = Level((trigger.get("authLevel") or Level.FUNCTION).lower())
        routes.append(HttpRoute(function=function, template=template, methods=methods, level=level))
    return sorted(routes, key=lambda route: route.template.precedence)


def presented_key(request: Request) -> str | None:
    """The access key of a request; the header wins over the query."""
    return request.headers.get("x-functions-key") or request.query_params.get("code")


class HttpFront:
    """Serves the HTTP functions."""

    def __init__(self, routes: list[HttpRoute], keys: KeyRing, invoker: Invoker) -> None:
        self._routes = routes
        self._keys = keys
        self._invoker = invoker

    async def handle(self, request: Request) -> Response:
        """404 without a route (the method is part of it), 401 without the level, 500 for a failed function."""
        for route in self._routes:
            values = route.template.match(request.url.path)
            if values is None or (route.methods and request.method not in route.methods):
                continue
            access = self._keys.access(presented_key(request), route.function.name)
            if route.function.disabled and access.level is not Level.ADMIN:
                return Response(status_code=404)
            if not access.opens(route.level):
                return Response(status_code=401)
            data = await _request_data(request, values)
            result = await self._invoker.invoke(
                route.function, data, trace_parent=request.headers.get("traceparent", "")
            )
            return _response(route.function.name, result.value) if result.succeeded else Response(status_code=500)
        return Response(status_code=200 if request.url.path == "/" else 404)  # the platform has a home page of its own


async def _request_data(request: Request, route_values: dict[str, str]) -> TypedData:
    headers: dict[str, str] = {}
    for name, value in request.headers.items():  # Starlette gives them lower-cased
        if value and not name.startswith(_PLATFORM_HEADERS):
            headers[name] = f"{headers[name]},{value}" if name in headers else value
    query: dict[str, str] = {}
    for name, value in request.query_params.multi_items():
        if value:
            query[name] = f"{query[name]},{value}" if name in query else value
    return http_data(
        method=request.method,
        url=str(request.url),
        headers=headers,
        params=route_values,
        query=query,
        body=TypedData(bytes=await _body(request)),
    )


async def _body(request: Request) -> bytes:
    """The body if Content-Length announces one; the platform hands chunked bodies over as empty."""
    body = await request.body()
    if body and "content-length" not in request.headers:
        logger.warning("%s %s has a chunked body: the function gets an empty one", request.method, request.url.path)
        return b""
    return body


def _response(function: str, value: TypedData | None) -> Response:
    if value is None or value.kind is None:
        return Response(status_code=204)
    if value.kind != "http":
        content = value.value if isinstance(value.value, bytes) else str(value.value)
        return Response(content, media_type="text/plain")
    answer = value.value
    try:
        status = int(answer.status_code)
    except ValueError:
        logger.error("function=%s answered with status %r, which is no number", function, answer.status_code)
        return Response(status_code=500)
    body = answer.body.value if answer.body is not None else b""
    bodyless = status < 200 or status in (204, 304)
    response = Response(b"" if bodyless else body, status_code=status)
    for name, header in answer.headers.items():
        if name.lower() not in _SERVER_HEADERS:
            response.headers[name] = header
    for cookie in answer.cookies or ():
        response.raw_headers.append((b"set-cookie", _cookie(cookie).encode("latin-1")))
    return response


def _cookie(cookie: Any) -> str:
    jar: SimpleCookie = SimpleCookie()
    jar[cookie.name] = cookie.value
    morsel = jar[cookie.name]
    for attribute in ("domain", "path"):
        nullable = getattr(cookie, attribute)
        if nullable is not None and nullable.value:
            morsel[attribute] = nullable.value
    if cookie.max_age is not None:
        morsel["max-age"] = int(cookie.max_age.value)
    if cookie.expires is not None:
        morsel["expires"] = formatdate(cookie.expires.value.seconds, usegmt=True)
    for flag, nullable in (("secure", cookie.secure), ("httponly", cookie.http_only)):
        if nullable is not None and nullable.value:
            morsel[flag] = True
    same_site = {1: "Lax", 2: "Strict", 3: "None"}.get(cookie.same_site)
    if same_site:
        morsel["samesite"] = same_site
    return morsel.OutputString()
