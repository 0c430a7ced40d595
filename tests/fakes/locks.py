"""CircuitLocks in memory."""

from dataclasses import replace
from datetime import datetime

from shared.application.listed import Listed
from shared.application.release.ports import Lock


class MemoryCircuitLocks:
    """One lock per circuit."""

    def __init__(self) -> None:
        self.locks: dict[str, Lock] = {}

    async def acquire(self, key: str, release_id: str, now: datetime) -> Lock:
        lock = self.locks.get(key, Lock(key=key, holder="", epoch=0))
        if lock.holder:
            return lock
        if lock.free_from and now < lock.free_from:
            return replace(lock, holder="cool-down")
        self.locks[key] = Lock(key=key, holder=release_id, epoch=lock.epoch + 1)
        return self.locks[key]

    async def free(self, key: str, release_id: str, free_from: datetime) -> None:
        lock = self.locks.get(key)
        if lock and lock.holder == release_id:
            free_from = max(filter(None, (free_from, lock.free_from)))
            self.locks[key] = replace(lock, holder="", free_from=free_from, taken_from="")

    async def preempt(self, key: str, holder: str, release_id: str, quiet_until: datetime | None) -> Lock:
        lock = self.locks.get(key, Lock(key=key, holder="", epoch=0))
        if lock.holder not in (holder, release_id) or not lock.holder:
            return lock
        taken = replace(lock, free_from=quiet_until)
        if lock.holder != release_id:
            taken = replace(taken, holder=release_id, epoch=lock.epoch + 1, taken_from=holder)
        self.locks[key] = taken
        return self.locks[key]

    async def get(self, key: str) -> Lock | None:
        return self.locks.get(key)

    async def held(self) -> Listed[Lock]:
        return Listed(lock for lock in self.locks.values() if lock.holder)
