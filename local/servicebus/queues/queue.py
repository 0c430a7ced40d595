"""A queue without sessions: send, receive, settle, defer, peek.

Source: Azure Service Bus, "Message transfers, locks, and settlement" and "Message deferral". Where messages go
between these operations is in ``lifecycle``.
"""

from __future__ import annotations

import heapq
import uuid
from collections.abc import Iterable

from local.servicebus import errors
from local.servicebus.codec.decoder import Buffer
from local.servicebus.config import QueueConfig
from local.servicebus.queues import limits
from local.servicebus.queues.duplicates import DuplicateHistory
from local.servicebus.queues.lifecycle import Lifecycle, Surroundings
from local.servicebus.queues.message import Incoming, Message, MessageState, read_message


class Queue(Lifecycle):
    """A queue without sessions, or a dead-letter queue."""

    requires_session = False

    def __init__(self, config: QueueConfig, around: Surroundings, dead_letters: Lifecycle | None) -> None:
        super().__init__(config, around, dead_letters)
        self.duplicates: DuplicateHistory | None = None
        if config.requires_duplicate_detection and dead_letters is not None:
            self.duplicates = DuplicateHistory(
                self.key, config.duplicate_window_s, around.store, around.timers, around.clock
            )

    # sending

    def read(self, raw: Buffer) -> Incoming:
        """Check one encoded message against the rules of this queue. Raises ServiceBusError."""
        if len(raw) > self.config.max_message_bytes:
            raise errors.message_too_large(len(raw), self.config.max_message_bytes)
        incoming = read_message(raw)
        limits.check(raw, incoming)
        return incoming

    def enqueue(self, incoming: Incoming) -> int:
        """Store a message; the sequence number (that of the original if this is a duplicate)."""
        now = self._clock()
        history = self.duplicates if incoming.message_id is not None else None
        if history is not None and (original := history.original(str(incoming.message_id))) is not None:
            return original
        sequence = self._store.next_sequence()
        if history is not None:
            history.remember(str(incoming.message_id), sequence)
        message = Message(sequence, incoming, MessageState.ACTIVE, now, enqueued_sequence=sequence)
        if incoming.scheduled_at is not None and incoming.scheduled_at > now:
            message.state, message.enqueued_at = MessageState.SCHEDULED, incoming.scheduled_at
        else:
            message.expires_at = self._expiry(incoming, now)
        self._store.insert(self.key, message)
        self.admit(message)
        return sequence

    def cancel_scheduled(self, sequences: Iterable[int]) -> None:
        """Remove scheduled messages, all or none. Raises ServiceBusError."""
        for message in self._in_state(sequences, MessageState.SCHEDULED):
            self._delete(message)

    # receiving

    def take(self, session_id: str | None = None) -> Message | None:
        """The next message to deliver, no longer available to others; the caller locks or completes it."""
        message = self._first(self._lane(session_id))
        if message is not None:
            heapq.heappop(self._lane(session_id))
        return message

    def lock(self, message: Message) -> bytes:
        """Lock a message under a new token (16 bytes, GUID little-endian: the delivery tag)."""
        token = message.lock_token = uuid.uuid4().bytes_le
        self._hold(message)
        return token

    def renew_lock(self, token: bytes) -> float:
        """Extend a lock; the time it now ends. Raises ServiceBusError."""
        message = self.locked(token)
        self._hold(message)
        return message.locked_until

    def receive_deferred(self, sequences: Iterable[int], session_id: str | None, delete: bool) -> list[Message]:
        """Deferred messages by number, locked (or deleted), all or none. Raises ServiceBusError."""
        self.check_session(session_id)
        wanted = self._in_state(sequences, MessageState.DEFERRED, session_id)
        received = []
        for message in wanted:
            if self._is_expired(message):
                self._expire(message)
                continue
            received.append(message)
            if delete:
                self._delete(message)
            else:
                self.lock(message)
        return received

    def peek(self, from_sequence: int, count: int, session_id: str | None) -> list[Message]:
        """Up to ``count`` messages in any state from a sequence number on, without locking them."""
        found: list[Message] = []
        for message in self.messages.values():  # in order: whatever joins has a new, higher number
            if len(found) == count:
                break
            wanted = message.sequence >= from_sequence and session_id in (None, message.session_id)
            if wanted and not self._is_expired(message):
                found.append(message)
        return found

    # settling

    def locked(self, token: bytes) -> Message:
        """The message locked under ``token``. Raises ServiceBusError when the lock is lost."""
        message = self._locks.find(token)
        if message is None:
            raise errors.message_lock_lost()
        if message.locked_until <= self._clock():
            self._lock_expired(message)
            raise errors.message_lock_lost()
        return message

    def complete(self, message: Message) -> None:
        self._delete(message)

    def release(self, message: Message) -> None:
        """Give a message back without counting a delivery."""
        self._return(message)

    def abandon(self, message: Message) -> None:
        """Give a message back and count a failed delivery."""
        message.delivery_count += 1
        self._return(message)

    def defer(self, message: Message) -> None:
        """Keep a message for those who ask for its sequence number."""
        self._unlock(message)
        message.state = MessageState.DEFERRED
        self._store.save_state(message)

    # differing with sessions (see sessions.py)

    def check_session(self, session_id: str | None) -> None:
        """Raises ServiceBusError when an operation needs a session lock that is not held."""

    def _hold(self, message: Message) -> None:
        """Start or extend the lock of a message."""
        message.locked_until = self._clock() + self.config.lock_s
        self._locks.hold(message)
        self._store.save_lock(message)

    # inside

    def _in_state(self, sequences: Iterable[int], state: MessageState, session_id: str | None = None) -> list[Message]:
        found = []
        for sequence in dict.fromkeys(sequences):
            message = self.messages.get(sequence)
            if (
                message is None
                or message.state is not state
                or message.lock_token is not None
                or session_id not in (None, message.session_id)
            ):
                raise errors.message_not_found(sequence)
            found.append(message)
        return found
