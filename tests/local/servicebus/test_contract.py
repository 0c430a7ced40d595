"""The contract of a queue without sessions, with the real client, sync and aio."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import pytest_asyncio
from azure.servicebus import ServiceBusMessage, ServiceBusMessageState
from azure.servicebus.amqp import AmqpAnnotatedMessage
from azure.servicebus.exceptions import (
    MessageLockLostError,
    MessageNotFoundError,
    MessageSizeExceededError,
)

from tests.local.servicebus.clients import Desk, do, message, text

pytestmark = pytest.mark.asyncio(loop_scope="module")
DEAD = {"sub_queue": "deadletter"}


@pytest_asyncio.fixture(scope="module", loop_scope="module", autouse=True)
async def _opened(desk: Desk) -> None:
    """All at once, which saves the client's half a second for each."""
    await desk.open("plain", "hasty")


def soon(seconds: float) -> datetime:
    return datetime.now(UTC) + timedelta(seconds=seconds)


async def complete(desk: Desk, queue: str, *received: Any, **options: Any) -> None:
    receiver = await desk.receiver(queue, **options)
    for item in received:
        await do(receiver.complete_message(item))


async def test_a_message_arrives_with_everything_its_sender_wrote(desk: Desk) -> None:
    """Body, ids, properties with their types; and what the broker adds."""
    sent = message(
        "body",
        message_id=f"id-{desk.kind}",
        correlation_id="c",
        subject="promoted",
        application_properties={"text": "a", "count": 3, "ratio": 0.5, "yes": True},
        time_to_live=timedelta(hours=1),
    )
    await desk.send("plain", sent)
    (received,) = await desk.receive("plain")
    assert text(received) == "body"
    assert (received.message_id, received.correlation_id, received.subject) == (f"id-{desk.kind}", "c", "promoted")
    assert received.application_properties == {b"text": b"a", b"count": 3, b"ratio": 0.5, b"yes": True}
    assert received.time_to_live == timedelta(hours=1)
    assert received.delivery_count == 0
    assert received.sequence_number > 0
    assert abs(received.enqueued_time_utc - datetime.now(UTC)) < timedelta(seconds=10)
    assert timedelta(minutes=4) < received.locked_until_utc - datetime.now(UTC) <= timedelta(minutes=5)
    await complete(desk, "plain", received)
    assert await desk.is_empty("plain")


async def test_a_batch_arrives_in_order(desk: Desk) -> None:
    """One transfer on the wire, a message each in the queue."""
    sender = await desk.sender("plain")
    batch = await do(sender.create_message_batch())
    for number in range(20):
        batch.add_message(message(str(number)))
    await do(sender.send_messages(batch))
    received = await desk.receive("plain", 20)
    assert [text(item) for item in received] == [str(number) for number in range(20)]
    await complete(desk, "plain", *received)


@pytest.mark.parametrize(
    "body", [{"data_body": [b"one", b"two"]}, {"value_body": {b"a": 1}}, {"sequence_body": [[1, 2], [b"x"]]}]
)
async def test_every_kind_of_body_arrives_unchanged(desk: Desk, body: dict[str, Any]) -> None:
    """Several data sections, a value, sequences; with annotations of the sender."""
    sent = AmqpAnnotatedMessage(annotations={"x-opt-mine": 7}, **body)
    await desk.send("plain", sent)
    (received,) = await desk.receive("plain")
    raw = received.raw_amqp_message
    found = list(received.body) if "value_body" not in body else received.body
    assert found == next(iter(body.values()))
    assert raw.annotations[b"x-opt-mine"] == 7
    await complete(desk, "plain", received)


async def test_a_message_of_many_frames_arrives_whole(desk: Desk) -> None:
    """240 kB travel in several frames each way, and fit the Standard tier."""
    body = "".join(chr(97 + number % 26) for number in range(240_000))
    await desk.send("plain", message(body))
    (received,) = await desk.receive("plain")
    assert text(received) == body
    await complete(desk, "plain", received)


