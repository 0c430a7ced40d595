"""What an answer over HTTP says about a message: taken, not taken, never, or nobody knows."""

from collections.abc import Mapping
from email.utils import parsedate_to_datetime

from shared.application.errors import PlatformOutcomeUnknown, PlatformRefused, PlatformThrottled, TransientFault

RETRY_AFTER_S = 30.0
"""How long a channel is left alone that asks for patience and does not say for how long."""

_TEXT_CHARS_MAX = 300
_UNKNOWN = frozenset({408, 500, 502, 504})


def check(status: int, headers: Mapping[str, str], text: str, what: str) -> None:
    """Returns where the message was taken. Raises PlatformThrottled, TransientFault, PlatformOutcomeUnknown for one
    that may have been taken all the same, and PlatformRefused for all others; none names the address."""
    if 200 <= status < 300:
        return
    problem = f"{what} answered {status}: {' '.join(text.split())[:_TEXT_CHARS_MAX] or 'nothing'}"
    if status == 429 or (status == 503 and _retry_after(headers) is not None):
        raise PlatformThrottled(problem, retry_after_s=_retry_after(headers) or RETRY_AFTER_S)
    if status == 503:
        raise TransientFault(problem)
    if status in _UNKNOWN:
        raise PlatformOutcomeUnknown(problem)
    raise PlatformRefused(problem)


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds; None without a header that says them. Its other form, a date, is that of the answer's own clock."""
    told = {name.lower(): each for name, each in headers.items()}
    value = told.get("retry-after", "")
    if value.isascii() and value.isdecimal():
        return float(value[:9])
    try:
        wait = parsedate_to_datetime(value) - parsedate_to_datetime(told.get("date", ""))
    except (ValueError, TypeError):
        return None
    return max(wait.total_seconds(), 0.0)
