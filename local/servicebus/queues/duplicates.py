"""Duplicate detection: a message id seen within the window is accepted again but not enqueued again.

Source: Azure Service Bus, "Duplicate message detection". The history lives as long as its window, also when
the message itself is gone, and is durable.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import takewhile
from typing import NamedTuple

from local.servicebus.queues.store import Store
from local.servicebus.queues.timers import Timers

MIN_SWEEP_S = 1.0


class Seen(NamedTuple):
    """When a message id was seen and which sequence number its message was given."""

    at: float
    sequence: int


class DuplicateHistory:
    """The message ids of one queue, oldest first. Times are seconds since the epoch."""

    def __init__(self, queue: str, window_s: float, store: Store, timers: Timers, clock: Callable[[], float]) -> None:
        self._queue = queue
        self._window_s = window_s
        self._store = store
        self._timers = timers
        self._clock = clock
        self._seen: dict[str, Seen] = {}
        self._plan_sweep()

    def restore(self, message_id: str, seen: Seen) -> None:
        """Take over an entry read from the store, in order of time."""
        self._seen[message_id] = seen

    def original(self, message_id: str) -> int | None:
        """The sequence number given to this id within the window, or None."""
        seen = self._seen.get(message_id)
        return seen.sequence if seen is not None and self._clock() - seen.at < self._window_s else None

    def remember(self, message_id: str, sequence: int) -> None:
        seen = Seen(self._clock(), sequence)
        self._seen.pop(message_id, None)  # re-inserted at the end: the order stays that of time
        self._seen[message_id] = seen
        self._store.save_duplicate(self._queue, message_id, seen.at, sequence)

    def _plan_sweep(self) -> None:
        period = max(MIN_SWEEP_S, self._window_s / 10)
        self._timers.at(self._clock() + period, self._sweep)

    def _sweep(self) -> None:
        """Drop what is older than the window."""
        limit = self._clock() - self._window_s
        expired = list(takewhile(lambda message_id: self._seen[message_id].at <= limit, self._seen))
        for message_id in expired:
            del self._seen[message_id]
        if expired:
            self._store.forget_duplicates(self._queue, limit)
        self._plan_sweep()
