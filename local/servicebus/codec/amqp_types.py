"""AMQP 1.0 types that Python's own types cannot tell apart.

Source: OASIS AMQP 1.0, part 1 (types). Decoding yields plain ``int`` for every integer width and these
classes only where a peer can see the difference; encoding uses the class to choose the wire type.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

AmqpValue: TypeAlias = Any
"""Any decoded AMQP value: None, bool, int, float, str, bytes, UUID, list, dict or a class below."""


class AmqpDecodeError(ValueError):
    """The bytes are not a well-formed AMQP 1.0 value."""


class Symbol(str):
    """ASCII name from a constrained domain."""

    __slots__ = ()


class UByte(int):
    """8 bits, unsigned."""

    __slots__ = ()


class UShort(int):
    """16 bits, unsigned."""

    __slots__ = ()


class UInt(int):
    """32 bits, unsigned."""

    __slots__ = ()


class ULong(int):
    """64 bits, unsigned."""

    __slots__ = ()


class Int(int):
    """32 bits, signed (a plain ``int`` is sent as a 64-bit long)."""

    __slots__ = ()


class Timestamp(int):
    """Milliseconds since 1970-01-01T00:00:00Z."""

    __slots__ = ()


ArrayOf = Literal["long", "timestamp", "symbol"]


@dataclass(frozen=True, slots=True)
class Array:
    """A homogeneous array to encode. Arrays decode to plain lists."""

    of: ArrayOf
    items: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Described:
    """A value with a descriptor in front of it."""

    descriptor: AmqpValue
    value: AmqpValue


@dataclass(frozen=True, slots=True)
class Raw:
    """One value already encoded; written as it is, so that an echo is identical byte for byte."""

    data: bytes
