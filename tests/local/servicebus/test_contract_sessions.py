"""The contract of a queue with sessions, with the real client, sync and aio."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from datetime import UTC, datetime, timedelta

import pytest
import pytest_asyncio
from azure.servicebus import NEXT_AVAILABLE_SESSION
from azure.servicebus.exceptions import (
    OperationTimeoutError,
    ServiceBusError,
    SessionCannotBeLockedError,
    SessionLockLostError,
)

from tests.local.servicebus.clients import Desk, do, message, text

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module", autouse=True)
async def _opened(desk: Desk) -> None:
    """All at once, which saves the client's half a second for each."""
    queues = ("ordered", "handed-over", "waited-for", "strict", "hasty-sessions")
    await asyncio.gather(*(desk.sender(queue) for queue in queues), desk.receiver("strict", sub_queue="deadletter"))


async def test_a_session_gives_its_messages_in_order_and_keeps_its_state(desk: Desk) -> None:
    """The next available session: messages, state, renewal, deferral."""
    mine = f"mine-{desk.kind}"
    await desk.send("ordered", *(message(str(n), session_id=mine) for n in range(3)))
    receiver = await desk.new_receiver("ordered", session_id=NEXT_AVAILABLE_SESSION)
    session = receiver.session
    assert session.session_id == mine
    assert timedelta(minutes=4) < session.locked_until_utc - datetime.now(UTC) <= timedelta(minutes=5)
    received = await desk.receive_from(receiver, 3)
    assert [(text(item), item.session_id) for item in received] == [(str(n), mine) for n in range(3)]

    assert await do(session.get_state()) is None
    await do(session.set_state(b"step 1"))
    assert await do(session.get_state()) == b"step 1"
    locked_until = session.locked_until_utc
    assert await do(session.renew_lock()) > locked_until

    await do(receiver.complete_message(received[0]))
    await do(receiver.defer_message(received[1]))
    (deferred,) = await do(receiver.receive_deferred_messages([received[1].sequence_number]))
    await do(receiver.complete_message(deferred))
    await do(receiver.abandon_message(received[2]))
    (again,) = await desk.receive_from(receiver)
    assert (text(again), again.delivery_count) == ("2", 1)
    await do(receiver.dead_letter_message(again, reason="why"))
    assert await do(receiver.peek_messages(5, sequence_number=1)) == []


async def test_a_session_can_be_listed_is_held_once_and_passes_on_when_closed(desk: Desk) -> None:
    """A second taker is refused; what the first did not settle goes to the next, uncounted."""
    a, b = f"a-{desk.kind}", f"b-{desk.kind}"
    await desk.send("handed-over", message("1", session_id=a), message("2", session_id=b))
    assert {a, b} <= set(await listed(desk, "handed-over"))
    first = await desk.new_receiver("handed-over", session_id=a)
    await do(first.session.set_state(b"kept"))
    await desk.receive_from(first)
    with pytest.raises(SessionCannotBeLockedError):
        await desk.new_receiver("handed-over", session_id=a)
    await do(first.close())
    second = await desk.new_receiver("handed-over", session_id=a)
    (received,) = await desk.receive_from(second)
    assert (text(received), received.delivery_count) == ("1", 0)
    assert await do(second.session.get_state()) == b"kept"


async def listed(desk: Desk, queue: str) -> list[str]:
    """The sessions of a queue, whichever client lists them."""
    found = desk.client.list_queue_sessions(queue)
    return list(found) if desk.kind == "sync" else [item async for item in found]


async def test_a_receiver_waits_for_a_session_that_comes_later(desk: Desk) -> None:
    """Its attach is answered when a message arrives; nobody else needs to act."""
    await desk.sender("waited-for")
    waiting = asyncio.create_task(desk.new_receiver("waited-for", session_id=NEXT_AVAILABLE_SESSION))
    await asyncio.sleep(0)
    await desk.send("waited-for", message("late", session_id=desk.kind))
    receiver = await waiting
    (received,) = await desk.receive_from(receiver)
    assert (receiver.session.session_id, text(received)) == (desk.kind, "late")
    await do(receiver.complete_message(received))


