"""One message: what is read from the sender's bytes, what the broker keeps, what a receiver is given.

Source: OASIS AMQP 1.0 part 3 (header, properties) and the annotations ``azure.servicebus`` 7.15 reads
(``_common/constants.py``). The delivery count on the wire is the number of *failed* earlier deliveries.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from local.servicebus.codec import sections as sec
from local.servicebus.codec.amqp_types import Int, Symbol, Timestamp, UByte, UInt
from local.servicebus.codec.decoder import Buffer, decode
from local.servicebus.codec.encoder import encode_into
from local.servicebus.queues.timers import Timer

SCHEDULED_ENQUEUE_TIME = "x-opt-scheduled-enqueue-time"
UINT_MAX = 0xFFFF_FFFF

_ENQUEUED_TIME = Symbol("x-opt-enqueued-time")
_SEQUENCE_NUMBER = Symbol("x-opt-sequence-number")
_ENQUEUE_SEQUENCE_NUMBER = Symbol("x-opt-enqueue-sequence-number")
_LOCKED_UNTIL = Symbol("x-opt-locked-until")
_MESSAGE_STATE = Symbol("x-opt-message-state")
_DEAD_LETTER_SOURCE = Symbol("x-opt-deadletter-source")
_BROKER_ANNOTATIONS = {
    _ENQUEUED_TIME,
    _SEQUENCE_NUMBER,
    _ENQUEUE_SEQUENCE_NUMBER,
    _LOCKED_UNTIL,
    _MESSAGE_STATE,
    _DEAD_LETTER_SOURCE,
}


class MessageState(IntEnum):
    """The numbers are those of ``x-opt-message-state``."""

    ACTIVE = 0
    DEFERRED = 1
    SCHEDULED = 2


@dataclass(frozen=True, slots=True)
class Incoming:
    """What a sender asked for. ``bare`` is everything from the properties section on, as it was sent."""

    bare: bytes
    annotations: bytes
    annotation_count: int
    durable: bool
    priority: int | None
    ttl_s: float | None
    scheduled_at: float | None
    message_id: str | None
    session_id: str | None


@dataclass(slots=True, eq=False)
class Message:
    """One message in a queue. Times are seconds since the epoch."""

    sequence: int
    incoming: Incoming
    state: MessageState
    enqueued_at: float
    expires_at: float | None = None
    delivery_count: int = 0
    enqueued_sequence: int = 0
    dead_letter_source: str | None = None
    lock_token: bytes | None = None
    locked_until: float = 0.0
    lock_timer: Timer | None = None
    due_timer: Timer | None = None
    """Enqueue time of a scheduled message, time to live of an active one."""

    @property
    def session_id(self) -> str | None:
        return self.incoming.session_id


def read_message(raw: Buffer) -> Incoming:
    """Read what the broker needs from one encoded message. Raises AmqpDecodeError."""
    header: list[Any] = []
    properties: list[Any] = []
    annotations: list[bytes] = []
    scheduled_at: float | None = None
    bare_from = len(raw)
    for section in sec.split_sections(raw):
        if section.code == sec.HEADER:
            header = decode(raw, section.value)[0]
        elif section.code == sec.MESSAGE_ANNOTATIONS:
            for entry in sec.map_entries(raw, section.value):
                if entry.key == SCHEDULED_ENQUEUE_TIME:
                    scheduled_at = decode(raw, entry.value)[0] / 1000
                if entry.key not in _BROKER_ANNOTATIONS:
                    annotations.append(entry.raw)
        elif section.code >= sec.PROPERTIES:
            bare_from = min(bare_from, section.start)
            if section.code == sec.PROPERTIES:
                properties = decode(raw, section.value)[0]
    header += [None] * (3 - len(header))
    properties += [None] * (11 - len(properties))
    return Incoming(
        bare=bytes(raw[bare_from:]),
        annotations=b"".join(annotations),
        annotation_count=len(annotations),
        durable=header[0] is not False,
        priority=header[1],
        ttl_s=None if header[2] in (None, UINT_MAX) else header[2] / 1000,
        scheduled_at=scheduled_at,
        message_id=None if properties[0] is None else str(properties[0]),
        session_id=None if properties[10] is None else str(properties[10]),
    )


def write_message(message: Message, peeked: bool = False) -> bytes:
    """The message as a receiver gets it: header and annotations of now, the sender's own bytes after."""
    incoming = message.incoming
    out = bytearray(sec.section_head(sec.HEADER))
    priority = None if incoming.priority is None else UByte(incoming.priority)
    ttl = None
    if message.expires_at is not None:
        ttl = UInt(min(UINT_MAX, max(0, int((message.expires_at - message.enqueued_at) * 1000))))
    encode_into([incoming.durable, priority, ttl, None, UInt(message.delivery_count)], out)
    extra: dict[Any, Any] = {
        _ENQUEUED_TIME: Timestamp(int(message.enqueued_at * 1000)),
        _SEQUENCE_NUMBER: message.sequence,
        _ENQUEUE_SEQUENCE_NUMBER: message.enqueued_sequence,
        _MESSAGE_STATE: Int(message.state),
    }
    if message.lock_token is not None and not peeked:
        extra[_LOCKED_UNTIL] = Timestamp(int(message.locked_until * 1000))
    if message.dead_letter_source is not None:
        extra[_DEAD_LETTER_SOURCE] = message.dead_letter_source
    sec.write_map_section(sec.MESSAGE_ANNOTATIONS, incoming.annotations, incoming.annotation_count, extra, out)
    out += incoming.bare
    return bytes(out)
