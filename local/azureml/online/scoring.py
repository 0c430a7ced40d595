"""The scoring URI of online endpoints: a request goes to the deployment it names, or to one by the traffic's shares.

Status codes: "Troubleshoot online endpoints", HTTP status codes. 404 without a deployment that has traffic, 408 and 429
as the deployment's request settings say, 424 when the model answers anything but 200, with the model's own status in
`ms-azureml-model-error-statuscode`. A request that names its deployment is not mirrored.
"""

from __future__ import annotations

import asyncio
import logging
import random
import re
import uuid

import httpx
from starlette.responses import Response

from local.azureml.batch.invoke import DEPLOYMENT_HEADER
from local.azureml.online import endpoints, keys, preparation
from local.azureml.online.endpoints import SERVED
from local.azureml.online.servers import Gone, Servers
from local.azureml.online.traffic import choose
from local.azureml.service.call import Call
from local.azureml.service.errors import ArmError, not_found
from local.conventions import stop_if_broken

_log = logging.getLogger("local.azureml.online")
_NOT_IN_IDS = re.compile(r"[^A-Za-z0-9_-]")
_CLIENT_ID_MAX = 40


class Scoring:
    """Routes requests to the processes of deployments."""

    def __init__(self, servers: Servers, seed: int = 0) -> None:
        self._servers = servers
        self._random = random.Random(seed)  # nosec B311 # a distribution of traffic, no secret
        self._copies: set[asyncio.Task[None]] = set()

    def reseed(self, seed: int) -> None:
        """Restart the random choice: after the same seed the same requests go to the same deployments."""
        self._random = random.Random(seed)  # nosec B311

    async def score(self, call: Call) -> Response:
        """The answer of a deployment."""
        endpoint = endpoints.stored(call)
        await keys.authorize(call, endpoint)
        body = await call.request.body()
        kind = call.request.headers.get("content-type", "application/json")
        properties = endpoint["properties"]
        name = call.request.headers.get(DEPLOYMENT_HEADER)
        if not name:
            name = choose(properties["traffic"], self._random.random())
            if shadow := choose(properties["mirrorTraffic"], self._random.random()):
                self._mirror(call, endpoint["id"], shadow, body, kind)
        if not name:
            raise ArmError(404, "NotFound", "The endpoint doesn't have any valid deployment with positive weight.")
        answer = await self._ask(call, f"{endpoint['id']}/deployments/{name}", body, kind)
        return _passed_on(call, name, answer)

    async def close(self) -> None:
        for task in self._copies:
            task.cancel()
        await asyncio.gather(*self._copies, return_exceptions=True)

    async def _ask(self, call: Call, deployment: str, body: bytes, kind: str) -> httpx.Response:
        served = call.service.store.get(deployment + SERVED)
        if served is None:
            raise not_found(f"A deployment {deployment.rpartition('/')[2]} that came up")
        try:
            server = await self._servers.server_of(
                deployment, lambda: preparation.plan(call.service, deployment, served)
            )
            if call.service.store.get(deployment + SERVED) is None:  # deleted while its process started
                self._servers.end_below(deployment)
                raise not_found(f"Deployment {deployment.rpartition('/')[2]}")
            return await server.score(body, kind)
        except Gone:
            return httpx.Response(502, json={"message": "The model's container has crashed."})

    def _mirror(self, call: Call, endpoint: str, name: str, body: bytes, kind: str) -> None:
        """Send a copy to the shadow deployment and drop its answer; the caller neither waits nor gets its errors."""

        async def copy() -> None:
            try:
                await self._ask(call, f"{endpoint}/deployments/{name}", body, kind)
            except ArmError as problem:
                _log.info("a mirrored request to %s was not answered: %s", name, problem)

        task = asyncio.create_task(copy(), name="mirrored request")
        task.add_done_callback(self._copies.discard)
        task.add_done_callback(stop_if_broken)
        self._copies.add(task)


async def score(call: Call) -> Response:
    """The route. The scorer is shared by all requests, since the choice of a deployment depends on earlier ones."""
    scoring: Scoring = call.request.app.state.scoring
    return await scoring.score(call)


def _passed_on(call: Call, deployment: str, answer: httpx.Response) -> Response:
    headers = {"x-request-id": str(uuid.uuid4()), DEPLOYMENT_HEADER: deployment}
    if client_id := call.request.headers.get("x-ms-client-request-id"):
        headers["x-ms-client-request-id"] = _NOT_IN_IDS.sub("", client_id)[:_CLIENT_ID_MAX]
    status = answer.status_code
    if status != 200:
        headers |= {"ms-azureml-model-error-statuscode": str(status), "ms-azureml-model-error-reason": "model_error"}
        status = 424
    return Response(answer.content, status, headers=headers, media_type=answer.headers.get("content-type"))
