"""What may be sent twice to Azure ML, and what was sent: both below the client, in the pipeline of azure-core.

The client's own retries would send a PUT or POST again whose answer was lost
(docs/azure-facts.md#threads-and-retries), and the answer to the second ("is updating") would hide that the first was
applied.
"""

import threading
from typing import Any

from azure.core.pipeline import PipelineRequest, PipelineResponse
from azure.core.pipeline.policies import RetryPolicy

RETRY_AFTER_MAX_S = 5
"""A read that asks for more patience is given up: the step looks again later and keeps no thread meanwhile."""

_READS = frozenset({"GET", "HEAD"})


class ReadRetries(RetryPolicy[Any, Any]):
    """One more try, at once, for reads only."""

    def __init__(self) -> None:
        super().__init__(retry_total=1, retry_connect=1, retry_read=1, retry_status=1)

    def configure_retries(self, options: dict[str, Any]) -> dict[str, Any]:
        """The settings of one request, for reads only."""
        return {**super().configure_retries(options), "methods": _READS}

    def is_retry(self, settings: dict[str, Any], response: PipelineResponse[Any, Any]) -> bool:
        """Whether an answer is worth another try."""
        return (
            response.http_request.method.upper() in _READS
            and (self.get_retry_after(response) or 0) <= RETRY_AFTER_MAX_S
            and bool(super().is_retry(settings, response))
        )


class SentMarker(threading.local):
    """Whether the current thread has put a deployment on the wire: from then on its outcome may be unknown."""

    sent = False

    def look_at(self, request: PipelineRequest[Any]) -> None:
        """Called for every request right before it is sent."""
        http = request.http_request
        if http.method.upper() == "PUT" and "/batchEndpoints/" in http.url and "/deployments/" in http.url:
            self.sent = True


sent_marker = SentMarker()
