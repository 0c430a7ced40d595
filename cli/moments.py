"""Lengths of time and moments as people type them."""

import re
from datetime import UTC, datetime, timedelta

from cli.api import ApiError

_UNITS = {"s": 1, "m": 60, "min": 60, "h": 3600, "d": 86_400, "w": 7 * 86_400}
_LENGTH = re.compile(r"(\d+(?:\.\d+)?)\s*([a-z]*)")


def length(text: str) -> timedelta | None:
    """`90s`, `30m`, `2h`, `1d`, `1w`; a number alone counts seconds. None for anything else."""
    found = _LENGTH.fullmatch(text.strip().lower())
    size = _UNITS.get(found[2] or "s") if found else None
    return timedelta(seconds=float(found[1]) * size) if found and size else None


def patience(text: str) -> float | None:
    """Seconds that somebody is willing to wait; None for an empty text. Raises ApiError."""
    if not text:
        return None
    if (found := length(text)) is None:
        raise ApiError(f"{text!r} is no length of time: write it like 90s, 30m or 2h")
    return found.total_seconds()


def moment(text: str) -> str:
    """A moment as the API takes it, in UTC, such as 2026-12-01T06:00:00Z. Raises ApiError."""
    try:
        time = datetime.fromisoformat(text)
    except ValueError as error:
        raise ApiError(f"{text!r} is no time: write it like 2026-12-01T06:00") from error
    aware = time if time.tzinfo else time.replace(tzinfo=UTC)
    return _written(aware)


def since(text: str, now: datetime) -> str:
    """The same, or how long ago it was: `2h`, `1d`. Empty stays empty. Raises ApiError."""
    if not text:
        return ""
    ago = length(text)
    if ago is not None and not text.strip().isdecimal():  # digits alone are a year, a day or a mistake
        return _written(now - ago)
    try:
        return moment(text)
    except ApiError as error:
        raise ApiError(
            f"{text!r} is no time: write it like 2026-12-01T06:00, or like 2h or 1d for how long ago"
        ) from error


def _written(time: datetime) -> str:
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
