"""The SDKs keep their public addresses, the sockets stay on this machine, and nothing else gets out."""

from __future__ import annotations

import socket
import time
import urllib.request
from collections.abc import Callable

import aiohttp
import httpx
import pytest
import requests
from azure.ai.ml import MLClient
from azure.core.credentials import AccessToken, AzureKeyCredential
from azure.core.pipeline.policies import RetryPolicy
from azure.core.pipeline.transport import AioHttpTransport, HttpRequest, RequestsTransport
from azure.core.rest import HttpRequest as RestRequest
from azure.eventgrid import EventGridEvent, EventGridPublisherClient
from azure.eventgrid.aio import EventGridPublisherClient as AsyncPublisher
from azure.storage.blob import BlobClient

from local import redirect
from local.redirect import EgressBlocked, Targets
from tests.local.redirect.conftest import Recorder

EVENT = EventGridEvent(subject="a", event_type="b", data={}, data_version="1")
TARGETS = Targets(azureml="http://127.0.0.1:1", blob="http://127.0.0.1:2", eventgrid="http://127.0.0.1:3")


class AnyToken:
    def get_token(self, *scopes: str, **options: object) -> AccessToken:
        return AccessToken("eyJhbGciOiJub25lIn0.e30.x", int(time.time()) + 3600)


@pytest.mark.parametrize(
    ("public", "local"),
    [
        (
            "https://management.azure.com/subscriptions/s?api-version=1",
            "http://127.0.0.1:1/subscriptions/s?api-version=1",
        ),
        ("https://westeurope.api.azureml.ms/history/v1.0", "http://127.0.0.1:1/history/v1.0"),
        ("https://fleet.westeurope.inference.ml.azure.com/jobs", "http://127.0.0.1:1/jobs"),
        ("https://westeurope.experiments.azureml.net/x", "http://127.0.0.1:1/x"),
        ("https://store1.blob.core.windows.net/c/a%20b?sig=%2B", "http://127.0.0.1:2/store1/c/a%20b?sig=%2B"),
        (
            "https://facts.westeurope-1.eventgrid.azure.net/api/events",
            "http://127.0.0.1:3/topics/facts/api/events",
        ),
        ("http://localhost:9/kept?x=1", "http://localhost:9/kept?x=1"),
        ("http://[::1]:9/kept", "http://[::1]:9/kept"),
    ],
)
def test_every_known_host_has_its_place(public: str, local: str) -> None:
    """Path and query survive unchanged, escapes included; loopback is left alone."""
    assert redirect.redirected(public, TARGETS) == local


@pytest.mark.parametrize(
    "url",
    [
        "https://login.microsoftonline.com/common",
        "https://management.azure.com.example.org/",
        "https://evilapi.azureml.ms/",
        "https://127.0.0.1.example.org/",
        "https://169.254.169.254/metadata",
        "https://store1.queue.core.windows.net/q",
    ],
)
def test_a_host_that_is_only_similar_is_refused_by_name(url: str) -> None:
    """The refusal names the host, so that a person knows what tried to leave."""
    with pytest.raises(EgressBlocked, match=url.split("/")[2].replace(".", r"\.")):
        redirect.redirected(url, TARGETS)


def test_a_part_that_does_not_run_is_named() -> None:
    """A known host without a target says which argument is missing instead of going to the internet."""
    with pytest.raises(EgressBlocked, match="pass azureml="):
        redirect.redirected("https://management.azure.com/", Targets())


def test_a_target_outside_this_machine_is_refused() -> None:
    """A typing mistake in a base URL cannot turn the guard into a leak."""
    with pytest.raises(ValueError, match="not a loopback address"):
        redirect.install(azureml="https://management.azure.com")


def test_the_ml_client_reads_a_workspace_from_the_local_part(installed: Recorder) -> None:
    """The unmodified client, with its public configuration, lands on loopback and says whom it meant."""
    client = MLClient(AnyToken(), "sub", "rg", "ws")
    assert list(client.models.list(name="m")) == []
    method, path, headers = installed.last
    assert method == "GET"
    assert path.startswith("/aml/subscriptions/sub/resourceGroups/rg/providers/Microsoft.MachineLearningServices/")
    assert headers["x-emu-host"] == "management.azure.com"
    assert headers["authorization"].startswith("Bearer ")


def test_the_sync_publisher_reaches_the_topic(installed: Recorder) -> None:
    """The topic's name moves from the host into the path."""
    endpoint = "https://facts.westeurope-1.eventgrid.azure.net/api/events"
    EventGridPublisherClient(endpoint, AzureKeyCredential("k")).send(EVENT)
    method, path, headers = installed.last
    assert (method, path.split("?")[0]) == ("POST", "/eg/topics/facts/api/events")
    assert headers["aeg-sas-key"] == "k"


async def test_the_async_publisher_reaches_the_topic(installed: Recorder) -> None:
    """The aiohttp transport is redirected too."""
    endpoint = "https://facts.westeurope-1.eventgrid.azure.net/api/events"
    async with AsyncPublisher(endpoint, AzureKeyCredential("k")) as publisher:
        await publisher.send([EVENT])
    assert installed.last[1].startswith("/eg/topics/facts/api/events?")


