"""The admin API shows and runs functions for whoever holds the master key."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.local.host.conftest import EVENT_GRID, HOST_KEY, MASTER, SECRET_KEY
from tests.support.processes import Part, until


@pytest.fixture
def admin(web_host: Part) -> Iterator[httpx.Client]:
    """A client with the master key."""
    with httpx.Client(base_url=web_host.url, headers={"x-functions-key": MASTER}, timeout=10) as http:
        yield http


def test_the_ping_needs_no_key(client: httpx.Client) -> None:
    """It is what load balancers ask."""
    assert client.get("/admin/host/ping").status_code == 200


@pytest.mark.parametrize(
    "path", ["/admin/host/status", "/admin/functions", "/admin/functions/echo", "/admin/host/systemkeys", "/admin/x"]
)
def test_everything_else_needs_the_master_key(client: httpx.Client, path: str) -> None:
    """A host key is not enough."""
    assert client.get(path).status_code == 401
    assert client.get(path, params={"code": HOST_KEY}).status_code == 401


def test_the_status_of_a_running_host(admin: httpx.Client) -> None:
    """Running, without errors."""
    status = admin.get("/admin/host/status").json()
    assert (status["state"], status["errors"]) == ("Running", [])
    assert status["processUptime"] > 0


def test_functions_are_listed_with_their_bindings(admin: httpx.Client) -> None:
    """And HTTP functions with the address that reaches them."""
    listed = {function["name"]: function for function in admin.get("/admin/functions").json()}
    assert {"echo", "on_event", "yearly"} <= set(listed)
    assert listed["secret"]["invoke_url_template"] == f"{admin.base_url}/api/secret"
    assert admin.get("/admin/functions/ECHO").json() == listed["echo"]
    assert listed["yearly"]["config"]["bindings"][0]["schedule"] == "0 0 0 1 1 *"
    assert admin.get("/admin/functions/yearly/status").json() == {"isDisabled": False}


def test_keys_can_be_read(admin: httpx.Client) -> None:
    """The subscription to the webhook needs the system key."""
    one = admin.get("/admin/host/systemkeys/eventgrid_extension").json()
    assert one == {"name": "eventgrid_extension", "value": EVENT_GRID}
    assert {"name": "default", "value": HOST_KEY} in admin.get("/admin/host/keys").json()["keys"]
    assert admin.get("/admin/host/keys/_master").json()["value"] == MASTER
    assert admin.get("/admin/functions/secret/keys/default").json()["value"] == SECRET_KEY
    assert admin.get("/admin/host/systemkeys/nope").status_code == 404


def test_a_timer_can_be_run_by_hand(admin: httpx.Client) -> None:
    """The answer is 202 at once; the run follows."""
    before = len(admin.get("/api/seen").json())
    assert admin.post("/admin/functions/yearly", json={}).status_code == 202
    until(lambda: {"id": "yearly", "past_due": False} in admin.get("/api/seen").json()[before:])


def test_an_event_function_can_be_run_by_hand(admin: httpx.Client) -> None:
    """Its input is the event as text."""
    event = {"id": "by-hand", "eventType": "t", "data": {}}
    assert admin.post("/admin/functions/on_event", json={"input": json.dumps(event)}).status_code == 202
    until(lambda: "by-hand" in {entry["id"] for entry in admin.get("/api/seen").json()})


@pytest.mark.parametrize(
    ("path", "content", "status"),
    [
        ("/admin/functions/nope", "{}", 404),
        ("/admin/functions/echo", "{}", 400),
        ("/admin/functions/on_event", '{"input": "no json"}', 400),
        ("/admin/functions/yearly", "no json", 400),
    ],
)
def test_a_run_that_cannot_start_says_why(admin: httpx.Client, path: str, content: str, status: int) -> None:
    """HTTP functions are called at their route."""
    assert admin.post(path, content=content).status_code == status


def test_a_call_that_is_not_mirrored_is_refused_by_name(admin: httpx.Client) -> None:
    """Better than pretending."""
    answer = admin.post("/admin/host/drain")
    assert answer.status_code == 501
    assert "POST /admin/host/drain" in answer.json()["error"]


def test_the_numbers_that_an_app_tells_are_added_up(admin: httpx.Client) -> None:
    """What Azure Monitor would have as metrics, by their dimensions."""

    def told() -> dict[str, Any]:
        listed = admin.get("/admin/host/measures").json()
        return next((each for each in listed if each["dimensions"] == {"sweep": "yearly"}), {"count": 0})

    before = told()["count"]
    for _ in range(2):
        admin.post("/admin/functions/yearly", json={"input": ""})
    until(lambda: told()["count"] == before + 2)

    assert (told()["name"], told()["sum"], told()["max"]) == ("switchyard.sweeps", before + 2, 1.0)
