"""One Event Grid part, one subscriber per test, and the real publisher client's credential."""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import jwt
import pytest
from azure.core.credentials import AccessToken

from local import redirect
from tests.local.eventgrid.subscriber import Subscriber
from tests.support.processes import Part, running, until

TOPIC = "switchyard-facts"
ENDPOINT = f"https://{TOPIC}.westeurope-1.eventgrid.azure.net/api/events"
KEY = "dG9waWMta2V5"  # base64, as Azure makes them, so that tokens can be signed with it
RETRY_SCALE = 0.002  # 10 s become 20 ms, 24 h become 3 minutes

_numbers = itertools.count(1)


class Token:
    """A credential as DefaultAzureCredential would be: asked for a scope, gives a well-formed token."""

    def __init__(self) -> None:
        self.scopes: list[str] = []

    def get_token(self, *scopes: str, **_: Any) -> AccessToken:
        self.scopes.extend(scopes)
        expires = int(time.time()) + 3600
        return AccessToken(jwt.encode({"aud": scopes[0], "exp": expires}, "a" * 32), expires)


class AsyncToken(Token):
    async def get_token(self, *scopes: str, **_: Any) -> AccessToken:  # type: ignore[override]
        return super().get_token(*scopes)


@pytest.fixture(scope="session")
def part_options(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[str], Path]:
    data = tmp_path_factory.mktemp("eventgrid")
    config = data / "config.json"
    config.write_text(json.dumps({"topics": [{"name": TOPIC, "key": KEY}]}))
    options = ["--data", str(data / "db"), "--config", str(config), "--retry-scale", str(RETRY_SCALE)]
    return options, data / "log"


@pytest.fixture(scope="session")
def part(part_options: tuple[list[str], Path]) -> Iterator[Part]:
    options, log = part_options
    with running("local.eventgrid", *options, log=log) as started:
        yield started


@pytest.fixture
def redirected(part: Part) -> Iterator[None]:
    redirect.install(eventgrid=part.url)
    yield
    redirect.uninstall()


@pytest.fixture
def subscriber() -> Iterator[Subscriber]:
    with Subscriber().listening() as listening:
        yield listening


Subscribe = Callable[..., str]


@pytest.fixture
def subscribe(part: Part) -> Iterator[Subscribe]:
    """Create a subscription, wait until it is active unless told otherwise, and delete it after the test."""
    names = []

    def create(endpoint: str, *, wait: bool = True, **spec: Any) -> str:
        name = f"test-{next(_numbers)}"
        names.append(name)
        source = {} if "system" in spec else {"topic": TOPIC}
        put(part, name, endpoint=endpoint, **source, **spec)
        if wait:
            until(lambda: state_of(part, name) == "Active")
        return name

    yield create
    for name in names:
        httpx.delete(f"{part.url}/control/subscriptions/{name}")


def put(part: Part, name: str, **spec: Any) -> None:
    answer = httpx.put(f"{part.url}/control/subscriptions/{name}", json=spec)
    assert answer.status_code == 200, answer.text


def state_of(part: Part, name: str) -> str:
    listed = httpx.get(f"{part.url}/control/subscriptions").json()["value"]
    return str(next(item["provisioningState"] for item in listed if item["name"] == name))


def deliveries(part: Part, **query: str) -> list[dict[str, Any]]:
    return list(httpx.get(f"{part.url}/control/deliveries", params=query).json()["value"])


def event(number: int = 1, **fields: Any) -> dict[str, Any]:
    return {
        "id": f"event-{number}",
        "subject": "releases/r1",
        "eventType": "Switchyard.ReleaseCompleted",
        "eventTime": "2026-01-02T03:04:05Z",
        "data": {"number": number},
        "dataVersion": "1",
        **fields,
    }


def publish(part: Part, *events: dict[str, Any]) -> httpx.Response:
    return httpx.post(
        f"{part.url}/topics/{TOPIC}/api/events", json=list(events), headers={"aeg-sas-key": KEY}, timeout=10
    )