def test_a_blob_upload_with_a_sas_goes_to_the_account_path(installed: Recorder) -> None:
    """Azurite wants the account as the first path segment."""
    BlobClient.from_blob_url("https://store1.blob.core.windows.net/c/b?sig=s").upload_blob(b"x", overwrite=True)
    assert installed.last[:2] == ("PUT", "/blob/store1/c/b?sig=s")


@pytest.mark.parametrize("request_type", [HttpRequest, RestRequest])
def test_the_public_url_is_back_after_the_call(installed: Recorder, request_type: type) -> None:
    """Pollers and the bearer policy read request.url after the transport returns."""
    url = "https://management.azure.com/x?y=1"
    request = request_type("GET", url)
    with RequestsTransport() as transport:
        response = transport.send(request)
    assert request.url == url
    assert response.request.url == url
    assert "x-emu-host" not in request.headers


async def test_the_public_url_is_back_after_a_failed_async_call(installed: Recorder) -> None:
    """Also when nobody listens: the retry must start from the public URL again."""
    redirect.install(azureml=f"http://127.0.0.1:{_closed_port()}")
    request = HttpRequest("GET", "https://management.azure.com/x")
    async with AioHttpTransport() as transport:
        with pytest.raises(Exception, match=r"Cannot connect to host 127\.0\.0\.1"):
            await transport.send(request)
    assert request.url == "https://management.azure.com/x"


def test_an_unknown_host_fails_at_once_in_an_sdk(installed: Recorder) -> None:
    """The refusal is no AzureError, so the retry policy with its back-off does not repeat it."""
    publisher = EventGridPublisherClient(
        "https://example.org/api/events",
        AzureKeyCredential("k"),
        retry_policy=RetryPolicy(retry_backoff_factor=60),
    )
    started = time.monotonic()
    with pytest.raises(EgressBlocked, match=r"example\.org"):
        publisher.send(EVENT)
    assert time.monotonic() - started < 2


def test_plain_requests_are_stopped_even_for_redirected_hosts(installed: Recorder) -> None:
    """Code beside the SDKs has no public URL to keep: it fails fast and says why."""
    for host in ("azuremlschemas.azureedge.net", "management.azure.com"):
        with pytest.raises(EgressBlocked, match=host.replace(".", r"\.")):
            requests.get(f"https://{host}/latest/MLTable.schema.json", timeout=5)


def test_other_http_clients_are_stopped_at_the_socket(installed: Recorder) -> None:
    """urllib, httpx and raw sockets meet the guard at the name look-up or the connection."""
    with pytest.raises(EgressBlocked, match=r"example\.org"):
        urllib.request.urlopen("https://example.org/", timeout=5)
    with pytest.raises(EgressBlocked, match=r"example\.org"):
        httpx.get("https://example.org/", timeout=5)
    with socket.socket() as plain, pytest.raises(EgressBlocked, match=r"192\.0\.2\.1"):
        plain.connect(("192.0.2.1", 443))
    with (
        socket.socket(type=socket.SOCK_DGRAM) as datagrams,
        pytest.raises(EgressBlocked, match=r"192\.0\.2\.1"),
    ):
        datagrams.sendto(b"x", ("192.0.2.1", 53))


LEAKS: dict[str, Callable[[], object]] = {
    "message": lambda: _datagrams().sendmsg([b"x"], [], 0, ("192.0.2.1", 53)),
    "name": lambda: socket.gethostbyname("example.com"),
    "names": lambda: socket.gethostbyname_ex("example.com"),
    "name of an address": lambda: socket.gethostbyaddr("192.0.2.1"),
    "name of a socket": lambda: socket.getnameinfo(("192.0.2.1", 80), 0),
}


def _datagrams() -> socket.socket:
    return socket.socket(socket.AF_INET, socket.SOCK_DGRAM)


@pytest.mark.parametrize("leak", LEAKS)
def test_nothing_is_sent_or_asked_for_by_the_side(installed: Recorder, leak: str) -> None:
    """A look-up is a datagram to somebody else's machine."""
    with pytest.raises(EgressBlocked):
        LEAKS[leak]()


def test_a_machine_may_ask_for_its_own_name(installed: Recorder) -> None:
    """Clients do, for their logs."""
    assert socket.getfqdn()


async def test_async_http_clients_are_stopped_at_the_socket(installed: Recorder) -> None:
    """The same for asyncio, whose address literals skip the name look-up."""
    async with aiohttp.ClientSession() as session:
        for host in ("example.org", "192.0.2.1"):
            with pytest.raises(EgressBlocked, match=host.replace(".", r"\.")):
                await session.get(f"https://{host}/")


def test_loopback_stays_open_to_every_client(installed: Recorder) -> None:
    """The guard stops the way out, not the way to the parts."""
    assert requests.get(f"{installed.base}/a", timeout=5).ok
    assert httpx.get(f"{installed.base}/b").is_success
    assert [path for _, path, _ in installed.requests] == ["/a", "/b"]


def test_uninstalling_gives_the_transports_back(recorder: Recorder) -> None:
    """Installing twice and uninstalling once leaves the SDK classes as they were."""
    before = (RequestsTransport.send, AioHttpTransport.send, requests.Session.send)
    redirect.install(azureml=recorder.base)
    redirect.install(azureml=recorder.base)
    assert RequestsTransport.send is not before[0]
    redirect.uninstall()
    assert (RequestsTransport.send, AioHttpTransport.send, requests.Session.send) == before


def _closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
