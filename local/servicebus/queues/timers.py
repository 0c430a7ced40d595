"""Things due at a time: lock expiry, time to live, scheduled enqueue, waits for a session.

A cancelled timer stays in the heap until half of the heap is cancelled, then all of those go at once (the
way asyncio does it), so completing a message costs no search and a busy queue does not grow the heap.
"""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable

MIN_HEAP_TO_COMPACT = 256


class Timer:
    """One due callback; ``cancel`` forgets it."""

    __slots__ = ("_owner", "callback")

    def __init__(self, owner: Timers, callback: Callable[[], None]) -> None:
        self._owner = owner
        self.callback: Callable[[], None] | None = callback

    def cancel(self) -> None:
        if self.callback is not None:
            self.callback = None
            self._owner.note_cancelled()


class Timers:
    """A heap of timers on one clock. Times are seconds since the epoch."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, Timer]] = []
        self._order = itertools.count()  # equal times fire in the order they were set
        self._cancelled = 0

    def at(self, due: float, callback: Callable[[], None]) -> Timer:
        """Call ``callback`` from the first ``fire`` at or after ``due``."""
        timer = Timer(self, callback)
        heapq.heappush(self._heap, (due, next(self._order), timer))
        return timer

    def fire(self, now: float) -> None:
        """Run what is due at ``now``."""
        while self._heap and self._heap[0][0] <= now:
            timer = heapq.heappop(self._heap)[2]
            callback, timer.callback = timer.callback, None
            if callback is None:
                self._cancelled -= 1
            else:
                callback()

    def next_due(self) -> float | None:
        """When the next timer is due, or None."""
        while self._heap and self._heap[0][2].callback is None:
            heapq.heappop(self._heap)
            self._cancelled -= 1
        return self._heap[0][0] if self._heap else None

    def note_cancelled(self) -> None:
        """Called by a timer that was cancelled."""
        self._cancelled += 1
        if self._cancelled * 2 > len(self._heap) > MIN_HEAP_TO_COMPACT:
            self._heap = [entry for entry in self._heap if entry[2].callback is not None]
            heapq.heapify(self._heap)
            self._cancelled = 0
