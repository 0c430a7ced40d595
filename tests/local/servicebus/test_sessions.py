"""Sessions, below the wire and on a clock the test moves."""

from __future__ import annotations

import pytest

from local.servicebus.errors import ServiceBusError
from local.servicebus.queues.message import Message
from local.servicebus.queues.sessions import Session, SessionQueue
from tests.local.servicebus.encoded import Bench, encoded, not_called, noting


def sessions_of(bench: Bench) -> SessionQueue:
    queue = bench.broker.queue("ordered")
    assert isinstance(queue, SessionQueue)
    return queue


def send(bench: Bench, *session_ids: str) -> list[int]:
    queue = sessions_of(bench)
    return [queue.enqueue(queue.read(encoded(session_id=item))) for item in session_ids]


def accept(queue: SessionQueue, session_id: str | None = None) -> Session:
    session = queue.accept(session_id, not_called)
    assert session is not None
    return session


def receive(queue: SessionQueue, session: Session) -> Message:
    message = queue.take(session.id)
    assert message is not None
    queue.lock(message)
    return message


def test_a_session_is_held_by_one_receiver_and_gives_its_own_messages_in_order(bench: Bench) -> None:
    """Others get other sessions; a session that is held cannot be taken."""
    queue = sessions_of(bench)
    sent = send(bench, "a", "b", "a")
    first, second = accept(queue), accept(queue)
    assert (first.id, second.id) == ("a", "b")
    assert [receive(queue, first).sequence for _ in range(2)] == [sent[0], sent[2]]
    assert queue.take("a") is None
    assert queue.accept(None, not_called) is None
    with pytest.raises(ServiceBusError) as caught:
        queue.accept("a", not_called)
    assert caught.value.condition == "com.microsoft:session-cannot-be-locked"


def test_a_closed_session_gives_back_what_it_held_uncounted(bench: Bench) -> None:
    """Closing a receiver is not a failed delivery."""
    queue = sessions_of(bench)
    send(bench, "a", "a")
    session = accept(queue)
    first, second = receive(queue, session), receive(queue, session)
    queue.release_session(session)
    again = accept(queue)
    assert [receive(queue, again) for _ in range(2)] == [first, second]
    assert first.delivery_count == 0


def test_a_session_lock_that_runs_out_is_lost_with_its_messages_and_counts(bench: Bench) -> None:
    """The receiver is told, nothing it holds can be settled, and the session is free."""
    queue = sessions_of(bench)
    send(bench, "a")
    lost: list[str] = []
    session = queue.accept("a", noting(lost, "a"))
    assert session is not None
    token = receive(queue, session).lock_token or b""
    bench.pass_time(30)
    assert lost == ["a"]
    with pytest.raises(ServiceBusError):
        queue.locked(token)
    with pytest.raises(ServiceBusError) as caught:
        queue.renew("a")
    assert caught.value.condition == "com.microsoft:session-lock-lost"
    assert receive(queue, accept(queue)).delivery_count == 1


def test_a_renewed_session_keeps_its_messages(bench: Bench) -> None:
    """The lock of a message is that of its session."""
    queue = sessions_of(bench)
    send(bench, "a")
    session = accept(queue)
    message = receive(queue, session)
    bench.pass_time(20)
    assert queue.renew("a") == bench.clock.now + 30
    bench.pass_time(29)
    queue.complete(queue.locked(message.lock_token or b""))
    assert list(queue.messages) == []


def test_three_lost_locks_dead_letter_the_message(bench: Bench) -> None:
    """The maximum delivery count holds for sessions; the dead-letter queue has none."""
    queue = sessions_of(bench)
    send(bench, "a")
    for _ in range(3):
        session = queue.accept(None, noting([], "a"))
        assert session is not None
        receive(queue, session)
        bench.pass_time(30)
    assert queue.accept(None, not_called) is None
    message = bench.broker.queue("ordered/$deadletterqueue").take()
    assert message is not None
    assert message.session_id == "a"


def test_state_belongs_to_who_holds_the_session_and_survives_a_restart(bench: Bench) -> None:
    """Without the lock neither reading nor writing is allowed."""
    queue = sessions_of(bench)
    with pytest.raises(ServiceBusError):
        queue.set_state("a", b"stolen")
    accept(queue, "a")
    queue.set_state("a", b"step 2")
    bench.restart()
    queue = sessions_of(bench)
    with pytest.raises(ServiceBusError):
        queue.state("a")
    accept(queue, "a")
    assert queue.state("a") == b"step 2"
    queue.set_state("a", None)
    assert queue.state("a") is None


def test_a_restart_frees_sessions_and_keeps_their_messages_uncounted(bench: Bench) -> None:
    """Session locks are not durable; what was received but not settled waits again."""
    queue = sessions_of(bench)
    sent = send(bench, "a", "a", "b")
    session = accept(queue, "a")
    token = receive(queue, session).lock_token or b""
    bench.restart()
    queue = sessions_of(bench)
    with pytest.raises(ServiceBusError):
        queue.locked(token)
    session = accept(queue, "a")
    received = [receive(queue, session) for _ in range(2)]
    assert [(m.sequence, m.delivery_count) for m in received] == [(sent[0], 0), (sent[1], 0)]


def test_a_deferred_message_of_a_session_needs_its_lock(bench: Bench) -> None:
    """Asking without the lock, or for another session's number, finds nothing."""
    queue = sessions_of(bench)
    in_a, in_b = send(bench, "a", "b")
    for session_id in ("a", "b"):
        session = accept(queue, session_id)
        queue.defer(receive(queue, session))
        queue.release_session(session)
    with pytest.raises(ServiceBusError, match="not held"):
        queue.receive_deferred([in_a], "a", delete=False)
    session = accept(queue, "a")
    with pytest.raises(ServiceBusError, match=f"{in_b}"):
        queue.receive_deferred([in_b], "a", delete=False)
    (message,) = queue.receive_deferred([in_a], "a", delete=False)
    queue.complete(queue.locked(message.lock_token or b""))
    assert [m.sequence for m in queue.messages.values()] == [in_b]


def test_a_scheduled_message_makes_its_session_available_at_its_time(bench: Bench) -> None:
    """Until then the session has nothing to receive."""
    queue = sessions_of(bench)
    queue.enqueue(queue.read(encoded(session_id="a", scheduled_at=bench.clock.now + 10)))
    assert queue.accept(None, not_called) is None
    bench.pass_time(10)
    assert receive(queue, accept(queue)).session_id == "a"


def test_sessions_with_messages_or_state_are_listed(bench: Bench) -> None:
    """A session with neither does not exist; a time keeps those whose state changed later."""
    queue = sessions_of(bench)
    send(bench, "b", "a")
    accept(queue, "c")
    assert queue.session_ids(None) == ["a", "b"]
    queue.set_state("c", b"x")
    assert queue.session_ids(None) == ["a", "b", "c"]
    assert queue.session_ids(bench.clock.now - 1) == ["c"]


def test_a_message_without_a_session_is_refused(bench: Bench) -> None:
    """The queue could never give it to anyone."""
    with pytest.raises(ServiceBusError, match="SessionId"):
        sessions_of(bench).read(encoded())
