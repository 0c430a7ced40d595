"""At least once: handshakes, retries, dead letters, faults, and a killed process."""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from local.eventgrid.config import Subscription
from local.eventgrid.retry import Dead, Delivered, Retry, judge
from local.eventgrid.store import Attempt
from tests.local.eventgrid.conftest import KEY, TOPIC, Subscribe, deliveries, event, publish, put, state_of
from tests.local.eventgrid.subscriber import Received, Subscriber
from tests.support.processes import Part, running, until

SPEC = Subscription(name="any", topic=TOPIC, endpoint="http://127.0.0.1:1/")


@pytest.fixture
def faults(part: Part) -> Iterator[str]:
    yield f"{part.url}/control/faults"
    httpx.post(f"{part.url}/control/faults", json={})


def test_a_subscriber_that_comes_up_late_misses_nothing(part: Part, subscribe: Subscribe) -> None:
    """Start order does not matter: the handshake is repeated, and events wait for it."""
    late = Subscriber()
    with late.listening():
        pass  # only to get a port on which nobody listens now
    name = subscribe(late.url, wait=False)
    publish(part, event(1))
    problem = until(lambda: httpx.get(f"{part.url}/control/subscriptions").json()["value"][0]["problem"], deadline_s=5)
    assert "Cannot connect" in problem
    assert state_of(part, name) == "AwaitingValidation"
    with late.listening():
        until(lambda: late.ids == ["event-1"])
        assert state_of(part, name) == "Active"


def test_an_endpoint_that_does_not_know_the_code_gets_no_events(part: Part, subscribe: Subscribe) -> None:
    """Otherwise anybody could point a flood of events at somebody else's server."""
    with Subscriber(handshake=lambda code: "something else").listening() as subscriber:
        name = subscribe(subscriber.url, wait=False)
        publish(part, event(1))
        until(lambda: len(subscriber.handshakes) >= 2)
        assert state_of(part, name) == "AwaitingValidation"
        assert subscriber.received == []


def test_the_validation_link_activates_a_subscription(part: Part, subscribe: Subscribe) -> None:
    """The manual way for an endpoint that cannot answer the handshake."""
    with Subscriber(handshake=lambda code: "").listening() as subscriber:
        name = subscribe(subscriber.url, wait=False)
        publish(part, event(1))
        until(lambda: subscriber.links)
        assert httpx.get(f"{part.url}/validate/{name}?code=guessed").status_code == 400
        assert httpx.get(subscriber.links[0]).status_code == 200
        until(lambda: subscriber.ids == ["event-1"])


def test_a_failed_delivery_is_repeated_and_counted(part: Part, subscriber: Subscriber, subscribe: Subscribe) -> None:
    """The same event with a rising delivery count, until the endpoint takes it."""
    statuses = iter([500, 404, 202])
    subscriber.answer = lambda received: next(statuses)
    subscribe(subscriber.url)
    publish(part, event(1))
    until(lambda: len(subscriber.received) == 3)
    assert [item.headers["aeg-delivery-count"] for item in subscriber.received] == ["0", "1", "2"]
    assert subscriber.ids == ["event-1"] * 3
    [delivery] = until(lambda: deliveries(part, eventId="event-1", state="delivered"))[:1]
    assert (delivery["attempts"], delivery["lastStatus"]) == (3, 202)


def test_the_retry_schedule_is_the_documented_one() -> None:
    """10 s, 30 s, 1 m, 5 m, 10 m, 30 m, 1 h, 3 h, 6 h, then every 12 h; scaled and jittered on top."""
    failed = Attempt(500, "InternalServerError")
    waits = [judge(failed, made=made, spec=SPEC, scale=1, jitter=0) for made in range(1, 13)]
    expected = [10, 30, 60, 300, 600, 1800, 3600, 10800, 21600, 43200, 43200, 43200]
    assert waits == [Retry(delay_s) for delay_s in expected]
    assert judge(failed, made=1, spec=SPEC, scale=0.1, jitter=1) == Retry(pytest.approx(1.1))


