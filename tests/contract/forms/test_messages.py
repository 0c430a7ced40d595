"""Events and commands survive the way through a queue; anything this version does not know is refused by name."""

import json
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.contracts.messages import (
    BODY_BYTES_MAX,
    MessageError,
    decode_command,
    decode_event,
    encode_command,
    encode_event,
)
from shared.domain.release.commands import COMMAND_TYPES, Command, ScheduleEvent
from shared.domain.release.events import EVENT_TYPES, Event
from tests.support.builders import NOW, RELEASE_ID, a_command, an_event
from tests.support.strategies import anything_of, commands, events

quick = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@quick
@given(events())
def test_any_event_comes_back_as_it_was(event: Event) -> None:
    """Whatever its type and content."""
    assert decode_event(encode_event(event)) == event


@quick
@given(commands())
def test_any_command_comes_back_as_it_was(command: Command) -> None:
    """Whatever its type and content, as bytes too."""
    assert decode_command(encode_command(command).encode()) == command


@settings(max_examples=1, deadline=None)
@given(st.data())
def test_every_registered_type_has_a_form(data: st.DataObject) -> None:
    """No event or command type was forgotten, and a scheduled event keeps its own type."""
    for kind in EVENT_TYPES:
        event = data.draw(anything_of(kind))
        assert type(decode_event(encode_event(event))) is kind
        scheduled = ScheduleEvent(command_id="c", release_id=RELEASE_ID, serial=1, event=event)
        assert decode_command(encode_command(scheduled)) == scheduled
    for command_type in COMMAND_TYPES:
        command = data.draw(anything_of(command_type))
        assert type(decode_command(encode_command(command))) is command_type


def test_everything_is_nested_under_one_key() -> None:
    """The Functions host copies top-level properties over the message's metadata, so there may be only one."""
    assert list(json.loads(encode_event(an_event()))) == ["switchyard"]
    assert list(json.loads(encode_command(a_command()))) == ["switchyard"]


def changed(**changes: Any) -> str:
    """A body of an event with parts of the envelope replaced."""
    body = json.loads(encode_event(an_event()))
    body["switchyard"].update(changes)
    return json.dumps(body)


def with_data(**changes: Any) -> str:
    """A body of an event with parts of its data replaced."""
    data = json.loads(encode_event(an_event()))["switchyard"]["data"]
    return changed(data={**data, **changes})


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ("{", "not JSON"),
        (b"\xff\xfe", "not JSON"),
        ("[" * 100_000, "not JSON"),
        ("[]", "one key 'switchyard'"),
        ('{"switchyard": {}, "messageId": "lies"}', "one key 'switchyard'"),
        ('{"switchyard": 1}', "must be an object"),
        (changed(v=2), "version 2 "),
        (changed(v="1"), "version '1'"),
        (changed(kind="NoSuchEvent"), "NoSuchEvent"),
        (changed(kind=["LookDue"]), "LookDue"),
        (changed(kind="PublishFact"), "PublishFact"),
        (changed(data=[]), "data"),
        (changed(surplus=1), "surplus"),
        (with_data(surplus=1), "surplus"),
        (with_data(serial="1"), "serial"),
        (with_data(serial=None), "serial"),
        (with_data(occurred_at="yesterday"), "occurred_at"),
        (with_data(occurred_at="2026-01-05T08:00:00"), "occurred_at has no time zone"),
    ],
)
def test_an_odd_body_is_refused_by_name(body: str | bytes, named: str) -> None:
    """The text says what is wrong, so that a quarantined message can be understood."""
    with pytest.raises(MessageError, match=named):
        decode_event(body)


@pytest.mark.parametrize("event", [None, "text", {"kind": "LookDue"}, {"kind": "LookDue", "data": {}, "more": 1}])
def test_a_scheduled_event_needs_its_kind_and_data(event: Any) -> None:
    """The event inside a command is tagged like one on the queue."""
    scheduled = ScheduleEvent(command_id="c", release_id=RELEASE_ID, serial=1, not_before=NOW, event=an_event())
    body = json.loads(encode_command(scheduled))
    body["switchyard"]["data"]["event"] = event
    with pytest.raises(MessageError, match="kind and data"):
        decode_command(json.dumps(body))


def test_the_base_types_are_not_messages() -> None:
    """Only registered types are sent."""
    with pytest.raises(MessageError, match="not registered"):
        encode_event(Event(event_id="e", release_id=RELEASE_ID, occurred_at=NOW))
    with pytest.raises(MessageError, match="not registered"):
        encode_command(Command(command_id="c", release_id=RELEASE_ID, serial=1))


def test_a_time_without_a_zone_is_not_sent() -> None:
    """Times are UTC and aware."""
    with pytest.raises(MessageError, match="occurred_at"):
        encode_event(an_event(occurred_at=datetime(2026, 1, 5)))  # noqa: DTZ001


def test_a_body_over_the_limit_is_refused_on_both_sides() -> None:
    """Too large a message would be refused by Service Bus only after the commit."""
    with pytest.raises(MessageError, match=str(BODY_BYTES_MAX)):
        encode_command(replace(a_command(), reason="x" * BODY_BYTES_MAX))
    with pytest.raises(MessageError, match=str(BODY_BYTES_MAX)):
        decode_command(b" " * (BODY_BYTES_MAX + 1))
