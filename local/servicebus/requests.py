"""Request/response over a pair of links: ``$cbs`` and ``<entity>/$management``.

Source: OASIS AMQP management working draft and what ``azure.servicebus`` 7.15 sends and reads. A request is
answered on the receiving link of the same address in the same AMQP session, correlated by message id.
"""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import Awaitable
from dataclasses import dataclass
from typing import Any

from local.conventions import stop_if_broken
from local.servicebus.codec import sections as sec
from local.servicebus.codec.amqp_types import AmqpDecodeError, Int, Symbol
from local.servicebus.codec.decoder import decode
from local.servicebus.codec.encoder import encode_into
from local.servicebus.errors import ServiceBusError, argument_error
from local.servicebus.link import Endpoint, Link

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Request:
    """A decoded request."""

    message_id: Any
    properties: dict[str, Any]
    body: Any


@dataclass(frozen=True, slots=True)
class Response:
    """A response to encode."""

    status: int
    description: str
    body: Any = None
    condition: str | None = None


class Responder(Endpoint):
    """The endpoint of either link of a request/response pair."""

    status_key = "statusCode"
    description_key = "statusDescription"

    def __init__(self, link: Link) -> None:
        self.link = link
        self._under_way: set[asyncio.Task[None]] = set()

    def respond(self, request: Request) -> Response | Awaitable[Response]:
        """Do what is asked, at once or later. May raise ServiceBusError."""
        raise NotImplementedError

    def receive(self, payload: bytes, message_format: int) -> None:
        request = _read_request(payload)
        try:
            response = self.respond(request)
        except ServiceBusError as error:
            response = self._refused(request, error)
        except (KeyError, TypeError, AttributeError, AmqpDecodeError) as error:
            problem = argument_error(f"The request lacks or misuses a field: {error!r}")
            response = Response(problem.status, problem.description, condition=problem.condition)
        if isinstance(response, Response):
            self._answer(request, response)
        else:
            task = asyncio.create_task(self._answer_later(request, response), name="an answer to a request")
            self._under_way.add(task)
            task.add_done_callback(self._under_way.discard)
            task.add_done_callback(stop_if_broken)

    async def _answer_later(self, request: Request, response: Awaitable[Response]) -> None:
        try:
            answer = await response
        except ServiceBusError as error:
            answer = self._refused(request, error)
        if not self.link.detached:
            self._answer(request, answer)
            self.link.channel.connection.wake()

    def _refused(self, request: Request, error: ServiceBusError) -> Response:
        _log.log(
            logging.WARNING if error.status == 501 else logging.INFO,
            "refused %s on %s: %s",
            request.properties.get("operation"),
            self.link.address,
            error.description,
        )
        return Response(error.status, error.description, condition=error.condition)

    def _answer(self, request: Request, response: Response) -> None:
        properties = {self.status_key: Int(response.status), self.description_key: response.description}
        if response.condition is not None:
            properties["errorCondition"] = Symbol(response.condition)
        out = bytearray(sec.section_head(sec.PROPERTIES))
        encode_into([None, None, None, None, None, request.message_id], out)
        out += sec.section_head(sec.APPLICATION_PROPERTIES)
        encode_into(properties, out)
        out += sec.section_head(sec.VALUE)
        encode_into(response.body, out)
        for link in self.link.channel.links.values():
            if not link.client_sends and link.address.lower() == self.link.address.lower():
                link.send(uuid.uuid4().bytes, bytes(out), settled=False)
                return
        _log.warning("no receiving link for the answer to a request on %s", self.link.address)


def _read_request(payload: bytes) -> Request:
    message_id: Any = None
    properties: dict[str, Any] = {}
    body: Any = None
    for section in sec.split_sections(payload):
        if section.code == sec.PROPERTIES:
            message_id = (decode(payload, section.value)[0] or [None])[0]
        elif section.code == sec.APPLICATION_PROPERTIES:
            properties = decode(payload, section.value)[0]
        elif section.code == sec.VALUE:
            body = decode(payload, section.value)[0]
    return Request(message_id, properties, body)
