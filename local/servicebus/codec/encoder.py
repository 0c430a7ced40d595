"""Encode values as AMQP 1.0.

Source: OASIS AMQP 1.0, part 1, section 1.6. The Python type chooses the wire type (see ``amqp_types``); the
shortest form of that type is written.
"""

from __future__ import annotations

import struct
import uuid
from collections.abc import Callable
from typing import Any

from local.servicebus.codec.amqp_types import (
    AmqpValue,
    Array,
    Described,
    Int,
    Raw,
    Symbol,
    Timestamp,
    UByte,
    UInt,
    ULong,
    UShort,
)

_USHORT = struct.Struct(">H")
_INT = struct.Struct(">i")
_UINT = struct.Struct(">I")
_LONG = struct.Struct(">q")
_ULONG = struct.Struct(">Q")
_DOUBLE = struct.Struct(">d")


def encode(value: AmqpValue) -> bytes:
    """One value as bytes. Raises TypeError for a type AMQP has no place for."""
    out = bytearray()
    encode_into(value, out)
    return bytes(out)


def encode_into(value: AmqpValue, out: bytearray) -> None:
    """Append one value to ``out``."""
    writer = _WRITERS.get(type(value))
    if writer is None:
        raise TypeError(f"no AMQP type for {type(value).__name__}")
    writer(value, out)


def write_compound(small: int, count: int, body: bytes | bytearray, out: bytearray) -> None:
    """Append a list (``small`` = 0xC0) or a map (0xC1) of ``count`` items already encoded in ``body``."""
    if len(body) < 255 and count < 256:
        out += bytes((small, len(body) + 1, count))
    else:
        out.append(small + 0x10)
        out += _UINT.pack(len(body) + 4)
        out += _UINT.pack(count)
    out += body


def _none(_value: None, out: bytearray) -> None:
    out.append(0x40)


def _boolean(value: bool, out: bytearray) -> None:
    out.append(0x41 if value else 0x42)


def _sized(small: int, raw: bytes | bytearray | memoryview, out: bytearray) -> None:
    if len(raw) < 256:
        out.append(small)
        out.append(len(raw))
    else:
        out.append(small + 0x10)
        out += _UINT.pack(len(raw))
    out += raw


def _binary(value: bytes | bytearray | memoryview, out: bytearray) -> None:
    _sized(0xA0, value, out)


def _string(value: str, out: bytearray) -> None:
    _sized(0xA1, value.encode(), out)


def _symbol(value: Symbol, out: bytearray) -> None:
    _sized(0xA3, value.encode("ascii"), out)


def _ubyte(value: int, out: bytearray) -> None:
    out.append(0x50)
    out.append(value)


def _ushort(value: int, out: bytearray) -> None:
    out.append(0x60)
    out += _USHORT.pack(value)


def _uint(value: int, out: bytearray) -> None:
    if value == 0:
        out.append(0x43)
    elif value < 256:
        out.append(0x52)
        out.append(value)
    else:
        out.append(0x70)
        out += _UINT.pack(value)


def _ulong(value: int, out: bytearray) -> None:
    if value == 0:
        out.append(0x44)
    elif value < 256:
        out.append(0x53)
        out.append(value)
    else:
        out.append(0x80)
        out += _ULONG.pack(value)


def _int(value: int, out: bytearray) -> None:
    out.append(0x71)
    out += _INT.pack(value)


def _long(value: int, out: bytearray) -> None:
    if -128 <= value < 128:
        out.append(0x55)
        out.append(value & 0xFF)
    else:
        out.append(0x81)
        out += _LONG.pack(value)


def _timestamp(value: int, out: bytearray) -> None:
    out.append(0x83)
    out += _LONG.pack(value)


def _double(value: float, out: bytearray) -> None:
    out.append(0x82)
    out += _DOUBLE.pack(value)


def _uuid(value: uuid.UUID, out: bytearray) -> None:
    out.append(0x98)
    out += value.bytes


def _list(value: list[Any] | tuple[Any, ...], out: bytearray) -> None:
    if not value:
        out.append(0x45)
        return
    body = bytearray()
    for item in value:
        encode_into(item, body)
    write_compound(0xC0, len(value), body, out)


def _map(value: dict[Any, Any], out: bytearray) -> None:
    body = bytearray()
    for key, item in value.items():
        encode_into(key, body)
        encode_into(item, body)
    write_compound(0xC1, 2 * len(value), body, out)


def _described(value: Described, out: bytearray) -> None:
    out.append(0x00)
    encode_into(value.descriptor, out)
    encode_into(value.value, out)


def _raw(value: Raw, out: bytearray) -> None:
    out += value.data


def _wide_symbol(value: str) -> bytes:
    return _UINT.pack(len(value)) + value.encode("ascii")


_ARRAY_ITEMS: dict[str, tuple[int, Callable[[Any], bytes]]] = {
    "long": (0x81, _LONG.pack),
    "timestamp": (0x83, _LONG.pack),
    "symbol": (0xB3, _wide_symbol),
}


def _array(value: Array, out: bytearray) -> None:
    constructor, pack = _ARRAY_ITEMS[value.of]
    body = b"".join(pack(item) for item in value.items)
    out.append(0xF0)
    out += _UINT.pack(len(body) + 5)
    out += _UINT.pack(len(value.items))
    out.append(constructor)
    out += body


_WRITERS: dict[type, Callable[[Any, bytearray], None]] = {
    type(None): _none,
    bool: _boolean,
    int: _long,
    float: _double,
    str: _string,
    bytes: _binary,
    bytearray: _binary,
    memoryview: _binary,
    uuid.UUID: _uuid,
    list: _list,
    tuple: _list,
    dict: _map,
    Symbol: _symbol,
    UByte: _ubyte,
    UShort: _ushort,
    UInt: _uint,
    ULong: _ulong,
    Int: _int,
    Timestamp: _timestamp,
    Described: _described,
    Array: _array,
    Raw: _raw,
}
