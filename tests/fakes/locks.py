"""CircuitLocks in memory."""

from dataclasses import replace
from datetime import datetime

from shared.application.ports import Lock


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
            self.locks[key] = replace(lock, holder="", free_from=free_from)

    async def get(self, key: str) -> Lock | None:
        return self.locks.get(key)

    async def held(self) -> list[Lock]:
        return [lock for lock in self.locks.values() if lock.holder]
