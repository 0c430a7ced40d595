"""Decode AMQP 1.0 values from bytes.

Source: OASIS AMQP 1.0, part 1, section 1.6. The first byte (constructor) of a value says its type; its high
half says how wide the value is, which lets ``skip`` step over a value without building it.
"""

from __future__ import annotations

import struct
import uuid
from collections.abc import Callable
from typing import TypeAlias

from local.servicebus.codec.amqp_types import AmqpDecodeError, AmqpValue, Described, Symbol, Timestamp

Buffer: TypeAlias = bytes | bytearray
Reader: TypeAlias = Callable[[Buffer, int], tuple[AmqpValue, int]]

_UINT = struct.Struct(">I")
_ULONG = struct.Struct(">Q")


def decode(buffer: Buffer, offset: int = 0) -> tuple[AmqpValue, int]:
    """The value at ``offset`` and the offset after it. Raises AmqpDecodeError."""
    try:
        value, end = _read(buffer, offset)
    except (IndexError, KeyError, struct.error, UnicodeDecodeError, RecursionError) as error:
        raise AmqpDecodeError(f"malformed AMQP value at byte {offset}: {error!r}") from error
    if end > len(buffer):
        raise AmqpDecodeError(f"truncated AMQP value at byte {offset}")
    return value, end


def skip(buffer: Buffer, offset: int) -> int:
    """The offset after the value at ``offset``, without building it. Raises AmqpDecodeError."""
    try:
        while buffer[offset] == 0x00:  # described: step over the descriptor, then the value
            offset = skip(buffer, offset + 1)
        width = _FIXED_WIDTHS.get(buffer[offset] >> 4)
        if width is not None:
            end = offset + 1 + width
        elif buffer[offset] >> 4 in (0xA, 0xC, 0xE):
            end = offset + 2 + int(buffer[offset + 1])
        elif buffer[offset] >> 4 in (0xB, 0xD, 0xF):
            end = offset + 5 + int(_UINT.unpack_from(buffer, offset + 1)[0])
        else:
            raise AmqpDecodeError(f"unknown AMQP constructor 0x{buffer[offset]:02x}")
    except (IndexError, struct.error, RecursionError) as error:
        raise AmqpDecodeError(f"truncated AMQP value at byte {offset}") from error
    if end > len(buffer):
        raise AmqpDecodeError(f"truncated AMQP value at byte {offset}")
    return end


def compound_items(buffer: Buffer, offset: int) -> tuple[int, int]:
    """Number of items of the list or map at ``offset`` and the offset of its first item."""
    constructor = buffer[offset]
    if constructor in (0xC0, 0xC1):
        return buffer[offset + 2], offset + 3
    if constructor in (0xD0, 0xD1):
        return int(_UINT.unpack_from(buffer, offset + 5)[0]), offset + 9
    if constructor in (0x40, 0x45):
        return 0, offset + 1
    raise AmqpDecodeError(f"a list or map was expected, not constructor 0x{constructor:02x}")


_FIXED_WIDTHS = {0x4: 0, 0x5: 1, 0x6: 2, 0x7: 4, 0x8: 8, 0x9: 16}


def _read(buffer: Buffer, offset: int) -> tuple[AmqpValue, int]:
    return _READERS[buffer[offset]](buffer, offset + 1)


def _described(buffer: Buffer, offset: int) -> tuple[Described, int]:
    descriptor, offset = _read(buffer, offset)
    value, offset = _read(buffer, offset)
    return Described(descriptor, value), offset


def _constant(value: AmqpValue) -> Reader:
    return lambda _buffer, offset: (value, offset)


def _empty_list(_buffer: Buffer, offset: int) -> tuple[list[AmqpValue], int]:
    return [], offset


def _fixed(layout: str, build: Callable[[AmqpValue], AmqpValue] | None = None) -> Reader:
    packer = struct.Struct(layout)

    def read(buffer: Buffer, offset: int) -> tuple[AmqpValue, int]:
        value = packer.unpack_from(buffer, offset)[0]
        return (value if build is None else build(value)), offset + packer.size

    return read


