"""Trigger metadata of messages follows the host's rules, the unpleasant ones included."""

from __future__ import annotations

import json
from typing import Any

import pytest

from local.host.metadata import manual_metadata, override_from_body
from local.host.protos import TypedData, as_json, text


def plain(metadata: dict[str, TypedData]) -> dict[str, Any]:
    return {name: json.loads(data.value) if data.kind == "json" else data.value for name, data in metadata.items()}


def test_a_json_body_replaces_metadata_of_the_same_name() -> None:
    """Case-insensitively, under the name the metadata already had."""
    metadata = {"MessageId": text("real"), "DeliveryCount": as_json(1), "UserProperties": as_json({})}
    body = json.dumps({"messageId": "fake", "deliverycount": 7, "other": {"a": 1}})
    assert plain(override_from_body(metadata, body)) == {
        "MessageId": "fake",
        "DeliveryCount": 7,
        "UserProperties": {},
        "other": {"a": 1},
    }


@pytest.mark.parametrize(
    "body", ['{"messageId": null}', '{"messageId": ["x"]}', '["messageId"]', "messageId", "{broken", ""]
)
def test_other_bodies_leave_metadata_alone(body: str) -> None:
    """Nulls, arrays, and whatever is not a JSON object."""
    assert plain(override_from_body({"MessageId": text("real")}, body)) == {"MessageId": "real"}


def test_a_manual_run_has_what_the_worker_needs_to_decode() -> None:
    """Without UserProperties the worker cannot tell one message from many."""
    assert {"UserProperties", "MessageId", "DeliveryCount"} <= set(manual_metadata("text"))
