"""Every SDK the app uses, pointed at Azure while the local cloud is on: an error at once that names the host."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest
from azure.core.credentials import AzureKeyCredential
from azure.data.tables import TableServiceClient
from azure.data.tables.aio import TableServiceClient as AsyncTableServiceClient
from azure.eventgrid import EventGridEvent, EventGridPublisherClient
from azure.eventgrid.aio import EventGridPublisherClient as AsyncPublisher
from azure.identity import ClientSecretCredential
from azure.identity.aio import ClientSecretCredential as AsyncClientSecretCredential
from azure.servicebus import ServiceBusClient, ServiceBusMessage
from azure.servicebus.aio import ServiceBusClient as AsyncServiceBusClient
from azure.storage.blob import BlobServiceClient
from azure.storage.blob.aio import BlobServiceClient as AsyncBlobServiceClient

from tests.local.redirect.conftest import Recorder

AT_ONCE_S = 5.0
"""Far below the minutes for which these clients repeat a call that failed on the way."""
KEY = "a2V5"
BUS = f"Endpoint=sb://real.servicebus.windows.net/;SharedAccessKeyName=n;SharedAccessKey={KEY}"
TABLES = f"DefaultEndpointsProtocol=https;AccountName=real;AccountKey={KEY};EndpointSuffix=core.windows.net"
EVENT = EventGridEvent(subject="s", event_type="T", data={}, data_version="1")
TENANT = "11111111-1111-1111-1111-111111111111"


def send_message() -> None:
    with ServiceBusClient.from_connection_string(BUS) as client, client.get_queue_sender("q") as sender:
        sender.send_messages(ServiceBusMessage("x"))


def list_tables() -> None:
    list(TableServiceClient.from_connection_string(TABLES).list_tables())


def list_containers() -> None:
    list(BlobServiceClient("https://real.blob.core.chinacloudapi.cn", credential=KEY).list_containers())


def publish() -> None:
    EventGridPublisherClient("https://real.example/api/events", AzureKeyCredential(KEY)).send(EVENT)


def sign_in() -> None:
    ClientSecretCredential(TENANT, "client", "secret").get_token("https://management.azure.com/.default")


async def send_message_async() -> None:
    async with AsyncServiceBusClient.from_connection_string(BUS) as client, client.get_queue_sender("q") as sender:
        await sender.send_messages(ServiceBusMessage("x"))


async def list_tables_async() -> None:
    async with AsyncTableServiceClient.from_connection_string(TABLES) as client:
        [item async for item in client.list_tables()]


async def list_containers_async() -> None:
    async with AsyncBlobServiceClient("https://real.blob.core.chinacloudapi.cn", credential=KEY) as client:
        [item async for item in client.list_containers()]


async def publish_async() -> None:
    async with AsyncPublisher("https://real.example/api/events", AzureKeyCredential(KEY)) as publisher:
        await publisher.send(EVENT)


async def sign_in_async() -> None:
    async with AsyncClientSecretCredential(TENANT, "client", "secret") as credential:
        await credential.get_token("https://management.azure.com/.default")


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize(
    ("call", "host"),
    [
        (send_message, "real.servicebus.windows.net"),
        (list_tables, "real.table.core.windows.net"),
        (list_containers, "real.blob.core.chinacloudapi.cn"),
        (publish, "real.example"),
        (sign_in, "login.microsoftonline.com"),
    ],
)
def test_a_call_that_would_leave_fails_at_once_with_the_name_of_the_host(
    call: Callable[[], None], host: str, installed: Recorder
) -> None:
    """Whatever the client makes of the refusal, the host is in it, and nothing is repeated for minutes."""
    began = time.monotonic()
    with pytest.raises(Exception, match=host.replace(".", r"\.")):
        call()
    assert time.monotonic() - began < AT_ONCE_S
    assert installed.requests == []


@pytest.mark.parametrize(
    ("call", "host"),
    [
        (send_message_async, "real.servicebus.windows.net"),
        (list_tables_async, "real.table.core.windows.net"),
        (list_containers_async, "real.blob.core.chinacloudapi.cn"),
        (publish_async, "real.example"),
        (sign_in_async, "login.microsoftonline.com"),
    ],
)
async def test_an_async_call_that_would_leave_fails_the_same_way(
    call: Callable[[], Any], host: str, installed: Recorder
) -> None:
    """The same for aio."""
    began = time.monotonic()
    with pytest.raises(Exception, match=host.replace(".", r"\.")):
        await call()
    assert time.monotonic() - began < AT_ONCE_S
    assert installed.requests == []
