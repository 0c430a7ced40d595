"""Encoded messages and a broker on a clock the test moves, for tests below the wire."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from local.servicebus.codec import sections as sec
from local.servicebus.codec.amqp_types import Symbol, Timestamp, UInt
from local.servicebus.codec.encoder import encode_into
from local.servicebus.config import parse_config
from local.servicebus.queues.broker import Broker
from local.servicebus.queues.lifecycle import Lifecycle
from local.servicebus.queues.message import Message
from local.servicebus.queues.queue import Queue

START = 1_800_000_000.0
CONFIG = {
    "queues": [
        {"name": "plain", "lockDuration": "PT30S", "maxDeliveryCount": 3},
        {
            "name": "unique",
            "requiresDuplicateDetection": True,
            "duplicateDetectionHistoryTimeWindow": "PT10M",
        },
        {
            "name": "brief",
            "defaultMessageTimeToLive": "PT1H",
            "deadLetteringOnMessageExpiration": True,
        },
        {
            "name": "ordered",
            "requiresSession": True,
            "lockDuration": "PT30S",
            "maxDeliveryCount": 3,
        },
        {"name": "small", "maxMessageSizeInKilobytes": 1},
    ]
}


class Clock:
    """Seconds since the epoch, moved by the test."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> float:
        return self.now


class Bench:
    """A broker on its own clock that can be restarted as after a kill (nothing is closed in order)."""

    def __init__(self, directory: Path) -> None:
        self.clock = Clock()
        self._directory = directory
        self.broker = self._open()

    def pass_time(self, seconds: float) -> None:
        self.clock.now += seconds
        self.broker.tick()

    def restart(self) -> None:
        self.broker.commit()
        self.broker.close()
        self.broker = self._open()
        self.broker.tick()

    def _open(self) -> Broker:
        return Broker(parse_config(json.dumps(CONFIG), "test"), self._directory, self.clock)


def encoded(
    body: bytes = b"hello",
    *,
    message_id: str | None = None,
    session_id: str | None = None,
    ttl_ms: int | None = None,
    scheduled_at: float | None = None,
    properties: dict[str, Any] | None = None,
) -> bytes:
    """One AMQP message as a client would encode it."""
    out = bytearray()

    def add(code: int, value: Any) -> None:
        nonlocal out
        out += sec.section_head(code)
        encode_into(value, out)

    if ttl_ms is not None:
        add(sec.HEADER, [True, None, UInt(ttl_ms)])
    if scheduled_at is not None:
        add(
            sec.MESSAGE_ANNOTATIONS,
            {Symbol("x-opt-scheduled-enqueue-time"): Timestamp(int(scheduled_at * 1000))},
        )
    add(sec.PROPERTIES, [message_id, *[None] * 9, session_id])
    if properties is not None:
        add(sec.APPLICATION_PROPERTIES, properties)
    add(sec.DATA, body)
    return bytes(out)


def not_called() -> None:
    """For sessions whose lock must not be lost in a test."""
    raise AssertionError("the session's lock was lost")


def noting(lost: list[str], name: str) -> Callable[[], None]:
    """A callback that notes the loss of a session's lock."""
    return lambda: lost.append(name)


def send(bench: Bench, name: str, *raw: bytes) -> list[int]:
    queue = bench.broker.queue(name)
    return [queue.enqueue(queue.read(item)) for item in raw]


def receive(queue: Queue) -> Message:
    """Take and lock the next message, which must be there."""
    message = queue.take()
    assert message is not None
    queue.lock(message)
    return message


def contents(queue: Lifecycle) -> list[int]:
    return list(queue.messages)


def dead(bench: Bench, name: str) -> list[Message]:
    return list(bench.broker.queue(f"{name}/$DeadLetterQueue").messages.values())
