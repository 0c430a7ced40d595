"""How a run changes a Delta table: every commit counts only for the version it was worked out on, else all begins anew.

Delta's own conflict rules let some pairs of commits through that must not both count here (an overwrite beside a
compaction doubles rows). With no retry inside the library, a commit is a compare-and-swap on the table's version.
"""

import random
import time
from collections.abc import Callable
from typing import TypeVar

from deltalake import CommitProperties, Transaction
from deltalake.exceptions import CommitFailedError

from sensor_model.table import TableError, open_table

ATTEMPTS_MAX = 8
PAUSE_S = 0.1

T = TypeVar("T")


class TooBusyError(RuntimeError):
    """Others changed the table each time this run was about to."""


def on_top(*, also: Transaction | None = None, **metadata: str) -> CommitProperties:
    """Commit on the version that was read, or fail with CommitFailedError; `metadata` goes into the table's history,
    `also` into its state."""
    return CommitProperties(
        custom_metadata=metadata or None, max_commit_retries=0, app_transactions=[also] if also else None
    )


def until_committed(attempt: Callable[[], T], table_uri: str, what: str) -> T:
    """Run `attempt`, which opens the table itself, until nobody else commits in between; TooBusyError after 8 times.

    The library refuses for ever in the same way in which it tells of a conflict. A refusal of a version that nobody
    has changed since the refusal before is TableError, with the library's words. The pauses grow and differ, so that
    two runs do not meet again and again.
    """
    refused_at: int | None = None
    for number in range(1, ATTEMPTS_MAX + 1):
        try:
            return attempt()
        except CommitFailedError as conflict:
            version = open_table(table_uri).version()
            if version == refused_at:
                raise TableError(f"{what}: the table at {table_uri} cannot be changed: {conflict}") from conflict
            refused_at = version
            if number == ATTEMPTS_MAX:
                raise TooBusyError(f"{what}: the table changed {number} times meanwhile; run again later") from conflict
            time.sleep(PAUSE_S * number * (0.5 + random.random()))  # nosec B311 # no secret
    raise AssertionError("unreachable")
