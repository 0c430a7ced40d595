"""Requests to a source control over REST, and what a proposal may hold.

One request has one deadline; reads are tried twice more, writes never: the caller looks first whether a thing is there,
so that repeating the whole proposal is safe. Foreign errors end here.
"""

import asyncio
import json
import re
from collections.abc import Mapping
from typing import Any

from azure.core import AsyncPipelineClient
from azure.core.exceptions import AzureError
from azure.core.pipeline.policies import HeadersPolicy, UserAgentPolicy
from azure.core.rest import AsyncHttpResponse, HttpRequest

from shared.adapters.read_retries import AsyncReadRetries
from shared.application.errors import PlatformRefused, TransientFault

CALL_DEADLINE_S = 20.0
FILE_CHARS_MAX = 256 * 1024
_TRY_LATER = frozenset({408, 409, 425, 429, 500, 502, 503, 504})
_PATH = re.compile(r"config/plants/P[0-9]{3,6}/C[0-9]{3,6}\.yml")


class Rest:
    """JSON requests below one address."""

    def __init__(self, base: str, headers: dict[str, str], *, call_deadline_s: float = CALL_DEADLINE_S) -> None:
        self._base = base.rstrip("/")
        self._call_deadline_s = call_deadline_s
        policies = [UserAgentPolicy("switchyard"), HeadersPolicy(headers), AsyncReadRetries(2)]
        self._client: AsyncPipelineClient[HttpRequest, AsyncHttpResponse] = AsyncPipelineClient(
            self._base, policies=policies
        )

    async def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        query: dict[str, str] | None = None,
        fine: tuple[int, ...] = (),
    ) -> tuple[int, Any]:
        """Status and JSON. Raises PlatformRefused for an answer of 4xx that is not in `fine`, TransientFault for no
        answer and for what asks for patience."""
        what = f"{method} {path}"
        request = HttpRequest(method, f"{self._base}{path}", params=query or {}, json=body)
        try:
            async with asyncio.timeout(self._call_deadline_s):
                response = await self._client.send_request(request)
                await response.read()
        except (AzureError, OSError, TimeoutError) as error:
            raise TransientFault(f"source control did not answer to {what}: {error or type(error).__name__}") from error
        status = response.status_code
        if status in fine or 200 <= status < 300:
            return status, _json(response, what)
        if status in _TRY_LATER:
            raise TransientFault(f"source control answers {status} to {what}")
        raise PlatformRefused(f"source control answers {status} to {what}: {_said(response)}")

    async def close(self) -> None:
        """Closes the connections."""
        await self._client.close()


def check_path(path: str) -> None:
    """Raises PlatformRefused for anything but the file of a circuit: nothing else is ever proposed."""
    if not _PATH.fullmatch(path):
        raise PlatformRefused(f"{path} is not the file of a circuit")


def check_paths(files: Mapping[str, str]) -> None:
    """The same of every file of a proposal. Raises PlatformRefused for one without any, too."""
    if not files:
        raise PlatformRefused("a proposal without files proposes nothing")
    for path in files:
        check_path(path)


def check_text(text: str, path: str) -> str:
    """The text of a file. Raises PlatformRefused for one that no circuit needs."""
    if len(text) > FILE_CHARS_MAX:
        raise PlatformRefused(f"{path} has {len(text)} characters; {FILE_CHARS_MAX} are the limit")
    return text


def _json(response: AsyncHttpResponse, what: str) -> Any:
    if not response.content:
        return None
    try:
        return json.loads(response.content)
    except ValueError as error:
        raise PlatformRefused(
            f"source control does not answer with JSON to {what}: check its address and the token"
        ) from error


def _said(response: AsyncHttpResponse) -> str:
    try:
        body = json.loads(response.content)
        return str(body.get("message") or "")[:200]
    except (ValueError, AttributeError):
        return "without a reason"
