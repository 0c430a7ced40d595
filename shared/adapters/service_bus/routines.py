"""RoutineQueue on Azure Service Bus. Tasks are independent and guarded by their ETags, so the queue has no sessions."""

from datetime import datetime

from azure.servicebus.aio import ServiceBusClient

from shared.adapters.service_bus.link import QueueLink
from shared.contracts.stored.routines import encode
from shared.domain.routines.task import PeriodWish, TaskRef


class ServiceBusRoutineQueue:
    """The queue `routines`."""

    def __init__(self, client: ServiceBusClient, queue_name: str = "routines") -> None:
        self._link = QueueLink(client, queue_name)

    async def look(self, ref: TaskRef, message_id: str, at: datetime | None = None) -> None:
        """Raises TransientFault."""
        await self._send(ref, message_id, at)

    async def make(self, wish: PeriodWish, message_id: str, at: datetime | None = None) -> None:
        """Raises TransientFault."""
        await self._send(wish, message_id, at)

    async def _send(self, what: TaskRef | PeriodWish, message_id: str, at: datetime | None) -> None:
        about, subject = f"{what.routine.value}-{what.period}", type(what).__name__
        await self._link.send(encode(what), message_id=message_id, about=about, subject=subject, at=at)

    async def close(self) -> None:
        """Closes the link."""
        await self._link.close()
