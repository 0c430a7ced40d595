"""HTTP functions get and give what they would behind the platform's front."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from tests.local.host.conftest import HOST_KEY, MASTER, SECRET_KEY


def test_a_request_arrives_as_the_platform_sends_it(client: httpx.Client) -> None:
    """Names lower-cased, repeated values joined, empty ones dropped, parameters as text."""
    answer = client.post(
        "/api/echo/acme/12?a=1&a=2&b=",
        headers=[("X-Multi", "x"), ("X-Multi", "y"), ("X-Empty", "")],
        content="body",
    )
    seen = answer.json()
    assert (answer.status_code, answer.headers["x-out"]) == (201, "1")
    assert answer.headers["content-type"] == "application/json"
    assert (seen["method"], seen["body"]) == ("POST", "body")
    assert seen["url"] == f"{client.base_url}/api/echo/acme/12?a=1&a=2&b="
    assert seen["route"] == {"tenant": "acme", "number": "12"}
    assert seen["query"] == {"a": "1,2"}
    assert seen["headers"]["x-multi"] == "x,y"
    assert "x-empty" not in seen["headers"]


def test_headers_of_the_platform_cannot_be_forged(client: httpx.Client) -> None:
    """No front stands here that would set them, so whoever sends them lies."""
    forged = {"X-MS-CLIENT-PRINCIPAL": "e30=", "x-ms-client-principal-id": "1", "X-MS-TOKEN-AAD-ID-TOKEN": "t"}
    seen = client.get("/api/echo/acme", headers={**forged, "x-ms-client-request-id": "kept"}).json()
    assert [name for name in seen["headers"] if name.startswith("x-ms-")] == ["x-ms-client-request-id"]


def test_an_optional_parameter_that_is_left_out_is_absent(client: httpx.Client) -> None:
    """Not an empty string."""
    assert client.get("/api/echo/acme").json()["route"] == {"tenant": "acme"}


def test_a_chunked_body_arrives_empty(client: httpx.Client) -> None:
    """As on the platform without the chunked option."""

    def chunks() -> Iterator[bytes]:
        yield b"first"
        yield b"second"

    assert client.post("/api/echo/acme", content=chunks()).json()["body"] == ""


@pytest.mark.parametrize(
    ("method", "path"),
    [("DELETE", "/api/echo/acme/1"), ("GET", "/api/echo/acme/x"), ("GET", "/echo/acme"), ("GET", "/api")],
)
def test_what_no_route_serves_is_not_found(client: httpx.Client, method: str, path: str) -> None:
    """The method belongs to the route: another one is 404, not 405."""
    answer = client.request(method, path)
    assert (answer.status_code, answer.content) == (404, b"")


def test_a_literal_segment_wins_over_a_parameter(client: httpx.Client) -> None:
    """Whatever the order in which the app registers them."""
    assert client.get("/api/echo/acme/fixed").text == "fixed"


def test_a_failed_function_tells_the_caller_nothing(client: httpx.Client) -> None:
    """500 with an empty body; the error is in the log."""
    answer = client.get("/api/fails")
    assert (answer.status_code, answer.content) == (500, b"")


def test_a_cookie_survives_with_its_attributes(client: httpx.Client) -> None:
    """Set-Cookie is the one header the runtime takes apart."""
    assert client.get("/api/cookies").headers["set-cookie"] == "a=1; HttpOnly; Path=/"


@pytest.mark.parametrize(
    ("path", "key", "status"),
    [
        ("/api/secret", None, 401),
        ("/api/secret", "wrong", 401),
        ("/api/secret", HOST_KEY, 200),
        ("/api/secret", SECRET_KEY, 200),
        ("/api/secret", MASTER, 200),
        ("/api/secret", "eventgrid-key", 401),
        ("/api/root", HOST_KEY, 401),
        ("/api/root", SECRET_KEY, 401),
        ("/api/root", MASTER, 200),
        ("/api/echo/acme", "wrong", 201),
    ],
)
def test_a_route_opens_for_its_own_level_and_for_the_master_key(
    client: httpx.Client, path: str, key: str | None, status: int
) -> None:
    """In the header or in the query; a system key opens no function."""
    in_header = client.get(path, headers={"x-functions-key": key} if key else {})
    in_query = client.get(path, params={"code": key} if key else {})
    assert [in_header.status_code, in_query.status_code] == [status, status]


def test_the_key_in_the_header_wins_over_the_one_in_the_query(client: httpx.Client) -> None:
    """A good key in the query does not save a wrong header."""
    answer = client.get("/api/secret", params={"code": MASTER}, headers={"x-functions-key": "wrong"})
    assert answer.status_code == 401


def test_health_needs_no_key(client: httpx.Client) -> None:
    """The supervisor asks it."""
    assert client.get("/health").json() == {"status": "ok"}
