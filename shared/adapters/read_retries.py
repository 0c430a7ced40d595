"""Which requests over HTTP a client may send again by itself: reads, and nothing else.

The SDKs' own policies would send a PUT or POST again whose answer was lost, or got a 503. The answer to the second
request would then hide that the first was applied (docs/azure-facts.md#threads-and-retries).
"""

from typing import Any

from azure.core.pipeline import PipelineResponse
from azure.core.pipeline.policies import AsyncRetryPolicy, RetryPolicy

# Not exported, but the one thing that both policies are; mypy notices when a new version of azure-core has none.
from azure.core.pipeline.policies._retry import RetryPolicyBase

RETRY_AFTER_MAX_S = 5
"""A read whose answer asks for more patience is not repeated here: its caller comes back later and blocks nobody."""

_READS = frozenset({"GET", "HEAD"})


class _ReadsOnly(RetryPolicyBase):
    """Repeats a read up to `retries` times: at once, then after pauses of at most 2 seconds."""

    def __init__(self, retries: int) -> None:
        super().__init__(
            retry_total=retries,
            retry_connect=retries,
            retry_read=retries,
            retry_status=retries,
            retry_backoff_factor=0.2,
            retry_backoff_max=2,
        )

    def configure_retries(self, options: dict[str, Any]) -> dict[str, Any]:
        """The settings of one request."""
        return {**super().configure_retries(options), "methods": _READS}

    def is_retry(self, settings: dict[str, Any], response: PipelineResponse[Any, Any]) -> bool:
        """True when an answer is worth another try."""
        return (
            response.http_request.method.upper() in _READS
            and (self.get_retry_after(response) or 0) <= RETRY_AFTER_MAX_S
            and bool(super().is_retry(settings, response))
        )


class ReadRetries(_ReadsOnly, RetryPolicy[Any, Any]):
    """For clients that block."""


class AsyncReadRetries(_ReadsOnly, AsyncRetryPolicy[Any, Any]):
    """For asynchronous clients."""
