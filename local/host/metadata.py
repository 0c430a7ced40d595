"""Trigger metadata of Service Bus messages, as the extension and the host hand it to the Python worker.

Rules: docs/azure-facts.md#service-bus-in-the-functions-host. Two of them bite: a top-level property of a JSON body
replaces metadata of the same name (case-insensitively), and `UserProperties` must always be there or the worker cannot
decode.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

from local.host.protos import TypedData, as_json, text

if TYPE_CHECKING:
    from azure.servicebus import ServiceBusReceivedMessage

# DateTimeOffset.MaxValue: a message without time to live.
_NO_EXPIRY = "9999-12-31T23:59:59.9999999"


def message_body(message: ServiceBusReceivedMessage, *, binary: bool = False) -> bytes:
    """The bytes that the function gets: of a data body, or of a value that is a text. Raises ValueError for what the
    extension cannot bind: other values, sequences, and with `dataType` binary any value.
    """
    kind = message.body_type.name
    if kind == "DATA":
        return b"".join(message.body)
    if kind == "VALUE" and not binary and isinstance(message.body, bytes):
        return message.body  # how the client gives a text; a binary value, which Azure does not bind, looks the same
    raise ValueError(f"message {message.message_id} has an AMQP {kind} body that is no text: send bytes or text")


def message_metadata(message: ServiceBusReceivedMessage, body: str) -> dict[str, TypedData]:
    """Metadata of one received message; values that are not set are left out."""
    properties = {_plain(name): _plain(value) for name, value in (message.application_properties or {}).items()}
    metadata: dict[str, TypedData] = {
        # AMQP counts failed deliveries from 0, .NET counts deliveries from 1.
        "DeliveryCount": as_json((message.delivery_count or 0) + 1),
        "SequenceNumber": as_json(message.sequence_number),
        "EnqueuedTimeUtc": as_json(_naive(message.enqueued_time_utc)),
        "EnqueuedTime": as_json(_with_offset(message.enqueued_time_utc)),
        "ExpiresAtUtc": as_json(_naive(message.expires_at_utc) or _NO_EXPIRY),
        "ExpiresAt": as_json(_with_offset(message.expires_at_utc) or _NO_EXPIRY + "+00:00"),
        "ApplicationProperties": as_json(properties),
        "UserProperties": as_json(properties),
    }
    texts = {
        "LockToken": message.lock_token,
        "MessageId": message.message_id,
        "ContentType": message.content_type,
        "CorrelationId": message.correlation_id,
        "SessionId": message.session_id,
        "ReplyTo": message.reply_to,
        "ReplyToSessionId": message.reply_to_session_id,
        "To": message.to,
        "Subject": message.subject,
        "Label": message.subject,
        "PartitionKey": message.partition_key,
        "DeadLetterSource": message.dead_letter_source,
    }
    metadata |= {name: text(str(value)) for name, value in texts.items() if value not in (None, "")}
    return override_from_body(metadata, body)


def manual_metadata(body: str) -> dict[str, TypedData]:
    """Metadata of a message that never was on a queue: a run through the admin API."""
    now = datetime.now(UTC)
    metadata = {
        "DeliveryCount": as_json(1),
        "SequenceNumber": as_json(0),
        "MessageId": text(uuid4().hex),
        "LockToken": text(str(uuid4())),
        "EnqueuedTimeUtc": as_json(_naive(now)),
        "ExpiresAtUtc": as_json(_NO_EXPIRY),
        "ApplicationProperties": as_json({}),
        "UserProperties": as_json({}),
    }
    return override_from_body(metadata, body)


def override_from_body(metadata: Mapping[str, TypedData], body: str) -> dict[str, TypedData]:
    """Lay the top-level properties of a JSON object over the metadata, arrays and nulls excepted.

    The platform does this to every trigger with a JSON body, so a body with `messageId` makes `message_id` lie.
    """
    result = dict(metadata)
    if not body.lstrip().startswith("{"):
        return result
    try:
        document = json.loads(body)
    except ValueError:
        return result
    spelling = {name.lower(): name for name in result}
    for name, value in document.items():
        if value is not None and not isinstance(value, list):
            key = spelling.setdefault(name.lower(), name)
            result[key] = text(value) if isinstance(value, str) else as_json(value)
    return result


def _naive(moment: datetime | None) -> str | None:
    """`DateTimeOffset.DateTime` as JSON: no offset, which Python reads as a naive time."""
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat() if moment else None


def _with_offset(moment: datetime | None) -> str | None:
    return moment.astimezone(UTC).isoformat() if moment else None


def _plain(value: Any) -> Any:
    """An AMQP property value as JSON knows it."""
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, datetime):
        return _with_offset(value)
    return str(value) if isinstance(value, UUID) else value
