"""The two event schemas: reading what is published, writing what is delivered.

Sources: "Azure Event Grid event schema" and "CloudEvents v1.0 schema with Azure Event Grid" (Event Grid docs),
CloudEvents 1.0 JSON format and HTTP webhook specification.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from local.eventgrid.config import Schema

MAX_REQUEST_BYTES = 1024 * 1024  # one publish request, all events together
VALIDATION_EVENT_TYPE = "Microsoft.EventGrid.SubscriptionValidationEvent"

_EVENT_GRID_REQUIRED = ("id", "subject", "eventType", "eventTime")
_CLOUD_EVENTS_REQUIRED = ("id", "source", "type", "specversion")


class InvalidEvent(ValueError):
    """The publisher sent something that Event Grid answers with 400."""


@dataclass(frozen=True)
class Event:
    """One accepted event in the schema it was published in; `body` already carries its topic."""

    id: str
    type: str
    schema: Schema
    body: dict[str, Any]

    def delivered_as(self, wanted: Schema) -> tuple[Schema, dict[str, Any]]:
        """The event in a subscription's schema. CloudEvents have no way back: they leave as they came."""
        if self.schema == wanted or self.schema is Schema.CLOUD_EVENTS:
            return self.schema, self.body
        return Schema.CLOUD_EVENTS, _as_cloud_event(self.body)


def parse_batch(body: bytes, content_type: str, *, topic_id: str) -> list[Event]:
    """The events of one publish request. Raises `InvalidEvent` with what is wrong and where."""
    try:
        parsed = json.loads(body)
    except ValueError as problem:
        raise InvalidEvent(f"The body is not JSON: {problem}") from problem
    items = parsed if isinstance(parsed, list) else [parsed]
    cloud_events = content_type.lower().startswith("application/cloudevents")
    read = _read_cloud_event if cloud_events else _read_event_grid_event
    events = []
    for position, item in enumerate(items):
        if not isinstance(item, dict):
            raise InvalidEvent(f"Event {position} is not a JSON object.")
        events.append(read(item, position, topic_id))
    return events


def _read_event_grid_event(item: dict[str, Any], position: int, topic_id: str) -> Event:
    _require(item, _EVENT_GRID_REQUIRED, position, "Event Grid schema")
    topic = item.get("topic")
    if topic and str(topic).casefold() != topic_id.casefold():
        raise InvalidEvent(f"Event {position} names another topic, {topic!r}: leave the field out.")
    body = {**item, "topic": topic_id, "metadataVersion": "1"}
    body.setdefault("dataVersion", "")
    return Event(item["id"], item["eventType"], Schema.EVENT_GRID, body)


def _read_cloud_event(item: dict[str, Any], position: int, _: str) -> Event:
    _require(item, _CLOUD_EVENTS_REQUIRED, position, "CloudEvents 1.0")
    if item["specversion"] != "1.0":
        raise InvalidEvent(f"Event {position} has specversion {item['specversion']!r}; 1.0 is supported.")
    return Event(item["id"], item["type"], Schema.CLOUD_EVENTS, item)


def _require(item: dict[str, Any], names: tuple[str, ...], position: int, schema: str) -> None:
    missing = [name for name in names if not isinstance(item.get(name), str) or not item[name]]
    if missing:
        raise InvalidEvent(f"Event {position} lacks {', '.join(missing)}: required by the {schema}.")


def _as_cloud_event(body: dict[str, Any]) -> dict[str, Any]:
    """The mapping Event Grid documents; the data version has no place in a CloudEvent."""
    return {
        "specversion": "1.0",
        "id": body["id"],
        "source": body["topic"],
        "subject": body["subject"],
        "type": body["eventType"],
        "time": body["eventTime"],
        "data": body.get("data"),
    }


def notification(schema: Schema, bodies: Sequence[dict[str, Any]], *, batched: bool) -> tuple[bytes, dict[str, str]]:
    """Payload and content headers of one request: an array of events, or one bare CloudEvent if not `batched`."""
    if schema is Schema.CLOUD_EVENTS:
        kind = "application/cloudevents-batch+json" if batched else "application/cloudevents+json"
        return json.dumps(bodies if batched else bodies[0]).encode(), {
            "content-type": f"{kind}; charset=utf-8",
            "aeg-metadata-version": bodies[0]["specversion"],
            "webhook-request-origin": "eventgrid.azure.net",
        }
    return json.dumps(bodies).encode(), {
        "content-type": "application/json; charset=utf-8",
        "aeg-metadata-version": str(bodies[0]["metadataVersion"]),
        "aeg-data-version": str(bodies[0]["dataVersion"]),
    }


def validation_event(*, topic_id: str, code: str, url: str) -> bytes:
    """The handshake of the Event Grid schema: an endpoint that answers with the code belongs to the subscriber."""
    return json.dumps(
        [
            {
                "id": str(uuid.uuid4()),
                "topic": topic_id,
                "subject": "",
                "data": {"validationCode": code, "validationUrl": url},
                "eventType": VALIDATION_EVENT_TYPE,
                "eventTime": datetime.now(UTC).isoformat().replace("+00:00", "Z"),
                "metadataVersion": "1",
                "dataVersion": "2",
            }
        ]
    ).encode()
