"""A transport for the table client that loses answers on order: the service did the work, the client cannot know."""

import asyncio
import json
from collections.abc import AsyncIterator
from enum import Enum
from typing import Any

from azure.core.exceptions import ServiceRequestError, ServiceResponseError
from azure.core.pipeline.transport import AioHttpTransport, AsyncHttpTransport
from azure.core.rest import AsyncHttpResponse, HttpRequest
from azure.core.rest._http_response_impl_async import AsyncHttpResponseImpl  # the public class is abstract


class Fault(Enum):
    """What happens to one request."""

    NONE = "none"
    NEVER_ARRIVES = "never arrives"
    ARRIVES_LATE = "arrives after the client gave up"
    DONE_THEN_500 = "done, then answered 500"
    DONE_THEN_503 = "done, then answered 503"
    DONE_THEN_DROPPED = "done, then the connection is dropped"
    DONE_THEN_SILENCE = "done, and no answer ever comes"


STATUS = {Fault.DONE_THEN_500: 500, Fault.DONE_THEN_503: 503}


class FaultyTransport(AsyncHttpTransport[HttpRequest, AsyncHttpResponse]):
    """Applies `faults` to the next writes, one each, and `read_faults` to the next reads; then all is well. It counts
    `reads`."""

    def __init__(self) -> None:
        self._inner = AioHttpTransport()
        self.faults: list[Fault] = []
        self.read_faults: list[Fault] = []
        self.reads = 0
        self._late: list[tuple[HttpRequest, dict[str, Any]]] = []

    async def send(self, request: HttpRequest, **kwargs: Any) -> AsyncHttpResponse:
        is_read = request.method == "GET"
        self.reads += is_read
        due = self.read_faults if is_read else self.faults
        fault = due.pop(0) if due else Fault.NONE
        if fault is Fault.NEVER_ARRIVES:
            raise ServiceRequestError("the connection was refused")
        if fault is Fault.ARRIVES_LATE:
            self._late.append((request, kwargs))
            raise ServiceResponseError("no answer in time")
        response: AsyncHttpResponse = await self._inner.send(request, **kwargs)
        if fault is Fault.NONE:
            return response
        await response.read()
        if fault is Fault.DONE_THEN_DROPPED:
            raise ServiceResponseError("the connection was dropped")
        if fault is Fault.DONE_THEN_SILENCE:
            await asyncio.Event().wait()
        return answer(request, STATUS[fault])

    async def deliver_late(self) -> None:
        """Now the delayed requests reach the service."""
        for request, kwargs in self._late:
            response: AsyncHttpResponse = await self._inner.send(request, **kwargs)
            await response.read()
        self._late.clear()

    async def open(self) -> None:
        await self._inner.open()

    async def close(self) -> None:
        await self._inner.close()

    async def __aenter__(self) -> "FaultyTransport":
        await self._inner.__aenter__()
        return self

    async def __aexit__(self, *details: Any) -> None:
        await self._inner.__aexit__(*details)


class NothingToClose:
    """What an answer made here has instead of a socket."""

    async def close(self) -> None:
        """Nothing is open."""


def answer(request: HttpRequest, status: int) -> AsyncHttpResponse:
    """An error as the table service words it."""
    message = {"lang": "en-US", "value": "Operation could not be completed within the specified time."}
    body = json.dumps({"odata.error": {"code": "OperationTimedOut", "message": message}}).encode()

    async def stream(**_: Any) -> AsyncIterator[bytes]:
        yield body

    return AsyncHttpResponseImpl(
        request=request,
        internal_response=NothingToClose(),
        status_code=status,
        reason="",
        content_type="application/json",
        headers={"content-type": "application/json"},
        stream_download_generator=stream,
    )
