"""What a publisher may rely on, against the local part and, where one is given, a custom topic in Azure."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import pytest_asyncio
from azure.core.credentials import AzureKeyCredential, AzureSasCredential
from azure.core.exceptions import ClientAuthenticationError, HttpResponseError
from azure.eventgrid import EventGridEvent, EventGridPublisherClient, generate_sas
from azure.eventgrid.aio import EventGridPublisherClient as AsyncPublisher

from local import redirect
from tests.local.eventgrid.conftest import ENDPOINT, KEY

AZURE_ENDPOINT, AZURE_KEY = "SWITCHYARD_CONTRACT_EVENTGRID_ENDPOINT", "SWITCHYARD_CONTRACT_EVENTGRID_KEY"


@dataclass(frozen=True)
class Topic:
    endpoint: str
    key: str


@pytest.fixture(params=["local", "azure"])
def topic(request: pytest.FixtureRequest) -> Iterator[Topic]:
    if request.param == "local":
        redirect.install(eventgrid=request.getfixturevalue("part").url)
        yield Topic(ENDPOINT, KEY)
        redirect.uninstall()
        return
    endpoint, key = os.environ.get(AZURE_ENDPOINT), os.environ.get(AZURE_KEY)
    if not endpoint or not key:
        pytest.skip(f"set {AZURE_ENDPOINT} and {AZURE_KEY} to run this against Azure (docs/local-eventgrid.md)")
    yield Topic(endpoint, key)


Send = Callable[[Any, Any], Any]


@pytest_asyncio.fixture(params=[EventGridPublisherClient, AsyncPublisher], ids=["sync", "aio"])
async def send(request: pytest.FixtureRequest, topic: Topic) -> AsyncIterator[Send]:
    """Send events with a credential, by either client."""

    async def publish(credential: Any, events: Any) -> None:
        publisher = request.param(topic.endpoint, credential)
        if request.param is AsyncPublisher:
            async with publisher:
                await publisher.send(events)
        else:
            with publisher:
                publisher.send(events)

    yield publish


def fact(data: Any = None, **fields: Any) -> EventGridEvent:
    return EventGridEvent(subject="contract", event_type="Switchyard.Contract", data=data, data_version="1", **fields)


async def test_a_batch_is_accepted_with_the_key_and_with_a_signature(topic: Topic, send: Send) -> None:
    """Neither client nor service says more than that."""
    signed = generate_sas(topic.endpoint, topic.key, datetime.now(UTC) + timedelta(minutes=5))
    await send(AzureKeyCredential(topic.key), [fact(1), fact(2)])
    await send(AzureSasCredential(signed), fact(3))


async def test_a_wrong_key_is_an_authentication_error(topic: Topic, send: Send) -> None:
    """A well-formed one."""
    with pytest.raises(ClientAuthenticationError):
        await send(AzureKeyCredential("d3Jvbmc="), fact(1))


async def test_a_request_above_a_mebibyte_is_refused(topic: Topic, send: Send) -> None:
    """With 413, so that the publisher can split its batch."""
    with pytest.raises(HttpResponseError) as caught:
        await send(AzureKeyCredential(topic.key), [fact("x" * 300_000) for _ in range(4)])
    assert caught.value.status_code == 413


async def test_an_event_without_a_subject_is_refused(topic: Topic, send: Send) -> None:
    """With 400; the client lets it pass."""
    event = fact(1)
    event.subject = ""
    with pytest.raises(HttpResponseError) as caught:
        await send(AzureKeyCredential(topic.key), event)
    assert caught.value.status_code == 400
