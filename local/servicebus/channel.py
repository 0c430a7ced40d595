"""One AMQP session: windows, delivery numbers, transfers and dispositions of its links.

Source: OASIS AMQP 1.0, part 2, section 2.5. Named channel here because "session" is a Service Bus session
everywhere else.
"""

from __future__ import annotations

from collections import deque
from typing import Any, Protocol

from local.servicebus.codec.amqp_types import AmqpDecodeError, UInt, UShort
from local.servicebus.codec.performatives import (
    ACCEPTED,
    BEGIN,
    DISPOSITION,
    FLOW,
    FRAME_OVERHEAD,
    REJECTED,
    TRANSFER,
    Attach,
    Disposition,
    Flow,
    Transfer,
    outcome_value,
    read_outcome,
    rejection,
)
from local.servicebus.errors import ServiceBusError, argument_error, message_too_large
from local.servicebus.link import INCOMING_CREDIT, Assembly, Client, Link

WINDOW = 5000
"""Transfer frames the client may send ahead; renewed when half is used."""
MAX_HANDLE = 255
_ID_MASK = 0xFFFF_FFFF


class Wire(Client, Protocol):
    """What a channel needs of its connection."""

    peer_frame_size: int

    def write(self, channel: int, code: int, fields: list[Any], payload: bytes | memoryview = b"") -> None:
        """Queue one frame to leave after the next commit."""

    def deliver(self) -> None:
        """Hand out messages now."""


