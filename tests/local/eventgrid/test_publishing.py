"""The real publisher client, in both schemas, sync and async; and what is refused."""

from __future__ import annotations

from typing import Any

import httpx
import jwt
import pytest
from azure.core.credentials import AzureKeyCredential
from azure.core.exceptions import ClientAuthenticationError, ResourceNotFoundError
from azure.core.messaging import CloudEvent
from azure.eventgrid import EventGridEvent, EventGridPublisherClient
from azure.eventgrid.aio import EventGridPublisherClient as AsyncPublisher

from tests.local.eventgrid.conftest import ENDPOINT, KEY, TOPIC, AsyncToken, Subscribe, Token, event, publish
from tests.local.eventgrid.subscriber import Subscriber
from tests.support.processes import Part, until

WORKSPACE = (
    "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/mlops-rg/providers"
    "/Microsoft.MachineLearningServices/workspaces/prod-ml-workspace"
)
MODEL_REGISTERED = "Microsoft.MachineLearningServices.ModelRegistered"


def fact(number: int) -> EventGridEvent:
    return EventGridEvent(
        subject="releases/r1", event_type="Switchyard.ReleaseCompleted", data={"number": number}, data_version="1"
    )


@pytest.mark.usefixtures("redirected")
def test_the_sync_client_publishes_a_batch_with_a_token(subscriber: Subscriber, subscribe: Subscribe) -> None:
    """Each event of the batch arrives in a request of its own, in an array, with the headers of Event Grid."""
    name = subscribe(subscriber.url)
    credential = Token()
    EventGridPublisherClient(ENDPOINT, credential).send([fact(1), fact(2)])
    until(lambda: len(subscriber.received) == 2)
    assert credential.scopes == ["https://eventgrid.azure.net/.default"]
    assert sorted(item.event["data"]["number"] for item in subscriber.received) == [1, 2]
    [first, _] = subscriber.received
    assert first.headers["aeg-event-type"] == "Notification"
    assert first.headers["aeg-subscription-name"] == name.upper()
    assert first.headers["aeg-delivery-count"] == "0"
    assert first.event["metadataVersion"] == "1"
    assert first.event["topic"].endswith(f"/providers/Microsoft.EventGrid/topics/{TOPIC}")


@pytest.mark.usefixtures("redirected")
async def test_the_async_client_publishes_both_schemas_with_a_token(
    subscriber: Subscriber, subscribe: Subscribe
) -> None:
    """The app publishes its facts this way; the client's own models read what arrives."""
    subscribe(subscriber.url)
    cloud_event = CloudEvent(source="/switchyard", type="ReleaseCompleted", data={"number": 8})
    async with AsyncPublisher(ENDPOINT, AsyncToken()) as publisher:
        await publisher.send(fact(7))
        until(lambda: subscriber.received)
        await publisher.send([cloud_event])
    until(lambda: len(subscriber.received) == 2)
    assert EventGridEvent.from_dict(subscriber.received[0].event).data == {"number": 7}
    received = CloudEvent.from_dict(subscriber.received[1].event)
    assert (received.id, received.time, received.data) == (cloud_event.id, cloud_event.time, {"number": 8})


@pytest.mark.usefixtures("redirected")
def test_cloud_events_travel_to_a_cloud_events_subscription(subscriber: Subscriber, subscribe: Subscribe) -> None:
    """Handshake by OPTIONS, then one bare CloudEvent per request."""
    subscribe(subscriber.url, eventDeliverySchema="CloudEventSchemaV1_0")
    assert subscriber.handshakes[0]["webhook-request-origin"] == "eventgrid.azure.net"
    sent = [CloudEvent(source="/switchyard", type="ReleaseCompleted", data={"n": n}) for n in (1, 2)]
    EventGridPublisherClient(ENDPOINT, AzureKeyCredential(KEY)).send(sent)
    until(lambda: len(subscriber.received) == 2)
    assert sorted(subscriber.ids) == sorted(item.id for item in sent)
    [first, _] = subscriber.received
    assert first.headers["content-type"].startswith("application/cloudevents+json")
    assert (first.event["specversion"], first.event["source"]) == ("1.0", "/switchyard")


def test_an_event_grid_event_is_mapped_for_a_cloud_events_subscription(
    part: Part, subscriber: Subscriber, subscribe: Subscribe
) -> None:
    """The documented mapping of envelope fields; the data stays as it is."""
    subscribe(subscriber.url, eventDeliverySchema="CloudEventSchemaV1_0")
    publish(part, event(3))
    until(lambda: subscriber.received)
    mapped = subscriber.received[0].event
    assert mapped["type"] == "Switchyard.ReleaseCompleted"
    assert mapped["source"].endswith(f"/topics/{TOPIC}")
    assert (mapped["time"], mapped["data"]) == ("2026-01-02T03:04:05Z", {"number": 3})


