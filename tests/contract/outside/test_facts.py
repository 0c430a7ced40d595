"""Facts on their way to Event Grid: what an answer means, and that no answer does not keep the message for ever."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from azure.core.credentials import AzureKeyCredential
from azure.eventgrid.aio import EventGridPublisherClient

from shared.adapters.event_grid_facts import EventGridFacts
from shared.application.errors import PortError, TransientFault
from tests.support.builders import NOW, RELEASE_ID


@contextmanager
def answering(status: int) -> Iterator[str]:
    """A topic that gives every event this status."""

    class Topic(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *arguments: object) -> None:
            """Says nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Topic) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/api/events"
        finally:
            server.shutdown()
            thread.join()


async def published(endpoint: str, deadline_s: float) -> None:
    async with EventGridPublisherClient(endpoint, AzureKeyCredential("key")) as client:
        facts = EventGridFacts(client, call_deadline_s=deadline_s)
        await facts.publish("fact-1", "Switchyard.ReleaseOpened", RELEASE_ID, {"phase": "registered"}, NOW)


async def test_a_fact_that_is_taken_is_published() -> None:
    with answering(200) as endpoint:
        await published(endpoint, deadline_s=20)


@pytest.mark.parametrize("status", [400, 404, 413])
async def test_a_fact_that_is_refused_for_good_names_what_to_check(status: int) -> None:
    with answering(status) as endpoint, pytest.raises(PortError, match="FACTS_TOPIC_ENDPOINT") as refused:
        await published(endpoint, deadline_s=20)
    assert not isinstance(refused.value, TransientFault)


async def test_a_missing_role_may_pass() -> None:
    """Somebody assigns it, and the fact comes again."""
    with answering(403) as endpoint, pytest.raises(TransientFault, match="403"):
        await published(endpoint, deadline_s=20)


async def test_a_topic_that_does_not_answer_is_given_up_at_the_deadline() -> None:
    """Whatever the SDK would like to wait and try again: the message comes back later."""
    silent = socket.create_server(("127.0.0.1", 0))  # takes connections and says nothing
    with silent, pytest.raises(TransientFault, match="fact-1"):
        await published(f"http://127.0.0.1:{silent.getsockname()[1]}/api/events", deadline_s=0.3)