class Channel:
    """The links of one AMQP session of a connection."""

    def __init__(self, connection: Wire, number: int, next_outgoing_id: int, window: int) -> None:
        self.connection = connection
        self.number = number
        self.links: dict[int, Link] = {}  # by the client's handle
        self._handles: set[int] = set()
        self._next_incoming_id = next_outgoing_id
        self._incoming_window = WINDOW
        self._peer_window = window
        self._next_outgoing_id = 0
        self._next_delivery_id = 0
        self._unsettled: dict[int, tuple[Link, bytes]] = {}
        self._waiting: deque[tuple[list[Any], bytes]] = deque()  # frames the client has no window for
        self.write(
            BEGIN,
            [UShort(number), UInt(0), UInt(WINDOW), UInt(WINDOW), UInt(MAX_HANDLE), None, None, None],
        )

    def write(self, code: int, fields: list[Any], payload: bytes | memoryview = b"") -> None:
        self.connection.write(self.number, code, fields, payload)

    def claim_handle(self) -> int:
        handle = next(number for number in range(len(self._handles) + 1) if number not in self._handles)
        self._handles.add(handle)
        return handle

    def free_handle(self, handle: int) -> None:
        self._handles.discard(handle)

    def attach(self, attach: Attach, raw_fields: list[bytes]) -> Link:
        """A new link; the service accepts or refuses it."""
        link = self.links[attach.handle] = Link(self, attach, raw_fields)
        return link

    def detach(self, peer_handle: int) -> None:
        """The client closed a link."""
        link = self.links.pop(peer_handle, None)
        if link is not None:
            self._close(link)
            link.detach()

    def close(self) -> None:
        """The client ended the session or went away."""
        for link in self.links.values():
            self._close(link)
        self.links.clear()

    def _close(self, link: Link) -> None:
        if link.endpoint is not None:
            link.endpoint.close()
        self._unsettled = {key: entry for key, entry in self._unsettled.items() if entry[0] is not link}

    # flow

    def send_flow(self, link: Link | None = None, drain: bool = False) -> None:
        """Tell the client the window and, with a link, its credit."""
        fields: list[Any] = [
            UInt(self._next_incoming_id),
            UInt(self._incoming_window),
            UInt(self._next_outgoing_id),
            UInt(WINDOW),
        ]
        self.write(FLOW, fields + ([None] * 7 if link is None else link.flow_fields(drain)))

    def on_flow(self, flow: Flow) -> None:
        sent = (self._next_outgoing_id - len(self._waiting)) & _ID_MASK
        window = ((flow.next_incoming_id or 0) + flow.incoming_window - sent) & _ID_MASK
        self._peer_window = window if window <= _ID_MASK // 2 else 0  # ids wrap: this was negative
        while self._waiting and self._peer_window > 0:
            self._peer_window -= 1
            self.write(TRANSFER, *self._waiting.popleft())
        link = None if flow.handle is None else self.links.get(flow.handle)
        if link is None or link.client_sends or link.endpoint is None:
            return
        already_sent = (link.delivery_count - (flow.delivery_count or 0)) & _ID_MASK
        link.credit = max(0, (flow.link_credit or 0) - already_sent)
        link.endpoint.credit_changed()
        if flow.drain:  # give what there is, then use up the rest of the credit
            self.connection.deliver()
            link.delivery_count = (link.delivery_count + link.credit) & _ID_MASK
            link.credit = 0
            self.send_flow(link, drain=True)

    # to the client

    def send_delivery(self, link: Link, handle: int, tag: bytes, payload: bytes, settled: bool) -> None:
        """Send one message in as many frames as it needs."""
        delivery_id = self._next_delivery_id
        self._next_delivery_id = (delivery_id + 1) & _ID_MASK
        if not settled:
            self._unsettled[delivery_id] = (link, tag)
        room = self.connection.peer_frame_size - FRAME_OVERHEAD
        head: list[Any] = [UInt(handle), UInt(delivery_id), tag, UInt(0)]
        for start in range(0, len(payload), room):
            more = start + room < len(payload)
            self._send_transfer([*head, settled, more, *[None] * 5], payload[start : start + room])
            head = [UInt(handle), None, None, None]

    def _send_transfer(self, fields: list[Any], payload: bytes) -> None:
        self._next_outgoing_id = (self._next_outgoing_id + 1) & _ID_MASK
        if self._peer_window <= 0 or self._waiting:
            self._waiting.append((fields, payload))
        else:
            self._peer_window -= 1
            self.write(TRANSFER, fields, payload)

    # from the client

    def on_transfer(self, transfer: Transfer, payload: bytes) -> None:
        self._next_incoming_id = (self._next_incoming_id + 1) & _ID_MASK
        self._incoming_window -= 1
        link = self.links.get(transfer.handle)
        if link is not None and link.client_sends and link.endpoint is not None:
            delivery = link.assemble(transfer, payload)
            if delivery is not None:
                self._receive(link, delivery)
        if self._incoming_window < WINDOW // 2:
            self._incoming_window = WINDOW
            self.send_flow()

    def _receive(self, link: Link, delivery: Assembly) -> None:
        state = outcome_value(ACCEPTED)
        try:
            if delivery.size > link.max_message_bytes:
                raise message_too_large(delivery.size, link.max_message_bytes)
            if link.endpoint is not None:
                link.endpoint.receive(bytes(delivery.payload), delivery.message_format)
        except ServiceBusError as error:
            state = rejection(error)
        except AmqpDecodeError as error:
            state = rejection(ServiceBusError("amqp:decode-error", f"The message is malformed: {error}"))
        link.delivery_count = (link.delivery_count + 1) & _ID_MASK
        link.credit -= 1
        if not delivery.settled:
            number = UInt(delivery.delivery_id)
            self.write(DISPOSITION, [True, number, number, True, state, None])
        if link.credit < INCOMING_CREDIT // 2:
            link.credit = INCOMING_CREDIT
            self.send_flow(link)

    def on_disposition(self, disposition: Disposition) -> None:
        if not disposition.role:
            return  # about messages the client sent: the broker settled those already
        last = disposition.first if disposition.last is None else disposition.last
        if last - disposition.first > len(self._unsettled):
            numbers = [number for number in self._unsettled if disposition.first <= number <= last]
        else:
            numbers = list(range(disposition.first, last + 1))
        for number in numbers:
            entry = self._unsettled.pop(number, None)
            if entry is not None:
                self._settle(number, *entry, disposition)

    def _settle(self, number: int, link: Link, tag: bytes, disposition: Disposition) -> None:
        """Apply an outcome and confirm it with the same outcome; a rejection with an error is a failure."""
        outcome = read_outcome(disposition.state)
        try:
            if outcome is None:
                raise argument_error("A delivery was settled without an outcome.")
            if link.endpoint is not None:
                link.endpoint.settle(tag, outcome)
            answer = outcome_value(outcome.code, [None] if outcome.code == REJECTED else None)
        except ServiceBusError as error:
            answer = rejection(error)
        if not disposition.settled:
            self.write(DISPOSITION, [False, UInt(number), UInt(number), True, answer, None])
