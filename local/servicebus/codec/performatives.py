"""AMQP frames: the performatives the broker reads by name, and the bytes of those it writes.

Source: OASIS AMQP 1.0, part 2 (transport) and part 3, section 3.4 (delivery states). Lists are always written
in full: clients up to 7.14 index the last fields and fail on a list with trailing nulls left out.
"""

from __future__ import annotations

import struct
from typing import Any, NamedTuple, Self

from local.servicebus.codec.amqp_types import Described, Symbol, ULong
from local.servicebus.codec.encoder import encode_into
from local.servicebus.errors import ServiceBusError

OPEN, BEGIN, ATTACH, FLOW, TRANSFER, DISPOSITION, DETACH, END, CLOSE = range(0x10, 0x19)
ACCEPTED, REJECTED, RELEASED, MODIFIED = range(0x24, 0x28)
ERROR = 0x1D
SOURCE = 0x28
SASL_MECHANISMS, SASL_INIT, SASL_OUTCOME = 0x40, 0x41, 0x44

AMQP_FRAME, SASL_FRAME = 0, 1
FRAME_HEADER = struct.Struct(">IBBH")
EMPTY_FRAME = b"\x00\x00\x00\x08\x02\x00\x00\x00"
MAX_FRAME_SIZE = 65_536
FRAME_OVERHEAD = 64
"""Room left in a transfer frame for the frame header and the performative, bytes."""


class _Fields:
    """Builds a named tuple from a decoded list that may leave out trailing nulls."""

    @classmethod
    def of(cls, fields: list[Any]) -> Self:
        names: tuple[str, ...] = cls._fields  # type: ignore[attr-defined] # every subclass is a NamedTuple as well
        padded = (fields + [None] * len(names))[: len(names)]
        return cls(*padded)


class _Attach(NamedTuple):
    name: str
    handle: int
    role: bool
    snd_settle_mode: int | None
    rcv_settle_mode: int | None
    source: Described | None
    target: Described | None
    unsettled: Any
    incomplete_unsettled: Any
    initial_delivery_count: int | None
    max_message_size: int | None
    offered_capabilities: Any
    desired_capabilities: Any
    properties: dict[str, Any] | None


class Attach(_Fields, _Attach):
    """Open a link; ``role`` is True when the peer receives."""


class _Flow(NamedTuple):
    next_incoming_id: int | None
    incoming_window: int
    next_outgoing_id: int
    outgoing_window: int
    handle: int | None
    delivery_count: int | None
    link_credit: int | None
    available: int | None
    drain: bool | None


class Flow(_Fields, _Flow):
    """Window of a session and credit of a link."""


class _Transfer(NamedTuple):
    handle: int
    delivery_id: int | None
    delivery_tag: bytes | None
    message_format: int | None
    settled: bool | None
    more: bool | None
    rcv_settle_mode: int | None
    state: Any
    resume: bool | None
    aborted: bool | None


class Transfer(_Fields, _Transfer):
    """One frame of a delivery."""


class _Disposition(NamedTuple):
    role: bool
    first: int
    last: int | None
    settled: bool | None
    state: Any


class Disposition(_Fields, _Disposition):
    """State of a range of deliveries; ``role`` is True when the peer received them."""


class Outcome(NamedTuple):
    """What a receiver decided about a delivery."""

    code: int
    undeliverable_here: bool = False
    reason: str | None = None
    description: str | None = None


def read_outcome(state: Any) -> Outcome | None:
    """The terminal outcome in a disposition, or None."""
    if not isinstance(state, Described) or state.descriptor not in range(ACCEPTED, MODIFIED + 1):
        return None
    fields = [*(state.value or []), None, None]
    if state.descriptor == MODIFIED:
        return Outcome(MODIFIED, undeliverable_here=bool(fields[1]))
    if state.descriptor == REJECTED and isinstance(fields[0], Described):
        info = ([*fields[0].value, None, None, None][2]) or {}
        return Outcome(
            REJECTED,
            reason=info.get("DeadLetterReason"),
            description=info.get("DeadLetterErrorDescription"),
        )
    return Outcome(state.descriptor)


def outcome_value(code: int, fields: list[Any] | None = None) -> Described:
    """A delivery state to send."""
    return Described(ULong(code), fields or [])


def error_value(error: ServiceBusError) -> Described:
    """An error to send: all three fields, because the client indexes the third."""
    return Described(ULong(ERROR), [Symbol(error.condition), error.description, None])


def rejection(error: ServiceBusError) -> Described:
    """The outcome of a delivery or settlement that failed."""
    return outcome_value(REJECTED, [error_value(error)])


def write_frame(
    out: bytearray,
    channel: int,
    code: int,
    fields: list[Any],
    payload: bytes | memoryview = b"",
    frame_type: int = AMQP_FRAME,
) -> None:
    """Append one frame."""
    start = len(out)
    out += b"\x00\x00\x00\x00\x02"
    out += bytes((frame_type, channel >> 8, channel & 0xFF, 0x00, 0x53, code))
    encode_into(fields, out)
    out += payload
    out[start : start + 4] = (len(out) - start).to_bytes(4, "big")
