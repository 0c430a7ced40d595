"""EventQueue and CommandQueue: what is sent arrives as it was, once per message id, not before its time."""

import asyncio
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from azure.servicebus import ServiceBusReceivedMessage
from azure.servicebus.aio import ServiceBusClient

from shared.adapters.service_bus.link import ServiceBusCommandQueue, ServiceBusEventQueue
from shared.application.release.ports import CommandQueue, EventQueue
from shared.contracts.looks import look_of
from shared.contracts.messages import BODY_BYTES_MAX, MessageError, decode_command, decode_event
from tests.fakes.queues import MemoryCommandQueue, MemoryEventQueue
from tests.support.builders import a_command, an_event

Sent = list[tuple[str, Any, datetime | None]]
#: Far enough ahead that it does not come while the test runs; whole seconds, because the bus keeps milliseconds.
TOMORROW = datetime.now(UTC).replace(microsecond=0) + timedelta(days=1)


@dataclass(frozen=True)
class Events:
    """A queue of events and a way to look at what one release was sent."""

    queue: EventQueue
    sent: Callable[[str], Awaitable[Sent]]


@dataclass(frozen=True)
class Commands:
    """A queue of commands and a way to look at what one release was sent."""

    queue: CommandQueue
    sent: Callable[[str], Awaitable[Sent]]


def message_of(message: ServiceBusReceivedMessage, content: Any) -> tuple[str, Any, datetime | None]:
    return str(message.message_id), content, message.scheduled_enqueue_time_utc


def events_in_memory() -> Events:
    queue = MemoryEventQueue()

    async def sent(release_id: str) -> Sent:
        return [entry for entry in queue.sent if entry[1].release_id == release_id]

    return Events(queue, sent)


def events_on_the_bus(bus: ServiceBusClient) -> Events:
    async def sent(release_id: str) -> Sent:
        async with bus.get_queue_receiver("release-events", session_id=release_id) as receiver:
            messages = await receiver.peek_messages(max_message_count=50)
        return [message_of(message, decode_event(str(message))) for message in messages]

    return Events(ServiceBusEventQueue(bus), sent)


def commands_in_memory() -> Commands:
    queue = MemoryCommandQueue()

    async def sent(release_id: str) -> Sent:
        return [entry for entry in queue.sent if entry[1].release_id == release_id]

    return Commands(queue, sent)


def commands_on_the_bus(bus: ServiceBusClient) -> Commands:
    async def sent(release_id: str) -> Sent:
        async with bus.get_queue_receiver("effects") as receiver:
            messages = await receiver.peek_messages(max_message_count=50)
        commands = [each for each in messages if look_of(str(each)) is None]  # looks ride the same queue
        found = [message_of(message, decode_command(str(message))) for message in commands]
        return [entry for entry in found if entry[1].release_id == release_id]

    return Commands(ServiceBusCommandQueue(bus), sent)


@pytest.fixture(params=["memory", "bus"])
def events(request: pytest.FixtureRequest) -> Events:
    """Each test runs on both."""
    return events_in_memory() if request.param == "memory" else events_on_the_bus(request.getfixturevalue("bus"))


@pytest.fixture(params=["memory", "bus"])
def commands(request: pytest.FixtureRequest) -> Commands:
    """Each test runs on both."""
    return commands_in_memory() if request.param == "memory" else commands_on_the_bus(request.getfixturevalue("bus"))


@pytest.fixture
def release_id() -> str:
    """The queues outlive a test; its release does not."""
    return f"rel-{uuid.uuid4().hex[:16]}"


async def test_an_event_arrives_as_it_was(events: Events, release_id: str) -> None:
    """Under its own id, in its release's session, in the order of sending."""
    sent = [an_event(n, release_id=release_id, event_id=f"{release_id}-{n}") for n in range(3)]
    for event in sent:
        await events.queue.publish(event)
    assert await events.sent(release_id) == [(event.event_id, event, None) for event in sent]


