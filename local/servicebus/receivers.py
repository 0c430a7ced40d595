"""The client's receiving links: deliver what waits, apply what the receiver decides.

Source: Azure Service Bus, "Message transfers, locks, and settlement", and the outcomes ``azure.servicebus``
7.15 sends: accepted = complete, released = give back, modified = abandon (or defer, when undeliverable
here), rejected = dead-letter.
"""

from __future__ import annotations

import uuid
from collections import deque

from local.servicebus import errors
from local.servicebus.codec.performatives import ACCEPTED, MODIFIED, REJECTED, Outcome
from local.servicebus.link import Endpoint, Link
from local.servicebus.queues.message import Message, write_message
from local.servicebus.queues.queue import Queue
from local.servicebus.queues.sessions import Session, SessionQueue


def apply_outcome(queue: Queue, message: Message, outcome: Outcome) -> None:
    """Settle a locked message. Raises ServiceBusError."""
    if outcome.code == ACCEPTED:
        queue.complete(message)
    elif outcome.code == REJECTED:
        queue.dead_letter(message, outcome.reason, outcome.description)
    elif outcome.code == MODIFIED and outcome.undeliverable_here:
        queue.defer(message)
    elif outcome.code == MODIFIED:
        queue.abandon(message)
    else:
        queue.release(message)


class Consumers:
    """The receivers of one queue, served in turn."""

    def __init__(self, queue: Queue) -> None:
        self.queue = queue
        self._receivers: deque[Receiver] = deque()

    def add(self, receiver: Receiver) -> None:
        self._receivers.append(receiver)

    def remove(self, receiver: Receiver) -> None:
        if receiver in self._receivers:
            self._receivers.remove(receiver)

    def deliver(self) -> None:
        """Hand out messages while there are some and someone asks for them."""
        self._receivers.rotate(-1)
        asking = deque(receiver for receiver in self._receivers if receiver.link.credit > 0)
        while asking:
            receiver = asking.popleft()
            if receiver.deliver_one() and receiver.link.credit > 0:
                asking.append(receiver)


class Receiver(Endpoint):
    """The endpoint of a link on which the client receives."""

    def __init__(self, link: Link, consumers: Consumers) -> None:
        self.link = link
        self.consumers = consumers
        self.session: Session | None = None

    @property
    def queue(self) -> Queue:
        return self.consumers.queue

    def deliver_one(self) -> bool:
        """Send the next message; False if there is none."""
        message = self.queue.take(None if self.session is None else self.session.id)
        if message is None:
            return False
        if self.link.presettled:  # receive-and-delete: gone once it is sent
            self.link.send(uuid.uuid4().bytes_le, write_message(message), settled=True)
            self.queue.complete(message)
        else:
            token = self.queue.lock(message)
            self.link.send(token, write_message(message), settled=False)
        return True

    def session_lost(self) -> None:
        """The session's lock ran out: detach the link with an error."""
        lost, self.session = self.session, None
        self.consumers.remove(self)
        self.link.detach(errors.session_lock_lost(None if lost is None else lost.id))

    def credit_changed(self) -> None:
        self.queue.wake()

    def settle(self, tag: bytes, outcome: Outcome) -> None:
        apply_outcome(self.queue, self.queue.locked(tag), outcome)

    def close(self) -> None:
        self.consumers.remove(self)
        if self.session is not None and isinstance(self.queue, SessionQueue):
            session, self.session = self.session, None
            self.queue.release_session(session)
