"""What every event has."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, kw_only=True)
class Event:
    """`event_id` is derived from what the event says, so that a duplicate has the same id."""

    event_id: str
    release_id: str
    occurred_at: datetime


@dataclass(frozen=True, kw_only=True)
class StepEvent(Event):
    """The answer of the step with this serial."""

    serial: int
