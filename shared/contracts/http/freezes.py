"""What crosses our HTTP border about freezes, version 1. Times are ISO 8601 with a time zone; we answer in UTC."""

from datetime import datetime, timedelta
from typing import Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from shared.contracts.base import Contract, Moment
from shared.contracts.http.unreadable import UnreadableView
from shared.domain.freezes.freeze import LENGTH_MAX, REASON_CHARS_MAX, Freeze, Freezes

_HOURS_MAX = LENGTH_MAX / timedelta(hours=1)


class FreezeRequest(Contract):
    """What is frozen, why, and how long: either `until` or `hours`."""

    scope: str = Field(
        min_length=1,
        max_length=64,
        description="fleet, a plant (P001), a circuit (P001-C001) or a model that is served online.",
    )
    reason: str = Field(min_length=1, max_length=REASON_CHARS_MAX, description="Waiting releases show it.")
    until: Moment | None = Field(default=None, description="When it ends, at most 30 days after its start.")
    hours: float | None = Field(default=None, gt=0, le=_HOURS_MAX, description="How long it lasts, at most 30 days.")
    starts_at: Moment | None = Field(default=None, description="Now, unless said otherwise; 90 days ahead.")

    @model_validator(mode="after")
    def _one_end(self) -> Self:
        if (self.until is None) == (self.hours is None):
            raise PydanticCustomError("one_end", "give either until or hours")
        return self

    @property
    def end(self) -> datetime | timedelta:
        """A time, or a time from the start."""
        if self.until is not None:
            return self.until
        return timedelta(hours=self.hours or 0)


class LiftRequest(Contract):
    """Why a freeze ends before its time."""

    reason: str = Field(min_length=1, max_length=REASON_CHARS_MAX, description="It is kept with the freeze.")


class FreezeView(Contract):
    """One freeze. Those that are planned, over or lifted are not active."""

    freeze_id: str
    scope: str
    who: str
    reason: str
    starts_at: datetime
    ends_at: datetime
    active: bool
    lifted_at: datetime | None
    lifted_by: str
    lift_reason: str


class FreezeList(Contract):
    """Freezes that have neither ended nor been lifted, the next end first, and whose members may set and lift them.

    One that is `unreadable` is among them, as far as it is known: it counts until its end.
    """

    freezes: list[FreezeView]
    unreadable: list[UnreadableView] = Field(default_factory=list)
    who_can_lift: list[str]


def freeze_view_of(freeze: Freeze, now: datetime) -> FreezeView:
    """One freeze as it is shown."""
    return FreezeView(
        freeze_id=freeze.freeze_id,
        scope=freeze.scope,
        who=freeze.who,
        reason=freeze.why,
        starts_at=freeze.starts_at,
        ends_at=freeze.ends_at,
        active=freeze.is_active(now),
        lifted_at=freeze.lifted_at,
        lifted_by=freeze.lifted_by,
        lift_reason=freeze.lift_reason,
    )


def freeze_list_of(freezes: Freezes) -> FreezeList:
    """The list as it is shown."""
    return FreezeList(
        freezes=[freeze_view_of(freeze, freezes.now) for freeze in freezes.current],
        unreadable=[
            UnreadableView(id=each.freeze_id, reason=each.unreadable) for each in freezes.current if each.unreadable
        ],
        who_can_lift=sorted(freezes.groups),
    )
