"""What the handling of alerts needs: a log and a queue of its own, Azure Monitor, and releases, which it has go back.
All times are UTC and aware.

Every method may raise TransientFault. One contract suite runs on the adapters and on the fakes.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from shared.application.listed import Listed
from shared.application.paging import Page
from shared.application.release.ports import Ports
from shared.application.work.look import LookQueue
from shared.domain.alerts.model import AlertFacts, AlertPolicy, AlertRecord

ALERTS_MAX = 1000
"""The longest list of alerts anybody asks for: a bound on what one decision reads."""


@dataclass(frozen=True, kw_only=True)
class StoredAlert:
    """A record as it was read. `version` is opaque (the ETag)."""

    record: AlertRecord
    version: str


class AlertLog(Protocol):
    """Every alert that was accepted, and what became of it; nothing accepted is lost (I13)."""

    async def accept(self, record: AlertRecord) -> bool:
        """Makes the record durable and lists it as undecided; False when its key is there already, which stays."""

    async def load(self, key: str) -> StoredAlert | None:
        """The record of this key; None when there is none."""

    async def save(self, record: AlertRecord, version: str) -> str:
        """Replaces the record; returns its new version. A decided one is no longer listed as undecided.

        Raises ConcurrentUpdate when it changed since `version`. An unknown outcome is resolved by reading back."""

    async def latest(self, limit: int, since: datetime | None = None, after: str = "") -> Page[AlertRecord]:
        """Records accepted at or after `since`, the latest first, at most `limit`."""

    async def undecided(self, limit: int) -> Listed[tuple[str, datetime]]:
        """Keys of records that are not decided, with the time of acceptance; in no particular order."""


class AlertSource(Protocol):
    """Azure Monitor: the authority on what an alert says."""

    async def read(self, instance_id: str) -> AlertFacts | None:
        """The alert as Azure Monitor has it, in the configured subscription; None when it has none."""

    async def firing(self) -> list[AlertFacts]:
        """Every alert that fired within the last day and still fires, at most ALERTS_MAX."""


class AlertConfig(Protocol):
    """The policy, of one commit."""

    def alerts(self) -> AlertPolicy:
        """Which alert rules count, and from when on."""


@dataclass(frozen=True, kw_only=True)
class AlertPorts:
    """Everything the use cases of alerts need; `releases` is what alerts are about and what they are decided on."""

    log: AlertLog
    source: AlertSource
    queue: LookQueue
    config: AlertConfig
    releases: Ports