def _unsigned_byte(buffer: Buffer, offset: int) -> tuple[int, int]:
    return buffer[offset], offset + 1


def _variable(wide: bool, build: Callable[[bytes], AmqpValue]) -> Reader:
    def read(buffer: Buffer, offset: int) -> tuple[AmqpValue, int]:
        if wide:
            size, offset = _UINT.unpack_from(buffer, offset)[0], offset + 4
        else:
            size, offset = buffer[offset], offset + 1
        end = offset + size
        if end > len(buffer):
            raise AmqpDecodeError(f"truncated AMQP value at byte {offset}")
        return build(bytes(buffer[offset:end])), end

    return read


def _read_list(buffer: Buffer, offset: int) -> tuple[list[AmqpValue], int]:
    count, position = compound_items(buffer, offset - 1)
    items = []
    for _ in range(count):
        item, position = _READERS[buffer[position]](buffer, position + 1)
        items.append(item)
    return items, position


def _read_map(buffer: Buffer, offset: int) -> tuple[dict[AmqpValue, AmqpValue], int]:
    items, position = _read_list(buffer, offset)
    if len(items) % 2:
        raise AmqpDecodeError("a map has a key without a value")
    try:
        return dict(zip(items[::2], items[1::2], strict=True)), position
    except TypeError as error:
        raise AmqpDecodeError("a map key is itself a list or map") from error


def _array(wide: bool) -> Reader:
    def read(buffer: Buffer, offset: int) -> tuple[list[AmqpValue], int]:
        if wide:
            count, offset = _UINT.unpack_from(buffer, offset + 4)[0], offset + 8
        else:
            count, offset = buffer[offset + 1], offset + 2
        if count > len(buffer):  # items without width would let a short frame ask for gigabytes
            raise AmqpDecodeError(f"an array claims {count} items, more than its frame can hold")
        descriptor = None
        if buffer[offset] == 0x00:
            descriptor, offset = _read(buffer, offset + 1)
        read_item = _READERS[buffer[offset]]
        offset += 1
        items = []
        for _ in range(count):
            item, offset = read_item(buffer, offset)
            items.append(item if descriptor is None else Described(descriptor, item))
        return items, offset

    return read


def _uuid(raw: bytes) -> uuid.UUID:
    return uuid.UUID(bytes=raw)


def _text(raw: bytes) -> str:
    return raw.decode("utf-8")


def _symbol(raw: bytes) -> Symbol:
    return Symbol(raw.decode("ascii"))


def _character(raw: bytes) -> str:
    return raw.decode("utf-32-be")


_READERS: dict[int, Reader] = {
    0x00: _described,
    0x40: _constant(None),
    0x41: _constant(True),
    0x42: _constant(False),
    0x43: _constant(0),
    0x44: _constant(0),
    0x45: _empty_list,
    0x50: _unsigned_byte,
    0x51: _fixed(">b"),
    0x52: _unsigned_byte,
    0x53: _unsigned_byte,
    0x54: _fixed(">b"),
    0x55: _fixed(">b"),
    0x56: _fixed(">?"),
    0x60: _fixed(">H"),
    0x61: _fixed(">h"),
    0x70: _fixed(">I"),
    0x71: _fixed(">i"),
    0x72: _fixed(">f"),
    0x73: _fixed(">4s", _character),
    0x74: _fixed(">4s"),  # decimals are kept as their bytes: nothing here calculates with them
    0x80: _fixed(">Q"),
    0x81: _fixed(">q"),
    0x82: _fixed(">d"),
    0x83: _fixed(">q", Timestamp),
    0x84: _fixed(">8s"),
    0x94: _fixed(">16s"),
    0x98: _fixed(">16s", _uuid),
    0xA0: _variable(False, bytes),
    0xA1: _variable(False, _text),
    0xA3: _variable(False, _symbol),
    0xB0: _variable(True, bytes),
    0xB1: _variable(True, _text),
    0xB3: _variable(True, _symbol),
    0xC0: _read_list,
    0xC1: _read_map,
    0xD0: _read_list,
    0xD1: _read_map,
    0xE0: _array(False),
    0xF0: _array(True),
}
