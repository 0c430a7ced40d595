"""The operations of ``<entity>/$management``.

Source: Azure, "AMQP 1.0 in Service Bus: request-response-based operations", and the requests of
``azure.servicebus`` 7.15. Lock tokens travel as UUIDs whose little-endian bytes are the delivery tag.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any, TypeAlias

from local.servicebus import errors
from local.servicebus.codec.amqp_types import Array, Int, Timestamp
from local.servicebus.codec.performatives import ACCEPTED, MODIFIED, REJECTED, Outcome
from local.servicebus.link import Link
from local.servicebus.queues.message import write_message
from local.servicebus.queues.queue import Queue
from local.servicebus.queues.sessions import SessionQueue
from local.servicebus.receivers import apply_outcome
from local.servicebus.requests import Request, Responder, Response

Body: TypeAlias = dict[str, Any]

NO_TIME_FILTER_MS = 253_402_300_800_000
"""The client's way to say that sessions are not filtered by the time of their state."""
MAX_SESSIONS_PER_PAGE = 100
MAX_PEEKED = 1000
_NO_TOKEN = uuid.UUID(int=0)
_NO_CONTENT = 204
_PREFIX = "com.microsoft:"


class Management(Responder):
    """The management node of one queue."""

    def __init__(self, link: Link, queue: Queue) -> None:
        super().__init__(link)
        self.queue = queue

    def respond(self, request: Request) -> Response:
        name = str(request.properties.get("operation", ""))
        operation = _OPERATIONS.get(name.removeprefix(_PREFIX))
        if operation is None:
            raise errors.not_implemented(f"The operation {name!r} is not implemented by this broker.")
        return operation(self.queue, request.body or {})


def _ok(body: Body | None = None) -> Response:
    return Response(200, "OK", body)


def _milliseconds(at: float) -> Timestamp:
    return Timestamp(int(at * 1000))


def _session_queue(queue: Queue) -> SessionQueue:
    if not isinstance(queue, SessionQueue):
        raise errors.not_allowed(f"The queue '{queue.name}' does not have sessions.")
    return queue


def _peek(queue: Queue, body: Body) -> Response:
    count = min(int(body.get("message-count", 1)), MAX_PEEKED)
    found = queue.peek(int(body.get("from-sequence-number", 1)), count, body.get("session-id"))
    if not found:
        return Response(_NO_CONTENT, "No messages")
    return _ok({"messages": [{"message": write_message(message, peeked=True)} for message in found]})


def _schedule(queue: Queue, body: Body) -> Response:
    if queue.is_dead_letter_queue:
        raise errors.not_allowed("Messages cannot be sent to a dead-letter queue.")
    incoming = [queue.read(item["message"]) for item in body["messages"]]
    return _ok({"sequence-numbers": Array("long", tuple(queue.enqueue(item) for item in incoming))})


def _cancel_scheduled(queue: Queue, body: Body) -> Response:
    queue.cancel_scheduled(body["sequence-numbers"])
    return _ok()


def _renew_locks(queue: Queue, body: Body) -> Response:
    if isinstance(queue, SessionQueue):
        raise errors.not_allowed("Messages of a session are locked with it; renew the session's lock.")
    ends = [queue.renew_lock(token.bytes_le) for token in body["lock-tokens"]]
    return _ok({"expirations": Array("timestamp", tuple(_milliseconds(end) for end in ends))})


def _update_disposition(queue: Queue, body: Body) -> Response:
    status = body["disposition-status"]
    if status not in _DISPOSITIONS:
        raise errors.argument_error(f"The disposition status {status!r} is not known.")
    outcome = _DISPOSITIONS[status]._replace(
        reason=body.get("deadletter-reason"), description=body.get("deadletter-description")
    )
    messages = [queue.locked(token.bytes_le) for token in body["lock-tokens"]]
    for message in messages:
        apply_outcome(queue, message, outcome)
    return _ok()


def _receive_by_sequence(queue: Queue, body: Body) -> Response:
    delete = body.get("receiver-settle-mode") == 0
    received = queue.receive_deferred(body["sequence-numbers"], body.get("session-id"), delete)
    messages = [
        {
            "lock-token": uuid.UUID(bytes_le=message.lock_token) if message.lock_token else _NO_TOKEN,
            "message": write_message(message),
        }
        for message in received
    ]
    return _ok({"messages": messages}) if messages else Response(_NO_CONTENT, "No messages")


def _renew_session(queue: Queue, body: Body) -> Response:
    return _ok({"expiration": _milliseconds(_session_queue(queue).renew(body["session-id"]))})


def _get_session_state(queue: Queue, body: Body) -> Response:
    return _ok({"session-state": _session_queue(queue).state(body["session-id"])})


def _set_session_state(queue: Queue, body: Body) -> Response:
    _session_queue(queue).set_state(body["session-id"], body["session-state"])
    return _ok()


def _list_sessions(queue: Queue, body: Body) -> Response:
    changed_ms = body.get("last-updated-time", NO_TIME_FILTER_MS)
    changed_after = None if changed_ms >= NO_TIME_FILTER_MS else changed_ms / 1000
    skip, top = int(body.get("skip", 0)), min(int(body.get("top", 100)), MAX_SESSIONS_PER_PAGE)
    found = _session_queue(queue).session_ids(changed_after)[skip : skip + top]
    if not found:
        return Response(_NO_CONTENT, "No sessions")
    return _ok({"skip": Int(skip + len(found)), "sessions-ids": found})


_DISPOSITIONS = {
    "completed": Outcome(ACCEPTED),
    "abandoned": Outcome(MODIFIED),
    "defered": Outcome(MODIFIED, undeliverable_here=True),
    "suspended": Outcome(REJECTED),
}
_OPERATIONS: dict[str, Callable[[Queue, Body], Response]] = {
    "peek-message": _peek,
    "schedule-message": _schedule,
    "cancel-scheduled-message": _cancel_scheduled,
    "renew-lock": _renew_locks,
    "update-disposition": _update_disposition,
    "receive-by-sequence-number": _receive_by_sequence,
    "renew-session-lock": _renew_session,
    "get-session-state": _get_session_state,
    "set-session-state": _set_session_state,
    "get-message-sessions": _list_sessions,
}
