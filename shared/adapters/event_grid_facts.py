"""Publishes what releases do to the custom Event Grid topic, as CloudEvents 1.0.

At-least-once: the id is the fact's own, so that a receiver drops duplicates by it.
"""

import asyncio
from datetime import datetime
from typing import TYPE_CHECKING

from azure.core.exceptions import AzureError, HttpResponseError, ResourceNotFoundError
from azure.core.messaging import CloudEvent

from shared.application.errors import PortError, TransientFault

if TYPE_CHECKING:  # importing it takes long, and whoever builds the client has done it
    from azure.eventgrid.aio import EventGridPublisherClient

SOURCE = "/switchyard"
CALL_DEADLINE_S = 20.0
"""Of one fact with the SDK's retries; its message comes back later."""

_PERMANENT = (400, 413)
"""Malformed, too large: sending the same again cannot help."""


class EventGridFacts:
    """FactPublisher on a topic; `kind` becomes the event's type."""

    def __init__(self, client: "EventGridPublisherClient", *, call_deadline_s: float = CALL_DEADLINE_S) -> None:
        self._client = client
        self._call_deadline_s = call_deadline_s

    async def publish(self, fact_id: str, kind: str, subject: str, data: dict[str, str], at: datetime) -> None:
        """Raises TransientFault, or PortError when Event Grid will never take the fact."""
        event = CloudEvent(source=SOURCE, type=kind, id=fact_id, subject=subject, time=at, data=dict(data))
        try:
            async with asyncio.timeout(self._call_deadline_s):
                await self._client.send(event)
        except HttpResponseError as error:
            problem = f"Event Grid answered {error.status_code} to fact {fact_id}: {error.message}"
            if error.status_code in _PERMANENT or isinstance(error, ResourceNotFoundError):  # a 404 loses its status
                raise PortError(f"{problem}. Check FACTS_TOPIC_ENDPOINT and the topic's input schema") from error
            raise TransientFault(problem) from error
        except (AzureError, TimeoutError) as error:
            raise TransientFault(f"fact {fact_id} could not be published: {error or type(error).__name__}") from error
