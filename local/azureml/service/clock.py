"""The time of the server: the machine's, plus what it was put forward by (`POST /control/clock`).

A test of what happens after an hour does not wait for it. By this clock operations fall due, token buckets fill, tokens
of online endpoints expire, and answers and events get their times. The machine's clock decides on the time limits of
jobs and requests, which measure real work, and on the expiry of access tokens, which the identity part signs. The clock
never goes back, and a restart does not forget how far ahead it is.
"""

from __future__ import annotations

import datetime as dt
import time

from local.azureml.service.store import Store

_SETTING = "clock.ahead_s"


class Clock:
    """Seconds ahead of the machine's clock, and the times that follow from it."""

    def __init__(self) -> None:
        self.ahead_s = 0.0

    def time(self) -> float:
        """Seconds since 1970."""
        return time.time() + self.ahead_s

    def monotonic(self) -> float:
        """Seconds that only grow, even when the machine's clock is set."""
        return time.monotonic() + self.ahead_s

    def now(self) -> dt.datetime:
        return dt.datetime.now(dt.UTC) + dt.timedelta(seconds=self.ahead_s)

    def advance(self, seconds: float, store: Store) -> None:
        """Put the clock forward; part of the caller's transaction. Raises `ValueError` for a step back."""
        if seconds < 0:
            raise ValueError("The clock does not go back.")
        store.set_setting(_SETTING, repr(self.ahead_s + seconds))
        self.ahead_s += seconds

    def restore(self, store: Store) -> None:
        """Read from the store how far ahead the last server was."""
        self.ahead_s = float(store.setting(_SETTING) or 0)


CLOCK = Clock()
"""The one clock of the process."""
