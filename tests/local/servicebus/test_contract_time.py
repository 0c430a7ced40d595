"""The contract of what passes with time: locks that are renewed, windows, times to live; sync and aio."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import pytest_asyncio
from azure.servicebus import NEXT_AVAILABLE_SESSION, AutoLockRenewer
from azure.servicebus.aio import AutoLockRenewer as AsyncAutoLockRenewer

from tests.local.servicebus.clients import Desk, do, message, text

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module", autouse=True)
async def _opened(desk: Desk) -> None:
    """All at once, which saves the client's half a second for each."""
    await desk.open("renewed", "forgetful", dead_letters=False)
    await desk.open("fleeting")


async def test_renewed_locks_of_a_message_and_of_a_session_hold_beyond_their_first_end(desk: Desk) -> None:
    """By hand once, then in the background; nobody else gets the messages, and both can still be completed."""
    await desk.send("renewed", message("long work"))
    await desk.send("renewed-sessions", message("long work", session_id=desk.kind))
    plain = await desk.receiver("renewed")
    ordered = await desk.new_receiver("renewed-sessions", session_id=NEXT_AVAILABLE_SESSION)
    (received,), (of_session,) = await desk.receive("renewed"), await desk.receive_from(ordered)
    first_ends = (received.locked_until_utc, ordered.session.locked_until_utc)
    assert await do(plain.renew_message_lock(received)) > first_ends[0]
    assert await do(ordered.session.renew_lock()) > first_ends[1]

    renewer: Any = AutoLockRenewer() if desk.kind == "sync" else AsyncAutoLockRenewer()
    end = max(received.locked_until_utc, ordered.session.locked_until_utc) + timedelta(seconds=0.2)
    renewer.register(plain, received)
    renewer.register(ordered, ordered.session)
    while datetime.now(UTC) < end:
        assert await do(plain.receive_messages(1, max_wait_time=0.1)) == []
        assert await do(ordered.receive_messages(1, max_wait_time=0.1)) == []
    await do(renewer.close())
    await do(plain.complete_message(received))
    await do(ordered.complete_message(of_session))
    assert await desk.is_empty("renewed")


async def test_an_id_may_be_used_again_after_the_window_of_duplicates(desk: Desk) -> None:
    """Within it the second message is dropped, and its sender hears nothing of it."""
    for body in ("first", "dropped"):
        await desk.send("forgetful", message(body, message_id=desk.kind))
    await asyncio.sleep(20 if desk.namespace.wait_s > 5 else 1)  # nothing else tells that the window is over
    await desk.send("forgetful", message("second", message_id=desk.kind))
    received = await desk.receive("forgetful", 2)
    assert [text(item) for item in received] == ["first", "second"]
    for item in received:
        await do((await desk.receiver("forgetful")).complete_message(item))


async def test_a_message_ends_with_its_queues_time_to_live(desk: Desk) -> None:
    """Unless it is shorter itself; where the queue does not dead-letter, it is gone."""
    receiver = await desk.receiver("fleeting")
    await desk.send("fleeting", message(time_to_live=timedelta(hours=1)))
    (peeked,) = await do(receiver.peek_messages(5, sequence_number=1))
    while await do(receiver.peek_messages(5, sequence_number=1)):
        assert datetime.now(UTC) < peeked.expires_at_utc + timedelta(seconds=1)
    assert datetime.now(UTC) >= peeked.expires_at_utc
    assert await desk.is_empty("fleeting")
    assert await desk.is_empty("fleeting", sub_queue="deadletter")


async def test_a_receiver_can_be_walked_through(desk: Desk) -> None:
    """It ends when nothing more comes within the wait."""
    await desk.send("prefetched", message("1"), message("2"))
    receiver = await desk.new_receiver("prefetched", receive_mode="receiveanddelete", max_wait_time=0.5)
    found = list(receiver) if desk.kind == "sync" else [item async for item in receiver]
    assert [text(item) for item in found] == ["1", "2"]