@pytest.mark.parametrize(
    ("attempt", "verdict"),
    [
        (Attempt(200, "OK"), Delivered()),
        (Attempt(204, "NoContent"), Delivered()),
        (Attempt(206, "PartialContent"), Retry(10)),
        (Attempt(302, "Found"), Retry(10)),
        (Attempt(408, "RequestTimeout"), Retry(120)),
        (Attempt(503, "ServiceUnavailable"), Retry(30)),
        (Attempt(None, "TimedOut"), Retry(10)),
        (Attempt(413, "ContentTooLarge"), Dead("UndeliverableDueToHttpContentTooLarge")),
    ],
)
def test_each_outcome_has_its_consequence(attempt: Attempt, verdict: object) -> None:
    """Only 200 to 204 are success; some answers ask for a longer pause."""
    assert judge(attempt, made=1, spec=SPEC, scale=1, jitter=0) == verdict


@pytest.mark.parametrize("status", [400, 401, 403, 413])
def test_a_refusal_is_final(part: Part, subscriber: Subscriber, subscribe: Subscribe, status: int) -> None:
    """These are dead letters after one attempt."""
    subscriber.answer = lambda received: status
    name = subscribe(subscriber.url)
    publish(part, event(1))
    [dead] = until(lambda: deliveries(part, subscription=name, state="deadlettered"))
    assert (dead["attempts"], dead["lastStatus"]) == (1, status)
    assert dead["reason"].startswith("UndeliverableDueToHttp")
    listed = httpx.get(f"{part.url}/control/deadletters").json()["value"]
    assert dead["id"] in [item["id"] for item in listed]


def test_attempts_end_at_the_limit(part: Part, subscriber: Subscriber, subscribe: Subscribe) -> None:
    """maxDeliveryAttempts of the subscription, 30 if it does not say."""
    subscriber.answer = lambda received: 500
    name = subscribe(subscriber.url, maxDeliveryAttempts=3)
    publish(part, event(1))
    [dead] = until(lambda: deliveries(part, subscription=name, state="deadlettered"))
    assert (dead["reason"], dead["attempts"]) == ("MaxDeliveryAttemptsExceeded", 3)
    assert len(subscriber.received) == 3


def test_an_old_event_is_given_up(part: Part, subscriber: Subscriber, subscribe: Subscribe) -> None:
    """The time to live ends a delivery that still had attempts left."""
    subscriber.answer = lambda received: 500
    name = subscribe(subscriber.url, eventTimeToLiveInMinutes=1)
    publish(part, event(1))
    [dead] = until(lambda: deliveries(part, subscription=name, state="deadlettered"))
    assert dead["reason"] == "TimeToLiveExceeded"
    assert 1 <= dead["attempts"] < 30


def test_a_stuck_endpoint_delays_only_itself(part: Part, subscriber: Subscriber, subscribe: Subscribe) -> None:
    """Twenty events hang in one endpoint; the other subscription gets all of its own."""
    release = threading.Event()

    def hang(_: Received) -> int:
        release.wait(timeout=20)
        return 200

    with Subscriber(answer=hang).listening() as stuck:
        subscribe(stuck.url)
        subscribe(subscriber.url)
        publish(part, *(event(number) for number in range(20)))
        until(lambda: len(subscriber.received) == 20)
        assert stuck.received == []
        release.set()
        until(lambda: len(stuck.received) == 20)


def test_duplicates_on_request(part: Part, subscriber: Subscriber, subscribe: Subscribe, faults: str) -> None:
    """The same event id twice, as at-least-once delivery may do at any time."""
    subscribe(subscriber.url)
    assert httpx.post(faults, json={"duplicatePct": 100}).status_code == 200
    publish(part, event(1), event(2))
    until(lambda: len(subscriber.received) == 4)
    assert Counter(subscriber.ids) == {"event-1": 2, "event-2": 2}


def test_reordering_on_request(part: Part, subscriber: Subscriber, subscribe: Subscribe, faults: str) -> None:
    """Events overtake each other within the window; none is lost."""
    subscribe(subscriber.url)
    httpx.post(faults, json={"reorderWindowS": 0.5, "seed": 1})
    sent = [f"event-{number}" for number in range(10)]
    publish(part, *(event(number) for number in range(10)))
    until(lambda: len(subscriber.received) == 10)
    assert subscriber.ids != sent
    assert sorted(subscriber.ids) == sent


def test_losses_on_request(part: Part, subscriber: Subscriber, subscribe: Subscribe, faults: str) -> None:
    """An event is a hint: its loss must be survivable."""
    subscribe(subscriber.url)
    httpx.post(faults, json={"dropPct": 100})
    assert publish(part, event(1)).status_code == 200
    httpx.post(faults, json={})
    publish(part, event(2))
    until(lambda: subscriber.received)
    assert subscriber.ids == ["event-2"]


