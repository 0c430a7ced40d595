"""The contract of a queue with sessions, with the real client, sync and aio."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
import pytest_asyncio
from azure.servicebus import NEXT_AVAILABLE_SESSION
from azure.servicebus.aio import AutoLockRenewer
from azure.servicebus.exceptions import (
    OperationTimeoutError,
    ServiceBusError,
    SessionCannotBeLockedError,
    SessionLockLostError,
)

from tests.local.servicebus.clients import Desk, do, message, receive_from, text

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=["sync", "aio"])
async def desk(request: pytest.FixtureRequest, broker_port: int) -> AsyncIterator[Desk]:
    desk = Desk(request.param, broker_port)
    yield desk
    await desk.close()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def async_desk(broker_port: int) -> AsyncIterator[Desk]:
    """For what takes long or needs concurrency."""
    desk = Desk("aio", broker_port)
    yield desk
    await desk.close()


async def test_a_session_gives_its_messages_in_order_and_keeps_its_state(desk: Desk) -> None:
    """The next available session: messages, state, renewal, deferral."""
    mine = f"mine-{desk.kind}"
    await desk.send("ordered", *(message(str(n), session_id=mine) for n in range(3)))
    receiver = await desk.new_receiver("ordered", session_id=NEXT_AVAILABLE_SESSION)
    session = receiver.session
    assert session.session_id == mine
    assert timedelta(minutes=4) < session.locked_until_utc - datetime.now(UTC) <= timedelta(minutes=5)
    received = await receive_from(receiver, 3)
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
    (again,) = await receive_from(receiver)
    assert (text(again), again.delivery_count) == ("2", 1)
    await do(receiver.dead_letter_message(again, reason="why"))
    assert await do(receiver.peek_messages(5, sequence_number=1)) == []


async def test_a_session_can_be_listed_is_held_once_and_passes_on_when_closed(async_desk: Desk) -> None:
    """A second taker is refused; what the first did not settle goes to the next, uncounted."""
    await async_desk.send("handed-over", message("1", session_id="a"), message("2", session_id="b"))
    assert [item async for item in async_desk.client.list_queue_sessions("handed-over")] == ["a", "b"]
    first = await async_desk.new_receiver("handed-over", session_id="a")
    await first.session.set_state(b"kept")
    await receive_from(first)
    with pytest.raises(SessionCannotBeLockedError):
        await async_desk.new_receiver("handed-over", session_id="a")
    await first.close()
    second = await async_desk.new_receiver("handed-over", session_id="a")
    (received,) = await receive_from(second)
    assert (text(received), received.delivery_count) == ("1", 0)
    assert await second.session.get_state() == b"kept"


async def test_renewal_in_the_background_keeps_a_session(async_desk: Desk) -> None:
    """The client's renewer holds a three-second lock for longer than that."""
    await async_desk.send("renewed-sessions", message("long work", session_id="s"))
    receiver = await async_desk.new_receiver("renewed-sessions", session_id="s")
    (received,) = await receive_from(receiver)
    first_end = receiver.session.locked_until_utc
    async with AutoLockRenewer() as renewer:
        renewer.register(receiver, receiver.session)
        while datetime.now(UTC) < first_end + timedelta(seconds=0.2):
            assert await receiver.receive_messages(1, max_wait_time=0.2) == []
        await receiver.complete_message(received)


async def test_a_receiver_waits_for_a_session_that_comes_later(async_desk: Desk) -> None:
    """Its attach is answered when a message arrives; nobody else needs to act."""
    await async_desk.sender("waited-for")
    waiting = asyncio.create_task(async_desk.new_receiver("waited-for", session_id=NEXT_AVAILABLE_SESSION))
    await asyncio.sleep(0)
    await async_desk.send("waited-for", message("late", session_id="s"))
    receiver = await waiting
    (received,) = await receive_from(receiver)
    assert (receiver.session.session_id, text(received)) == ("s", "late")
    await receiver.complete_message(received)


async def test_waiting_for_a_session_ends_in_a_timeout(desk: Desk) -> None:
    """After the receiver's own wait; the queue is idle, not broken."""
    with pytest.raises(OperationTimeoutError):
        await desk.new_receiver("waited-for", session_id=NEXT_AVAILABLE_SESSION, max_wait_time=0.5)


async def test_a_lost_session_lock_is_told_and_counted(async_desk: Desk) -> None:
    """What the receiver holds cannot be settled; the next one gets it counted."""
    await async_desk.send("hasty-sessions", message("slow", session_id="s"))
    slow = await async_desk.new_receiver("hasty-sessions", session_id="s")
    (received,) = await receive_from(slow)
    await slow.session.renew_lock()
    quick = await async_desk.new_receiver("hasty-sessions", session_id=NEXT_AVAILABLE_SESSION)
    (again,) = await receive_from(quick)
    assert again.delivery_count == 1
    with pytest.raises(SessionLockLostError):
        await slow.complete_message(received)
    await quick.complete_message(again)


async def test_many_receivers_share_the_sessions_and_keep_each_in_order(async_desk: Desk) -> None:
    """Four receivers, eight sessions, five messages each: every one once, in its session's order."""
    await async_desk.send("crowded", *(message(str(n), session_id=f"s{s}") for n in range(5) for s in range(8)))
    seen: dict[str, list[str]] = defaultdict(list)

    async def work() -> None:
        for _ in range(2):
            receiver = await async_desk.new_receiver("crowded", session_id=NEXT_AVAILABLE_SESSION)
            for item in await receive_from(receiver, 5):
                seen[receiver.session.session_id].append(text(item))
                await receiver.complete_message(item)

    await asyncio.gather(*(work() for _ in range(4)))
    assert dict(seen) == {f"s{s}": ["0", "1", "2", "3", "4"] for s in range(8)}


async def test_a_message_without_a_session_is_refused(desk: Desk) -> None:
    """The sender is told; the link stays usable."""
    sender = await desk.sender("strict")
    with pytest.raises(ServiceBusError, match="SessionId"):
        await do(sender.send_messages(message()))
    await do(sender.send_messages(message(session_id="s")))
