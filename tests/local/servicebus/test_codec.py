"""The AMQP codec and the message sections."""

from __future__ import annotations

import math
import uuid
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.servicebus.codec.amqp_types import (
    AmqpDecodeError,
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
from local.servicebus.codec.decoder import decode, skip
from local.servicebus.codec.encoder import encode
from local.servicebus.codec.performatives import FRAME_HEADER, TRANSFER, write_frame
from local.servicebus.codec.sections import (
    APPLICATION_PROPERTIES,
    DATA,
    MESSAGE_ANNOTATIONS,
    map_entries,
    split_sections,
    with_application_properties,
)
from local.servicebus.queues.message import Message, MessageState, read_message, write_message
from tests.local.servicebus.encoded import encoded


def integers(bits: int, signed: bool = False) -> st.SearchStrategy[int]:
    half = 2 ** (bits - 1)
    return st.integers(-half, half - 1) if signed else st.integers(0, 2**bits - 1)


names = st.text(alphabet=st.characters(codec="ascii"), max_size=300).map(Symbol)
keys = st.text(max_size=300) | names | integers(64, signed=True) | st.binary(max_size=20)
scalars = (
    st.none()
    | st.booleans()
    | keys
    | integers(8).map(UByte)
    | integers(16).map(UShort)
    | integers(32).map(UInt)
    | integers(64).map(ULong)
    | integers(32, signed=True).map(Int)
    | integers(64, signed=True).map(Timestamp)
    | st.floats(allow_nan=False)
    | st.binary(max_size=300)
    | st.uuids()
)
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=8)
        | st.dictionaries(keys, inner, max_size=8)
        | st.builds(Described, integers(64).map(ULong), inner)
    ),
    max_leaves=40,
)


@given(values)
def test_a_value_decodes_to_what_was_encoded(value: object) -> None:
    """Every type the broker writes comes back equal, and decoding stops where the value ends."""
    raw = encode(value)
    assert decode(raw) == (value, len(raw))


@given(values)
def test_stepping_over_a_value_ends_where_decoding_it_ends(value: object) -> None:
    """skip and decode agree, whatever comes after the value."""
    raw = encode(value)
    assert skip(raw + b"\x41", 0) == len(raw)


@given(values)
def test_a_truncated_value_is_refused(value: object) -> None:
    """A value without its last byte never decodes, and never costs more than an AmqpDecodeError."""
    with pytest.raises(AmqpDecodeError):
        decode(encode(value)[:-1])


@given(st.binary(max_size=200))
def test_any_bytes_decode_or_are_refused_as_malformed(raw: bytes) -> None:
    """No input makes the decoder or the section splitter fail in another way."""
    for read in (lambda: decode(raw), lambda: skip(raw, 0), lambda: split_sections(raw)):
        with suppress(AmqpDecodeError):
            read()


@pytest.mark.parametrize(
    ("raw", "value"),
    [
        (b"\x40", None),
        (b"\x56\x01", True),
        (b"\x43", 0),
        (b"\x70\x00\x01\x00\x00", 65536),
        (b"\x55\xff", -1),
        (b"\x51\xfe", -2),
        (b"\x61\xff\xfe", -2),
        (b"\x72\x3f\x80\x00\x00", 1.0),
        (b"\x73\x00\x01\xf6\x00", "\N{GRINNING FACE}"),
        (b"\x98" + bytes(15) + b"\x07", uuid.UUID(int=7)),
        (b"\xe0\x04\x02\x50\x01\x02", [1, 2]),
        (b"\xf0\x00\x00\x00\x0e\x00\x00\x00\x02\xa1\x01a\x02bc", ["a", "bc"]),
        (b"\xc1\x05\x02\xa1\x01k\x41", {"k": True}),
    ],
)
def test_the_forms_of_the_standard_are_read(raw: bytes, value: object) -> None:
    """Forms other peers may choose: wide, narrow, arrays, characters, single floats."""
    assert decode(raw)[0] == value


