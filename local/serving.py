"""What the HTTP parts of the local cloud share: the socket, refusals, a graceful end.

Source of the rules: docs/local-cloud-contract.md.
"""

from __future__ import annotations

import json
import logging
import socket
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from local.conventions import LOOPBACK, announce

GRACEFUL_SHUTDOWN_S = 3  # the contract allows 5 s from SIGTERM to the end of the process

_log = logging.getLogger("local.serving")


def listen(port: int) -> socket.socket:
    """A loopback socket on the given port, or on a free one for 0, which is known before the server runs."""
    # The protocol is named, since asyncio sends answers without delay (TCP_NODELAY) on sockets that name it only: the
    # body of an answer would wait 40 ms for the receipt of its headers.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((LOOPBACK, port))
    return listener


def serve(app: Starlette, *, part: str, listener: socket.socket) -> None:
    """Serve until SIGTERM or SIGINT; write the readiness line once requests are accepted."""
    logging.getLogger("uvicorn").setLevel(logging.WARNING)  # the readiness line says what its INFO says
    config = uvicorn.Config(
        app, log_config=None, access_log=False, timeout_graceful_shutdown=GRACEFUL_SHUTDOWN_S, ws="none"
    )
    _AnnouncingServer(config, part=part, port=listener.getsockname()[1]).run(sockets=[listener])


class _AnnouncingServer(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, *, part: str, port: int) -> None:
        super().__init__(config)
        self._announcement = (part, port)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets=sockets)
        if self.started:
            announce(*self._announcement)


def error(status: int, code: str, message: str) -> JSONResponse:
    """An answer in the error form that the Azure SDKs print."""
    return JSONResponse({"error": {"code": code, "message": message}}, status_code=status)


async def health(_: Request) -> Response:
    return JSONResponse({"status": "ok"})


async def _refuse(request: Request, _: Exception) -> Response:
    named = f"{request.method} {request.url.path}"
    _log.warning("refused %s: this part does not know it", named)
    return error(501, "NotImplemented", f"{named} is not something this part of the local cloud serves.")


async def _not_found(request: Request, problem: Exception) -> Response:
    """A 404 of a route's own handler keeps its message; a path without a route is refused with 501."""
    return await (_http_error if "endpoint" in request.scope else _refuse)(request, problem)


async def _http_error(_: Request, problem: Exception) -> Response:
    assert isinstance(problem, HTTPException)  # nosec B101 # for the type checker: it is registered for these only
    return error(problem.status_code, HTTPStatus(problem.status_code).phrase.replace(" ", ""), problem.detail)


REFUSALS: Mapping[Any, Any] = {404: _not_found, 405: _refuse, HTTPException: _http_error}
"""`exception_handlers` of a part: an unknown route or method is refused with 501, named and logged."""


async def json_body(request: Request) -> Any:
    """The parsed body. Raises a 400 that says what is wrong with it."""
    try:
        return json.loads(await request.body())
    except ValueError as problem:
        raise HTTPException(400, f"The body is not JSON: {problem}") from problem
