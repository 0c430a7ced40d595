"""Clients with an identity instead of a key, against a broker that checks signatures."""

from __future__ import annotations

import time
from collections.abc import Iterator

import jwt
import pytest
from azure.core.credentials import AccessToken
from azure.identity import ManagedIdentityCredential
from azure.identity.aio import ManagedIdentityCredential as AsyncManagedIdentityCredential
from azure.servicebus import ServiceBusClient
from azure.servicebus.aio import ServiceBusClient as AsyncServiceBusClient
from azure.servicebus.exceptions import ServiceBusAuthenticationError

from tests.local.servicebus.clients import message
from tests.local.servicebus.conftest import QUEUES
from tests.support.processes import Part, running

TENANT = "11111111-1111-1111-1111-111111111111"


@pytest.fixture(scope="module")
def strict_broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Part]:
    """A broker that knows one key and the key set of an identity part."""
    data = tmp_path_factory.mktemp("strict")
    with running("local.identity", "--data", str(data / "keys"), log=data / "identity.log") as identity:
        options = ("--data", str(data / "bus"), "--config", str(QUEUES), "--sas-key", "Root=secret")
        keys = f"{identity.url}/{TENANT}/discovery/v2.0/keys"
        with (
            running("local.servicebus", *options, "--jwks", keys, log=data / "bus.log") as broker,
            pytest.MonkeyPatch.context() as environment,  # a process to which the platform gives an identity
        ):
            environment.setenv("IDENTITY_ENDPOINT", f"{identity.url}/msi/token")
            environment.setenv("IDENTITY_HEADER", "local")
            yield broker


class Token:
    """A well-formed token for Service Bus that nobody signed with a published key."""

    def get_token(self, *_: str, **__: object) -> AccessToken:
        expires = int(time.time()) + 3600
        return AccessToken(jwt.encode({"aud": "https://servicebus.azure.net", "exp": expires}, "a" * 32), expires)


class OtherAudience:
    """A well-signed token for another service."""

    def get_token(self, *_: str, **__: object) -> AccessToken:
        with ManagedIdentityCredential() as credential:
            return credential.get_token("https://management.azure.com/.default")


def test_the_managed_identity_may_send(strict_broker: Part) -> None:
    """Its token is signed by the identity part and meant for Service Bus."""
    with (
        ManagedIdentityCredential() as credential,
        ServiceBusClient(f"localhost:{strict_broker.port}", credential, use_tls=False) as client,
        client.get_queue_sender("plain") as sender,
    ):
        sender.send_messages(message())


async def test_the_managed_identity_may_send_with_the_async_client(strict_broker: Part) -> None:
    """The same, aio."""
    async with (
        AsyncManagedIdentityCredential() as credential,
        AsyncServiceBusClient(f"localhost:{strict_broker.port}", credential, use_tls=False) as client,
        client.get_queue_sender("plain") as sender,
    ):
        await sender.send_messages(message())


@pytest.mark.parametrize("credential", [Token(), OtherAudience()], ids=["unsigned", "other audience"])
def test_any_other_identity_token_is_refused(strict_broker: Part, credential: Token | OtherAudience) -> None:
    """As an authentication error, not as a time-out; the client leaves the reason to the broker's log."""
    with (
        ServiceBusClient(f"localhost:{strict_broker.port}", credential, use_tls=False, retry_total=0) as client,
        pytest.raises(ServiceBusAuthenticationError),
    ):
        client.get_queue_sender("plain").__enter__()
    assert "InvalidSignature" in strict_broker.log.read_text()


def test_a_wrong_key_is_refused(strict_broker: Part) -> None:
    """A connection string with another key than the broker's."""
    text = f"Endpoint=sb://localhost:{strict_broker.port};SharedAccessKeyName=Root;SharedAccessKey=wrong;"
    with (
        ServiceBusClient.from_connection_string(text + "UseDevelopmentEmulator=true;", retry_total=0) as client,
        pytest.raises(ServiceBusAuthenticationError),
    ):
        client.get_queue_sender("plain").__enter__()
    assert "not signed with the key it names" in strict_broker.log.read_text()
