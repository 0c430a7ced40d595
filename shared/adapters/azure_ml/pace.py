"""Holding back the writes of the Azure ML client: each waits for its turn right before it is sent (I26).

The client is blocking and runs in threads, the turns are kept by the event loop: a thread waits for it, a few seconds
at most. Azure Resource Manager counts what goes through it only; registry and scoring have hosts of their own.
"""

import asyncio
from collections.abc import Coroutine
from typing import Any
from urllib.parse import urlsplit

from azure.core.pipeline import PipelineRequest, PipelineResponse

from shared.adapters.azure_ml.errors import THROTTLED, retry_after_s
from shared.adapters.azure_ml.sent_marker import sent_marker
from shared.application.errors import TransientFault
from shared.application.ports import Pace

ARM_HOST = "management.azure.com"
ANSWER_S = 30.0
"""How long a thread waits for the event loop; a turn itself takes a few seconds at most."""

CLOSED_S_MAX = 3600
"""No answer closes the road for longer: Azure Resource Manager counts by the hour at most; rollbacks go by it too."""

_READS = frozenset({"GET", "HEAD"})


class WritePace:
    """The hooks around every request of a client."""

    def __init__(self, pace: Pace | None) -> None:
        self._pace = pace
        self.loop: asyncio.AbstractEventLoop | None = None

    def before(self, request: PipelineRequest[Any]) -> None:
        """Called in a thread of the pool, right before a request is sent."""
        if self._pace is not None and _is_arm_write(request):
            self._await(self._pace.turn())
        sent_marker.look_at(request)

    def after(self, response: PipelineResponse[Any, Any]) -> None:
        """Called in the same thread, when the answer is there: what it says about patience holds for every write."""
        http = response.http_response
        if self._pace is not None and http.status_code == THROTTLED and _is_arm_write(response):
            self._await(self._pace.closed_for(min(retry_after_s(http), CLOSED_S_MAX)))

    def _await(self, waiting: Coroutine[Any, Any, None]) -> None:
        if self.loop is None:
            waiting.close()
            raise RuntimeError("a client of Azure ML writes outside the pool of threads")
        turn = asyncio.run_coroutine_threadsafe(waiting, self.loop)
        try:
            turn.result(ANSWER_S)
        except TimeoutError as error:
            turn.cancel()
            raise TransientFault(f"the event loop did not answer a write to Azure ML within {ANSWER_S:g} s") from error


def _is_arm_write(message: PipelineRequest[Any] | PipelineResponse[Any, Any]) -> bool:
    http = message.http_request
    return http.method.upper() not in _READS and urlsplit(http.url).hostname == ARM_HOST