def test_only_the_included_types_arrive(part: Part, subscriber: Subscriber, subscribe: Subscribe) -> None:
    """Filtering ignores case, as Event Grid does."""
    subscribe(subscriber.url, includedEventTypes=["switchyard.releasefailed"])
    publish(part, event(1), event(2, eventType="Switchyard.ReleaseFailed"))
    until(lambda: subscriber.received)
    assert subscriber.ids == ["event-2"]


@pytest.mark.parametrize("source", [WORKSPACE, WORKSPACE.replace("/", "%2F"), "prod-ml-workspace"])
def test_a_workspace_raises_events_on_its_system_topic(
    part: Part, subscriber: Subscriber, subscribe: Subscribe, source: str
) -> None:
    """By ARM id, plain or escaped, or by the workspace's name; case does not matter."""
    subscribe(subscriber.url, system=WORKSPACE.lower())
    answer = httpx.post(
        f"{part.url}/system/{source}/api/events", json=[event(eventType=MODEL_REGISTERED, subject="models/m:3")]
    )
    assert answer.status_code == 200
    until(lambda: subscriber.received)
    assert subscriber.received[0].event["topic"].casefold() == WORKSPACE.casefold()
    assert subscriber.received[0].event["subject"] == "models/m:3"


def test_another_workspaces_events_do_not_arrive(part: Part, subscriber: Subscriber, subscribe: Subscribe) -> None:
    """A subscription belongs to one source."""
    subscribe(subscriber.url, system="test-ml-workspace")
    for number, source in ((1, "prod-ml-workspace"), (2, "test-ml-workspace")):
        httpx.post(f"{part.url}/system/{source}/api/events", json=[event(number)])
    until(lambda: subscriber.received)
    assert subscriber.ids == ["event-2"]


def test_a_client_cannot_publish_on_a_system_topic(part: Part) -> None:
    """What came through a public host name is not the source itself."""
    answer = httpx.post(
        f"{part.url}/system/prod-ml-workspace/api/events", json=[event()], headers={"x-emu-host": "a.eventgrid"}
    )
    assert answer.status_code == 403


@pytest.mark.usefixtures("redirected")
def test_a_wrong_key_is_an_authentication_error_in_the_client() -> None:
    """The client raises what it raises against Azure."""
    with pytest.raises(ClientAuthenticationError, match="not the key of this topic"):
        EventGridPublisherClient(ENDPOINT, AzureKeyCredential("wrong")).send(fact(1))


@pytest.mark.usefixtures("redirected")
def test_an_unknown_topic_is_an_error_in_the_client() -> None:
    """A misspelt topic name does not swallow events."""
    publisher = EventGridPublisherClient(ENDPOINT.replace("facts", "fcats"), AzureKeyCredential(KEY))
    with pytest.raises(ResourceNotFoundError):
        publisher.send(fact(1))


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"authorization": "Bearer not-a-token"},
        {"authorization": "Bearer " + jwt.encode({"exp": 1}, "a" * 32)},
        {"aeg-sas-token": "r=1&e=2&s=3"},
    ],
)
def test_a_publisher_without_good_credentials_is_refused(part: Part, headers: dict[str, str]) -> None:
    """No credentials, no JWT, an expired one, and a signature that is none."""
    answer = httpx.post(f"{part.url}/topics/{TOPIC}/api/events", json=[event()], headers=headers)
    assert answer.status_code == 401


@pytest.mark.parametrize(
    ("change", "named"),
    [({"id": ""}, "id"), ({"eventType": None}, "eventType"), ({"topic": "/other"}, "another topic")],
)
def test_an_incomplete_event_is_refused_with_the_whole_batch(
    part: Part, subscriber: Subscriber, subscribe: Subscribe, change: dict[str, Any], named: str
) -> None:
    """All or nothing, and the answer says which event and field."""
    name = subscribe(subscriber.url)
    answer = publish(part, event(1), event(2, **change))
    assert answer.status_code == 400
    assert "Event 1" in answer.json()["error"]["message"]
    assert named in answer.json()["error"]["message"]
    assert httpx.get(f"{part.url}/control/deliveries", params={"subscription": name}).json() == {"value": []}


def test_a_request_over_one_mebibyte_is_refused(part: Part) -> None:
    """The limit of the service; the client has to split its batch."""
    assert publish(part, event(data="x" * (1024 * 1024))).status_code == 413


def test_what_the_part_does_not_know_is_refused_by_name(part: Part) -> None:
    """501 with the request in the answer, instead of a guess."""
    answer = httpx.get(f"{part.url}/subscriptions/s/providers/Microsoft.EventGrid/topics")
    assert answer.status_code == 501
    assert "/subscriptions/s/providers" in answer.json()["error"]["message"]
