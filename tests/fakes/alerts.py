"""AlertLog and AlertSource in memory."""

from dataclasses import replace
from datetime import datetime

from shared.application.alerts.ports import StoredAlert
from shared.application.errors import ConcurrentUpdate, TransientFault
from shared.application.listed import Listed
from shared.application.paging import Page
from shared.domain.alerts.model import AlertFacts, AlertRecord, AlertState
from tests.fakes.pages import page_of


def _place(record: AlertRecord) -> str:
    return record.key


class MemoryAlertLog:
    """Records by key, with a version that counts."""

    def __init__(self) -> None:
        self.records: dict[str, tuple[AlertRecord, int]] = {}

    async def accept(self, record: AlertRecord) -> bool:
        if record.key in self.records:
            return False
        self.records[record.key] = (record, 1)
        return True

    async def load(self, key: str) -> StoredAlert | None:
        record, version = self.records.get(key, (None, 0))
        return StoredAlert(record=record, version=str(version)) if record else None

    async def save(self, record: AlertRecord, version: str) -> str:
        _, current = self.records.get(record.key, (None, 0))
        if str(current) != version:
            raise ConcurrentUpdate(f"alert {record.key} changed since it was read")
        self.records[record.key] = (record, current + 1)
        return str(current + 1)

    async def latest(self, limit: int, since: datetime | None = None, after: str = "") -> Page[AlertRecord]:
        found = [record for record, _ in self.records.values() if since is None or record.accepted_at >= since]
        return page_of(sorted(found, key=lambda each: each.accepted_at, reverse=True), limit, after, _place)

    async def undecided(self, limit: int) -> Listed[tuple[str, datetime]]:
        left = [record for record, _ in self.records.values() if record.state is not AlertState.DECIDED]
        return Listed([(record.key, record.accepted_at) for record in left][:limit])


class MemoryAlertSource:
    """Azure Monitor as the test says: `alerts` by instance; while `silent`, it does not answer."""

    def __init__(self) -> None:
        self.alerts: dict[str, AlertFacts] = {}
        self.silent = False
        self.reads = 0

    def fire(self, facts: AlertFacts) -> AlertFacts:
        """Azure Monitor has this alert from now on."""
        self.alerts[facts.instance_id] = facts
        return facts

    def resolve(self, instance_id: str) -> AlertFacts:
        """The alert no longer fires."""
        return self.fire(replace(self.alerts[instance_id], fired=False))

    async def read(self, instance_id: str) -> AlertFacts | None:
        self.reads += 1
        self._answer()
        return self.alerts.get(instance_id)

    async def firing(self) -> list[AlertFacts]:
        self._answer()
        return [facts for facts in self.alerts.values() if facts.fired]

    def _answer(self) -> None:
        if self.silent:
            raise TransientFault("Azure Monitor does not answer")
