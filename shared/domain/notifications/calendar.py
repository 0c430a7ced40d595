"""Quiet hours and digests: when somebody is told, in their own time zone. All results are UTC."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from shared.domain.notifications.policy import QuietHours

_SATURDAY = 5
_STEPS_MAX = 8  # a weekend with quiet hours around it takes four


def quiet_until(at: datetime, quiet: QuietHours, zone: str) -> datetime | None:
    """When the quiet that `at` lies in ends; None when it lies in none."""
    where, end = ZoneInfo(zone), at
    for _ in range(_STEPS_MAX):
        following = _end_of(end.astimezone(where), quiet)
        if following is None:
            break
        end = following.astimezone(UTC)
    return end if end != at else None


def _end_of(local: datetime, quiet: QuietHours) -> datetime | None:
    """The end of the one stretch of quiet that this local time lies in."""
    day = local.date()
    if quiet.weekends and day.weekday() >= _SATURDAY:
        return _local(day + timedelta(days=7 - day.weekday()), time(), local)
    now = local.time().replace(tzinfo=None)
    if quiet.begins <= quiet.ends:
        return _local(day, quiet.ends, local) if quiet.begins <= now < quiet.ends else None
    if now >= quiet.begins:
        return _local(day + timedelta(days=1), quiet.ends, local)
    return _local(day, quiet.ends, local) if now < quiet.ends else None


def next_digest(at: datetime, digest_at: time, zone: str) -> datetime:
    """The first time of day `digest_at` that comes after `at`."""
    local = at.astimezone(ZoneInfo(zone))
    for days in range(3):
        due = _local(local.date() + timedelta(days=days), digest_at, local).astimezone(UTC)
        if due > at:
            return due
    raise ValueError(f"no {digest_at} comes after {at} in {zone}")


def _local(day: date, at: time, like: datetime) -> datetime:
    """A time of a day in the zone of `like`. One that the clock skips is as late as it would have been without that."""
    return datetime.combine(day, at, tzinfo=like.tzinfo)


def shown(at: datetime, zone: str = "UTC") -> str:
    """A time as people read it, with its zone."""
    return f"{at.astimezone(ZoneInfo(zone)):%a %d %b %Y, %H:%M} {'UTC' if zone == 'UTC' else f'({zone})'}"
