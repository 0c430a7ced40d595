"""Who may publish: the kinds of credential that the real client has, and what each must be signed with."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import jwt
import pytest
from azure.core.credentials import AccessToken, AzureSasCredential
from azure.core.exceptions import ClientAuthenticationError
from azure.eventgrid import EventGridEvent, EventGridPublisherClient, generate_sas
from azure.eventgrid.aio import EventGridPublisherClient as AsyncPublisher
from azure.identity import ManagedIdentityCredential
from azure.identity.aio import ManagedIdentityCredential as AsyncManagedIdentityCredential

from local import redirect
from local.eventgrid.auth import Authenticator, KeysUnavailable
from local.eventgrid.config import Topic
from tests.local.eventgrid.conftest import ENDPOINT, KEY, TOPIC, Token, event
from tests.support.processes import REPOSITORY, Part, running

TENANT = "11111111-1111-1111-1111-111111111111"
EVENT = EventGridEvent(subject="s", event_type="T", data={}, data_version="1")


def signature(*, key: str = KEY, minutes: int = 5) -> AzureSasCredential:
    return AzureSasCredential(generate_sas(ENDPOINT, key, datetime.now(UTC) + timedelta(minutes=minutes)))


@pytest.mark.usefixtures("redirected")
async def test_a_signature_made_with_the_key_is_accepted() -> None:
    """From the client's own generator."""
    EventGridPublisherClient(ENDPOINT, signature()).send(EVENT)
    async with AsyncPublisher(ENDPOINT, signature()) as publisher:
        await publisher.send(EVENT)


@pytest.mark.usefixtures("redirected")
@pytest.mark.parametrize(
    ("credential", "reason"),
    [
        (signature(key="b3RoZXI="), "not signed with the key"),
        (signature(minutes=-1), "has expired"),
        (AzureSasCredential("nonsense"), "not of the form"),
    ],
)
def test_any_other_signature_is_refused(credential: AzureSasCredential, reason: str) -> None:
    """The client raises what it raises against Azure."""
    with pytest.raises(ClientAuthenticationError, match=reason):
        EventGridPublisherClient(ENDPOINT, credential).send(EVENT)


@pytest.fixture(scope="module")
def identity(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Part]:
    data = tmp_path_factory.mktemp("identity")
    with running("local.identity", "--data", str(data / "keys"), log=data / "log") as started:
        yield started


@pytest.fixture
def guarded(identity: Part, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Part]:
    """A part that knows the keys which the identity part signs with, and this process redirected to it."""
    config = tmp_path / "config.json"
    config.write_text(json.dumps({"topics": [{"name": TOPIC, "key": KEY}]}))
    monkeypatch.setenv("IDENTITY_ENDPOINT", f"{identity.url}/msi/token")
    monkeypatch.setenv("IDENTITY_HEADER", "local")
    keys = f"{identity.url}/{TENANT}/discovery/v2.0/keys"
    options = ("--data", str(tmp_path / "db"), "--config", str(config), "--jwks", keys)
    with running("local.eventgrid", *options, log=tmp_path / "log") as started:
        redirect.install(eventgrid=started.url)
        yield started
        redirect.uninstall()


class TokenFor:
    """A well-signed token for another service."""

    def get_token(self, *_: str, **__: object) -> AccessToken:
        with ManagedIdentityCredential() as credential:
            return credential.get_token("https://management.azure.com/.default")


async def test_a_token_has_to_be_signed_by_the_identity_part_and_meant_for_event_grid(
    identity: Part, guarded: Part
) -> None:
    """The managed identity may publish; nothing unsigned is accepted, and unread keys are no refusal."""
    with ManagedIdentityCredential() as credential:
        EventGridPublisherClient(ENDPOINT, credential).send(EVENT)
    async with AsyncManagedIdentityCredential() as credential, AsyncPublisher(ENDPOINT, credential) as publisher:
        await publisher.send(EVENT)

    with pytest.raises(ClientAuthenticationError, match="not valid"):
        EventGridPublisherClient(ENDPOINT, Token()).send(EVENT)
    with pytest.raises(ClientAuthenticationError, match="Audience"):
        EventGridPublisherClient(ENDPOINT, TokenFor()).send(EVENT)
    unsigned = jwt.encode({"aud": "https://eventgrid.azure.net", "exp": time.time() + 60}, None, algorithm="none")
    url, headers = f"{guarded.url}/topics/{TOPIC}/api/events", {"authorization": f"Bearer {unsigned}"}
    async with httpx.AsyncClient() as client:
        assert (await client.post(url, json=[event()], headers=headers)).status_code == 401


async def test_keys_that_cannot_be_read_are_no_refusal() -> None:
    """Trying again helps, other credentials do not: the client gets a 503."""
    headers = {"authorization": f"Bearer {Token().get_token('https://eventgrid.azure.net/.default').token}"}
    with pytest.raises(KeysUnavailable):
        await Authenticator("http://127.0.0.1:9/keys").check(headers, Topic(name=TOPIC))


def test_a_second_part_refuses_a_directory_in_use(part: Part, part_options: tuple[list[str], Path]) -> None:
    """Both would deliver every event."""
    command = [sys.executable, "-m", "local.eventgrid", "--port", "0", *part_options[0]]
    second = subprocess.run(command, capture_output=True, text=True, timeout=20, cwd=REPOSITORY, check=False)
    assert (second.returncode, second.stdout) == (1, "")
    assert "in use by another" in second.stderr
    assert "Traceback" not in second.stderr
