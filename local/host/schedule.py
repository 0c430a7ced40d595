"""NCRONTAB schedules of timer triggers: `{second} {minute} {hour} {day} {month} {day of week}`, UTC.

Rules: docs/azure-facts.md#timers-of-the-functions-host. Five fields mean second 0; day of month *and* day of week must
match; names of months and days are allowed, Sunday is 0. croniter does the arithmetic; what it accepts beyond NCRONTAB
(aliases, L, #, random fields) is refused, because Azure would refuse it too.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from croniter import croniter

_MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
_DAYS = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"]
_FIELDS = (
    ("second", 0, 59, ()),
    ("minute", 0, 59, ()),
    ("hour", 0, 23, ()),
    ("day", 1, 31, ()),
    ("month", 1, 12, tuple(_MONTHS)),
    ("day of week", 0, 6, tuple(_DAYS)),
)
_ITEM = re.compile(r"(?P<first>\*|\w+)(?:-(?P<last>\w+))?(?:/(?P<step>\d+))?")


class ScheduleError(ValueError):
    """The expression is not NCRONTAB; the message names the field."""


class Schedule:
    """When a timer is due. All times are aware UTC."""

    def __init__(self, expression: str) -> None:
        fields = expression.split()
        if len(fields) == 5:
            fields = ["0", *fields]
        if len(fields) != 6:
            raise ScheduleError(f"schedule '{expression}' must have 6 fields (seconds first), or 5")
        for field, (name, least, most, names) in zip(fields, _FIELDS, strict=True):
            for item in field.split(","):
                _check_item(item, name, least, most, names, expression)
        self.expression = " ".join(fields)

    def next_after(self, moment: datetime) -> datetime:
        """The first occurrence later than `moment`."""
        occurrences = croniter(self.expression, moment.astimezone(UTC), second_at_beginning=True, day_or=False)
        first: datetime = occurrences.get_next(datetime)
        return first

    def is_frequent(self, moment: datetime) -> bool:
        """True if occurrences follow each other within a minute; such timers keep no status."""
        first = self.next_after(moment)
        return self.next_after(first) - first < timedelta(minutes=1)


def _check_item(item: str, name: str, least: int, most: int, names: tuple[str, ...], expression: str) -> None:
    match = _ITEM.fullmatch(item)
    bounds = [match["first"], match["last"]] if match else []
    values = [bound.lower() for bound in bounds if bound and bound != "*"]
    valid = match is not None and all(
        value in names or (value.isdigit() and least <= int(value) <= most) for value in values
    )
    if not valid:
        raise ScheduleError(f"schedule '{expression}': '{item}' is not a valid {name} ({least} to {most})")