async def test_a_session_of_a_receiver_that_deletes_needs_no_settlement(desk: Desk) -> None:
    """Handed out in order, and gone."""
    mine = f"deleted-{desk.kind}"
    await desk.send("ordered", message("1", session_id=mine), message("2", session_id=mine))
    receiver = await desk.new_receiver("ordered", session_id=mine, receive_mode="receiveanddelete")
    assert [text(item) for item in await desk.receive_from(receiver, 2)] == ["1", "2"]
    assert await do(receiver.peek_messages(5, sequence_number=1)) == []


async def test_the_dead_letters_of_a_session_queue_are_read_without_a_session(desk: Desk) -> None:
    """The message keeps the session it had, and a scheduled one belongs to it from its time on."""
    mine = f"dead-{desk.kind}"
    sender = await desk.sender("strict")
    await do(sender.schedule_messages(message("broken", session_id=mine), datetime.now(UTC) + timedelta(seconds=0.2)))
    receiver = await desk.new_receiver("strict", session_id=mine)
    (received,) = await desk.receive_from(receiver)
    await do(receiver.dead_letter_message(received, reason="schema"))
    (letter,) = await desk.receive("strict", sub_queue="deadletter")
    assert (text(letter), letter.session_id, letter.dead_letter_reason) == ("broken", mine, "schema")
    await do((await desk.receiver("strict", sub_queue="deadletter")).complete_message(letter))


async def test_waiting_for_a_session_ends_in_a_timeout(desk: Desk) -> None:
    """After the receiver's own wait; the queue is idle, not broken."""
    with pytest.raises(OperationTimeoutError):
        await desk.new_receiver("waited-for", session_id=NEXT_AVAILABLE_SESSION, max_wait_time=0.5)


async def test_a_lost_session_lock_is_told_and_counted(desk: Desk) -> None:
    """What the receiver holds cannot be settled; the next one gets it counted."""
    await desk.send("hasty-sessions", message("slow", session_id=desk.kind))
    slow = await desk.new_receiver("hasty-sessions", session_id=desk.kind)
    (received,) = await desk.receive_from(slow)
    await do(slow.session.renew_lock())
    quick = await desk.new_receiver("hasty-sessions", session_id=NEXT_AVAILABLE_SESSION)
    (again,) = await desk.receive_from(quick)
    assert again.delivery_count == 1
    with pytest.raises(SessionLockLostError):
        await do(slow.complete_message(received))
    await do(quick.complete_message(again))


@pytest.mark.parametrize("desk", ["aio"], indirect=True)
async def test_many_receivers_share_the_sessions_and_keep_each_in_order(desk: Desk) -> None:
    """Four receivers, eight sessions, five messages each: every one once, in its session's order."""
    await desk.send("crowded", *(message(str(n), session_id=f"s{s}") for n in range(5) for s in range(8)))
    seen: dict[str, list[str]] = defaultdict(list)

    async def work() -> None:
        for _ in range(2):
            receiver = await desk.new_receiver("crowded", session_id=NEXT_AVAILABLE_SESSION)
            for item in await desk.receive_from(receiver, 5):
                seen[receiver.session.session_id].append(text(item))
                await receiver.complete_message(item)

    await asyncio.gather(*(work() for _ in range(4)))
    assert dict(seen) == {f"s{s}": ["0", "1", "2", "3", "4"] for s in range(8)}


async def test_a_message_without_a_session_is_refused(desk: Desk) -> None:
    """The sender is told; the link stays usable."""
    sender = await desk.sender("strict")
    with pytest.raises(ServiceBusError, match="SessionId"):
        await do(sender.send_messages(message()))
    await do(sender.send_messages(message(session_id="kept")))