async def test_an_event_sent_twice_arrives_once(events: Events, release_id: str) -> None:
    """Unless it is sent under another message id."""
    event = an_event(release_id=release_id, event_id=f"{release_id}-event")
    for message_id in (None, event.event_id, f"{release_id}-again", f"{release_id}-again"):
        await events.queue.publish(event, message_id=message_id)
    assert [entry[0] for entry in await events.sent(release_id)] == [event.event_id, f"{release_id}-again"]


async def test_an_event_can_be_put_off(events: Events, release_id: str) -> None:
    """Timers of a release are scheduled events."""
    event = an_event(release_id=release_id, event_id=f"{release_id}-event")
    await events.queue.publish(event, at=TOMORROW)
    assert await events.sent(release_id) == [(event.event_id, event, TOMORROW)]


async def test_events_can_be_published_all_at_once(events: Events, release_id: str) -> None:
    """The SDK's senders are not safe for concurrent use; the queue is."""
    sent = [an_event(n, release_id=release_id, event_id=f"{release_id}-{n}") for n in range(20)]
    await asyncio.gather(*(events.queue.publish(event) for event in sent))
    assert {entry[0] for entry in await events.sent(release_id)} == {event.event_id for event in sent}


async def test_a_command_arrives_as_it_was(commands: Commands, release_id: str) -> None:
    """Under its own id; twice sent is once arrived."""
    command = a_command(release_id=release_id, command_id=f"{release_id}-command")
    for _ in range(2):
        await commands.queue.send(command)
    assert await commands.sent(release_id) == [(command.command_id, command, None)]


async def test_a_command_waits_for_its_own_time_or_the_one_given(commands: Commands, release_id: str) -> None:
    """A pause between attempts is part of the command; a caller may put it off further."""
    command = a_command(release_id=release_id, command_id=f"{release_id}-command", not_before=TOMORROW)
    await commands.queue.send(command)
    later = TOMORROW + timedelta(hours=1)
    await commands.queue.send(command, message_id=f"{release_id}-again", at=later)
    assert await commands.sent(release_id) == [
        (command.command_id, command, TOMORROW),
        (f"{release_id}-again", command, later),
    ]


async def test_an_id_too_long_for_the_bus_is_hashed(bus: ServiceBusClient, release_id: str) -> None:
    """Always to the same id, so that duplicates are still found."""
    event = an_event(release_id=release_id, event_id=f"{release_id}-{'x' * 500}")
    events = events_on_the_bus(bus)
    for _ in range(2):
        await events.queue.publish(event)
    ((message_id, received, _),) = await events.sent(release_id)
    assert received == event
    assert message_id.startswith("sha256-")
    assert len(message_id) == 71


async def test_a_message_says_what_it_is(bus: ServiceBusClient, release_id: str) -> None:
    """For whoever looks into the queue: kind, release and content type."""
    await ServiceBusEventQueue(bus).publish(an_event(release_id=release_id, event_id=f"{release_id}-event"))
    async with bus.get_queue_receiver("release-events", session_id=release_id) as receiver:
        (message,) = await receiver.peek_messages()
    assert (message.subject, message.correlation_id, message.content_type, message.session_id) == (
        "LookDue",
        release_id,
        "application/json",
        release_id,
    )


async def test_a_message_that_is_too_large_is_not_sent(bus: ServiceBusClient, release_id: str) -> None:
    """It is a mistake in the code, not a fault of the bus."""
    command = replace(a_command(release_id=release_id), reason="x" * BODY_BYTES_MAX)
    with pytest.raises(MessageError, match="limit"):
        await ServiceBusCommandQueue(bus).send(command)


async def test_the_largest_body_fits_a_message(bus: ServiceBusClient, release_id: str) -> None:
    """The limit leaves room for the properties."""
    commands = commands_on_the_bus(bus)
    command = replace(a_command(release_id=release_id, command_id=f"{release_id}-c"), reason="x" * 199_000)
    await commands.queue.send(command)
    assert await commands.sent(release_id) == [(command.command_id, command, None)]
