"""A queue with sessions: messages of one session go in order to the one receiver that holds its lock.

Source: Azure Service Bus, "Message sessions". The lock of a message is that of its session. Session locks are
not durable: after a restart every session is free and its messages wait again, uncounted.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

from local.servicebus import errors
from local.servicebus.codec.decoder import Buffer
from local.servicebus.config import QueueConfig
from local.servicebus.queues.lifecycle import Lifecycle, Surroundings
from local.servicebus.queues.message import Incoming, Message
from local.servicebus.queues.queue import Queue
from local.servicebus.queues.timers import Timer


@dataclass(slots=True, eq=False)
class Session:
    """One session. ``lost`` is set while a receiver holds the lock, and called when the lock runs out."""

    id: str
    available: list[int] = field(default_factory=list)
    held: dict[int, Message] = field(default_factory=dict)
    message_count: int = 0
    state: bytes | None = None
    state_changed_at: float = 0.0
    lost: Callable[[], None] | None = None
    locked_until: float = 0.0
    timer: Timer | None = None


class SessionQueue(Queue):
    """A queue whose messages all carry a session id."""

    requires_session = True

    def __init__(self, config: QueueConfig, around: Surroundings, dead_letters: Lifecycle) -> None:
        self._sessions: dict[str, Session] = {}
        self._ready: dict[str, None] = {}  # free sessions with waiting messages, first come first served
        super().__init__(config, around, dead_letters)

    def read(self, raw: Buffer) -> Incoming:
        incoming = super().read(raw)
        if incoming.session_id is None:
            raise errors.not_allowed("The SessionId was not set on a message, and the queue requires sessions. Set it.")
        return incoming

    # the lock of a session

    def accept(self, session_id: str | None, lost: Callable[[], None]) -> Session | None:
        """Lock a session, or the next available one; None if there is none. Raises ServiceBusError."""
        session = self._next_ready() if session_id is None else self._session(session_id)
        if session is None:
            return None
        if session.lost is not None:
            raise errors.session_cannot_be_locked(session.id)
        self._ready.pop(session.id, None)
        session.lost = lost
        self._extend(session)
        self.wake()
        return session

    def renew(self, session_id: str) -> float:
        """Extend the lock of a session; the time it now ends. Raises ServiceBusError."""
        session = self._held_session(session_id)
        self._extend(session)
        for message in session.held.values():
            message.locked_until = session.locked_until
        return session.locked_until

    def release_session(self, session: Session) -> None:
        """The receiver closed: free the session and give back what it held, uncounted."""
        self._free(session)
        for message in list(session.held.values()):
            self.release(message)
        self._offer(session)

    def check_session(self, session_id: str | None) -> None:
        self._held_session(session_id)

    # state

    def state(self, session_id: str) -> bytes | None:
        """Raises ServiceBusError when the lock is not held."""
        return self._held_session(session_id).state

    def set_state(self, session_id: str, state: bytes | None) -> None:
        """Set or, with None, clear the state. Raises ServiceBusError when the lock is not held."""
        session = self._held_session(session_id)
        session.state, session.state_changed_at = state, self._clock()
        self._store.save_session_state(self.key, session_id, state)

    def restore_state(self, session_id: str, state: bytes) -> None:
        """Take over a state read from the store."""
        self._session(session_id).state = state

    def session_ids(self, state_changed_after: float | None) -> list[str]:
        """Sessions with messages or state, or those whose state changed after a time; sorted."""
        if state_changed_after is None:
            found = (s.id for s in self._sessions.values() if s.message_count or s.state is not None)
        else:
            found = (s.id for s in self._sessions.values() if s.state_changed_at > state_changed_after)
        return sorted(found)

    # what a queue does differently with sessions

    def locked(self, token: bytes) -> Message:
        message = self._locks.find(token)
        if message is None:
            raise errors.message_lock_lost()
        self._held_session(message.session_id)
        return message

    def _hold(self, message: Message) -> None:
        session = self._session(str(message.session_id))
        message.locked_until = session.locked_until
        session.held[message.sequence] = message
        self._locks.note(message)

    def _unlock(self, message: Message) -> None:
        super()._unlock(message)
        self._session(str(message.session_id)).held.pop(message.sequence, None)

    def _lane(self, session_id: str | None) -> list[int]:
        return self._session(str(session_id)).available

    def _joined(self, message: Message) -> None:
        self._session(str(message.session_id)).message_count += 1

    def _left(self, message: Message) -> None:
        session = self._session(str(message.session_id))
        session.message_count -= 1
        self._forget_if_empty(session)

    def _make_available(self, message: Message) -> None:
        super()._make_available(message)
        self._offer(self._session(str(message.session_id)))

    # inside

    def _session(self, session_id: str) -> Session:
        session = self._sessions.get(session_id)
        if session is None:
            session = self._sessions[session_id] = Session(session_id)
        return session

    def _held_session(self, session_id: str | None) -> Session:
        session = None if session_id is None else self._sessions.get(session_id)
        if session is None or session.lost is None or session.locked_until <= self._clock():
            raise errors.session_lock_lost(session_id)
        return session

    def _next_ready(self) -> Session | None:
        for session_id in list(self._ready):
            session = self._sessions.get(session_id)
            if session is not None and session.lost is None and self._first(session.available) is not None:
                return session
            self._ready.pop(session_id, None)
        return None

    def _offer(self, session: Session) -> None:
        if session.lost is None:
            if session.available:
                self._ready[session.id] = None
                self.wake()
            else:
                self._forget_if_empty(session)

    def _forget_if_empty(self, session: Session) -> None:
        if session.lost is None and session.state is None and session.message_count == 0:
            self._sessions.pop(session.id, None)

    def _extend(self, session: Session) -> None:
        if session.timer is not None:
            session.timer.cancel()
        session.locked_until = self._clock() + self.config.lock_s
        session.timer = self._timers.at(session.locked_until, partial(self._session_expired, session))

    def _free(self, session: Session) -> None:
        session.lost = None
        if session.timer is not None:
            session.timer.cancel()
            session.timer = None

    def _session_expired(self, session: Session) -> None:
        lost = session.lost
        self._free(session)
        for message in list(session.held.values()):
            self.abandon(message)  # an expired lock counts as a delivery, a closed receiver does not
        self._offer(session)
        if lost is not None:
            lost()
