"""What hosts on one data directory must do one at a time: several of them are the instances of one app.

In Azure the instances share a storage account and hold leases on its blobs
(docs/azure-facts.md#timers-of-the-functions-host). Here they share a directory and lock files in it; the system frees
the lock of a host that died.
"""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO


class Lease:
    """A lock file that one process at a time holds."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._handle: IO[str] | None = None

    def acquire(self, *, wait: bool = False) -> bool:
        """Take the lease if it is free, or wait for it; whether it is held now."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        handle = self._path.open("w")
        try:
            fcntl.flock(handle, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            handle.close()
            return False
        self._handle = handle
        return True

    def release(self) -> None:
        """Let others have it; harmless when it is not held."""
        if self._handle is not None:
            self._handle.close()
            self._handle = None


@contextmanager
def one_at_a_time(path: Path) -> Iterator[None]:
    """Wait for the lease and hold it for the block, which is short."""
    lease = Lease(path)
    lease.acquire(wait=True)
    try:
        yield
    finally:
        lease.release()
