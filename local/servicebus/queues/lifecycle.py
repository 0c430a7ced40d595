"""Where the messages of a queue are: waiting, locked, scheduled, expired, dead-lettered.

Source: Azure Service Bus, "Message expiration", "Dead-letter queues", "Message sequencing and timestamps".
Single-threaded; every change is written to the store before the method returns and becomes durable at the
server's next commit.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

from local.servicebus import errors
from local.servicebus.codec.sections import with_application_properties
from local.servicebus.config import QueueConfig
from local.servicebus.queues.locks import Locks
from local.servicebus.queues.message import Incoming, Message, MessageState
from local.servicebus.queues.store import Store
from local.servicebus.queues.timers import Timers

DEAD_LETTER_SUFFIX = "/$DeadLetterQueue"


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What every queue of a broker shares. ``wake(queue)`` says that a receiver may have work."""

    store: Store
    timers: Timers
    clock: Callable[[], float]
    wake: Callable[[Lifecycle], None]


class Lifecycle:
    """The messages of one queue and their moves; without ``dead_letters`` it is a dead-letter queue."""

    def __init__(self, config: QueueConfig, around: Surroundings, dead_letters: Lifecycle | None) -> None:
        self.config = config
        self.dead_letters = dead_letters
        self.name = config.name if dead_letters is not None else config.name + DEAD_LETTER_SUFFIX
        self.key = self.name.lower()
        self.messages: dict[int, Message] = {}
        self._around = around
        self._store = around.store
        self._timers = around.timers
        self._clock = around.clock
        self._available: list[int] = []
        self._locks = Locks(around.timers, self._lock_expired)

    @property
    def is_dead_letter_queue(self) -> bool:
        return self.dead_letters is None

    def admit(self, message: Message) -> None:
        """Take up a message that is in the store: a new one, or one found there at start."""
        self.messages[message.sequence] = message
        self._joined(message)
        if message.lock_token is not None:
            self._locks.hold(message)
        elif message.state is MessageState.ACTIVE:
            self._make_available(message)
        if message.state is MessageState.SCHEDULED:
            message.due_timer = self._timers.at(message.enqueued_at, partial(self._activate, message))
        elif message.expires_at is not None:
            message.due_timer = self._timers.at(message.expires_at, partial(self._due_to_expire, message))

    def wake(self) -> None:
        """A receiver may have work: it asked for messages, or there are new ones."""
        self._around.wake(self)

    def dead_letter(self, message: Message, reason: str | None, description: str | None) -> None:
        """Move a message to the dead-letter queue. Raises ServiceBusError on a dead-letter queue."""
        if self.dead_letters is None:
            raise errors.not_allowed("A message of a dead-letter queue cannot be dead-lettered again.")
        described = {"DeadLetterReason": reason, "DeadLetterErrorDescription": description}
        bare = with_application_properties(
            message.incoming.bare, {name: text for name, text in described.items() if text}
        )
        self._delete(message)
        moved = replace(
            message,
            sequence=self._store.next_sequence(),
            incoming=replace(message.incoming, bare=bare),
            state=MessageState.ACTIVE,
            expires_at=None,
            dead_letter_source=self.name,
        )
        self._store.insert(self.dead_letters.key, moved)
        self.dead_letters.admit(moved)

    # differing with sessions (see sessions.py)

    def _lane(self, session_id: str | None) -> list[int]:
        """The heap of available sequence numbers a message of this session waits in."""
        return self._available

    def _joined(self, message: Message) -> None:
        """A message joined the queue."""

    def _left(self, message: Message) -> None:
        """A message left the queue."""

    def _make_available(self, message: Message) -> None:
        heapq.heappush(self._lane(message.session_id), message.sequence)
        self.wake()

    # inside

    def _first(self, lane: list[int]) -> Message | None:
        while lane:
            message = self.messages.get(lane[0])
            if message is None:  # expired or cancelled while it waited
                heapq.heappop(lane)
            elif self._is_expired(message):
                heapq.heappop(lane)
                self._expire(message)
            else:
                return message
        return None

    def _lock_expired(self, message: Message) -> None:
        message.delivery_count += 1
        self._return(message)

    def _unlock(self, message: Message) -> None:
        self._locks.drop(message)

    def _return(self, message: Message) -> None:
        """Unlock a message and put it where it belongs now."""
        self._unlock(message)
        limit = self.config.max_delivery_count
        if self.dead_letters is not None and message.delivery_count >= limit:
            text = f"The message could not be consumed after {limit} delivery attempts."
            self.dead_letter(message, "MaxDeliveryCountExceeded", text)
        elif message.state is MessageState.ACTIVE and self._is_expired(message):
            self._expire(message)
        else:
            self._store.save_state(message)
            if message.state is MessageState.ACTIVE:
                self._make_available(message)

    def _delete(self, message: Message) -> None:
        self._unlock(message)
        if message.due_timer is not None:
            message.due_timer.cancel()
            message.due_timer = None
        del self.messages[message.sequence]
        self._store.delete(message)
        self._left(message)

    def _activate(self, message: Message) -> None:
        """A scheduled message joins the end of the queue, under a new sequence number as in Azure."""
        old_sequence = message.sequence
        del self.messages[old_sequence]
        message.sequence = message.enqueued_sequence = self._store.next_sequence()
        message.state = MessageState.ACTIVE
        message.expires_at = self._expiry(message.incoming, message.enqueued_at)
        self._store.save_activation(old_sequence, message)
        self._left(message)
        self.admit(message)

    def _expiry(self, incoming: Incoming, enqueued_at: float) -> float | None:
        limits = [ttl for ttl in (incoming.ttl_s, self.config.default_ttl_s) if ttl is not None]
        return enqueued_at + min(limits) if limits else None

    def _is_expired(self, message: Message) -> bool:
        return message.expires_at is not None and message.expires_at <= self._clock() and message.lock_token is None

    def _due_to_expire(self, message: Message) -> None:
        """Waiting messages expire now; locked ones when they come back, deferred ones when asked for."""
        message.due_timer = None
        if message.state is MessageState.ACTIVE and message.lock_token is None:
            self._expire(message)

    def _expire(self, message: Message) -> None:
        if self.config.dead_lettering_on_message_expiration and self.dead_letters is not None:
            self.dead_letter(message, "TTLExpiredException", "The message expired and was dead lettered.")
        else:
            self._delete(message)