def test_a_misspelt_fault_is_refused(part: Part, faults: str) -> None:
    """A test that switches on nothing would pass for the wrong reason."""
    assert httpx.post(faults, json={"duplicates": 3}).status_code == 400


def test_a_changed_endpoint_has_to_prove_itself_again(part: Part, subscriber: Subscriber, subscribe: Subscribe) -> None:
    """The same definition again keeps the state; another endpoint starts with a handshake."""
    name = subscribe(subscriber.url)
    put(part, name, topic=TOPIC, endpoint=subscriber.url)
    assert state_of(part, name) == "Active"
    with Subscriber().listening() as moved:
        put(part, name, topic=TOPIC, endpoint=moved.url)
        until(lambda: state_of(part, name) == "Active")
        assert len(moved.handshakes) == 1
        publish(part, event(1))
        until(lambda: moved.ids == ["event-1"])
    assert (len(subscriber.handshakes), subscriber.received) == (1, [])


def test_listings_show_no_keys(part: Part, subscriber: Subscriber, subscribe: Subscribe) -> None:
    """The endpoint's query carries the function key, the code proves ownership: neither is for looking at."""
    subscribe(subscriber.url)
    publish(part, event(1))
    until(lambda: subscriber.received)
    for what in ("subscriptions", "deliveries"):
        assert "very-secret" not in httpx.get(f"{part.url}/control/{what}").text
    assert "very-secret" not in part.log.read_text()


@pytest.mark.parametrize("endpoint", ["https://example.org/", "http://192.0.2.1/", "file:../up", "file:/etc/x"])
def test_events_stay_on_this_machine(part: Part, endpoint: str) -> None:
    """An endpoint elsewhere, or a file outside the sink directory, is refused."""
    answer = httpx.put(f"{part.url}/control/subscriptions/outside", json={"topic": TOPIC, "endpoint": endpoint})
    assert answer.status_code == 400


def test_a_file_endpoint_collects_one_line_per_event(tmp_path: Path) -> None:
    """For a person who wants to read what was published."""
    config = tmp_path / "config.json"
    subscription = {"name": "sink", "topic": TOPIC, "endpoint": "file:facts.jsonl"}
    config.write_text(json.dumps({"topics": [{"name": TOPIC, "key": KEY}], "subscriptions": [subscription]}))
    options = ["--data", str(tmp_path / "db"), "--config", str(config), "--sink-dir", str(tmp_path)]
    with running("local.eventgrid", *options, log=tmp_path / "log") as part:
        publish(part, event(1), event(2))
        facts = tmp_path / "facts.jsonl"
        until(lambda: facts.exists() and len(facts.read_text().splitlines()) == 2)
        assert {json.loads(line)["id"] for line in facts.read_text().splitlines()} == {"event-1", "event-2"}


def test_what_was_accepted_survives_a_kill(tmp_path: Path) -> None:
    """kill -9 amid publishing and delivery: every acknowledged event arrives after the restart."""
    config = tmp_path / "config.json"
    config.write_text(json.dumps({"topics": [{"name": TOPIC, "key": KEY}]}))
    options = ["--data", str(tmp_path / "db"), "--config", str(config), "--retry-scale", "0.002"]
    accepted: list[str] = []
    with Subscriber().listening() as subscriber, running("local.eventgrid", *options, log=tmp_path / "log") as part:
        put(part, "survivor", topic=TOPIC, endpoint=subscriber.url)
        until(lambda: state_of(part, "survivor") == "Active")
        for kills in range(3):
            enough = len(accepted) + 60
            publisher = threading.Thread(target=_publish_until_refused, args=(part, kills, accepted))
            publisher.start()
            until(lambda enough=enough: len(accepted) >= enough)
            part.kill()
            publisher.join()
            part.start_again()
        until(lambda: set(accepted) <= set(subscriber.ids))
        until(lambda: not deliveries(part, state="pending"))
    assert len(accepted) >= 180


def _publish_until_refused(part: Part, round_: int, accepted: list[str]) -> None:
    with httpx.Client() as client:
        for number in range(100_000):
            item = event(id=f"event-{round_}-{number}")
            try:
                answer = client.post(f"{part.url}/topics/{TOPIC}/api/events", json=[item], headers={"aeg-sas-key": KEY})
            except httpx.TransportError:
                return
            assert answer.status_code == 200
            accepted.append(item["id"])
