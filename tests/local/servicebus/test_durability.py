"""kill -9: what was acknowledged is there afterwards, and nothing else."""

from __future__ import annotations

import contextlib
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

from azure.servicebus import ServiceBusClient, ServiceBusReceiveMode
from azure.servicebus.exceptions import ServiceBusError

from tests.local.servicebus.clients import connection_string, message, text
from tests.local.servicebus.conftest import running_broker
from tests.support.processes import until

RECEIVE_AND_DELETE = ServiceBusReceiveMode.RECEIVE_AND_DELETE
ROUNDS = 2
MIN_PER_ROUND = 200
"""Acknowledged messages before each kill, so that it always hits a broker at work."""


class Load:
    """A sender and a receiver that note what was acknowledged to them."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.sent: set[str] = set()
        self.completed: set[str] = set()
        self.in_doubt: set[str] = set()
        """Settled without an answer: may be done or not."""
        self.came_back: set[str] = set()
        self._stop = threading.Event()

    def run(self, work: str, number: int) -> None:
        """Send, or receive and complete, until the connection breaks."""
        with contextlib.suppress(ServiceBusError, OSError), _client(self.port) as client:
            if work == "send":
                self._send(client, number)
            else:
                self._receive(client)

    def _send(self, client: ServiceBusClient, number: int) -> None:
        with client.get_queue_sender("durable") as sender:
            for count in range(100_000):
                body = f"{number}-{count}"
                sender.send_messages(message(body))
                self.sent.add(body)

    def _receive(self, client: ServiceBusClient) -> None:
        with client.get_queue_receiver("durable", prefetch_count=20) as receiver:
            while True:
                for received in receiver.receive_messages(20, max_wait_time=1):
                    body = text(received)
                    if body in self.completed:
                        self.came_back.add(body)
                    self.in_doubt.add(body)
                    receiver.complete_message(received)
                    self.completed.add(body)
                    self.in_doubt.discard(body)


def test_no_acknowledged_message_is_lost_and_no_completed_one_comes_back(tmp_path: Path) -> None:
    """Two kills under load, on the same port and data."""
    with running_broker(tmp_path) as part:
        load = Load(part.port)
        for number in range(ROUNDS):
            workers = [threading.Thread(target=load.run, args=(work, number)) for work in ("send", "receive")]
            sent, completed = len(load.sent), len(load.completed)
            for worker in workers:
                worker.start()
            until(lambda sent=sent: len(load.sent) >= sent + MIN_PER_ROUND)
            until(lambda completed=completed: len(load.completed) > completed)
            part.kill()
            for worker in workers:
                worker.join(timeout=20)
                assert not worker.is_alive()
            part.start_again()
        left = Counter(_stored(part.port))
    assert load.came_back == set()
    assert load.sent - set(left) - load.completed - load.in_doubt == set()
    assert set(left) & load.completed == set()
    assert [body for body, count in left.items() if count > 1] == []


def _stored(port: int) -> list[str]:
    """Every message in the queue, locked or not."""
    bodies: list[str] = []
    with _client(port) as client:
        receiver = client.get_queue_receiver("durable", receive_mode=RECEIVE_AND_DELETE)  # closes at once
        next_number = 1
        while found := receiver.peek_messages(250, sequence_number=next_number):
            bodies += [text(item) for item in found]
            next_number = found[-1].sequence_number + 1
    return bodies


def test_a_message_received_before_a_kill_can_be_completed_after_it(tmp_path: Path) -> None:
    """Locks are durable, and the client finds its way back by itself."""
    with running_broker(tmp_path) as part:
        with _client(part.port, retry_total=3, retry_backoff_factor=0.01) as client:
            sender = client.get_queue_sender("durable")
            sender.send_messages([message("work"), message("next")])
            receiver = client.get_queue_receiver("durable")
            (received,) = receiver.receive_messages(1, max_wait_time=5)
            part.kill()
            part.start_again()
            receiver.complete_message(received)
            assert [text(item) for item in receiver.receive_messages(1, max_wait_time=5)] == ["next"]
        assert _stored(part.port) == ["next"]


def test_a_kill_frees_a_session_and_keeps_its_messages_and_state(tmp_path: Path) -> None:
    """The session's lock is gone, so its messages are received again, uncounted."""
    with running_broker(tmp_path) as part:
        with _client(part.port) as client:
            sender = client.get_queue_sender("durable-sessions")
            sender.send_messages([message("1", session_id="s"), message("2", session_id="s")])
            receiver = client.get_queue_receiver("durable-sessions", session_id="s")
            first, _second = receiver.receive_messages(2, max_wait_time=5)
            receiver.session.set_state(b"half way")
            receiver.complete_message(first)
            part.kill()
        part.start_again()
        with _client(part.port) as client:
            receiver = client.get_queue_receiver("durable-sessions", session_id="s")
            received = receiver.receive_messages(1, max_wait_time=5)
            assert [(text(item), item.delivery_count) for item in received] == [("2", 0)]
            assert receiver.session.get_state() == b"half way"


def test_a_terminated_broker_ends_in_time_and_keeps_everything(tmp_path: Path) -> None:
    """SIGTERM with a client connected: within five seconds, with status 0."""
    with running_broker(tmp_path) as part:
        with _client(part.port) as client:
            client.get_queue_sender("durable").send_messages([message(str(number)) for number in range(10)])
            before = time.monotonic()
            assert part.terminate() == 0
            assert time.monotonic() - before < 5
        part.start_again()
        assert _stored(part.port) == [str(number) for number in range(10)]


def _client(port: int, **options: Any) -> ServiceBusClient:
    """A client that fails at once unless told to try again; closing it closes its senders and receivers."""
    return ServiceBusClient.from_connection_string(connection_string(port), **{"retry_total": 0, **options})