async def test_a_message_above_the_limit_is_refused(desk: Desk) -> None:
    """256 KB in the Standard tier, the properties included; the queue goes on to be served."""
    sender = await desk.sender("plain")
    with pytest.raises(MessageSizeExceededError):
        await do(sender.send_messages(message("x" * 262_144)))
    with pytest.raises(MessageSizeExceededError):
        await do(sender.send_messages(message("x" * 240_000, application_properties={"mine": "y" * 30_000})))
    await desk.send("plain", message("small"))
    (received,) = await desk.receive("plain")
    assert text(received) == "small"
    await complete(desk, "plain", received)


async def test_properties_above_their_limit_are_refused(desk: Desk) -> None:
    """64 KB for all that is not the body."""
    sender = await desk.sender("plain")
    with pytest.raises(MessageSizeExceededError):
        await do(sender.send_messages(message(application_properties=dict.fromkeys("abc", "y" * 30000))))


async def test_an_abandoned_message_comes_back_counted(desk: Desk) -> None:
    """The second delivery says that one failed before."""
    receiver = await desk.receiver("plain")
    await desk.send("plain", message())
    (first,) = await desk.receive("plain")
    await do(receiver.abandon_message(first))
    (second,) = await desk.receive("plain")
    assert (second.sequence_number, second.delivery_count) == (first.sequence_number, 1)
    assert second.lock_token != first.lock_token
    await complete(desk, "plain", second)


async def test_a_dead_lettered_message_waits_with_its_reason(desk: Desk) -> None:
    """Reason, description and source can be read in the dead-letter queue."""
    receiver = await desk.receiver("plain")
    await desk.send("plain", message("broken", application_properties={"mine": 1}))
    (received,) = await desk.receive("plain")
    await do(receiver.dead_letter_message(received, reason="schema", error_description="no such field"))
    (letter,) = await desk.receive("plain", **DEAD)
    assert (letter.dead_letter_reason, letter.dead_letter_error_description) == ("schema", "no such field")
    assert (text(letter), letter.dead_letter_source, letter.application_properties[b"mine"]) == ("broken", "plain", 1)
    await complete(desk, "plain", letter, **DEAD)
    assert await desk.is_empty("plain", **DEAD)


async def test_a_deferred_message_is_received_by_its_number(desk: Desk) -> None:
    """It can be renewed and settled like any other, over the management link."""
    receiver = await desk.receiver("plain")
    await desk.send("plain", message("later"), message("never"))
    later, never = await desk.receive("plain", 2)
    for item in (later, never):
        await do(receiver.defer_message(item))
    assert await desk.is_empty("plain")
    numbers = [later.sequence_number, never.sequence_number]
    later, never = await do(receiver.receive_deferred_messages(numbers))
    assert await do(receiver.renew_message_lock(later)) > datetime.now(UTC)
    await do(receiver.complete_message(later))
    await do(receiver.dead_letter_message(never, reason="unwanted"))
    (letter,) = await desk.receive("plain", **DEAD)
    assert letter.dead_letter_reason == "unwanted"
    await complete(desk, "plain", letter, **DEAD)
    with pytest.raises(MessageNotFoundError):
        await do(receiver.receive_deferred_messages(numbers))


async def test_a_lost_lock_is_told_and_the_last_failed_delivery_dead_letters(desk: Desk) -> None:
    """Short locks, two deliveries at most."""
    receiver = await desk.receiver("hasty")
    await desk.send("hasty", message("lost"))
    (first,) = await desk.receive("hasty")
    (second,) = await desk.receive("hasty")
    assert second.delivery_count == 1
    assert second.enqueued_time_utc == first.enqueued_time_utc
    with pytest.raises(MessageLockLostError):
        await do(receiver.complete_message(first))
    with pytest.raises(MessageLockLostError):
        await do(receiver.renew_message_lock(first))
    (letter,) = await desk.receive("hasty", **DEAD)
    assert (letter.dead_letter_reason, letter.delivery_count) == ("MaxDeliveryCountExceeded", 2)
    await complete(desk, "hasty", letter, **DEAD)


async def test_an_expired_message_is_dead_lettered(desk: Desk) -> None:
    """Where the queue asks for it."""
    await desk.send("hasty", message("old", time_to_live=timedelta(milliseconds=200)))
    (letter,) = await desk.receive("hasty", **DEAD)
    assert (text(letter), letter.dead_letter_reason) == ("old", "TTLExpiredException")
    await complete(desk, "hasty", letter, **DEAD)


