"""Events and commands as JSON on our own queues, versioned.

A body is `{"switchyard": {"v": 1, "kind": "<class>", "data": {...}}}`. Everything is nested under one key because the
Functions host copies top-level properties of a JSON body over the message's own metadata
(docs/azure-facts.md#service-bus-in-the-functions-host). A body stays below 200 KB, so that it fits a standard-tier
message with its properties (R-FAULT-15).
"""

import json
from dataclasses import fields
from datetime import datetime
from functools import cache
from typing import Any

from pydantic import ConfigDict, TypeAdapter, ValidationError

from shared.domain.release.commands import COMMAND_TYPES, Command, ScheduleEvent
from shared.domain.release.events import EVENT_TYPES, Event

ENVELOPE_KEY = "switchyard"
VERSION = 1
BODY_BYTES_MAX = 200_000

_FIELDS = {"v", "kind", "data"}
_STRICT = ConfigDict(strict=True, extra="forbid")

MessageTypes = dict[str, type[Any]]


class MessageError(ValueError):
    """A body that this version cannot read, or a message that cannot be sent; the text names what is wrong."""


def _kinds(types: tuple[type[Any], ...]) -> MessageTypes:
    return {kind.__name__: kind for kind in types}


_EVENTS = _kinds(EVENT_TYPES)
_COMMANDS = _kinds(tuple(kind for kind in COMMAND_TYPES if kind is not ScheduleEvent))
_SCHEDULED = _kinds((Command,))
_ALL = {**_EVENTS, **_COMMANDS, **_SCHEDULED}


@cache
def _adapter(name: str) -> TypeAdapter[tuple[Any]]:
    """Built when the first message of its kind comes: a cold start pays for no other."""
    # A tuple of one: pydantic takes a strict configuration for it, and the domain's dataclasses inside inherit it.
    kind = _ALL[name]
    shape: Any = tuple[kind]  # type: ignore[valid-type]
    return TypeAdapter(shape, config=_STRICT)


def encode_event(event: Event) -> str:
    """The body of `event`."""
    return seal(type(event).__name__, _dump(event, _EVENTS))


def decode_event(body: str | bytes) -> Event:
    """The event of `body`. Raises MessageError."""
    kind, data = unseal(body)
    event: Event = _load(kind, data, _EVENTS, "event")
    return event


def encode_command(command: Command) -> str:
    """The body of `command`; a scheduled event inside is tagged with its own kind."""
    kind = type(command).__name__
    if not isinstance(command, ScheduleEvent):
        return seal(kind, _dump(command, _COMMANDS))
    common = {field.name: getattr(command, field.name) for field in fields(Command)}
    event = {"kind": type(command.event).__name__, "data": _dump(command.event, _EVENTS)}
    return seal(kind, {**_dump(Command(**common), _SCHEDULED), "event": event})


def decode_command(body: str | bytes) -> Command:
    """The command of `body`. Raises MessageError."""
    kind, data = unseal(body)
    if kind != ScheduleEvent.__name__:
        command: Command = _load(kind, data, _COMMANDS, "command")
        return command
    tagged = data.get("event")
    if not isinstance(tagged, dict) or set(tagged) != {"kind", "data"}:
        raise MessageError("ScheduleEvent: event must be an object of kind and data")
    event = _load(tagged["kind"], tagged["data"], _EVENTS, "event")
    rest = {name: value for name, value in data.items() if name != "event"}
    return ScheduleEvent(**vars(_load("Command", rest, _SCHEDULED, "command")), event=event)


def seal(kind: str, data: dict[str, Any]) -> str:
    """The body of a message. Raises MessageError when it is too large."""
    envelope = {"v": VERSION, "kind": kind, "data": data}
    body = json.dumps({ENVELOPE_KEY: envelope}, separators=(",", ":"))
    if len(body) > BODY_BYTES_MAX:
        raise MessageError(f"{kind} has {len(body)} bytes as a message; the limit is {BODY_BYTES_MAX}")
    return body


def unseal(body: str | bytes) -> tuple[Any, dict[str, Any]]:
    """Kind and data of a body; the envelope itself is checked here. Raises MessageError."""
    if len(body) > BODY_BYTES_MAX:
        raise MessageError(f"the body has {len(body)} bytes; the limit is {BODY_BYTES_MAX}")
    try:
        outer = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise MessageError(f"the body is not JSON: {error}") from error
    if not isinstance(outer, dict) or set(outer) != {ENVELOPE_KEY}:
        raise MessageError(f"the body must be an object with the one key {ENVELOPE_KEY!r}")
    envelope = outer[ENVELOPE_KEY]
    if not isinstance(envelope, dict) or "v" not in envelope:
        raise MessageError("the envelope must be an object with a version v")
    if envelope["v"] != VERSION or envelope["v"] is True:
        raise MessageError(f"version {envelope['v']!r} of the envelope is unknown; this code reads version {VERSION}")
    if odd := set(envelope) ^ _FIELDS:
        raise MessageError(f"the envelope has missing or unknown fields: {', '.join(sorted(odd))}")
    kind, data = envelope["kind"], envelope["data"]
    if not isinstance(data, dict):
        raise MessageError("data must be an object")
    return kind, data


def _dump(value: Event | Command, kinds: MessageTypes) -> dict[str, Any]:
    kind = type(value).__name__
    if kind not in kinds:
        raise MessageError(f"{kind} is not registered and cannot be sent")
    _require_aware_times(kind, value)
    data: dict[str, Any] = _adapter(kind).dump_python((value,), mode="json")[0]
    return data


def _load(kind: Any, data: Any, kinds: MessageTypes, what: str) -> Any:
    if not isinstance(kind, str) or kind not in kinds:
        raise MessageError(f"{kind!r} is not a kind of {what} that this version knows")
    try:
        (value,) = _adapter(kind).validate_json(json.dumps([data]))
    except ValidationError as error:
        faults = "; ".join(_describe(fault["loc"][1:], fault["msg"]) for fault in error.errors(include_url=False))
        raise MessageError(f"{kind}: {faults}") from error
    _require_aware_times(kind, value)
    return value


def _describe(place: tuple[int | str, ...], message: str) -> str:
    return f"{'.'.join(map(str, place)) or 'data'}: {message}"


def _require_aware_times(kind: str, value: Event | Command) -> None:
    for name, time in vars(value).items():
        if isinstance(time, datetime) and time.tzinfo is None:
            raise MessageError(f"{kind}: {name} has no time zone; times are UTC and aware")
