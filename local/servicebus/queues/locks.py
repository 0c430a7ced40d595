"""The messages of one queue that are locked, by token, and when their locks end."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from local.servicebus.queues.message import Message
from local.servicebus.queues.timers import Timers


class Locks:
    """Lock tokens of one queue; ``expired`` is called with a message whose own lock ran out."""

    def __init__(self, timers: Timers, expired: Callable[[Message], None]) -> None:
        self._timers = timers
        self._expired = expired
        self._by_token: dict[bytes, Message] = {}

    def find(self, token: bytes) -> Message | None:
        return self._by_token.get(token)

    def note(self, message: Message) -> None:
        """Know the message by its token; its lock ends with that of its session."""
        if message.lock_token is not None:
            self._by_token[message.lock_token] = message

    def hold(self, message: Message) -> None:
        """Know the message by its token until ``message.locked_until``; call again to extend."""
        self.note(message)
        self._stop_timer(message)
        message.lock_timer = self._timers.at(message.locked_until, partial(self._expired, message))

    def drop(self, message: Message) -> None:
        """Forget the token and the lock."""
        if message.lock_token is not None:
            self._by_token.pop(message.lock_token, None)
            message.lock_token = None
        self._stop_timer(message)

    def _stop_timer(self, message: Message) -> None:
        if message.lock_timer is not None:
            message.lock_timer.cancel()
            message.lock_timer = None
