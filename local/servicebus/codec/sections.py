"""The sections of an AMQP 1.0 message: split them, and put sections in front without touching the body.

Source: OASIS AMQP 1.0, part 3, section 3.2. What a sender wrote is never decoded and encoded again: the
broker adds header and annotations and copies the rest byte for byte.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import NamedTuple

from local.servicebus.codec.amqp_types import AmqpDecodeError, AmqpValue
from local.servicebus.codec.decoder import Buffer, compound_items, decode, skip
from local.servicebus.codec.encoder import encode_into, write_compound

HEADER = 0x70
DELIVERY_ANNOTATIONS = 0x71
MESSAGE_ANNOTATIONS = 0x72
PROPERTIES = 0x73
APPLICATION_PROPERTIES = 0x74
DATA = 0x75
SEQUENCE = 0x76
VALUE = 0x77
FOOTER = 0x78

_ULONG = struct.Struct(">Q")


class Section(NamedTuple):
    """Where one section lies: ``start`` of its descriptor, ``value`` of its content, ``end`` after it."""

    code: int
    start: int
    value: int
    end: int


class MapEntry(NamedTuple):
    """One pair of an encoded map: its key, where its value starts, and the bytes of key and value."""

    key: AmqpValue
    value: int
    raw: bytes


def split_sections(buffer: Buffer) -> list[Section]:
    """The sections of a message in order. Raises AmqpDecodeError."""
    offset, sections = 0, []
    try:
        while offset < len(buffer):
            if buffer[offset] == 0x00 and buffer[offset + 1] == 0x53:
                code, value = buffer[offset + 2], offset + 3
            elif buffer[offset] == 0x00 and buffer[offset + 1] == 0x80:
                code, value = _ULONG.unpack_from(buffer, offset + 2)[0], offset + 10
            else:
                raise AmqpDecodeError(f"no message section at byte {offset}")
            if not HEADER <= code <= FOOTER:
                raise AmqpDecodeError(f"0x{code:x} is not a message section")
            end = skip(buffer, value)
            sections.append(Section(code, offset, value, end))
            offset = end
    except (IndexError, struct.error) as error:
        raise AmqpDecodeError("truncated message section") from error
    return sections


def map_entries(buffer: Buffer, offset: int) -> Iterator[MapEntry]:
    """The pairs of the map encoded at ``offset``."""
    count, position = compound_items(buffer, offset)
    for _ in range(count // 2):
        key, value = decode(buffer, position)
        end = skip(buffer, value)
        yield MapEntry(key, value, bytes(buffer[position:end]))
        position = end


def list_fields(buffer: Buffer, offset: int) -> list[bytes]:
    """The items of the list encoded at ``offset``, each as its own bytes."""
    count, position = compound_items(buffer, offset)
    fields = []
    for _ in range(count):
        end = skip(buffer, position)
        fields.append(bytes(buffer[position:end]))
        position = end
    return fields


def section_head(code: int) -> bytes:
    """The bytes in front of a section's value."""
    return bytes((0x00, 0x53, code))


def write_map_section(
    code: int, pairs: bytes, pair_count: int, extra: dict[AmqpValue, AmqpValue], out: bytearray
) -> None:
    """Append a map section of ``pair_count`` encoded ``pairs`` followed by ``extra``."""
    body = bytearray(pairs)
    for key, value in extra.items():
        encode_into(key, body)
        encode_into(value, body)
    out += section_head(code)
    write_compound(0xC1, 2 * (pair_count + len(extra)), body, out)


def with_application_properties(bare: bytes, extra: dict[str, str]) -> bytes:
    """A bare message (properties, application properties, body) with application properties set."""
    if not extra:
        return bare
    start = end = 0
    kept: list[bytes] = []
    for section in split_sections(bare):
        if section.code == PROPERTIES:
            start = end = section.end
        elif section.code == APPLICATION_PROPERTIES:
            start, end = section.start, section.end
            kept = [entry.raw for entry in map_entries(bare, section.value) if entry.key not in extra]
    out = bytearray(bare[:start])
    write_map_section(APPLICATION_PROPERTIES, b"".join(kept), len(kept), extra, out)
    out += bare[end:]
    return bytes(out)
