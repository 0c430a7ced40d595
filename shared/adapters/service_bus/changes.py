"""ChangeQueue on Azure Service Bus: one session for all changes of the one branch, so that they come one at a time."""

from datetime import datetime

from azure.servicebus.aio import ServiceBusClient

from shared.adapters.service_bus.link import QueueLink
from shared.contracts.stored.changes import MESSAGE_KIND, encode_take

SESSION = "changes"


class ServiceBusChangeQueue:
    """The queue of changes."""

    def __init__(self, client: ServiceBusClient, queue_name: str = "changes") -> None:
        self._link = QueueLink(client, queue_name)

    async def send(self, change_id: str, *, message_id: str, at: datetime | None = None, tries: int = 0) -> None:
        """Raises TransientFault when nobody knows whether it was sent; sending it again is safe."""
        body = encode_take(change_id, tries)
        await self._link.send(
            body, message_id=message_id, about=change_id, subject=MESSAGE_KIND, session=SESSION, at=at
        )

    async def close(self) -> None:
        """Closes the link."""
        await self._link.close()
