"""What stands behind each link address: ``$cbs``, ``<entity>/$management``, and the entities themselves.

Source: ``azure.servicebus`` 7.15 and Azure's AMQP protocol guide. Decides who may attach, and delivers.
"""

from __future__ import annotations

from collections.abc import Awaitable
from dataclasses import dataclass
from functools import partial
from typing import Any
from urllib.parse import urlsplit

from local.servicebus import errors
from local.servicebus.codec import sections as sec
from local.servicebus.codec.amqp_types import Symbol
from local.servicebus.codec.decoder import decode
from local.servicebus.errors import ServiceBusError
from local.servicebus.link import Endpoint, Link
from local.servicebus.management import Management
from local.servicebus.queues.broker import Broker
from local.servicebus.queues.queue import Queue
from local.servicebus.queues.sessions import SessionQueue
from local.servicebus.queues.timers import Timer
from local.servicebus.receivers import Consumers, Receiver
from local.servicebus.requests import Request, Responder, Response
from local.servicebus.tokens import TokenChecker

BATCH_FORMAT = 0x8001_3700
"""Message format of a batch: every data section is one encoded message."""
MANAGEMENT_SUFFIX = "/$management"
DEFAULT_SESSION_WAIT_MS = 65_000
_WAIT_PROPERTY = "com.microsoft:timeout"
_LOCKED_UNTIL_PROPERTY = Symbol("com.microsoft:locked-until-utc")
_TICKS_AT_EPOCH = 621_355_968_000_000_000
_TICKS_PER_S = 10_000_000


class Service:
    """Opens links and delivers messages for one broker."""

    def __init__(self, broker: Broker, tokens: TokenChecker) -> None:
        self._broker = broker
        self._tokens = tokens
        self._consumers = {queue.key: Consumers(queue) for queue in broker.queues}
        self._waiting: dict[str, list[WaitingReceiver]] = {queue.key: [] for queue in broker.queues}

    def open_link(self, link: Link) -> None:
        """Accept, refuse, or keep waiting (for a session) a link the client attached."""
        path = _path(link.address)
        try:
            if path.lower() == "$cbs":
                link.accept(TokenNode(link, self._broker, self._tokens))
                return
            if not link.channel.connection.authorized:
                raise errors.unauthorized("Put a token on $cbs before attaching to an entity.")
            if path.lower().endswith(MANAGEMENT_SUFFIX):
                queue = self._broker.queue(path[: -len(MANAGEMENT_SUFFIX)])
                link.accept(Management(link, queue))
                return
            queue = self._broker.queue(path)
            link.max_message_bytes = queue.config.max_message_bytes
            if link.client_sends:
                self._open_sender(link, queue)
            else:
                self._open_receiver(link, queue)
        except ServiceBusError as error:
            link.refuse(error)

    def deliver(self) -> None:
        """Give waiting messages and free sessions to those who ask for them."""
        while self._broker.woken:
            queue = self._broker.woken.pop()
            if isinstance(queue, SessionQueue):
                self._give_sessions(queue)
            self._consumers[queue.key].deliver()

    def _open_sender(self, link: Link, queue: Queue) -> None:
        if queue.is_dead_letter_queue:
            raise errors.not_allowed("Messages cannot be sent to a dead-letter queue.")
        link.accept(Sender(queue))

    def _open_receiver(self, link: Link, queue: Queue) -> None:
        if queue.requires_session and not link.wants_session:
            raise errors.not_allowed(f"The queue '{queue.name}' requires sessions: open a receiver with a session id.")
        if link.wants_session and not isinstance(queue, SessionQueue):
            raise errors.not_allowed(
                f"The queue '{queue.name}' does not have sessions: open a receiver without a session id."
            )
        receiver = Receiver(link, self._consumers[queue.key])
        if not isinstance(queue, SessionQueue):
            receiver.consumers.add(receiver)
            link.accept(receiver)
        elif not _accept_session(receiver, queue):
            self._wait_for_session(receiver, queue)

    def _wait_for_session(self, receiver: Receiver, queue: SessionQueue) -> None:
        wait_ms = receiver.link.properties.get(_WAIT_PROPERTY, DEFAULT_SESSION_WAIT_MS)
        waiting = self._waiting[queue.key]
        waiter = WaitingReceiver(receiver, waiting)
        waiter.timer = self._broker.timers.at(self._broker.clock() + wait_ms / 1000, partial(waiter.give_up, wait_ms))
        receiver.link.endpoint = waiter
        waiting.append(waiter)

    def _give_sessions(self, queue: SessionQueue) -> None:
        waiting = self._waiting[queue.key]
        while waiting and _accept_session(waiting[0].receiver, queue):
            waiting[0].close()


def _accept_session(receiver: Receiver, queue: SessionQueue) -> bool:
    """Lock the session a link asks for and accept the link; False if none is available."""
    session = queue.accept(receiver.link.wanted_session, receiver.session_lost)
    if session is None:
        return False
    receiver.session = session
    receiver.consumers.add(receiver)
    ticks = _TICKS_AT_EPOCH + int(session.locked_until * _TICKS_PER_S)
    receiver.link.accept(receiver, {_LOCKED_UNTIL_PROPERTY: ticks}, session.id)
    return True


def _path(address: str) -> str:
    """The entity path of an address, which clients send as a URL even without TLS."""
    return (urlsplit(address).path if "://" in address else address).strip("/")


@dataclass(slots=True, eq=False)
class WaitingReceiver(Endpoint):
    """The endpoint of a link that waits, unanswered, for the next available session."""

    receiver: Receiver
    waiting: list[WaitingReceiver]
    timer: Timer | None = None

    def give_up(self, wait_ms: int) -> None:
        self.close()
        self.receiver.link.refuse(errors.timed_out(f"No session became available within {wait_ms} ms."))

    def close(self) -> None:
        if self in self.waiting:
            self.waiting.remove(self)
        if self.timer is not None:
            self.timer.cancel()


@dataclass(slots=True)
class Sender(Endpoint):
    """The endpoint of a link on which the client sends."""

    queue: Queue

    def receive(self, payload: bytes, message_format: int) -> None:
        """Enqueue one message or, all or none, a batch."""
        if message_format == BATCH_FORMAT:
            parts = [decode(payload, s.value)[0] for s in sec.split_sections(payload) if s.code == sec.DATA]
        else:
            parts = [payload]
        for incoming in [self.queue.read(part) for part in parts]:
            self.queue.enqueue(incoming)


class TokenNode(Responder):
    """``$cbs``: a well-formed token authorizes the connection."""

    status_key = "status-code"
    description_key = "status-description"

    def __init__(self, link: Link, broker: Broker, tokens: TokenChecker) -> None:
        super().__init__(link)
        self._broker = broker
        self._tokens = tokens

    def respond(self, request: Request) -> Response | Awaitable[Response]:
        operation = request.properties.get("operation")
        if operation != "put-token":
            raise errors.not_implemented(f"The operation {operation!r} is not implemented on $cbs.")
        kind: Any = request.properties.get("type")
        unverified = self._tokens.check(str(kind), request.body, self._broker.clock())
        return self._accepted() if unverified is None else self._verified(unverified)

    async def _verified(self, token: str) -> Response:
        await self._tokens.verify(token)
        return self._accepted()

    def _accepted(self) -> Response:
        self.link.channel.connection.authorized = True
        return Response(202, "Accepted")
