"""TrainingQueue on Azure Service Bus: the session is the run, so that one run is looked at by one at a time."""

from datetime import datetime

from azure.servicebus.aio import ServiceBusClient

from shared.adapters.service_bus.link import QueueLink
from shared.contracts.stored.training import MESSAGE_KIND, encode_look


class ServiceBusTrainingQueue:
    """The session queue `trainings`."""

    def __init__(self, client: ServiceBusClient, queue_name: str = "trainings") -> None:
        self._link = QueueLink(client, queue_name)

    async def look(self, run_id: str, message_id: str, at: datetime | None = None, serial: int | None = None) -> None:
        """Raises TransientFault."""
        body = encode_look(run_id, serial)
        await self._link.send(body, message_id=message_id, about=run_id, subject=MESSAGE_KIND, session=run_id, at=at)

    async def close(self) -> None:
        """Closes the link."""
        await self._link.close()
