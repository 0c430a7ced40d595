"""The real client, sync or aio, behind one way of calling it: ``await do(client_call)``."""

from __future__ import annotations

import asyncio
import inspect
import ssl
import uuid
from collections.abc import Awaitable
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

from azure.servicebus import ServiceBusClient, ServiceBusMessage
from azure.servicebus.aio import ServiceBusClient as AsyncServiceBusClient

T = TypeVar("T")
AUTHORITIES = ssl.create_default_context()
"""One for all links: by itself the client reads the certificates of all authorities for each."""
Kind = Literal["sync", "aio"]


@dataclass(frozen=True, kw_only=True)
class Namespace:
    """Where the contract is tested: the local broker or Azure, and what there is to wait for."""

    connection_string: str
    wait_s: float = 5
    """How long a receive may wait for a message that must come."""
    empty_wait_s: float = 0.2
    """How long a receive looks before a queue counts as empty."""


def connection_string(port: int) -> str:
    return (
        f"Endpoint=sb://localhost:{port};SharedAccessKeyName=RootManageSharedAccessKey;"
        "SharedAccessKey=local;UseDevelopmentEmulator=true;"
    )


async def do(call: Awaitable[T] | T) -> T:
    """The result of a client call, whichever client it is."""
    return await call if inspect.isawaitable(call) else call


def message(body: str = "hello", **fields: Any) -> ServiceBusMessage:
    """A message whose id no other test uses, unless one is given."""
    return ServiceBusMessage(body, **{"message_id": uuid.uuid4().hex, **fields})


class Desk:
    """One client with the senders and receivers it opened; opening one takes the client 0.45 s."""

    def __init__(self, kind: Kind, namespace: Namespace, **options: Any) -> None:
        self.kind = kind
        self.namespace = namespace
        client = ServiceBusClient if kind == "sync" else AsyncServiceBusClient
        self.client: Any = client.from_connection_string(
            namespace.connection_string, **{"retry_total": 0, "ssl_context": AUTHORITIES, **options}
        )
        self._open: dict[tuple[Any, ...], Any] = {}
        self._handlers: list[Any] = []

    async def sender(self, queue: str) -> Any:
        return await self._cached(("sender", queue), lambda: self.client.get_queue_sender(queue))

    async def receiver(self, queue: str, **options: Any) -> Any:
        key = ("receiver", queue, *sorted(options.items()))
        return await self._cached(key, lambda: self.client.get_queue_receiver(queue, **options))

    async def new_receiver(self, queue: str, **options: Any) -> Any:
        """A receiver of its own, which the test may close; the desk closes it at the latest."""
        receiver = await self._entered(self.client.get_queue_receiver(queue, **options))
        self._handlers.append(receiver)
        return receiver

    async def open(self, *queues: str, dead_letters: bool = True) -> None:
        """Open a sender and the receivers of these queues at once."""
        calls = []
        for queue in queues:
            calls += [self.sender(queue), self.receiver(queue)]
            if dead_letters:
                calls.append(self.receiver(queue, sub_queue="deadletter"))
        await asyncio.gather(*calls)

    async def send(self, queue: str, *messages: Any) -> None:
        await do((await self.sender(queue)).send_messages(list(messages)))

    async def receive(self, queue: str, count: int = 1, **options: Any) -> list[Any]:
        """Exactly ``count`` messages, which must come."""
        return await self.receive_from(await self.receiver(queue, **options), count)

    async def receive_from(self, receiver: Any, count: int = 1) -> list[Any]:
        """Exactly ``count`` messages from this receiver, which must come."""
        received: list[Any] = []
        wait_s = self.namespace.wait_s
        while len(received) < count:
            more = await do(receiver.receive_messages(count - len(received), max_wait_time=wait_s))
            assert more, f"{len(received)} of {count} messages came within {wait_s} s"
            received += more
        return received

    async def is_empty(self, queue: str, **options: Any) -> bool:
        receiver = await self.receiver(queue, **options)
        return not await do(receiver.receive_messages(1, max_wait_time=self.namespace.empty_wait_s))

    async def close(self) -> None:
        """Close everything at once: each receiver takes the client half a second."""
        if self.kind == "sync":
            await asyncio.gather(*(asyncio.to_thread(handler.close) for handler in self._handlers))
        else:
            await asyncio.gather(*(handler.close() for handler in self._handlers))
        await do(self.client.close())

    async def _cached(self, key: tuple[Any, ...], make: Any) -> Any:
        if key not in self._open:
            self._open[key] = handler = await self._entered(make())
            self._handlers.append(handler)
        return self._open[key]

    async def _entered(self, handler: Any) -> Any:
        return await (asyncio.to_thread(handler.__enter__) if self.kind == "sync" else handler.__aenter__())


def text(received: Any) -> str:
    """The body of a received message."""
    return b"".join(received.body).decode()
