"""Trying later without burning deliveries: a failed message makes room for a scheduled follow-up of its own.

Raising in a Service Bus function abandons the message, which comes back at once: ten deliveries are gone in seconds
(R-FAULT-8). The follow-up's id counts the tries, so a crash between sending it and completing the message makes no
second copy.
"""

import re
from datetime import timedelta

from shared.application.errors import PlatformThrottled
from shared.application.release.ports import Ports
from shared.domain.release.commands import Command
from shared.domain.release.events import Event

#: 5 s doubling to 5 minutes; sixteen tries span an hour. After that the message is dead-lettered and a person is told.
TRIES_MAX = 16
_FIRST_PAUSE_S, _PAUSE_MAX_S = 5, 300
#: A service that asks for more patience than this is asked again after an hour.
_RETRY_AFTER_MAX_S = 3600.0
_SUFFIX = re.compile(r"-try-(\d{1,3})$")


async def try_later(message: Event | Command, message_id: str, error: Exception, ports: Ports) -> None:
    """Schedules the follow-up of `message`. Raises `error` again once the tries are used up."""
    match = _SUFFIX.search(message_id)
    tries = int(match.group(1)) + 1 if match else 1
    if tries > TRIES_MAX:
        raise error
    at = ports.clock.now() + timedelta(seconds=_patience_s(error, tries))
    next_id = try_id(_SUFFIX.sub("", message_id), tries)
    if isinstance(message, Event):
        await ports.events.publish(message, at=at, message_id=next_id)
    else:
        await ports.commands.send(message, at=at, message_id=next_id)


def try_id(message_id: str, tries: int) -> str:
    """The id of the follow-up with this number, from 1 on; 0 is the message itself."""
    return f"{message_id}-try-{tries}" if tries else message_id


def tries_due(age_s: float) -> int:
    """How many follow-ups a message of this age should have had by now, at most TRIES_MAX."""
    due = 0
    while due < TRIES_MAX and age_s >= _pause_s(due + 1):
        due += 1
        age_s -= _pause_s(due)
    return due


def _patience_s(error: Exception, tries: int) -> float:
    """What the service asks for, in seconds, and soon again where it asks for little; else the usual pause."""
    if not isinstance(error, PlatformThrottled):
        return _pause_s(tries)
    return max(min(error.retry_after_s, _RETRY_AFTER_MAX_S), min(2.0 ** (tries - 1), _PAUSE_MAX_S))


def _pause_s(tries: int) -> int:
    return int(min(_FIRST_PAUSE_S * 2 ** (tries - 1), _PAUSE_MAX_S))
