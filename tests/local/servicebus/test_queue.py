"""What a queue does with messages, below the wire and on a clock the test moves."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from local.servicebus.config import ConfigError, parse_config
from local.servicebus.errors import ServiceBusError
from local.servicebus.queues.broker import Broker
from tests.local.servicebus.encoded import Bench, contents, dead, encoded, receive, send


def test_messages_come_in_the_order_they_were_sent(bench: Bench) -> None:
    """Also when one of them went back in between."""
    queue = bench.broker.queue("plain")
    first, second, third = send(bench, "plain", encoded(), encoded(), encoded())
    message = receive(queue)
    queue.abandon(message)
    assert [receive(queue).sequence for _ in range(3)] == [first, second, third]


def test_a_lock_that_runs_out_gives_the_message_back_and_counts(bench: Bench) -> None:
    """Just before its end the lock holds; at its end the message is free under a new token."""
    queue = bench.broker.queue("plain")
    send(bench, "plain", encoded())
    message = receive(queue)
    token = message.lock_token or b""
    bench.pass_time(29.9)
    assert queue.take() is None
    bench.pass_time(0.1)
    assert receive(queue).delivery_count == 1
    with pytest.raises(ServiceBusError) as caught:
        queue.locked(token)
    assert caught.value.condition == "com.microsoft:message-lock-lost"


def test_a_renewed_lock_holds_from_the_renewal_on(bench: Bench) -> None:
    """The lock ends one lock duration after the renewal, not after the receive."""
    queue = bench.broker.queue("plain")
    send(bench, "plain", encoded())
    message = receive(queue)
    bench.pass_time(20)
    assert queue.renew_lock(message.lock_token or b"") == bench.clock.now + 30
    bench.pass_time(29.9)
    assert queue.take() is None
    bench.pass_time(0.1)
    assert queue.take() is message


def test_a_lock_is_lost_at_its_end_even_before_the_timer_ran(bench: Bench) -> None:
    """A settlement that arrives with the expiry is refused, and the message is free."""
    queue = bench.broker.queue("plain")
    send(bench, "plain", encoded())
    message = receive(queue)
    bench.clock.now += 30
    with pytest.raises(ServiceBusError):
        queue.locked(message.lock_token or b"")
    assert receive(queue).delivery_count == 1


def test_the_last_allowed_delivery_that_fails_dead_letters_the_message(bench: Bench) -> None:
    """With a maximum of three, the third failure moves it, with its count and its source."""
    queue = bench.broker.queue("plain")
    send(bench, "plain", encoded(message_id="poison"))
    queue.abandon(receive(queue))
    bench.pass_time(0)
    receive(queue)
    bench.pass_time(30)
    queue.abandon(receive(queue))
    assert contents(queue) == []
    (message,) = dead(bench, "plain")
    assert (message.delivery_count, message.dead_letter_source) == (3, "plain")
    assert b"MaxDeliveryCountExceeded" in message.incoming.bare


def test_a_released_message_is_not_counted(bench: Bench) -> None:
    """A receiver that closes gives back what it prefetched as it was."""
    queue = bench.broker.queue("plain")
    send(bench, "plain", encoded())
    for _ in range(5):
        queue.release(receive(queue))
    assert receive(queue).delivery_count == 0


def test_a_message_of_a_dead_letter_queue_cannot_be_dead_lettered_again(bench: Bench) -> None:
    """It stays locked for the receiver to decide otherwise."""
    send(bench, "plain", encoded())
    queue = bench.broker.queue("plain")
    queue.dead_letter(receive(queue), "why", "because")
    dead_letters = bench.broker.queue("plain/$deadletterqueue")
    message = receive(dead_letters)
    with pytest.raises(ServiceBusError, match="cannot be dead-lettered"):
        dead_letters.dead_letter(message, None, None)
    assert dead_letters.locked(message.lock_token or b"") is message


def test_a_duplicate_within_the_window_is_dropped_and_answers_with_the_original(bench: Bench) -> None:
    """Also after the original was completed; after the window the id is new again."""
    queue = bench.broker.queue("unique")
    (first,) = send(bench, "unique", encoded(b"1", message_id="m"))
    queue.complete(receive(queue))
    bench.pass_time(599)
    assert send(bench, "unique", encoded(b"2", message_id="m")) == [first]
    assert contents(queue) == []
    bench.pass_time(1)
    (second,) = send(bench, "unique", encoded(b"3", message_id="m"))
    assert second != first
    assert contents(queue) == [second]


def test_duplicates_are_remembered_over_a_restart_and_forgotten_on_disk_after_the_window(
    bench: Bench, tmp_path: Path
) -> None:
    """The history is as durable as the messages and does not grow for ever."""
    (first,) = send(bench, "unique", encoded(message_id="m"))
    bench.restart()
    assert send(bench, "unique", encoded(message_id="m")) == [first]
    for _ in range(12):
        bench.pass_time(60)
    bench.restart()
    assert len(send(bench, "unique", encoded(message_id="m"), encoded(message_id="other"))) == 2
    assert len(contents(bench.broker.queue("unique"))) == 3


def test_messages_without_an_id_are_never_duplicates(bench: Bench) -> None:
    """Only ids are compared, not bodies."""
    send(bench, "unique", encoded(), encoded())
    assert len(contents(bench.broker.queue("unique"))) == 2


def test_a_deferred_message_waits_for_its_number(bench: Bench) -> None:
    """It is not delivered, can be received by number, and stays deferred when abandoned."""
    queue = bench.broker.queue("plain")
    (sequence,) = send(bench, "plain", encoded())
    queue.defer(receive(queue))
    assert queue.take() is None
    (message,) = queue.receive_deferred([sequence], None, delete=False)
    with pytest.raises(ServiceBusError):
        queue.receive_deferred([sequence], None, delete=False)
    queue.abandon(message)
    bench.restart()
    queue = bench.broker.queue("plain")
    assert queue.take() is None
    (message,) = queue.receive_deferred([sequence], None, delete=False)
    queue.complete(message)
    assert contents(queue) == []


def test_receiving_deferred_messages_is_all_or_none(bench: Bench) -> None:
    """One wrong number locks nothing."""
    queue = bench.broker.queue("plain")
    (sequence,) = send(bench, "plain", encoded())
    queue.defer(receive(queue))
    with pytest.raises(ServiceBusError):
        queue.receive_deferred([sequence, 999], None, delete=True)
    assert queue.receive_deferred([sequence], None, delete=True)[0].sequence == sequence
    assert contents(queue) == []


def test_peek_shows_every_state_and_locks_nothing(bench: Bench) -> None:
    """From a sequence number on, in order, at most as many as asked for."""
    queue = bench.broker.queue("plain")
    first, second, third = send(bench, "plain", encoded(), encoded(), encoded(scheduled_at=bench.clock.now + 9))
    queue.defer(receive(queue))
    assert [m.sequence for m in queue.peek(0, 10, None)] == [first, second, third]
    assert [m.sequence for m in queue.peek(second, 1, None)] == [second]
    assert receive(queue).sequence == second


def test_a_message_above_the_limit_is_refused(bench: Bench) -> None:
    """The limit of the queue counts the whole encoded message."""
    queue = bench.broker.queue("small")
    with pytest.raises(ServiceBusError) as caught:
        queue.read(encoded(b"x" * 1024))
    assert caught.value.condition == "amqp:link:message-size-exceeded"


def test_a_queue_takes_what_the_standard_tier_takes() -> None:
    """256 KB, unless the file says otherwise as Premium may."""
    (queue,) = parse_config('{"queues": [{"name": "q"}]}', "file").queues
    assert queue.max_message_bytes == 262_144


@pytest.mark.parametrize(
    ("message", "condition"),
    [
        ({"properties": dict.fromkeys("abc", "x" * 22000)}, "amqp:link:message-size-exceeded"),
        ({"properties": {"one": "x" * 32_786}}, "amqp:internal-error"),
        ({"message_id": "i" * 129}, "com.microsoft:argument-error"),
        ({"session_id": "i" * 129}, "com.microsoft:argument-error"),
    ],
)
def test_properties_and_ids_above_their_limits_are_refused(
    bench: Bench, message: dict[str, Any], condition: str
) -> None:
    """Whatever the body: 64 KB for all properties, 32 KB for one, 128 characters for an id."""
    queue = bench.broker.queue("plain")
    with pytest.raises(ServiceBusError) as caught:
        queue.read(encoded(**message))
    assert caught.value.condition == condition


def test_properties_and_ids_up_to_their_limits_are_taken(bench: Bench) -> None:
    """With some room for what the broker adds."""
    properties = {"one": "x" * 32_000, "two": "x" * 32_000}
    assert (
        bench.broker.queue("plain").read(encoded(message_id="i" * 128, properties=properties)).message_id == "i" * 128
    )


def test_locks_counts_and_dead_letters_survive_a_restart(bench: Bench) -> None:
    """A lock holds over a restart: its token settles, and it still runs out."""
    queue = bench.broker.queue("plain")
    send(bench, "plain", encoded(b"held"), encoded(b"settled"), encoded(b"dead"))
    held, settled, letter = receive(queue), receive(queue), receive(queue)
    queue.dead_letter(letter, "why", None)
    bench.restart()
    queue = bench.broker.queue("plain")
    assert queue.take() is None
    queue.complete(queue.locked(settled.lock_token or b""))
    assert b"why" in dead(bench, "plain")[0].incoming.bare
    bench.pass_time(30)
    message = receive(queue)
    assert (message.sequence, message.delivery_count) == (held.sequence, 1)


def test_sequence_numbers_are_never_used_twice(bench: Bench) -> None:
    """Also when the message with the highest number was gone before a restart."""
    queue = bench.broker.queue("plain")
    (first,) = send(bench, "plain", encoded())
    queue.complete(receive(queue))
    bench.restart()
    (second,) = send(bench, "plain", encoded())
    assert second > first


def test_an_unknown_queue_is_not_found(bench: Bench) -> None:
    """Names ignore case, and nothing else."""
    assert bench.broker.queue("PLAIN") is bench.broker.queue("plain")
    with pytest.raises(ServiceBusError) as caught:
        bench.broker.queue("absent")
    assert (caught.value.condition, caught.value.status) == ("amqp:not-found", 404)


def test_a_queue_that_gains_sessions_does_not_strand_its_messages(tmp_path: Path) -> None:
    """Messages without a session could never be received again, so the broker does not start."""
    before = Broker(parse_config('{"queues": [{"name": "q"}]}', "before"), tmp_path)
    queue = before.queue("q")
    queue.enqueue(queue.read(encoded()))
    before.close()
    after = parse_config('{"queues": [{"name": "q", "requiresSession": true}]}', "after")
    with pytest.raises(ConfigError, match="now requires sessions"):
        Broker(after, tmp_path)
