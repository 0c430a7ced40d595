"""The pause after a fault: one rule for every kind of work, whoever puts it off.

Raising in a Service Bus function abandons the message, which comes back at once: ten deliveries are gone in seconds. So
a fault that passes makes room for a follow-up, a message of its own whose id counts the tries; a crash between sending
it and completing the message makes no second copy (R-FAULT-8, ADR 10).
"""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.application.errors import PlatformThrottled, PortError

FIRST_S, LONGEST_S = 5.0, 300.0
"""5 s doubling to 5 minutes: sixteen tries (`PortError.tries_max`) span an hour."""

RETRY_AFTER_MAX_S = 3600.0
"""A service that asks for more patience than this is asked again after an hour."""

TRIES_MAX = PortError.tries_max
_SUFFIX = re.compile(r"-try-(\d{1,3})$")
_DOUBLINGS_MAX = 16  # far above both limits, far below what a float can hold


@dataclass(frozen=True, kw_only=True)
class FollowUp:
    """The message that takes up what a fault stopped: its id, and the earliest time of its delivery."""

    message_id: str
    at: datetime


def pause_s(tries: int, error: Exception | None = None) -> float:
    """Seconds until try number `tries`, counted from 1, after `error`.

    A service that says how long to wait is asked again then and not later, however short that is; the floor of 1 s
    doubling to 5 minutes is for one that always says the same.
    """
    doubled = 2.0 ** min(tries - 1, _DOUBLINGS_MAX)
    if isinstance(error, PlatformThrottled):
        return max(min(error.retry_after_s, RETRY_AFTER_MAX_S), min(doubled, LONGEST_S))
    return min(FIRST_S * doubled, LONGEST_S)


def follow_up(message_id: str, error: Exception, now: datetime) -> FollowUp | None:
    """What comes after the message of this id met `error`; None once the tries are used up."""
    tries = tries_of(message_id) + 1
    if tries > (error.tries_max if isinstance(error, PortError) else TRIES_MAX):
        return None
    at = now + timedelta(seconds=pause_s(tries, error))
    return FollowUp(message_id=try_id(_SUFFIX.sub("", message_id), tries), at=at)


def try_id(message_id: str, tries: int) -> str:
    """The id of the follow-up with this number, from 1 on; 0 is the message itself."""
    return f"{message_id}-try-{tries}" if tries else message_id


def tries_of(message_id: str) -> int:
    """How many follow-ups led to the message of this id."""
    match = _SUFFIX.search(message_id)
    return int(match.group(1)) if match else 0


def tries_due(age_s: float) -> int:
    """How many follow-ups a message of this age should have had by now, at most TRIES_MAX."""
    due = 0
    while due < TRIES_MAX and age_s >= pause_s(due + 1):
        due += 1
        age_s -= pause_s(due)
    return due
