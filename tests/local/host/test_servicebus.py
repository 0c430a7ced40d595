"""Service Bus triggers against the real broker with the real client on both sides."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from azure.servicebus import ServiceBusClient, ServiceBusMessage, ServiceBusSender
from azure.servicebus.amqp import AmqpAnnotatedMessage, AmqpMessageProperties

from tests.local.host.conftest import APPS, write_settings
from tests.support.processes import Part, start, until

QUEUES = {
    "queues": [
        {"name": "brief", "lockDuration": "PT1S", "maxDeliveryCount": 3},
        {"name": "plain", "lockDuration": "PT3S", "maxDeliveryCount": 3},
        {"name": "ordered", "requiresSession": True, "lockDuration": "PT3S", "maxDeliveryCount": 3},
    ]
}


@dataclass
class Bus:
    """The broker, and the file in which the hosts' functions write what they were given."""

    broker: Part
    record: Path
    plain: ServiceBusSender
    ordered: ServiceBusSender
    brief: ServiceBusSender

    @property
    def settings(self) -> dict[str, str]:
        return {"BUS": connection_string(self.broker), "PLAIN_QUEUE": "plain", "RECORD_FILE": str(self.record)}

    def seen(self, function: str, run: str) -> list[dict[str, Any]]:
        """What `function` got of the messages of one test, in the order of the calls."""
        lines = self.record.read_text().splitlines() if self.record.exists() else []
        entries = [json.loads(line) for line in lines]
        return [entry for entry in entries if entry["function"] == function and entry["body"].get("run") == run]


def connection_string(broker: Part) -> str:
    return (
        f"Endpoint=sb://127.0.0.1:{broker.port};SharedAccessKeyName=RootManageSharedAccessKey;"
        "SharedAccessKey=SAS_KEY_VALUE;UseDevelopmentEmulator=true;"
    )


def message(run: str, *, to_session: str | None = None, **body: Any) -> ServiceBusMessage:
    """A message that belongs to one test; its body tells the function what to do."""
    return ServiceBusMessage(json.dumps({"run": run, **body}), session_id=to_session)


def order(entries: list[dict[str, Any]]) -> dict[str, list[int]]:
    """The numbers each session's messages carried, in the order of the calls."""
    numbers: dict[str, list[int]] = {}
    for entry in entries:
        numbers.setdefault(entry["session_id"], []).append(entry["body"]["n"])
    return numbers


@contextmanager
def running_bus(directory: Path) -> Iterator[Bus]:
    """A broker with the two queues and a client of it."""
    directory.mkdir(parents=True, exist_ok=True)
    config = directory / "queues.json"
    config.write_text(json.dumps(QUEUES))
    broker = start(
        "local.servicebus", "--data", str(directory / "bus"), "--config", str(config), log=directory / "bus.log"
    )
    client = ServiceBusClient.from_connection_string(connection_string(broker), retry_backoff_factor=0.1)
    with client:
        senders = {name: client.get_queue_sender(name) for name in ("plain", "ordered", "brief")}
        yield Bus(broker=broker, record=directory / "record.jsonl", **senders)
    broker.kill()


def start_on(bus: Bus, directory: Path, name: str, *options: str, **settings: str) -> Part:
    """A host with the queue functions."""
    directory.mkdir(parents=True, exist_ok=True)
    file = write_settings(directory / f"{name}.json", **{"HOST_NAME": name, **bus.settings, **settings})
    app = ("--app", str(APPS / "queues"), "--data", str(directory / name), "--settings", str(file))
    return start("local.host", *app, *options, log=directory / f"{name}.log")


@pytest.fixture(scope="module")
def bus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bus]:
    """A broker and one host, shared by the tests that leave both running."""
    directory = tmp_path_factory.mktemp("bus")
    with running_bus(directory) as shared:
        host = start_on(shared, directory, "shared")
        yield shared
        assert host.terminate() == 0


def test_a_value_that_is_a_text_arrives_and_any_other_is_dead_lettered_unseen(bus: Bus) -> None:
    """As Azure's extension binds them: nothing tells the function of a map, and the broker counts the deliveries."""
    bus.plain.send_messages(AmqpAnnotatedMessage(value_body=json.dumps({"run": "value"})))
    bus.plain.send_messages(
        AmqpAnnotatedMessage(value_body={"run": "value"}, properties=AmqpMessageProperties(message_id="a-map"))
    )
    assert until(lambda: bus.seen("plain", "value"))[0]["body"] == {"run": "value"}
    with ServiceBusClient.from_connection_string(connection_string(bus.broker)) as client:
        letters = client.get_queue_receiver("plain", sub_queue="deadletter")
        found = until(lambda: [each for each in letters.peek_messages(50) if each.message_id == "a-map"])
    assert found[0].dead_letter_reason == "MaxDeliveryCountExceeded"
    assert len(bus.seen("plain", "value")) == 1


def test_a_message_arrives_with_its_metadata_and_is_completed(bus: Bus) -> None:
    """As .NET counts and names it; the enqueued time has no zone, as in Azure."""
    sent = ServiceBusMessage(
        json.dumps({"run": "metadata"}),
        message_id="m-1",
        subject="release",
        correlation_id="c-1",
        content_type="application/json",
        application_properties={"attempt": 2, "kind": "model"},
    )
    bus.plain.send_messages(sent)
    entry = until(lambda: bus.seen("plain", "metadata"))[0]
    assert (entry["message_id"], entry["subject"], entry["correlation_id"]) == ("m-1", "release", "c-1")
    assert (entry["content_type"], entry["delivery_count"]) == ("application/json", 1)
    assert entry["properties"] == {"attempt": 2, "kind": "model"}
    assert entry["session_id"] is None
    assert "+" not in entry["enqueued"]


