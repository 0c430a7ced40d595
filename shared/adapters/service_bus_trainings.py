"""TrainingQueue on Azure Service Bus: the session is the run, so that one run is looked at by one at a time."""

from datetime import datetime

from azure.servicebus import ServiceBusMessage
from azure.servicebus.aio import ServiceBusClient

from shared.adapters.service_bus import QueueLink, short_id, utc
from shared.contracts.training_messages import MESSAGE_KIND, encode_look


class ServiceBusTrainingQueue:
    """The session queue `trainings`."""

    def __init__(self, client: ServiceBusClient, queue_name: str = "trainings") -> None:
        self._link = QueueLink(client, queue_name)

    async def look(self, run_id: str, message_id: str, at: datetime | None = None, serial: int | None = None) -> None:
        """Raises TransientFault."""
        message = ServiceBusMessage(
            encode_look(run_id, serial),
            session_id=run_id,
            message_id=short_id(message_id),
            correlation_id=run_id,
            subject=MESSAGE_KIND,
            content_type="application/json",
            scheduled_enqueue_time_utc=utc(at),
        )
        await self._link.send(message)

    async def close(self) -> None:
        """Closes the link."""
        await self._link.close()
