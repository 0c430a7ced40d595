"""One TCP connection: protocol headers, SASL, frames, and the performatives of connection and session.

Source: OASIS AMQP 1.0, part 2, sections 2.2-2.4, and part 5, section 5.3 (SASL). Nothing is written to the
socket here except keep-alives: answers gather in ``out`` and leave after the commit (see ``server``).
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from typing import Any, Protocol

from local.servicebus.channel import Channel
from local.servicebus.codec.amqp_types import AmqpDecodeError, Array, Described, UByte, UInt, UShort
from local.servicebus.codec.decoder import decode, skip
from local.servicebus.codec.performatives import (
    AMQP_FRAME,
    ATTACH,
    BEGIN,
    CLOSE,
    DETACH,
    DISPOSITION,
    EMPTY_FRAME,
    END,
    FLOW,
    FRAME_HEADER,
    MAX_FRAME_SIZE,
    OPEN,
    SASL_FRAME,
    SASL_INIT,
    SASL_MECHANISMS,
    SASL_OUTCOME,
    TRANSFER,
    Attach,
    Disposition,
    Flow,
    Transfer,
    error_value,
    write_frame,
)
from local.servicebus.codec.sections import list_fields
from local.servicebus.errors import ServiceBusError
from local.servicebus.service import Service

_log = logging.getLogger(__name__)

CONTAINER_ID = "switchyard-servicebus"
IDLE_TIMEOUT_MS = 240_000
MAX_CHANNEL = 255
WRITE_BUFFER_BYTES = 8 * 1024 * 1024
AMQP_HEADER = b"AMQP\x00\x01\x00\x00"
SASL_HEADER = b"AMQP\x03\x01\x00\x00"
SASL_CHOICES = ("ANONYMOUS", "MSSBCBS", "PLAIN", "EXTERNAL")  # the token on $cbs is what counts


class Owner(Protocol):
    """What a connection needs of the server that accepted it."""

    connections: set[Connection]
    dirty: set[Connection]
    service: Service

    def wake(self) -> None: ...

    def deliver(self) -> None: ...

    def store_failed(self, error: sqlite3.Error) -> None: ...


class Connection(asyncio.Protocol):
    """One client. ``authorized`` turns True when a well-formed token was put on $cbs."""

    def __init__(self, server: Owner) -> None:
        self.server = server
        self.out = bytearray()
        self.authorized = False
        self.peer_frame_size = 512
        self._buffer = bytearray()
        self._channels: dict[int, Channel] = {}
        self._transport: asyncio.Transport | None = None
        self._keep_alive: asyncio.TimerHandle | None = None
        self._header_due = True  # a protocol header comes first, and again after SASL
        self._closing = False

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)  # nosec B101 # for the type checker: TCP has no other
        self._transport = transport
        transport.set_write_buffer_limits(WRITE_BUFFER_BYTES)
        self.server.connections.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self.server.connections.discard(self)
        for channel in self._channels.values():
            channel.close()
        self._channels.clear()
        if self._keep_alive is not None:
            self._keep_alive.cancel()
        self.server.wake()

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        try:
            while not self._closing and self._read_one():
                pass
        except (AmqpDecodeError, LookupError, TypeError, ValueError, AttributeError) as error:
            # Only malformed input gets here; the service turns its own refusals into answers.
            _log.warning("closing a connection that broke the protocol", exc_info=True)
            self._fail(ServiceBusError("amqp:decode-error", f"The frame could not be read: {error}"))
        except sqlite3.Error as error:
            self.server.store_failed(error)
        self.server.wake()

    # towards the server

    def wake(self) -> None:
        """Plan a turn of the server, in which what was written leaves."""
        self.server.wake()

    def deliver(self) -> None:
        """Hand out messages now; they leave after the next commit."""
        self.server.deliver()

    # towards the client

    def write(
        self,
        channel: int,
        code: int,
        fields: list[Any],
        payload: bytes | memoryview = b"",
        frame_type: int = AMQP_FRAME,
    ) -> None:
        """Queue one frame to leave after the next commit."""
        write_frame(self.out, channel, code, fields, payload, frame_type)
        self.server.dirty.add(self)

    def flush(self) -> None:
        """Hand what is queued to the socket. Only the server calls this, after a commit."""
        if self._transport is None:
            return
        if self.out and not self._transport.is_closing():
            self._transport.write(bytes(self.out))
        self.out.clear()
        if self._closing:
            self._transport.close()

    def close(self) -> None:
        """End the connection after the next flush."""
        self._closing = True
        self.server.dirty.add(self)

    # frames

    def _read_one(self) -> bool:
        """Consume one protocol header or frame; False when more bytes are needed."""
        if len(self._buffer) < FRAME_HEADER.size:
            return False
        if self._header_due:
            self._on_protocol_header(bytes(self._buffer[:8]))
            del self._buffer[:8]
            return True
        size, data_offset, frame_type, channel = FRAME_HEADER.unpack_from(self._buffer)
        if not FRAME_HEADER.size <= data_offset * 4 <= size <= MAX_FRAME_SIZE:
            raise AmqpDecodeError(f"a frame of {size} bytes with its data at {data_offset * 4}")
        if len(self._buffer) < size:
            return False
        body = bytes(self._buffer[data_offset * 4 : size])
        del self._buffer[:size]
        if body:
            self._on_frame(frame_type, channel, body)
        return True

    def _on_protocol_header(self, header: bytes) -> None:
        self._header_due = False
        self.server.dirty.add(self)
        if header == SASL_HEADER:
            self.out += SASL_HEADER
            self.write(0, SASL_MECHANISMS, [Array("symbol", SASL_CHOICES)], frame_type=SASL_FRAME)
        elif header == AMQP_HEADER:
            self.out += AMQP_HEADER
        else:  # TLS or another protocol: answer with what is spoken here, as the standard asks
            _log.warning("refused a connection that began with %r; only plain AMQP 1.0 is served", header)
            self.out += SASL_HEADER
            self.close()

    def _on_frame(self, frame_type: int, number: int, body: bytes) -> None:
        performative, end = decode(body)
        if not isinstance(performative, Described) or not isinstance(performative.value, list):
            raise AmqpDecodeError("a frame without a performative")
        code, fields = performative.descriptor, performative.value
        if frame_type == SASL_FRAME:
            if code == SASL_INIT:
                self.write(0, SASL_OUTCOME, [UByte(0), None], frame_type=SASL_FRAME)
                self._header_due = True
            return
        if code == OPEN:
            self._on_open(fields)
        elif code == CLOSE:
            self.write(0, CLOSE, [None])
            self.close()
        elif code == BEGIN:
            self._channels[number] = Channel(self, number, fields[1], fields[2])
        elif number in self._channels:  # the client detaches links of a session it ended: ignore those
            self._on_channel_frame(self._channels[number], code, fields, body, end)

    def _on_channel_frame(self, channel: Channel, code: int, fields: list[Any], body: bytes, end: int) -> None:
        if code == TRANSFER:
            channel.on_transfer(Transfer.of(fields), body[end:])
        elif code == DISPOSITION:
            channel.on_disposition(Disposition.of(fields))
        elif code == FLOW:
            channel.on_flow(Flow.of(fields))
        elif code == ATTACH:
            link = channel.attach(Attach.of(fields), list_fields(body, skip(body, 1)))
            self.server.service.open_link(link)
        elif code == DETACH:
            channel.detach(fields[0])
        elif code == END:
            del self._channels[channel.number]
            channel.close()
            self.write(channel.number, END, [None])
        else:
            raise AmqpDecodeError(f"unknown performative 0x{code:x}")

    def _on_open(self, fields: list[Any]) -> None:
        _container, _host, frame_size, _channels, idle_ms = (fields + [None] * 5)[:5]
        self.peer_frame_size = min(frame_size or MAX_FRAME_SIZE, MAX_FRAME_SIZE)
        self.write(
            0,
            OPEN,
            [
                CONTAINER_ID,
                None,
                UInt(MAX_FRAME_SIZE),
                UShort(MAX_CHANNEL),
                UInt(IDLE_TIMEOUT_MS),
                *[None] * 5,
            ],
        )
        if idle_ms:
            self._send_keep_alive(idle_ms / 2000)

    def _send_keep_alive(self, every_s: float) -> None:
        """An empty frame, straight to the socket: what waits in ``out`` may not be committed yet."""
        if self._transport is not None and not self.out and not self._transport.is_closing():
            self._transport.write(EMPTY_FRAME)
        self._keep_alive = asyncio.get_running_loop().call_later(every_s, self._send_keep_alive, every_s)

    def _fail(self, error: ServiceBusError) -> None:
        self.write(0, CLOSE, [error_value(error)])
        self.close()
