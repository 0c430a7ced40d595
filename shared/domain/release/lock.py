"""A circuit's lock: who may change its deployment, and who keeps its environment meanwhile. Pure; adapters store it.

A deployment is written whole, so that one release at a time may write it. A release of an environment that only watches
writes nothing: a release of a model may take the seat beside it, and the lock then concerns one dimension of each.
"""

from dataclasses import dataclass, replace
from datetime import datetime

COOL_DOWN = "cool-down"


@dataclass(frozen=True, kw_only=True)
class Lock:
    """`holder` may change the deployment, in both dimensions unless `environment` names who keeps that one; it is empty
    when nobody may, and then the circuit is free from `free_from` on. With a holder, `free_from` is when changes of
    `taken_from`, the release it was taken from, have ended. Each new holder has a higher `epoch`.
    """

    key: str
    holder: str
    epoch: int
    free_from: datetime | None = None
    taken_from: str = ""
    environment: str = ""

    @property
    def kept_by(self) -> str:
        """Who has a part of it: the holder or, where the seat is free, whoever keeps the environment."""
        return self.holder or self.environment

    def had_by(self, release_id: str, beside: str = "") -> str:
        """Who has what `release_id` wants: itself, whom it waits for, or the cool-down."""
        keeps = self.environment if self.environment not in (release_id, beside) else ""
        return self.holder or keeps or COOL_DOWN

    def taken(self, release_id: str, now: datetime, beside: str = "") -> "Lock":
        """As it is after `release_id` wanted it at `now`: its own where nobody had it, or nobody but `beside`, who then
        keeps the environment. Whoever kept the environment has both again once the seat is its own."""
        if self.holder == release_id:
            return self
        if not self.holder and self.free_from and now < self.free_from:
            return self
        if self.holder not in ("", beside) or self.environment not in ("", beside, release_id):
            return self
        keeps = beside if beside and beside in (self.holder, self.environment) else ""
        return Lock(key=self.key, holder=release_id, epoch=self.epoch + 1, environment=keeps)

    def freed(self, release_id: str, free_from: datetime) -> "Lock":
        """As it is after `release_id` gave back what it had; its seat is free from `free_from` on, or later,
        while changes of whom it was taken from may be in flight."""
        environment = "" if self.environment == release_id else self.environment
        if self.holder != release_id:
            return replace(self, environment=environment)
        latest = max(filter(None, (free_from, self.free_from)))
        return replace(self, holder="", free_from=latest, taken_from="", environment=environment)

    def preempted(self, holder: str, release_id: str, quiet_until: datetime | None) -> "Lock":
        """As it is after `release_id` took it from `holder`, if that still had it; changes of that one have ended by
        `quiet_until`."""
        if not self.holder or self.holder not in (holder, release_id):
            return self
        mine = replace(self, free_from=quiet_until)
        if self.holder == release_id:
            return mine
        environment = "" if self.environment == release_id else self.environment
        return replace(mine, holder=release_id, epoch=self.epoch + 1, taken_from=holder, environment=environment)
