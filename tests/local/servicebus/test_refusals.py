"""What the broker refuses, and the exceptions the real client raises for it."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from azure.servicebus.aio import ServiceBusClient, ServiceBusReceiver, ServiceBusSender
from azure.servicebus.exceptions import (
    MessagingEntityNotFoundError,
    ServiceBusAuthenticationError,
    ServiceBusError,
)

from tests.local.servicebus.clients import connection_string


@asynccontextmanager
async def opened(text: str) -> AsyncIterator[ServiceBusClient]:
    async with ServiceBusClient.from_connection_string(text, retry_total=0) as client:
        yield client


async def refusal(handler: ServiceBusSender | ServiceBusReceiver) -> BaseException | None:
    """What opening a sender or receiver raises."""
    (outcome,) = await asyncio.gather(handler.__aenter__(), return_exceptions=True)
    return outcome if isinstance(outcome, BaseException) else None


async def test_an_unknown_entity_is_not_found(broker_port: int) -> None:
    """For senders and receivers alike; topics and subscriptions do not exist here."""
    async with opened(connection_string(broker_port)) as client:
        refusals = await asyncio.gather(
            refusal(client.get_queue_sender("absent")),
            refusal(client.get_queue_receiver("absent")),
            refusal(client.get_topic_sender("topic")),
            refusal(client.get_subscription_receiver("plain", "subscription")),
        )
    assert [type(found) for found in refusals] == [MessagingEntityNotFoundError] * 4


async def test_a_receiver_of_the_wrong_kind_is_told_which_one_to_open(broker_port: int) -> None:
    """Sessions where the queue has them and only there; nobody sends to a dead-letter queue."""
    async with opened(connection_string(broker_port)) as client:
        plain, ordered, dead = await asyncio.gather(
            refusal(client.get_queue_receiver("plain", session_id="s")),
            refusal(client.get_queue_receiver("ordered")),
            refusal(client.get_queue_sender("plain/$DeadLetterQueue")),
        )
    assert isinstance(plain, ServiceBusError)
    assert "does not have sessions" in str(plain)
    assert isinstance(ordered, ServiceBusError)
    assert "requires sessions" in str(ordered)
    assert "cannot be sent to a dead-letter queue" in str(dead)


@pytest.mark.parametrize("signature", ["SharedAccessSignature sr=a&sig=b&se=1700000000&skn=c", "nonsense"])
async def test_a_bad_token_is_an_authentication_error(broker_port: int, signature: str) -> None:
    """Expired or malformed."""
    endpoint = f"Endpoint=sb://localhost:{broker_port};"
    text = f"{endpoint}SharedAccessSignature={signature};UseDevelopmentEmulator=true;"
    async with opened(text) as client:
        assert isinstance(await refusal(client.get_queue_sender("plain")), ServiceBusAuthenticationError)


@pytest.mark.parametrize(
    "garbage",
    [
        b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"AMQP\x02\x01\x00\x00",
        b"AMQP\x00\x01\x00\x00" + b"\xff" * 64,
        b"AMQP\x00\x01\x00\x00" + b"\x00\x00\x00\x0c\x02\x00\x00\x00\x00\x53\x10\xff",
        b"AMQP\x00\x01\x00\x00" + b"\x00\x00\x00\x0c\x02\x00\x00\x00\x00\x53\x10\x40",
        b"AMQP\x00\x01\x00\x00" + b"\x00\x00\x00\x0c\x02\x00\x00\x00\x00\x53\x11\x45",
    ],
)
def test_a_peer_that_breaks_the_protocol_is_cut_off_and_others_are_served(broker_port: int, garbage: bytes) -> None:
    """The connection ends by itself; the broker answers the next one."""
    with socket.create_connection(("127.0.0.1", broker_port), timeout=5) as peer:
        peer.sendall(garbage)
        answer = b""
        while part := peer.recv(4096):
            answer += part
    assert answer.startswith(b"AMQP")
    with socket.create_connection(("127.0.0.1", broker_port), timeout=5) as peer:
        peer.sendall(b"AMQP\x00\x01\x00\x00")
        assert peer.recv(8) == b"AMQP\x00\x01\x00\x00"
