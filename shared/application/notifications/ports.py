"""What notifications need from the outside. All times are UTC and aware.

Every method may raise TransientFault. One contract suite runs on the adapters and on the fakes.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from shared.application.listed import Listed
from shared.application.ports import Clock
from shared.application.release.ports import ReleaseStore
from shared.application.work.look import LookQueue
from shared.domain.notifications.delivery import Delivery
from shared.domain.notifications.message import Message
from shared.domain.notifications.notice import Notice
from shared.domain.notifications.policy import ChannelKind, NotificationPolicy


@dataclass(frozen=True, kw_only=True)
class StoredNotice:
    """A fact as it was read. `version` is opaque (the ETag)."""

    notice: Notice
    version: str


@dataclass(frozen=True, kw_only=True)
class StoredDelivery:
    """A message as it was read. `version` is opaque (the ETag)."""

    delivery: Delivery
    version: str


@dataclass(frozen=True, kw_only=True)
class OpenWork:
    """A fact or a message that has not ended, and when it should be looked at."""

    key: str
    due_at: datetime


class NotificationLog(Protocol):
    """Facts that came in, and the messages that follow from them: both durable before anything is sent."""

    async def accept(self, notice: Notice) -> bool:
        """Makes the fact durable; False when its key is there already, which stays."""

    async def notice(self, key: str) -> StoredNotice | None:
        """The fact of this key. Raises Unreadable."""

    async def save_notice(self, notice: Notice, version: str) -> str:
        """Replaces it; returns its new version. Raises ConcurrentUpdate when it changed since `version`."""

    async def create(self, delivery: Delivery) -> bool:
        """Makes the message durable; False when its key is there already, which stays."""

    async def delivery(self, key: str) -> StoredDelivery | None:
        """The message of this key. Raises Unreadable."""

    async def save(self, delivery: Delivery, version: str) -> str:
        """As `save_notice`, of a message."""

    async def open_notices(self, limit: int) -> Listed[OpenWork]:
        """Facts that nobody has taken care of, the oldest first."""

    async def open_deliveries(self, before: datetime, limit: int) -> Listed[OpenWork]:
        """Messages that have not ended and are due before that time, the earliest first."""

    async def of_release(self, release_id: str) -> tuple[Listed[Notice], Listed[Delivery]]:
        """The facts about a release and the messages that tell of it, the oldest first, at most OF_RELEASE_MAX each."""


OF_RELEASE_MAX = 500


class Fate(StrEnum):
    """What a channel knows of a message."""

    SENT = "sent"
    ON_ITS_WAY = "on_its_way"
    NOT_TAKEN = "not_taken"  # it certainly never came, or was taken back
    FAILED = "failed"  # it was taken, and could not be delivered
    UNKNOWN = "unknown"  # the channel keeps no record


@dataclass(frozen=True, kw_only=True)
class Told:
    """A fate and, where something failed, why."""

    fate: Fate
    reason: str = ""


class Channel(Protocol):
    """One way for a message to travel. Both methods raise PlatformThrottled for a channel that asks for patience and
    TransientFault where it certainly took nothing; `send` also PlatformRefused for what this address never takes, and
    PlatformOutcomeUnknown where nobody knows."""

    @property
    def says_more(self) -> bool:
        """Whether `fate` answers what became of a message that was taken."""

    @property
    def takes_once(self) -> bool:
        """Whether people see one message where it came twice under one id."""

    async def send(self, message: Message, to: str, requested_at: datetime) -> None:
        """Returns once the channel has taken it. With the same id and the same `requested_at` it is the same request:
        a channel that can takes it once."""

    async def fate(self, message_id: str, requested_at: datetime) -> Told:
        """What became of that request."""


class CircuitNames(Protocol):
    """What people call circuits, in the configuration in force."""

    def __call__(self, circuit: str, /) -> str:
        """The name of `P001/C001`; empty where the fleet has no such circuit."""


@dataclass(frozen=True, kw_only=True)
class NotificationPorts:
    """Everything the use cases need. `policy` and `name_of` are what is in force; `board` is the address of the board,
    which may be empty; a channel that is not set up is not in `channels`."""

    clock: Clock
    log: NotificationLog
    queue: LookQueue
    releases: ReleaseStore
    channels: Mapping[ChannelKind, Channel]
    policy: NotificationPolicy
    name_of: CircuitNames
    board: str = ""
