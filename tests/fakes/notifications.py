"""NotificationLog and channels in memory."""

from dataclasses import dataclass, field
from datetime import datetime

from shared.application.errors import ConcurrentUpdate, PortError
from shared.application.listed import Listed
from shared.application.notifications.ports import Fate, OpenWork, StoredDelivery, StoredNotice, Told
from shared.domain.notifications.delivery import Delivery
from shared.domain.notifications.message import Message
from shared.domain.notifications.notice import Notice


class MemoryNotificationLog:
    """Facts and messages by key, with a version that counts."""

    def __init__(self) -> None:
        self.notices: dict[str, tuple[Notice, int]] = {}
        self.deliveries: dict[str, tuple[Delivery, int]] = {}

    async def accept(self, notice: Notice) -> bool:
        is_new = notice.key not in self.notices
        self.notices.setdefault(notice.key, (notice, 1))
        return is_new

    async def notice(self, key: str) -> StoredNotice | None:
        notice, version = self.notices.get(key, (None, 0))
        return StoredNotice(notice=notice, version=str(version)) if notice else None

    async def save_notice(self, notice: Notice, version: str) -> str:
        _, current = self.notices.get(notice.key, (None, 0))
        if str(current) != version:
            raise ConcurrentUpdate(f"fact {notice.key} changed since it was read")
        self.notices[notice.key] = (notice, current + 1)
        return str(current + 1)

    async def create(self, delivery: Delivery) -> bool:
        is_new = delivery.key not in self.deliveries
        self.deliveries.setdefault(delivery.key, (delivery, 1))
        return is_new

    async def delivery(self, key: str) -> StoredDelivery | None:
        delivery, version = self.deliveries.get(key, (None, 0))
        return StoredDelivery(delivery=delivery, version=str(version)) if delivery else None

    async def save(self, delivery: Delivery, version: str) -> str:
        _, current = self.deliveries.get(delivery.key, (None, 0))
        if str(current) != version:
            raise ConcurrentUpdate(f"message {delivery.key} changed since it was read")
        self.deliveries[delivery.key] = (delivery, current + 1)
        return str(current + 1)

    async def open_notices(self, limit: int) -> Listed[OpenWork]:
        found = [OpenWork(key=each.key, due_at=each.accepted_at) for each, _ in self.notices.values() if each.is_open]
        return Listed(sorted(found, key=lambda each: each.due_at)[:limit])

    async def open_deliveries(self, before: datetime, limit: int) -> Listed[OpenWork]:
        found = [
            OpenWork(key=each.key, due_at=each.due_at)
            for each, _ in self.deliveries.values()
            if not each.state.has_ended and each.due_at < before
        ]
        return Listed(sorted(found, key=lambda each: each.due_at)[:limit])

    async def of_release(self, release_id: str) -> tuple[Listed[Notice], Listed[Delivery]]:
        notices = [each for each, _ in self.notices.values() if each.fact.release_id == release_id]
        told = [
            each for each, _ in self.deliveries.values() if any(item.release_id == release_id for item in each.items)
        ]
        return Listed(notices), Listed(told)


@dataclass
class FakeChannel:
    """A channel as the test says: `failing` are the errors of the next tries, `fates` what it says of messages."""

    says_more: bool = False
    takes_once: bool = False
    failing: list[PortError] = field(default_factory=list)
    fates: dict[str, Told] = field(default_factory=dict)
    sent: list[tuple[str, Message]] = field(default_factory=list)

    async def send(self, message: Message, to: str, requested_at: datetime) -> None:
        if self.failing:
            raise self.failing.pop(0)
        self.sent.append((to, message))

    async def fate(self, message_id: str, requested_at: datetime) -> Told:
        return self.fates.get(message_id, Told(fate=Fate.NOT_TAKEN))
