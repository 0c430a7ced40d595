"""The time of the server: the machine's, plus what it was put forward by (`POST /control/clock`).

Whoever tests what happens after an hour does not wait for it. Operations fall due by this clock, token buckets fill,
tokens of online endpoints expire, and every time in an answer or an event is told by it. Not moved: the time limits of
jobs and requests, which measure work that is really done, and the expiry of signed access tokens, which are somebody
else's. The clock never goes back, and a restart does not forget how far ahead it is.
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
        """Seconds that only grow, even when somebody sets the machine's clock."""
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
        """Be as far ahead as the last server was."""
        self.ahead_s = float(store.setting(_SETTING) or 0)


CLOCK = Clock()
"""The one clock of the process."""
