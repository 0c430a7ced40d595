"""NCRONTAB schedules of timer triggers: `{second} {minute} {hour} {day} {month} {day of week}`, UTC.

Rules: docs/azure-facts.md#timers-of-the-functions-host. Five fields mean second 0; day of month *and* day of week must
match; Sunday is 0. Read as NCrontab reads, oddities included: a range that runs backwards has its ends swapped, a name
may be cut after any letter, a step below 1 is 1, and a day that no calendar has is never due.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta

NEVER_DUE = datetime.max.replace(tzinfo=UTC)  # what NCrontab answers for the 30th of February

_MONTHS = "january february march april may june july august september october november december"
_DAYS = "sunday monday tuesday wednesday thursday friday saturday"
_NUMBER = re.compile(r"[0-9]+")
_STEP = re.compile(r"[+-]?[0-9]+")
# No 29th of February waits longer for its day of the week than from one side to the other of a year such as 2100.
_LONGEST_WAIT = timedelta(days=41 * 366)


class ScheduleError(ValueError):
    """The expression is not NCRONTAB; the message names the field."""


@dataclass(frozen=True)
class _Field:
    """One of the six fields: what it is called and which values it takes."""

    name: str
    least: int
    most: int
    names: tuple[str, ...] = ()

    def value(self, text: str) -> int:
        """The number that `text` is, or that it begins the name of. Raises ValueError if it is neither."""
        if _NUMBER.fullmatch(text):
            value = int(text)
        else:
            begun = [index for index, name in enumerate(self.names) if text and name.startswith(text.lower())]
            if not begun:
                raise ValueError(text)
            value = self.least + begun[0]
        if not self.least <= value <= self.most:
            raise ValueError(text)
        return value


_FIELDS = (
    _Field("second", 0, 59),
    _Field("minute", 0, 59),
    _Field("hour", 0, 23),
    _Field("day", 1, 31),
    _Field("month", 1, 12, tuple(_MONTHS.split())),
    _Field("day of week", 0, 6, tuple(_DAYS.split())),
)


class Schedule:
    """When a timer is due. All times are aware UTC.

    `remarks` says, for people, what of the expression means something else than it seems to; Azure does not say it.
    """

    def __init__(self, expression: str) -> None:
        fields = [field for field in expression.split(" ") if field]
        if len(fields) == 5:
            fields = ["0", *fields]
        if len(fields) != 6:
            raise ScheduleError(f"schedule '{expression}' must have 6 fields (seconds first), or 5")
        self.expression = " ".join(fields)
        self.remarks: list[str] = []
        self._values = [
            sorted(value for item in text.split(",") for value in self._read(item, field))
            for text, field in zip(fields, _FIELDS, strict=True)
        ]
        if self.next_after(datetime(2000, 1, 1, tzinfo=UTC)) == NEVER_DUE:
            self.remarks.append("is never due: no month that it names has such a day")

    def next_after(self, moment: datetime) -> datetime:
        """The first occurrence later than `moment`; NEVER_DUE if there is none."""
        moment = moment.astimezone(UTC)
        _, _, _, days, months, weekdays = self._values
        day = moment.date()
        found = self._first_time_from(moment.hour, moment.minute, moment.second + 1)
        last = day + min(_LONGEST_WAIT, NEVER_DUE.date() - day)
        while day <= last:
            if found and day.day in days and day.month in months and day.isoweekday() % 7 in weekdays:
                return datetime.combine(day, found, tzinfo=UTC)
            day += timedelta(days=1)
            found = self._first_time_from(0, 0, 0)
        return NEVER_DUE

    def is_frequent(self) -> bool:
        """True if it can be due several times in each minute of every day; such timers keep no status."""
        seconds, *others = self._values
        full = [sorted(range(field.least, field.most + 1)) for field in _FIELDS[1:]]
        return len(set(seconds)) > 1 and [sorted(set(values)) for values in others] == full

    def _first_time_from(self, hour: int, minute: int, second: int) -> time | None:
        """The first time of a day at or after that one; its second may be 60."""
        seconds, minutes, hours, *_ = self._values
        for each_hour in hours[bisect_left(hours, hour) :]:
            later_hour = each_hour > hour
            for each_minute in minutes[0 if later_hour else bisect_left(minutes, minute) :]:
                later = later_hour or each_minute > minute
                for each_second in seconds[0 if later else bisect_left(seconds, second) :]:
                    return time(each_hour, each_minute, each_second)
        return None

    def _read(self, item: str, field: _Field) -> range:
        """The values that one item of a list in a field stands for."""
        text, slash, step_text = item.partition("/")
        first_text, dash, last_text = text.partition("-")
        try:
            if slash and not _STEP.fullmatch(step_text):
                raise ValueError(step_text)
            step = max(1, int(step_text or "1"))
            if text == "*":
                return range(field.least, field.most + 1, step)
            first = field.value(first_text)
            last = field.value(last_text) if dash else field.most if slash else first
        except ValueError:
            wanted = f"{field.least} to {field.most}" + (" or a name" if field.names else "")
            raise ScheduleError(
                f"schedule '{self.expression}': '{item}' is not a valid {field.name} ({wanted})"
            ) from None
        if first > last:
            self.remarks.append(
                f"has '{item}', which runs backwards: Azure swaps its ends, so that it means {last} to {first}"
            )
            first, last = last, first
        return range(first, last + 1, step)
