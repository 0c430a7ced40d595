"""What every context needs from the outside. All times are UTC and aware.

Adapters are in `shared/adapters`, fakes in `tests/fakes`; one contract suite runs on both.
"""

from datetime import datetime
from typing import Protocol


class Clock(Protocol):
    """The only way to read the time."""

    def now(self) -> datetime:
        """UTC, aware."""


class FactPublisher(Protocol):
    """Tells the outside world what happened."""

    async def publish(self, fact_id: str, kind: str, subject: str, data: dict[str, str], at: datetime) -> None:
        """`fact_id` is the CloudEvent's id: receivers drop duplicates by it."""
