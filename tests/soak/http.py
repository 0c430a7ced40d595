"""Loads on the parts that speak HTTP: requests to functions, events, tokens and keys."""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Iterable

import httpx
import jwt
from azure.eventgrid import EventGridEvent, EventGridPublisherClient
from azure.identity import DefaultAzureCredential

from local.supervisor.cloud import LocalCloud
from local.supervisor.parts import TENANT
from local.supervisor.settings import API_AUDIENCE, FACTS_TOPIC
from tests.soak.accounts import Account, Load, Worker
from tests.soak.records import Records

ENDPOINT = f"https://{FACTS_TOPIC}.westeurope-1.eventgrid.azure.net/api/events"
ROTATE_EVERY_S = 4.0


class Requests(Load):
    """Requests that a function answers once it has written them down."""

    def __init__(self, cloud: LocalCloud, records: Records) -> None:
        self.account = Account("requests", "host", lambda: records.first_fields("requests"))
        self.accounts = [self.account]
        self._url = f"{cloud.urls['api']}take"
        self._numbers = itertools.count()
        self.workers = [Worker("request", self._request, pause_s=0.05)]

    def _request(self) -> None:
        name = f"r-{next(self._numbers)}"
        self.account.asked.add(name)
        httpx.post(self._url, params={"id": name}, timeout=10).raise_for_status()
        self.account.acknowledged.add(name)


class Events(Load):
    """Events of a custom topic, which go to a file and to a function."""

    def __init__(self, cloud: LocalCloud, records: Records) -> None:
        self._cloud = cloud
        self._with_host = "host" in cloud.parts
        asked: set[str] = set()
        acknowledged: set[str] = set()
        self._to_function = Account(
            "events to a function", "eventgrid", lambda: records.first_fields("facts"), asked, acknowledged
        )
        self._to_file = Account("events to a file", "eventgrid", self._in_file, asked, acknowledged)
        self.accounts = [self._to_function, self._to_file] if self._with_host else [self._to_file]
        self._numbers = itertools.count()
        self._publisher = EventGridPublisherClient(ENDPOINT, DefaultAzureCredential(), retry_total=0)
        self.workers = [Worker("publish", self._publish, pause_s=0.05)]

    def prepare(self) -> None:
        """Let the function have the events too; the local cloud sends them to the file."""
        if not self._with_host:
            return
        key = json.loads(self._cloud.layout.host_keys.read_text())["system"]["eventgrid_extension"]
        webhook = f"{self._cloud.urls['host']}/runtime/webhooks/eventgrid?functionName=facts&code={key}"
        spec = {"topic": FACTS_TOPIC, "endpoint": webhook}
        url = f"{self._cloud.urls['eventgrid']}/control/subscriptions/soak-facts"
        httpx.put(url, json=spec, timeout=10).raise_for_status()

    def _publish(self) -> None:
        name = f"e-{next(self._numbers)}"
        self._to_file.asked.add(name)
        self._publisher.send(EventGridEvent(id=name, subject="soak", event_type="Soak", data={}, data_version="1"))
        self._to_file.acknowledged.add(name)

    def _in_file(self) -> Iterable[str]:
        file = self._cloud.facts_file
        lines = file.read_text().splitlines(keepends=True) if file.exists() else []
        return [json.loads(line)["id"] for line in lines if line.endswith("\n")]


class Identities(Load):
    """Tokens stay good whatever happens to their issuer, and a key that signs is published."""

    def __init__(self, cloud: LocalCloud) -> None:
        self._cloud = cloud
        self._issued: dict[str, str] = {}
        self.tokens = Account("tokens", "identity", self._good_tokens)
        self.keys = Account("signing keys", "identity", self._asked_keys)
        self.accounts = [self.tokens, self.keys]
        self._rotated_at = 0.0
        self._numbers = itertools.count()
        self.workers = [Worker("ask for a token", self._ask, pause_s=0.1), Worker("rotate", self._rotate)]

    def _ask(self) -> None:
        name = f"t-{next(self._numbers)}"
        self.tokens.asked.add(name)
        answer = httpx.post(f"{self._cloud.urls['identity']}/demo/token", json={"person": "trainer"}, timeout=10)
        self._issued[name] = answer.raise_for_status().json()["access_token"]
        self.tokens.acknowledged.add(name)

    def _rotate(self) -> None:
        if time.monotonic() < self._rotated_at + ROTATE_EVERY_S:
            return
        answer = httpx.post(f"{self._cloud.urls['identity']}/control/rotate", timeout=10)
        key = str(answer.raise_for_status().json()["kid"])
        self._rotated_at = time.monotonic()
        self.keys.asked.add(key)
        self.keys.acknowledged.add(key)

    def _published(self) -> dict[str, jwt.PyJWK]:
        url = f"{self._cloud.urls['identity']}/{TENANT}/discovery/v2.0/keys"
        keys = jwt.PyJWKSet.from_dict(httpx.get(url, timeout=10).raise_for_status().json())
        return {str(key.key_id): key for key in keys.keys}

    def _asked_keys(self) -> Iterable[str]:
        """The published ones; a rotation without an answer may have made another, which nobody knows by name."""
        return set(self._published()) & self.keys.asked

    def _good_tokens(self) -> Iterable[str]:
        keys = self._published()
        for name, token in self._issued.items():
            key = keys.get(jwt.get_unverified_header(token)["kid"])
            if key is not None:
                jwt.decode(token, key.key, algorithms=["RS256"], audience=API_AUDIENCE)
                yield name
