"""The clock of this machine; nothing else reads the time."""

from datetime import UTC, datetime


class SystemClock:
    """UTC, aware."""

    def now(self) -> datetime:
        return datetime.now(UTC)
