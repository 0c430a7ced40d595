"""CircuitLocks in memory."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from shared.application.listed import Listed
from shared.domain.release.lock import Lock


class MemoryCircuitLocks:
    """One lock per circuit."""

    def __init__(self) -> None:
        self.locks: dict[str, Lock] = {}

    async def acquire(self, key: str, release_id: str, now: datetime, beside: str = "") -> Lock:
        lock = self._updated(key, lambda lock: lock.taken(release_id, now, beside))
        return replace(lock, holder=lock.had_by(release_id, beside))

    async def free(self, key: str, release_id: str, free_from: datetime) -> None:
        self._updated(key, lambda lock: lock.freed(release_id, free_from))

    async def preempt(self, key: str, holder: str, release_id: str, quiet_until: datetime | None) -> Lock:
        return self._updated(key, lambda lock: lock.preempted(holder, release_id, quiet_until))

    def _updated(self, key: str, change: Callable[[Lock], Lock]) -> Lock:
        before = self.locks.get(key, Lock(key=key, holder="", epoch=0))
        after = change(before)
        if after != before:
            self.locks[key] = after
        return after

    async def get(self, key: str) -> Lock | None:
        return self.locks.get(key)

    async def held(self) -> Listed[Lock]:
        return Listed(lock for lock in self.locks.values() if lock.kept_by)