def test_an_array_that_claims_more_items_than_bytes_is_refused() -> None:
    """Items without width must not let ten bytes ask for gigabytes."""
    with pytest.raises(AmqpDecodeError, match="claims"):
        decode(b"\xf0\x00\x00\x00\x05\xff\xff\xff\xff\x40")


def test_deep_nesting_is_refused_and_not_followed_to_the_end() -> None:
    """A frame of nothing but descriptors ends in an error the connection can answer."""
    with pytest.raises(AmqpDecodeError):
        decode(b"\x00" * 60_000)


def test_an_array_decodes_to_a_list_of_its_items() -> None:
    """Management answers carry arrays of longs and timestamps."""
    assert decode(encode(Array("long", (1, -2, 2**40))))[0] == [1, -2, 2**40]
    assert decode(encode(Array("symbol", ("ANONYMOUS",))))[0] == ["ANONYMOUS"]


def test_an_encoded_value_is_written_as_it_is() -> None:
    """An address is echoed byte for byte, however the client encoded it."""
    wide = b"\xb1\x00\x00\x00\x01q"
    assert encode([Raw(wide)]).endswith(wide)


def test_a_type_without_an_amqp_form_is_refused() -> None:
    """A mistake in the broker shows where it is made."""
    with pytest.raises(TypeError, match="no AMQP type for set"):
        encode({1} | {2})


def test_nan_survives_the_wire() -> None:
    """Not-a-number is not equal to itself, so the round trip above leaves it out."""
    assert math.isnan(decode(encode(math.nan))[0])


def test_a_frame_begins_with_its_own_size() -> None:
    """The size counts header, performative and payload."""
    out = bytearray(b"before")
    write_frame(out, 3, TRANSFER, [UInt(0)], b"payload")
    size, data_offset, kind, channel = FRAME_HEADER.unpack_from(out, 6)
    assert (size, data_offset, kind, channel) == (len(out) - 6, 2, 0, 3)
    assert out.endswith(b"payload")


@given(st.binary(max_size=2000), st.dictionaries(st.text(max_size=20), scalars, max_size=5))
def test_what_the_sender_wrote_is_delivered_byte_for_byte(body: bytes, properties: dict[str, object]) -> None:
    """Header and annotations are the broker's; everything after them is copied."""
    raw = encoded(body, message_id="m", session_id="s", properties=properties)
    message = Message(7, read_message(raw), MessageState.ACTIVE, 1.0, enqueued_sequence=7)
    assert write_message(message).endswith(raw)


def test_annotations_of_the_sender_stay_and_those_of_the_broker_are_set() -> None:
    """A scheduled message keeps its own annotation next to the sequence number."""
    incoming = read_message(encoded(scheduled_at=12.0))
    written = write_message(Message(7, incoming, MessageState.ACTIVE, 1.0, enqueued_sequence=7))
    section = next(s for s in split_sections(written) if s.code == MESSAGE_ANNOTATIONS)
    annotations = {entry.key: decode(written, entry.value)[0] for entry in map_entries(written, section.value)}
    assert annotations["x-opt-scheduled-enqueue-time"] == 12_000
    assert annotations["x-opt-sequence-number"] == 7


@pytest.mark.parametrize("present", [None, {}, {"mine": 1, "DeadLetterReason": "old"}])
def test_application_properties_are_set_without_touching_the_rest(present: dict[str, object] | None) -> None:
    """A dead-letter reason joins the sender's properties, or replaces an older one."""
    bare = with_application_properties(encoded(b"body", properties=present), {"DeadLetterReason": "new"})
    found = {s.code: s for s in split_sections(bare)}
    properties = decode(bare, found[APPLICATION_PROPERTIES].value)[0]
    assert properties == {**(present or {}), "DeadLetterReason": "new"}
    assert decode(bare, found[DATA].value)[0] == b"body"
