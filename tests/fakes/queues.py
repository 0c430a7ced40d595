"""EventQueue and CommandQueue in memory, with duplicate detection by message id."""

from datetime import datetime

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
