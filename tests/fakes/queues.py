"""EventQueue, CommandQueue and LookQueue in memory, with duplicate detection by message id."""

from dataclasses import dataclass, field
from datetime import datetime

from shared.application.work.look import Look
from shared.domain.release.commands import Command
from shared.domain.release.events import Event


class MemoryEventQueue:
    """`sent` holds (message id, event, not before) in the order of sending, duplicates dropped."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, Event, datetime | None]] = []
        self._ids: set[str] = set()

    async def publish(self, event: Event, *, at: datetime | None = None, message_id: str | None = None) -> None:
        key = message_id or event.event_id
        if key not in self._ids:
            self._ids.add(key)
            self.sent.append((key, event, at))


class MemoryCommandQueue:
    """`sent` holds (message id, command, not before) in the order of sending, duplicates dropped."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, Command, datetime | None]] = []
        self._ids: set[str] = set()

    async def send(self, command: Command, *, message_id: str | None = None, at: datetime | None = None) -> None:
        key = message_id or command.command_id
        if key not in self._ids:
            self._ids.add(key)
            self.sent.append((key, command, at or command.not_before))


@dataclass(frozen=True)
class Sent:
    """A look on its way."""

    look: Look
    message_id: str
    at: datetime | None


@dataclass
class MemoryLookQueue:
    """`sent` are the looks nobody has received, in the order of sending; a message id counts once, for ever."""

    sent: list[Sent] = field(default_factory=list)
    known: set[str] = field(default_factory=set)

    async def send(self, look: Look, message_id: str, at: datetime | None = None) -> None:
        if message_id not in self.known:
            self.known.add(message_id)
            self.sent.append(Sent(look, message_id, at))

    def due(self, now: datetime) -> list[Sent]:
        """What may be delivered now, in the order of its time; it stays until it is received."""
        ready = [each for each in self.sent if each.at is None or each.at <= now]
        return sorted(ready, key=lambda each: each.at or now)

    def receive(self, now: datetime) -> list[Sent]:
        """Takes what may be delivered now."""
        ready = self.due(now)
        self.sent = [each for each in self.sent if each not in ready]
        return ready

    def next_at(self, now: datetime) -> datetime | None:
        """When the next message may be delivered; `now` for one that need not wait."""
        return min((each.at or now for each in self.sent), default=None)

    @property
    def ids(self) -> list[str]:
        """The ids of what is on its way."""
        return [each.message_id for each in self.sent]

    @property
    def keys(self) -> list[str]:
        """The keys of what is looked at, in the order of sending."""
        return [each.look.key for each in self.sent]
