"""Loads on Service Bus: messages that a client settles itself, and messages for the functions of the host."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Iterable
from typing import Any

from azure.core.exceptions import AzureError
from azure.servicebus import ServiceBusClient, ServiceBusMessage

from tests.soak.accounts import Account, Load, Worker
from tests.soak.records import Records

QUEUES = {
    "queues": [
        {"name": "settled", "lockDuration": "PT5S", "maxDeliveryCount": 1000, "requiresDuplicateDetection": True},
        {"name": "work", "lockDuration": "PT5S", "maxDeliveryCount": 1000, "requiresDuplicateDetection": True},
        {
            "name": "ordered",
            "lockDuration": "PT5S",
            "maxDeliveryCount": 1000,
            "requiresDuplicateDetection": True,
            "requiresSession": True,
        },
    ]
}
SESSIONS = 5
PEEKED_AT_ONCE = 250
_WAIT_S = 1


class _Connection:
    """A client that fails at once, and is made anew after it did."""

    def __init__(self, connection_string: str) -> None:
        self._text = connection_string
        self._client: ServiceBusClient | None = None
        self._handlers: dict[str, Any] = {}

    @property
    def client(self) -> ServiceBusClient:
        if self._client is None:
            self._client = ServiceBusClient.from_connection_string(self._text, retry_total=0)
        return self._client

    def sender(self, queue: str) -> Any:
        if queue not in self._handlers:
            self._handlers[queue] = self.client.get_queue_sender(queue)
        return self._handlers[queue]

    def receiver(self, queue: str, **options: Any) -> Any:
        if queue not in self._handlers:
            self._handlers[queue] = self.client.get_queue_receiver(queue, **options)
        return self._handlers[queue]

    def reset(self) -> None:
        client, self._client = self._client, None
        self._handlers.clear()
        if client is not None:
            with contextlib.suppress(AzureError, OSError):  # its broker is gone
                client.close()


class SettledMessages(Load):
    """A client sends and another one completes; what is completed never comes back."""

    def __init__(self, connection_string: str) -> None:
        self.account = Account("messages", "servicebus", self._found)
        self.accounts = [self.account]
        self._sending, self._receiving = _Connection(connection_string), _Connection(connection_string)
        self._looking = _Connection(connection_string)
        self._numbers = itertools.count()
        self._completed: set[str] = set()
        self._in_doubt: set[str] = set()
        self.workers = [
            Worker("send", self._send, self._sending.reset),
            Worker("complete", self._receive, self._receiving.reset, pause_s=0),
        ]

    def _send(self) -> None:
        name = f"m-{next(self._numbers)}"
        self.account.asked.add(name)
        self._sending.sender("settled").send_messages(ServiceBusMessage(name, message_id=name))
        self.account.acknowledged.add(name)

    def _receive(self) -> None:
        receiver = self._receiving.receiver("settled")
        for message in receiver.receive_messages(20, max_wait_time=_WAIT_S):
            name = b"".join(message.body).decode()
            if name in self._completed:
                self.account.broken.append(f"{name} came back after it was completed")
            self._in_doubt.add(name)  # until the answer comes, it may be done or not
            receiver.complete_message(message)
            self._completed.add(name)

    def _found(self) -> Iterable[str]:
        """Settled, or still there: locked or not."""
        left: set[str] = set()
        receiver = self._looking.receiver("settled", receive_mode="receiveanddelete")
        next_number = 1
        while found := receiver.peek_messages(PEEKED_AT_ONCE, sequence_number=next_number):
            left |= {b"".join(message.body).decode() for message in found}
            next_number = found[-1].sequence_number + 1
        if back := left & self._completed:
            self.account.broken.append(f"{len(back)} are still there after they were completed")
        return self._in_doubt | left


class WorkOfFunctions(Load):
    """Messages for the host's functions, which write down each one before it is completed."""

    def __init__(self, connection_string: str, records: Records) -> None:
        self.work = Account("work of functions", "host", lambda: records.first_fields("work"))
        self.ordered = Account("work in sessions", "host", lambda: self._in_order(records))
        self._connections = {name: _Connection(connection_string) for name in ("work", "ordered")}
        self._numbers = {"work": itertools.count(), "ordered": itertools.count()}
        self.accounts = [self.work, self.ordered]
        self.workers = [
            Worker("send work", lambda: self._send(self.work, "work"), self._connections["work"].reset, 0.05),
            Worker("send in sessions", self._send_in_session, self._connections["ordered"].reset, 0.05),
        ]

    def _send(self, account: Account, queue: str, session: str | None = None) -> None:
        name = f"{queue}-{next(self._numbers[queue]):08}"
        account.asked.add(name)
        message = ServiceBusMessage(name, message_id=name, session_id=session)
        self._connections[queue].sender(queue).send_messages(message)
        account.acknowledged.add(name)

    def _send_in_session(self) -> None:
        self._send(self.ordered, "ordered", f"s{len(self.ordered.asked) % SESSIONS}")

    def _in_order(self, records: Records) -> set[str]:
        """All that ran; a message may come again, but never before one that was sent ahead of it in its session."""
        last: dict[str, str] = {}
        seen: set[str] = set()
        for name, session in records.lines("ordered"):
            if name not in seen and name < last.get(session, ""):
                self.ordered.broken.append(f"{name} came after {last[session]} in session {session}")
            seen.add(name)
            last[session] = max(name, last.get(session, ""))
        return seen