async def test_a_scheduled_message_comes_at_its_time_unless_cancelled(desk: Desk) -> None:
    """Scheduled by the message or by the call; a second cancellation finds nothing."""
    sender = await desk.sender("plain")
    due = soon(0.7)
    await desk.send("plain", message("own time", scheduled_enqueue_time_utc=due))
    kept, cancelled = await do(sender.schedule_messages([message("kept"), message("cancelled")], due))
    receiver = await desk.receiver("plain")
    peeked = {item.sequence_number: item for item in await do(receiver.peek_messages(10, sequence_number=1))}
    assert peeked[kept].state is ServiceBusMessageState.SCHEDULED
    assert abs(peeked[kept].scheduled_enqueue_time_utc - due) < timedelta(milliseconds=2)
    await do(sender.cancel_scheduled_messages(cancelled))
    with pytest.raises(MessageNotFoundError):
        await do(sender.cancel_scheduled_messages(cancelled))
    received = await desk.receive("plain", 2)
    assert datetime.now(UTC) >= due
    assert sorted(text(item) for item in received) == ["kept", "own time"]
    await complete(desk, "plain", *received)
    assert await desk.is_empty("plain")


async def test_a_duplicate_is_accepted_but_not_enqueued_again(desk: Desk) -> None:
    """Sent or scheduled; a scheduled duplicate answers with the original's number."""
    sender = await desk.sender("plain")
    name = f"same-{desk.kind}"
    await desk.send("plain", message("1", message_id=name), message("2", message_id=name))
    await desk.send("plain", message("3", message_id=name))
    (received,) = await desk.receive("plain")
    assert text(received) == "1"
    (number,) = await do(sender.schedule_messages([message("4", message_id=name)], soon(0)))
    assert number == received.sequence_number
    await complete(desk, "plain", received)
    assert await desk.is_empty("plain")


async def test_peek_looks_without_taking(desk: Desk) -> None:
    """From a number on; deferred messages show their state; an empty queue shows nothing."""
    receiver = await desk.receiver("plain")
    assert await do(receiver.peek_messages(5, sequence_number=1)) == []
    await desk.send("plain", *(message(str(number)) for number in range(3)))
    (first,) = await desk.receive("plain")
    await do(receiver.defer_message(first))
    peeked = await do(receiver.peek_messages(5, sequence_number=first.sequence_number))
    assert [text(item) for item in peeked] == ["0", "1", "2"]
    assert [item.state for item in peeked] == [
        ServiceBusMessageState.DEFERRED,
        ServiceBusMessageState.ACTIVE,
        ServiceBusMessageState.ACTIVE,
    ]
    await complete(desk, "plain", *await desk.receive("plain", 2))
    await complete(desk, "plain", *await do(receiver.receive_deferred_messages([first.sequence_number])))


async def test_receive_and_delete_needs_no_settlement(desk: Desk) -> None:
    """What was handed out is gone."""
    await desk.send("hasty", message("1"), message("2"))
    receiver = await desk.new_receiver("hasty", receive_mode="receiveanddelete")
    assert [text(item) for item in await desk.receive_from(receiver, 2)] == ["1", "2"]
    looking = await desk.receiver("hasty")
    assert await do(looking.peek_messages(5, sequence_number=1)) == []


async def test_prefetched_messages_go_back_uncounted_when_the_receiver_closes(desk: Desk) -> None:
    """The receiver held all ten, the application took one."""
    await desk.send("prefetched", *(message(str(number)) for number in range(10)))
    receiver = await desk.new_receiver("prefetched", prefetch_count=10)
    (received,) = await desk.receive_from(receiver)
    await do(receiver.complete_message(received))
    await do(receiver.close())
    again = await desk.new_receiver("prefetched", receive_mode="receiveanddelete")
    rest = await desk.receive_from(again, 9)
    assert [item.delivery_count for item in rest] == [0] * 9


async def test_a_client_message_needs_nothing_but_a_body(desk: Desk) -> None:
    """No id, no properties: no duplicate detection either."""
    await desk.send("plain", ServiceBusMessage(b"\x00\xff"), ServiceBusMessage(b"\x00\xff"))
    received = await desk.receive("plain", 2)
    assert [b"".join(item.body) for item in received] == [b"\x00\xff"] * 2
    await complete(desk, "plain", *received)
