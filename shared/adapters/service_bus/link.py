"""EventQueue and CommandQueue on Azure Service Bus.

A send without an answer may have arrived. Sending again is safe within the duplicate-detection window, because the
message id is derived from the event or command (R-FAULT-7).
"""

import asyncio
import contextlib
import hashlib
from datetime import UTC, datetime

from azure.core.exceptions import AzureError
from azure.servicebus import ServiceBusMessage
from azure.servicebus.aio import ServiceBusClient, ServiceBusSender

from shared.application.errors import TransientFault
from shared.contracts.messages import encode_command, encode_event
from shared.domain.release.commands import Command
from shared.domain.release.events import Event

MESSAGE_ID_CHARS_MAX = 128
SEND_DEADLINE_S = 20.0  # of one send with all its retries, well below the lock of the message being handled
_FOREIGN = (AzureError, OSError, TimeoutError)


class ServiceBusEventQueue:
    """The session queue of events: the session is the release."""

    def __init__(self, client: ServiceBusClient, queue_name: str = "release-events") -> None:
        self._link = QueueLink(client, queue_name)

    async def publish(self, event: Event, *, at: datetime | None = None, message_id: str | None = None) -> None:
        """Raises MessageError for an event that is too large or of an unregistered type."""
        await self._link.send(
            encode_event(event),
            message_id=message_id or event.event_id,
            about=event.release_id,
            subject=type(event).__name__,
            session=event.release_id,
            at=at,
        )

    async def close(self) -> None:
        """Closes the link."""
        await self._link.close()


class ServiceBusCommandQueue:
    """The queue of commands; their order does not matter."""

    def __init__(self, client: ServiceBusClient, queue_name: str = "effects") -> None:
        self._link = QueueLink(client, queue_name)

    async def send(self, command: Command, *, message_id: str | None = None, at: datetime | None = None) -> None:
        """Raises MessageError for a command that is too large or of an unregistered type."""
        await self._link.send(
            encode_command(command),
            message_id=message_id or command.command_id,
            about=command.release_id,
            subject=type(command).__name__,
            at=at or command.not_before,
        )

    async def close(self) -> None:
        """Closes the link."""
        await self._link.close()


def _short_id(message_id: str) -> str:
    """`message_id` itself, or its SHA-256 where Service Bus would refuse it for its length."""
    if len(message_id) <= MESSAGE_ID_CHARS_MAX:
        return message_id
    return f"sha256-{hashlib.sha256(message_id.encode()).hexdigest()}"


class QueueLink:
    """One link to a queue, opened by the first send, kept, and opened anew after a failure."""

    def __init__(self, client: ServiceBusClient, queue_name: str) -> None:
        self._client = client
        self._queue_name = queue_name
        self._open: ServiceBusSender | None = None
        self._one_at_a_time = asyncio.Lock()  # the SDK's senders are not safe for concurrent use

    async def send(
        self,
        body: str,
        *,
        message_id: str,
        about: str,
        subject: str,
        session: str | None = None,
        at: datetime | None = None,
    ) -> None:
        """Sends a JSON body, not before `at`; `about` is the id of what it is about. Raises TransientFault."""
        message = ServiceBusMessage(
            body,
            session_id=session,
            message_id=_short_id(message_id),
            correlation_id=about,
            subject=subject,
            content_type="application/json",
            scheduled_enqueue_time_utc=at.astimezone(UTC) if at else None,
        )
        async with self._one_at_a_time:
            sender = self._open or self._client.get_queue_sender(self._queue_name)
            self._open = None  # a link is kept only after it was seen to work
            try:
                async with asyncio.timeout(SEND_DEADLINE_S):
                    await sender.send_messages(message, timeout=SEND_DEADLINE_S)
                self._open = sender
            except _FOREIGN as error:
                what = f"sending {message.subject} {message.message_id} to {self._queue_name}"
                raise TransientFault(f"{what}: {error or type(error).__name__}") from error
            finally:
                if self._open is None:
                    await _close(sender)

    async def close(self) -> None:
        """Closes the link."""
        async with self._one_at_a_time:
            if self._open is not None:
                await _close(self._open)
                self._open = None


async def _close(sender: ServiceBusSender) -> None:
    with contextlib.suppress(*_FOREIGN):  # the link is given up either way
        await sender.close()
