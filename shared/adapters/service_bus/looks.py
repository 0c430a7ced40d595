"""LookQueue on Azure Service Bus: one adapter for every queue that carries looks.

A queue with sessions hands out one message of a session at a time, in order.
"""

from datetime import datetime

from azure.servicebus.aio import ServiceBusClient

from shared.adapters.service_bus.link import QueueLink
from shared.application.work.look import Look, WorkKind
from shared.contracts.looks import MESSAGE_KIND, encode_look

CHANGES_SESSION = "changes"


def session_of(look: Look) -> str | None:
    """The session of a look: one for all changes, because they are taken in the order of the branch; each training run
    its own. Alerts, tasks and periods are independent and guarded by their ETags, so their queues have no sessions."""
    if look.kind is WorkKind.CHANGE:
        return CHANGES_SESSION
    return look.key if look.kind is WorkKind.TRAINING else None


class ServiceBusLookQueue:
    """Looks on the queue of this name."""

    def __init__(self, client: ServiceBusClient, queue_name: str) -> None:
        self._link = QueueLink(client, queue_name)

    async def send(self, look: Look, message_id: str, at: datetime | None = None) -> None:
        """Raises TransientFault."""
        await self._link.send(
            encode_look(look),
            message_id=message_id,
            about=look.key,
            subject=f"{MESSAGE_KIND} {look.kind.value}",
            session=session_of(look),
            at=at,
        )

    async def close(self) -> None:
        """Closes the link."""
        await self._link.close()
