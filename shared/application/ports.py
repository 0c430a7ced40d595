"""What every context needs from the outside. All times are UTC and aware.

Adapters are in `shared/adapters`, fakes in `tests/fakes`; one contract suite runs on both.
"""

from datetime import datetime
from enum import StrEnum
from typing import Protocol


class Clock(Protocol):
    """The only way to read the time."""

    def now(self) -> datetime:
        """UTC, aware."""


class FactPublisher(Protocol):
    """Tells the outside world what happened."""

    async def publish(self, fact_id: str, kind: str, subject: str, data: dict[str, str], at: datetime) -> None:
        """`fact_id` is the CloudEvent's id: receivers drop duplicates by it."""


class IntakeResult(StrEnum):
    """What became of something that came in and led to no release event."""

    UNKNOWN_TYPE = "unknown_type"
    REFUSED = "refused"
    NOT_OURS = "not_ours"
    QUARANTINED = "quarantined"
    DUPLICATE = "duplicate"


class IntakeLog(Protocol):
    """Nothing accepted is lost: what leads to no release event is recorded with its reason (I13)."""

    async def record(self, intake_id: str, result: IntakeResult, subject: str, reason: str, at: datetime) -> None:
        """Recording the same id again is fine."""
