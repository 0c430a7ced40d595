"""The Event Grid webhook takes deliveries as the platform's extension does."""

from __future__ import annotations

import json
import time
from typing import Any

import httpx
import pytest

from tests.local.host.conftest import EVENT_GRID, HOST_KEY, MASTER

WEBHOOK = "/runtime/webhooks/eventgrid"


def event(event_id: str, **data: Any) -> dict[str, Any]:
    """An event in the Event Grid schema, with seven digits of a second as the service sends them."""
    return {
        "id": event_id,
        "eventType": "Switchyard.Tested",
        "subject": "tests",
        "topic": "/topics/tests",
        "eventTime": "2026-11-20T12:00:00.1234567Z",
        "dataVersion": "1",
        "data": data,
    }


def post(
    client: httpx.Client,
    body: Any,
    *,
    kind: str | None = "Notification",
    function: str = "on_event",
    key: str = EVENT_GRID,
) -> httpx.Response:
    headers = {"aeg-event-type": kind} if kind else {}
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return client.post(WEBHOOK, params={"functionName": function, "code": key}, headers=headers, content=content)


def seen(client: httpx.Client) -> dict[str, dict[str, Any]]:
    return {entry["id"]: entry for entry in client.get("/api/seen").json()}


def test_a_notification_runs_the_function_once_per_event(client: httpx.Client) -> None:
    """An array or a single object; the answer is 202."""
    assert post(client, [event("n-1", x=1), event("n-2", x=2)]).status_code == 202
    assert post(client, event("n-3", x=3)).status_code == 202
    entries = seen(client)
    assert [entries[name]["data"] for name in ("n-1", "n-2", "n-3")] == [{"x": 1}, {"x": 2}, {"x": 3}]
    assert entries["n-1"]["time"] == "2026-11-20 12:00:00.123456+00:00"


def test_events_of_one_delivery_run_at_the_same_time(client: httpx.Client) -> None:
    """Six events of half a second each take well under three."""
    started = time.monotonic()
    assert post(client, [event(f"c-{n}", takes_s=0.5) for n in range(6)]).status_code == 202
    assert time.monotonic() - started < 2.5


def test_one_failed_event_fails_the_delivery_with_its_message(client: httpx.Client) -> None:
    """The others ran: Event Grid will send them again, so handlers must be idempotent."""
    answer = post(client, [event("f-1"), event("f-2", fail=True)])
    assert answer.status_code == 500
    assert "event f-2 is not wanted" in answer.text
    assert "f-1" in seen(client)


def test_a_cloud_event_arrives_as_one(client: httpx.Client) -> None:
    """The schema is told by specversion."""
    body = {"specversion": "1.0", "id": "ce-1", "type": "t", "source": "s", "data": {}}
    assert post(client, body, function="on_cloud_event").status_code == 202
    assert seen(client)["ce-1"]["type"] == "t"


@pytest.mark.parametrize(
    "body",
    [
        [event("v-1", validationCode="code-7")],
        {
            "id": "v-2",
            "type": "Microsoft.EventGrid.SubscriptionValidationEvent",
            "data": '{"validationCode": "code-7"}',
        },
    ],
)
def test_the_handshake_returns_the_code(client: httpx.Client, body: Any) -> None:
    """In an array, or as one object whose data is JSON text."""
    answer = post(client, body, kind="SubscriptionValidation")
    assert (answer.status_code, answer.json()) == (200, {"validationResponse": "code-7"})


@pytest.mark.parametrize(
    ("origin", "allowed"), [("eventgrid.azure.cn", "eventgrid.azure.cn"), ("evil.example", "eventgrid.azure.net")]
)
def test_the_abuse_protection_allows_event_grid_only(client: httpx.Client, origin: str, allowed: str) -> None:
    """CloudEvents subscriptions ask with OPTIONS."""
    answer = client.options(
        WEBHOOK, params={"functionName": "on_event", "code": EVENT_GRID}, headers={"WebHook-Request-Origin": origin}
    )
    assert (answer.status_code, answer.headers["webhook-allowed-origin"]) == (200, allowed)


@pytest.mark.parametrize(
    ("key", "status"),
    [("", 401), ("wrong", 401), (HOST_KEY, 401), ("other-key", 401), (EVENT_GRID, 202), (MASTER, 202)],
)
def test_only_the_key_of_the_extension_opens_the_webhook(client: httpx.Client, key: str, status: int) -> None:
    """Host keys and other system keys do not."""
    assert post(client, [event("k-1")], key=key).status_code == status


@pytest.mark.parametrize("function", ["nope", "echo", ""])
def test_an_unknown_function_is_named_in_the_answer(client: httpx.Client, function: str) -> None:
    """Functions of other triggers count as unknown."""
    answer = post(client, [event("u-1")], function=function)
    assert (answer.status_code, answer.text) == (404, f"cannot find function: '{function}'")


@pytest.mark.parametrize(
    ("kind", "body", "status"),
    [
        ("Unsubscribe", [], 202),
        ("Telegram", [], 400),
        (None, [], 400),
        ("Notification", b"{no json", 400),
        ("SubscriptionValidation", [], 400),
    ],
)
def test_other_calls_of_the_webhook(client: httpx.Client, kind: str | None, body: Any, status: int) -> None:
    """Unsubscribing is accepted, what cannot be read is refused."""
    assert post(client, body, kind=kind).status_code == status


def test_another_extension_is_not_found(client: httpx.Client) -> None:
    """Even with the master key."""
    assert client.post("/runtime/webhooks/blobs", params={"code": MASTER}).status_code == 404
