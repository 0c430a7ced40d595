"""What functions give to Service Bus outputs, read from the queue with the real client."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from azure.servicebus import ServiceBusClient, ServiceBusMessage, ServiceBusReceiver

from local.host.functions import AppLoadError, FunctionDef
from local.host.outputs import Outputs
from tests.local.host.conftest import APPS, write_settings
from tests.local.host.test_servicebus import Bus, connection_string, running_bus
from tests.support.processes import Part, running


@pytest.fixture(scope="module")
def bus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bus]:
    with running_bus(tmp_path_factory.mktemp("bus")) as shared:
        yield shared


@pytest.fixture(scope="module")
def host(bus: Bus, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Part]:
    directory = tmp_path_factory.mktemp("outputs")
    settings = write_settings(directory / "settings.json", **bus.settings)
    options = ("--app", str(APPS / "outputs"), "--data", str(directory / "data"), "--settings", str(settings))
    with running("local.host", *options, log=directory / "log") as part:
        yield part


@pytest.fixture(scope="module")
def queue(bus: Bus) -> Iterator[ServiceBusReceiver]:
    with (
        ServiceBusClient.from_connection_string(connection_string(bus.broker)) as client,
        client.get_queue_receiver("plain", receive_mode="receiveanddelete") as receiver,
    ):
        yield receiver


def call(host: Part, function: str, body: str | bytes = "") -> int:
    return httpx.post(f"{host.url}/api/{function}", content=body, timeout=10).status_code


def received(queue: ServiceBusReceiver, count: int) -> list[bytes]:
    found: list[bytes] = []
    while len(found) < count:
        messages = queue.receive_messages(count - len(found), max_wait_time=5)
        assert messages, f"{len(found)} of {count} messages came"
        found += [b"".join(message.body) for message in messages]
    return found


@pytest.mark.parametrize(
    ("function", "body", "sent"),
    [
        ("text", "hello", ["hello"]),
        ("text?twice=1", "last", ["last"]),
        ("text", '{"a":1,"b":["ü"]}', ['{\n  "a": 1,\n  "b": [\n    "ü"\n  ]\n}']),
        ("text", '["one",2,{"three":3}]', ["one", "2", '{\n  "three": 3\n}']),
        ("text", "{no json}", ["{no json}"]),
        ("binary", b'["one",\x00\xff]', [b'["one",\x00\xff]']),
    ],
)
def test_an_output_becomes_messages(
    host: Part, queue: ServiceBusReceiver, function: str, body: str | bytes, sent: list[str | bytes]
) -> None:
    """One for each item of a JSON array; objects are written anew; bytes stay as they are."""
    assert call(host, function, body) == 200
    expected = [item if isinstance(item, bytes) else item.encode() for item in sent]
    assert received(queue, len(sent)) == expected


def test_only_a_function_that_succeeds_sends(host: Part, queue: ServiceBusReceiver) -> None:
    """An unset output is no message, and the output of a failed function is none either."""
    assert [call(host, "fails"), call(host, "nothing"), call(host, "text", "mark")] == [500, 200, 200]
    assert received(queue, 1) == [b"mark"]


def test_an_output_that_cannot_be_sent_fails_the_invocation(host: Part) -> None:
    """A queue with sessions needs a session id, for which an output has no place."""
    assert call(host, "session") == 500
    assert "output 'out' to queue 'ordered' failed" in host.log.read_text()


def test_what_a_queue_function_returns_goes_on(bus: Bus, host: Part, queue: ServiceBusReceiver) -> None:
    """`$return` from one queue to the next."""
    bus.brief.send_messages(ServiceBusMessage("work"))
    assert received(queue, 1) == [b"forwarded work"]


@pytest.mark.parametrize(
    ("binding", "said"),
    [
        ({"topicName": "t"}, "topics are not supported"),
        ({"queueName": "q", "connection": "NOT_SET"}, "set the app setting NOT_SET"),
        ({"queueName": "%NOT_SET%"}, "does not resolve"),
    ],
)
def test_an_output_that_could_never_be_sent_is_refused_at_load(
    binding: dict[str, str], said: str, tmp_path: Path
) -> None:
    """By name, before anything of the app runs."""
    output = {"direction": "OUT", "type": "serviceBus", "name": "out", **binding}
    function = FunctionDef(name="work", function_id="work", bindings=(output,))
    with pytest.raises(AppLoadError, match=said):
        Outputs([function])
