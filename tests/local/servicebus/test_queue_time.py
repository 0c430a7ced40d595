"""What a queue does when its time comes: scheduled messages, and messages that expire."""

from __future__ import annotations

import pytest

from local.servicebus.errors import ServiceBusError
from tests.local.servicebus.encoded import Bench, contents, dead, encoded, receive, send


def test_a_scheduled_message_appears_at_its_time_behind_what_came_before(bench: Bench) -> None:
    """It gets a new sequence number when it becomes active, as in Azure."""
    queue = bench.broker.queue("plain")
    (scheduled,) = send(bench, "plain", encoded(scheduled_at=bench.clock.now + 10))
    (waiting,) = send(bench, "plain", encoded())
    bench.pass_time(9.9)
    assert receive(queue).sequence == waiting
    assert queue.take() is None
    (late,) = send(bench, "plain", encoded())
    bench.pass_time(0.1)
    assert receive(queue).sequence == late
    activated = receive(queue)
    assert activated.sequence > late > scheduled


def test_a_cancelled_scheduled_message_never_appears(bench: Bench) -> None:
    """A second cancellation, or one after the time, finds nothing."""
    queue = bench.broker.queue("plain")
    cancelled, other = send(bench, "plain", *(encoded(scheduled_at=bench.clock.now + 10) for _ in range(2)))
    queue.cancel_scheduled([cancelled])
    with pytest.raises(ServiceBusError) as caught:
        queue.cancel_scheduled([other, cancelled])
    assert caught.value.condition == "com.microsoft:message-not-found"
    bench.pass_time(10)
    assert len(contents(queue)) == 1


def test_a_scheduled_message_that_became_due_while_the_broker_was_down_appears_at_start(bench: Bench) -> None:
    """Time passes for scheduled messages also without a broker."""
    send(bench, "plain", encoded(scheduled_at=bench.clock.now + 10))
    bench.clock.now += 60
    bench.restart()
    assert receive(bench.broker.queue("plain")).delivery_count == 0


def test_an_expired_message_is_dead_lettered_where_the_queue_says_so(bench: Bench) -> None:
    """The shorter of the message's and the queue's time to live counts."""
    send(bench, "brief", encoded(ttl_ms=60_000), encoded(), encoded(ttl_ms=7_200_000))
    bench.pass_time(60)
    (message,) = dead(bench, "brief")
    assert b"TTLExpiredException" in message.incoming.bare
    bench.pass_time(3540)
    assert len(dead(bench, "brief")) == 3
    bench.pass_time(1_000_000)
    assert len(dead(bench, "brief")) == 3


def test_an_expired_message_is_dropped_where_the_queue_does_not_dead_letter(bench: Bench) -> None:
    """Azure's default."""
    send(bench, "plain", encoded(ttl_ms=1000))
    bench.pass_time(1)
    assert contents(bench.broker.queue("plain")) == []
    assert dead(bench, "plain") == []


def test_a_locked_message_can_be_completed_after_its_time_to_live(bench: Bench) -> None:
    """Expiry waits for the lock; a message that comes back expired is gone."""
    queue = bench.broker.queue("plain")
    send(bench, "plain", encoded(ttl_ms=1000), encoded(ttl_ms=1000))
    completed, abandoned = receive(queue), receive(queue)
    bench.pass_time(2)
    queue.complete(queue.locked(completed.lock_token or b""))
    queue.abandon(queue.locked(abandoned.lock_token or b""))
    assert contents(queue) == []
