"""The Event Grid webhook: `/runtime/webhooks/eventgrid?functionName=...&code=...`.

Rules: docs/azure-facts.md#event-grid-in-the-functions-host. All events of one POST run at once, one invocation each;
if one fails the whole POST is answered with 500 and Event Grid delivers all of them again.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Iterable
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from local.host.functions import FunctionDef
from local.host.http import presented_key
from local.host.invoker import Invoker
from local.host.keys import KeyRing
from local.host.protos import as_json

_EVENT_GRID_ORIGINS = frozenset({"eventgrid.azure.net", "eventgrid.azure.us", "eventgrid.azure.cn"})

logger = logging.getLogger("host.eventgrid")


class EventGridWebhook:
    """Serves the functions with an Event Grid trigger."""

    def __init__(self, functions: Iterable[FunctionDef], keys: KeyRing, invoker: Invoker) -> None:
        self._functions = {
            function.name.lower(): function
            for function in functions
            if function.trigger["type"] == "eventGridTrigger" and not function.disabled
        }
        self._keys = keys
        self._invoker = invoker

    async def handle(self, extension: str, request: Request) -> Response:
        """Answer one call of the webhook of `extension`; only eventgrid exists here."""
        if extension.lower() != "eventgrid":
            return Response(status_code=404)
        if not self._keys.access(presented_key(request)).opens_webhook("eventgrid"):
            return Response(status_code=401)
        name = request.query_params.get("functionName", "")
        function = self._functions.get(name.lower())
        if function is None:
            return Response(f"cannot find function: '{name}'", status_code=404)
        if request.method == "OPTIONS":
            return _allow_origin(request)
        kind = request.headers.get("aeg-event-type", "").lower()
        if kind == "unsubscribe":
            return Response(status_code=202)
        if kind not in ("subscriptionvalidation", "notification"):
            return Response(status_code=400)
        try:
            body = json.loads(await request.body())
            if kind == "subscriptionvalidation":
                return JSONResponse({"validationResponse": _validation_code(body)})
        except (ValueError, LookupError, TypeError) as error:
            logger.warning("the %s for %s cannot be read: %s", kind, name, error)
            return Response(f"cannot read the {kind}: {error}", status_code=400)
        return await self._notify(function, body if isinstance(body, list) else [body])

    async def _notify(self, function: FunctionDef, events: list[Any]) -> Response:
        results = await asyncio.gather(*(self._invoker.invoke(function, as_json(event)) for event in events))
        failed = next((result for result in results if not result.succeeded), None)
        return Response(status_code=202) if failed is None else Response(failed.error, status_code=500)


def _allow_origin(request: Request) -> Response:
    """The CloudEvents abuse-protection handshake."""
    origin = request.headers.get("webhook-request-origin", "").lower()
    allowed = origin if origin in _EVENT_GRID_ORIGINS else "eventgrid.azure.net"
    return Response(status_code=200, headers={"Webhook-Allowed-Origin": allowed})


def _validation_code(body: Any) -> str:
    """The code of a validation event, which is an array of one or an object whose data may be JSON text."""
    event = body[0] if isinstance(body, list) else body
    data = event["data"]
    if isinstance(data, str):
        data = json.loads(data)
    return str(data["validationCode"])