def test_a_body_can_make_the_metadata_lie(bus: Bus) -> None:
    """The reason why the envelope nests everything under one key."""
    bus.plain.send_messages(message("lie", messageId="from-the-body", Subject="also"))
    entry = until(lambda: bus.seen("plain", "lie"))[0]
    assert (entry["message_id"], entry["subject"]) == ("from-the-body", "also")


def test_messages_of_a_session_stay_in_order(bus: Bus) -> None:
    """With more sessions than slots, all of them busy."""
    for n in range(5):
        for session in range(6):
            bus.ordered.send_messages(message("order", to_session=f"o-{session}", n=n, takes_s=0.02))
    entries = until(lambda: len(seen := bus.seen("ordered", "order")) >= 30 and seen, deadline_s=20)
    assert order(entries) == {f"o-{session}": list(range(5)) for session in range(6)}


def test_a_message_for_a_fresh_session_is_handled_at_once(bus: Bus) -> None:
    """Acceptors wait with their links open; opening one would take half a second. The best of three tells."""
    delays_s = []
    for n in range(3):
        bus.ordered.send_messages(message(f"fresh-{n}", to_session=f"fresh-{n}"))
        entry = until(lambda run=f"fresh-{n}": bus.seen("ordered", run))[0]
        enqueued = datetime.fromisoformat(entry["enqueued"]).replace(tzinfo=UTC)
        delays_s.append((datetime.fromisoformat(entry["at"]) - enqueued).total_seconds())
    assert min(delays_s) < 0.4


def test_a_failing_message_is_tried_again_and_then_dead_lettered(bus: Bus) -> None:
    """Three deliveries, counted from 1, and then the dead-letter trigger gets it."""
    bus.plain.send_messages(message("fails", fail=True))
    entry = until(lambda: bus.seen("graveyard", "fails"))[0]
    assert [seen["delivery_count"] for seen in bus.seen("plain", "fails")] == [1, 2, 3]
    assert entry["properties"]["DeadLetterReason"] == "MaxDeliveryCountExceeded"


def test_a_failing_message_holds_up_its_session(bus: Bus) -> None:
    """It is tried again before the next one, until it is dead-lettered."""
    for n in range(2):
        bus.ordered.send_messages(message("holds", to_session="holds", n=n, fail=n == 0))
    entries = until(lambda: len(seen := bus.seen("ordered", "holds")) >= 4 and seen)
    assert [(entry["body"]["n"], entry["delivery_count"]) for entry in entries] == [(0, 1), (0, 2), (0, 3), (1, 1)]


def test_locks_are_renewed_while_a_function_runs(bus: Bus) -> None:
    """Both take longer than the lock of 3 s, and neither is delivered twice."""
    bus.plain.send_messages(message("long", takes_s=4.0))
    bus.ordered.send_messages(message("long", to_session="long", takes_s=4.0))
    bus.ordered.send_messages(message("after", to_session="long"))
    until(lambda: bus.seen("ordered", "after"))
    assert [len(bus.seen(function, "long")) for function in ("plain", "ordered")] == [1, 1]


def test_two_hosts_share_the_queues(bus: Bus, tmp_path: Path) -> None:
    """Each message once, both hosts at work, sessions still in order. Alone, one host would need over 1.5 s."""
    second = start_on(bus, tmp_path, "second")
    bus.plain.send_messages([message("shared", n=n, takes_s=0.2) for n in range(32)])
    bus.ordered.send_messages([message("shared", to_session=f"t-{n % 8}", n=n // 8, takes_s=0.2) for n in range(32)])
    until(lambda: len(bus.seen("ordered", "shared") + bus.seen("plain", "shared")) >= 64, deadline_s=20)
    assert second.terminate() == 0
    for function in ("ordered", "plain"):
        entries = bus.seen(function, "shared")
        assert len(entries) == 32
        assert {entry["host"] for entry in entries} == {"shared", "second"}
    assert order(bus.seen("ordered", "shared")) == {f"t-{session}": [0, 1, 2, 3] for session in range(8)}


def test_a_killed_host_leaves_its_messages_to_the_next_one(bus: Bus, tmp_path: Path) -> None:
    """After kill -9 in the middle of a call the message comes again, counted."""
    first = start_on(bus, tmp_path, "first", "--functions", "plain", PLAIN_QUEUE="brief")
    bus.brief.send_messages(message("killed", takes_s=0.8))
    until(lambda: bus.seen("plain", "killed"))
    first.kill()
    second = start_on(bus, tmp_path, "next", "--functions", "plain", PLAIN_QUEUE="brief")
    entries = until(lambda: len(seen := bus.seen("plain", "killed")) >= 2 and seen, deadline_s=15)
    assert [(entry["host"], entry["delivery_count"]) for entry in entries] == [("first", 1), ("next", 2)]
    # In flight again: an orderly end waits for it and completes it.
    assert second.terminate() == 0
    assert second.log.read_text().count("result=Succeeded") == 1


def test_a_host_survives_the_death_of_the_broker(tmp_path: Path) -> None:
    """Once the broker is back, messages arrive on both kinds of queue."""
    with running_bus(tmp_path) as bus:
        host = start_on(bus, tmp_path, "survivor")
        bus.plain.send_messages(message("before"))
        until(lambda: bus.seen("plain", "before"))
        bus.broker.kill()
        until(lambda: "trying again" in host.log.read_text())
        bus.broker.start_again()
        bus.plain.send_messages(message("after"))
        bus.ordered.send_messages(message("after", to_session="s"))
        until(lambda: bus.seen("plain", "after") and bus.seen("ordered", "after"), deadline_s=20)
        assert host.terminate() == 0
