"""Events of Event Grid in either schema, read alike: Event Grid's own, and CloudEvents 1.0.

The library hands over another object for each, with the values as they came: nothing in them has the right type for
certain. What cannot be used becomes a text that no handler knows, so that it is recorded and not delivered again.
"""

import hashlib
import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import azure.functions as func

AnyEvent = func.EventGridEvent | func.CloudEvent
"""What a handler is called with. Its function must name one of them, which the host takes for either."""

_ID = re.compile(r"[A-Za-z0-9._:-]{1,64}")
"""What fits the ids of messages that follow from the event's; ids of Event Grid are UUIDs."""

TEXT_CHARS_MAX = 1000
"""Of topic, type and subject; Azure's are far shorter."""


@dataclass(frozen=True, kw_only=True)
class GridEvent:
    """One event. `topic` is the source of a CloudEvent, where Event Grid writes the topic; `time` is a claim."""

    id: str
    topic: str
    type: str
    subject: str
    time: datetime | None
    data: Any


def read_event(event: AnyEvent) -> GridEvent:
    """Total: whatever came in is read."""
    if isinstance(event, func.CloudEvent):
        topic, kind, at = event.source, event.type, event.time
    else:
        topic, kind, at = event.topic, event.event_type, event.event_time
    data = event.get_json()
    return GridEvent(
        id=_id_of(event.id, [topic, kind, data]),
        topic=_text(topic),
        type=_text(kind),
        subject=_text(event.subject),
        time=_utc(at) if at else None,
        data=data,
    )


def _text(value: Any) -> str:
    """A text that can be compared and kept, whatever was sent."""
    text = value if isinstance(value, str) else "" if value is None else repr(value)
    return "".join(each if each.isprintable() else "?" for each in text[:TEXT_CHARS_MAX])


def _utc(at: datetime) -> datetime:
    return at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)


def _id_of(value: Any, content: list[Any]) -> str:
    """The event's own id; where there is none that can be used, the same one for the same content."""
    if isinstance(value, str) and _ID.fullmatch(value):
        return value
    return hashlib.sha256(json.dumps([value, *content], default=repr, sort_keys=True).encode()).hexdigest()[:32]
