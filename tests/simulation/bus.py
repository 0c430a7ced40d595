"""A Service Bus for the simulation: sessions, locks that expire, duplicate detection, delivery counts, dead letters.

It may lose messages it has acknowledged, as a fail-over to the paired region does (`loses` decides which).
"""

import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from shared.adapters.service_bus.looks import session_of
from shared.application.work.look import Look
from shared.domain.release.commands import Command
from shared.domain.release.events import Event
from tests.fakes.clock import FakeClock

LOCK = timedelta(seconds=60)
DEDUPLICATION = timedelta(minutes=10)
DELIVERIES_MAX = 10
EVER, NEVER = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)


@dataclass(eq=False)
class Message:
    """One message: an event, a command or a look. `session` is None on a queue without sessions."""

    message_id: str
    body: Any
    visible_at: datetime
    session: str | None = None
    deliveries: int = 0
    locked_until: datetime | None = None


class SimulatedQueue:
    """Peek-lock semantics; also the port EventQueue or CommandQueue."""

    def __init__(
        self, name: str, clock: FakeClock, rng: random.Random, on_dead: Callable[["SimulatedQueue", Message], None]
    ):
        self.name = name
        self.clock = clock
        self.rng = rng
        self.messages: list[Message] = []
        self.acknowledged: set[str] = set()
        self.published: dict[str, Event] = {}
        self.loses: Callable[[Any], bool] = lambda body: False
        self._seen: dict[str, datetime] = {}
        self._on_dead = on_dead
        self.nothing_until = EVER
        """Until when `receive` finds nothing, unless something happens before: a message becomes visible then, or a
        lock runs out. NEVER when nothing is to come."""

    async def publish(self, event: Event, *, at: datetime | None = None, message_id: str | None = None) -> None:
        self.published.setdefault(event.event_id, event)  # of two with one id the first one counts
        self._put(message_id or event.event_id, event, at, event.release_id)

    async def send(self, command: Command, *, message_id: str | None = None, at: datetime | None = None) -> None:
        self._put(message_id or command.command_id, command, at or command.not_before, None)

    def _put(self, message_id: str, body: Any, at: datetime | None, session: str | None) -> None:
        now = self.clock.now()
        self.acknowledged.add(message_id)
        seen = self._seen.get(message_id)
        if seen is not None and now - seen < DEDUPLICATION:
            return
        self._seen[message_id] = now
        if self.loses(body):
            return
        message = Message(message_id, body, max(at or now, now), session)
        self.messages.append(message)
        if message.visible_at < self.nothing_until:
            self.nothing_until = EVER

    def receive(self) -> Message | None:
        """Locks the oldest visible message of a random session that nobody works on; None when there is none."""
        now = self.clock.time
        if now < self.nothing_until:
            return None
        busy, free, change = set(), [], NEVER
        for each in self.messages:
            locked_until = each.locked_until
            if locked_until is not None and locked_until > now:
                busy.add(each.session)
                if locked_until < change:
                    change = locked_until
            elif each.visible_at <= now:
                free.append(each)
            elif each.visible_at < change:
                change = each.visible_at
        ready = [each for each in free if each.session is None or each.session not in busy]
        if not ready:
            self.nothing_until = change
            return None
        message = self.rng.choice(ready) if ready[0].session is None or self.rng.random() < 0.2 else ready[0]
        if message.deliveries >= DELIVERIES_MAX:
            self.messages.remove(message)
            self._on_dead(self, message)
            return None
        message.deliveries += 1
        message.locked_until = now + LOCK
        return message

    def complete(self, message: Message) -> None:
        """The work is done."""
        if message in self.messages:
            self.messages.remove(message)
        self.nothing_until = EVER

    def unlock(self, message: Message) -> None:
        """The message is abandoned, or its lock is lost: it is visible again."""
        message.locked_until = None
        self.nothing_until = EVER


class SimulatedLooks(SimulatedQueue):
    """The port LookQueue, with the sessions of its adapter."""

    async def send(self, look: Look, message_id: str, at: datetime | None = None) -> None:  # type: ignore[override]
        self._put(message_id, look, at, session_of(look))
