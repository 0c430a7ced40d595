"""Work that is looked after: one row, looked at again and again until it has ended.

A message says which piece of work to look at. Whoever looks sees what is there, does the next missing thing and records
it, so that a look too many does nothing. Releases are not of this kind: they have events and an inbox.
"""

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from shared.application.errors import PortError
from shared.application.ports import Clock
from shared.application.work.pause import follow_up, tries_of

log = logging.getLogger(__name__)


class WorkKind(StrEnum):
    """What is looked at; the values are part of every message."""

    ALERT = "alert"
    CHANGE = "change"
    TRAINING = "training"
    TASK = "task"  # one circuit's part of a routine
    PERIOD = "period"  # a routine's tasks, to be made
    NOTICE = "notice"  # a fact that people may have to be told of
    DELIVERY = "delivery"  # a message to one recipient


@dataclass(frozen=True, kw_only=True)
class Look:
    """Which piece of work to look at; with `serial`, only if nothing has happened to it since it was at that serial."""

    kind: WorkKind
    key: str
    serial: int | None = None


class LookQueue(Protocol):
    """A queue of looks. Its adapter says in which session the looks at one piece of work come one at a time."""

    async def send(self, look: Look, message_id: str, at: datetime | None = None) -> None:
        """Has the work looked at, not before `at`. Within the duplicate-detection window an id counts once.

        Raises TransientFault when nobody knows whether it was sent; sending it again is safe."""


@dataclass(frozen=True, kw_only=True)
class LookedAfter:
    """How one kind of work is looked after.

    `look` does the next missing thing and raises PortError when that has to be tried again. `give_up` ends or holds the
    work of a key, so that people see the reason; repeating it is fine. Both raise nothing else on purpose.
    """

    look: Callable[[Look], Awaitable[object]]
    give_up: Callable[[str, str], Awaitable[None]]
    queue: LookQueue
    clock: Clock


async def look_at(look: Look, message_id: str, work: LookedAfter) -> None:
    """Handles the message of a look. A fault makes room for a follow-up, so that no delivery is used up; when the tries
    are used up, the work is given up. Raises PortError when neither could be done: then the message comes back."""
    try:
        await work.look(look)
    except PortError as error:
        following = follow_up(message_id, error, work.clock.now())
        if following is None:
            log.error("%s %s is given up: %s", look.kind.value, look.key, error)
            await work.give_up(look.key, f"given up after {tries_of(message_id)} more tries: {error}")
            return
        log.warning("%s %s: next look at %s: %s", look.kind.value, look.key, following.at.isoformat(), error)
        await work.queue.send(look, following.message_id, at=following.at)
