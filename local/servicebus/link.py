"""One AMQP link: its addresses and filter, its credit, and what stands behind it.

Source: OASIS AMQP 1.0, part 2, section 2.6, and what ``azure.servicebus`` 7.15 expects: an address echoed
byte for byte, a refusal as an attach without source or target followed by a detach with the error.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Protocol

from local.servicebus import errors
from local.servicebus.codec.amqp_types import Described, Raw, Symbol, UByte, UInt, ULong
from local.servicebus.codec.decoder import skip
from local.servicebus.codec.encoder import encode
from local.servicebus.codec.performatives import ATTACH, DETACH, SOURCE, Attach, Outcome, Transfer, error_value
from local.servicebus.codec.sections import list_fields
from local.servicebus.errors import ServiceBusError

INCOMING_CREDIT = 1000
"""Messages a sender may have under way; renewed when half is used."""
DEFAULT_MAX_MESSAGE_BYTES = 1024 * 1024
SESSION_FILTER = "com.microsoft:session-filter"
SETTLED_BY_SENDER = 1
_SOURCE_FIELD, _TARGET_FIELD, _FILTER_FIELD = 5, 6, 7


class Endpoint:
    """The node a link leads to. This base refuses messages and has none to send; nodes override what they can do."""

    def receive(self, payload: bytes, message_format: int) -> None:
        """A message arrived from the client. Raises ServiceBusError to refuse it."""
        raise errors.not_allowed("Messages cannot be sent on this link.")

    def credit_changed(self) -> None:
        """The client asked for messages."""

    def settle(self, tag: bytes, outcome: Outcome) -> None:
        """The client decided about a delivery. Raises ServiceBusError to refuse it."""

    def close(self) -> None:
        """The link is gone."""


class Client(Protocol):
    """What the nodes behind a link need of its connection."""

    authorized: bool

    def wake(self) -> None:
        """Plan a turn of the server, since there is something to send that no frame of the client led to."""


class Carrier(Protocol):
    """What a link needs of the AMQP session it belongs to."""

    links: dict[int, Link]

    @property
    def connection(self) -> Client: ...

    def claim_handle(self) -> int: ...

    def free_handle(self, handle: int) -> None: ...

    def write(self, code: int, fields: list[Any], payload: bytes | memoryview = b"") -> None: ...

    def send_flow(self, link: Link | None = None, drain: bool = False) -> None: ...

    def send_delivery(self, link: Link, handle: int, tag: bytes, payload: bytes, settled: bool) -> None: ...


@dataclass(slots=True)
class Assembly:
    """A delivery of which more frames are to come."""

    delivery_id: int
    message_format: int
    settled: bool
    payload: bytearray = field(default_factory=bytearray)
    size: int = 0


class Link:
    """A link of one channel (AMQP session). ``peer_handle`` is the client's number for it."""

    def __init__(self, channel: Carrier, attach: Attach, raw_fields: list[bytes]) -> None:
        self.channel = channel
        self.name = attach.name
        self.peer_handle = attach.handle
        self.client_sends = not attach.role
        self.properties = attach.properties or {}
        self.presettled = attach.snd_settle_mode == SETTLED_BY_SENDER
        self.credit = 0
        self.delivery_count = 0
        self.max_message_bytes = DEFAULT_MAX_MESSAGE_BYTES
        self.endpoint: Endpoint | None = None
        self.assembly: Assembly | None = None
        self.detached = False
        self._answered = False
        self._settle_modes = (attach.snd_settle_mode, attach.rcv_settle_mode)
        self._source = raw_fields[_SOURCE_FIELD] if attach.source is not None else None
        self._target = raw_fields[_TARGET_FIELD] if attach.target is not None else None
        self._handle = channel.claim_handle()
        terminus = attach.target if self.client_sends else attach.source
        fields: list[Any] = terminus.value if terminus is not None else []
        self.address = str(fields[0] or "") if fields else ""
        filters = fields[_FILTER_FIELD] if not self.client_sends and len(fields) > _FILTER_FIELD else None
        self.wants_session = SESSION_FILTER in (filters or {})
        wanted = filters[SESSION_FILTER] if filters and self.wants_session else None
        self.wanted_session: str | None = wanted.value if isinstance(wanted, Described) else wanted

    def accept(
        self, endpoint: Endpoint, properties: dict[Any, Any] | None = None, session_id: str | None = None
    ) -> None:
        """Answer the attach; a receiver of the next session gets its id in the answer."""
        self.endpoint = endpoint
        source = self._source
        if source is not None and session_id is not None:
            source = _with_session_filter(source, session_id)
        self._answer_attach(source, self._target, properties)
        if self.client_sends:
            self.credit = INCOMING_CREDIT
            self.channel.send_flow(self)

    def refuse(self, error: ServiceBusError) -> None:
        """Answer the attach with an error."""
        if self.client_sends:
            self._answer_attach(self._source, None, None)
        else:
            self._answer_attach(None, self._target, None)
        self.detach(error)

    def detach(self, error: ServiceBusError | None = None) -> None:
        """Close the link from this side, once; a link that was never answered just goes."""
        if self._answered and not self.detached:
            self.detached = True
            reason = None if error is None else error_value(error)
            self.channel.write(DETACH, [UInt(self._handle), True, reason])
            self.channel.free_handle(self._handle)

    def send(self, tag: bytes, payload: bytes, settled: bool) -> None:
        """Deliver one message; uses one credit."""
        self.credit -= 1
        self.delivery_count = (self.delivery_count + 1) & 0xFFFF_FFFF
        self.channel.send_delivery(self, self._handle, tag, payload, settled)

    def flow_fields(self, drain: bool) -> list[Any]:
        """The link's half of a flow frame."""
        return [UInt(self._handle), UInt(self.delivery_count), UInt(self.credit), None, drain, False, None]

    def assemble(self, transfer: Transfer, payload: bytes) -> Assembly | None:
        """Add a frame; the delivery when it is complete. Bytes beyond the limit are counted, not kept."""
        if self.assembly is None:
            self.assembly = Assembly(transfer.delivery_id or 0, transfer.message_format or 0, bool(transfer.settled))
        assembly = self.assembly
        assembly.size += len(payload)
        assembly.settled = assembly.settled or bool(transfer.settled)
        if assembly.size <= self.max_message_bytes:
            assembly.payload += payload
        if transfer.aborted:
            self.assembly = None
            return None
        if transfer.more:
            return None
        self.assembly = None
        return assembly

    def _answer_attach(self, source: bytes | None, target: bytes | None, properties: dict[Any, Any] | None) -> None:
        self._answered = True
        sender_mode, receiver_mode = self._settle_modes
        self.channel.write(
            ATTACH,
            [
                self.name,
                UInt(self._handle),
                self.client_sends,
                UByte(2 if sender_mode is None else sender_mode),
                UByte(receiver_mode or 0),
                None if source is None else Raw(source),
                None if target is None else Raw(target),
                None,
                None,
                None if self.client_sends else UInt(0),
                ULong(self.max_message_bytes),
                None,
                None,
                properties,
            ],
        )


def _with_session_filter(source: bytes, session_id: str) -> bytes:
    fields: list[Any] = [Raw(item) for item in list_fields(source, skip(source, 1))]
    fields[_FILTER_FIELD] = {Symbol(SESSION_FILTER): session_id}
    return encode(Described(ULong(SOURCE), fields))
