"""The admin API under /admin: state of the host, its functions, its keys, and running a function by hand.

Rules: docs/azure-facts.md#admin-interface-of-the-functions-host. Everything but the ping needs the master key; calls
that exist in Azure but are not mirrored are refused with 501, so that a missing answer is not taken for an empty one.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from local.host.functions import FunctionDef
from local.host.http import presented_key
from local.host.invoker import Invoker
from local.host.keys import KeyRing, Level
from local.host.measures import Measures
from local.host.metadata import manual_metadata
from local.host.protos import TypedData, text
from local.host.timers import timer_data

logger = logging.getLogger("host.admin")

HOST_VERSION = "4.1037.0"  # the host release whose behaviour is mirrored


@dataclass
class HostStatus:
    """The answer of /admin/host/status."""

    state: str = "Running"
    errors: list[str] = field(default_factory=list)
    started: float = field(default_factory=time.monotonic)

    def as_json(self) -> dict[str, Any]:
        """The document of the platform, with the fields that have a meaning here."""
        return {
            "id": "localhost",
            "state": self.state,
            "version": HOST_VERSION,
            "versionDetails": "local",
            "processUptime": int((time.monotonic() - self.started) * 1000),
            "functionAppContentEditingState": "Unknown",
            "errors": self.errors,
        }


class AdminApi:
    """Serves /admin/...; `base_url` is where the HTTP functions of this host are reached."""

    def __init__(
        self,
        functions: list[FunctionDef],
        keys: KeyRing,
        invoker: Invoker,
        status: HostStatus,
        url_templates: Mapping[str, str],
        measures: Measures,
    ) -> None:
        self._functions = {function.name.lower(): function for function in functions}
        self._keys = keys
        self._invoker = invoker
        self._status = status
        self._url_templates = url_templates
        self._measures = measures

    async def handle(self, request: Request) -> Response:
        """Answer one call below /admin."""
        parts = request.url.path.strip("/").split("/")[1:]
        call = (request.method, *(part.lower() for part in parts))
        if call in (("GET", "host", "ping"), ("POST", "host", "ping")):
            return Response(status_code=200)
        if self._keys.access(presented_key(request)).level is not Level.ADMIN:
            return Response(status_code=401)
        match call:
            case ("GET", "host", "measures"):  # of this host only: in Azure they are in Application Insights
                return JSONResponse(self._measures.as_json())
            case ("GET", "host", "status"):
                return JSONResponse(self._status.as_json())
            case ("GET", "host", "keys" | "systemkeys" as group, *names):
                return self._show_keys(self._host_keys(group), names)
            case ("GET", "functions"):
                return JSONResponse([self._describe(function) for function in self._functions.values()])
            case ("GET" | "POST", "functions", name, *rest):
                return await self._function(request, name, rest)
        return _refuse(request)

    def _host_keys(self, group: str) -> dict[str, str]:
        return self._keys.system if group == "systemkeys" else {"_master": self._keys.master, **self._keys.host}

    def _show_keys(self, keys: dict[str, str], names: list[str]) -> Response:
        if not names:
            listed = [{"name": name, "value": value} for name, value in keys.items() if name != "_master"]
            return JSONResponse({"keys": listed, "links": []})
        found = next((name for name in keys if [name.lower()] == names), None)
        return Response(status_code=404) if found is None else JSONResponse({"name": found, "value": keys[found]})

    async def _function(self, request: Request, name: str, rest: list[str]) -> Response:
        function = self._functions.get(name)
        if function is None:
            return Response(status_code=404)
        match (request.method, *rest):
            case ("GET",):
                return JSONResponse(self._describe(function))
            case ("GET", "status"):
                return JSONResponse({"isDisabled": function.disabled})
            case ("GET", "keys", *names):
                return self._show_keys(self._keys.functions[function.name], names)
            case ("POST",):
                return await self._run(request, function)
        return _refuse(request)

    def _describe(self, function: FunctionDef) -> dict[str, Any]:
        description = {
            "name": function.name,
            "config": {"name": function.name, "language": "python", "bindings": list(function.bindings)},
            "isDisabled": function.disabled,
            "language": "python",
        }
        if function.name in self._url_templates:
            description["invoke_url_template"] = self._url_templates[function.name]
        return description

    async def _run(self, request: Request, function: FunctionDef) -> Response:
        """Start the function with `{"input": "..."}` and answer at once."""
        try:
            document = json.loads(await request.body() or b"{}")
            given = document.get("input", "")
            data = _manual_input(function, given if isinstance(given, str) else json.dumps(given))
        except (ValueError, AttributeError) as error:
            return JSONResponse({"error": f'the body must be {{"input": "<text>"}}: {error}'}, status_code=400)
        if data is None:
            reason = f"'{function.name}' is an HTTP function: call its route"
            return JSONResponse({"error": reason}, status_code=400)
        is_message = function.trigger["type"] == "serviceBusTrigger"
        self._invoker.start_in_background(function, data, manual_metadata(given) if is_message else None)
        return Response(status_code=202)


def _manual_input(function: FunctionDef, given: str) -> TypedData | None:
    match function.trigger["type"]:
        case "timerTrigger":
            return timer_data(None, past_due=False)
        case "eventGridTrigger":
            json.loads(given)  # raises for the caller if it is not an event
            return TypedData(json=given)
        case "serviceBusTrigger":
            return text(given)
    return None


def _refuse(request: Request) -> Response:
    call = f"{request.method} {request.url.path}"
    logger.warning("refused: %s is not mirrored by the local host", call)
    return JSONResponse({"error": f"not implemented by the local host: {call}"}, status_code=501)
