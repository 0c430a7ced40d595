"""What a subscription wants: subjects and fields, as Event Grid documents them, and how much of it."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from pydantic import ValidationError

from local.eventgrid.filters import Filter
from tests.local.eventgrid.conftest import TOPIC, Subscribe, event, publish
from tests.local.eventgrid.subscriber import Subscriber
from tests.support.processes import Part, until

EVENT = event(
    subject="releases/R1",
    data={"text": "Promoted", "number": 7, "yes": True, "nothing": None, "tags": ["urgent", "Model"], "a": {"b": 1}},
)
CLOUD_EVENT = {"id": "e1", "source": "/s", "type": "T", "specversion": "1.0", "data": {"n": 1}, "stage": "test"}


def passes(body: dict[str, Any] = EVENT, **fields: Any) -> bool:
    return Filter.model_validate(fields).wants("Switchyard.ReleaseCompleted", body)


@pytest.mark.parametrize(
    ("operator", "key", "wanted", "expected"),
    [
        ("NumberIn", "data.number", [1, 7], True),
        ("NumberIn", "data.text", [7], False),
        ("NumberIn", "data.yes", [1], False),
        ("NumberNotIn", "data.number", [1, 7], False),
        ("NumberNotIn", "data.absent", [1], True),
        ("NumberLessThan", "data.number", 7, False),
        ("NumberLessThanOrEquals", "data.number", 7, True),
        ("NumberGreaterThan", "data.number", 6.5, True),
        ("NumberGreaterThanOrEquals", "data.absent", 0, False),
        ("NumberInRange", "data.number", [[1, 2], [6, 7]], True),
        ("NumberNotInRange", "data.number", [[1, 2], [6, 7]], False),
        ("BoolEquals", "data.yes", True, True),
        ("BoolEquals", "data.number", True, False),
        ("StringIn", "data.text", ["other", "PROMOTED"], True),
        ("StringNotIn", "data.text", ["other", "PROMOTED"], False),
        ("StringContains", "subject", ["/r1"], True),
        ("StringNotContains", "subject", ["/r2"], True),
        ("StringBeginsWith", "Subject", ["RELEASES"], True),
        ("StringNotBeginsWith", "data.text", ["pro"], False),
        ("StringEndsWith", "data.text", ["ted"], True),
        ("StringNotEndsWith", "data.absent", ["ted"], True),
        ("NumberIn", "data.a.b", [1], True),
        ("NumberIn", "Data.A.b", [1], False),
        ("StringContains", "data.tags", ["urgent"], False),
    ],
)
def test_each_operator_compares_as_documented(operator: str, key: str, wanted: Any, expected: bool) -> None:
    """One of several values; none of them with `Not`; text in any case; what is absent equals nothing."""
    name = "values" if isinstance(wanted, list) else "value"
    assert passes(advancedFilters=[{"operatorType": operator, "key": key, name: wanted}]) is expected


@pytest.mark.parametrize(
    ("operator", "key", "expected"),
    [
        ("IsNullOrUndefined", "data.nothing", True),
        ("IsNullOrUndefined", "data.absent.deeper", True),
        ("IsNotNull", "data.text", True),
        ("IsNotNull", "data.nothing", False),
    ],
)
def test_presence_can_be_asked_for(operator: str, key: str, expected: bool) -> None:
    """Null and absent are the same."""
    assert passes(advancedFilters=[{"operatorType": operator, "key": key}]) is expected


def test_arrays_are_looked_into_on_request() -> None:
    """One item is enough, or none may be there with `Not`."""
    wanted = {"operatorType": "StringIn", "key": "data.tags", "values": ["model"]}
    assert not passes(advancedFilters=[wanted])
    assert passes(advancedFilters=[wanted], enableAdvancedFilteringOnArrays=True)
    unwanted = {**wanted, "operatorType": "StringNotIn"}
    assert not passes(advancedFilters=[unwanted], enableAdvancedFilteringOnArrays=True)


def test_all_filters_have_to_agree() -> None:
    """Values are alternatives, filters are not."""
    seven = {"operatorType": "NumberIn", "key": "data.number", "values": [7]}
    assert passes(advancedFilters=[seven, {"operatorType": "BoolEquals", "key": "data.yes", "value": True}])
    assert not passes(advancedFilters=[seven, {"operatorType": "BoolEquals", "key": "data.yes", "value": False}])


@pytest.mark.parametrize(("key", "value"), [("EventId", "e1"), ("eventtype", "t"), ("source", "/s"), ("stage", "test")])
def test_fields_of_cloud_events_have_their_names(key: str, value: str) -> None:
    """Those common to both schemas, and extension attributes."""
    assert passes(CLOUD_EVENT, advancedFilters=[{"operatorType": "StringIn", "key": key, "values": [value]}])


def test_the_case_of_a_subject_counts_only_on_request() -> None:
    """Begin and end have to agree."""
    assert passes(subjectBeginsWith="Releases/", subjectEndsWith="r1")
    assert not passes(subjectBeginsWith="releases/", subjectEndsWith="r1", isSubjectCaseSensitive=True)
    assert not passes(subjectBeginsWith="releases/", subjectEndsWith="r2")


@pytest.mark.parametrize(
    ("filters", "named"),
    [
        ([{"operatorType": "StringLike", "key": "subject", "values": ["x"]}], "StringLike"),
        ([{"operatorType": "NumberIn", "key": "data.n", "values": ["1"]}], "values"),
        ([{"operatorType": "NumberLessThan", "key": "data.n", "values": [1]}], "value"),
        ([{"operatorType": "StringIn", "key": "subject", "values": ["x" * 513]}], "512"),
        ([{"operatorType": "StringIn", "key": "subject", "values": ["x"] * 13}] * 2, "25 are allowed"),
        ([{"operatorType": "IsNotNull", "key": "subject"}] * 26, "25"),
    ],
)
def test_a_filter_that_azure_would_refuse_is_refused(filters: list[dict[str, Any]], named: str) -> None:
    """By name or by limit."""
    with pytest.raises(ValidationError, match=named):
        Filter.model_validate({"advancedFilters": filters})


def test_only_wanted_events_arrive(part: Part, subscriber: Subscriber, subscribe: Subscribe) -> None:
    """The filters of a subscription, from its creation to its endpoint."""
    subscribe(
        subscriber.url,
        subjectBeginsWith="releases/",
        advancedFilters=[{"operatorType": "NumberGreaterThan", "key": "data.number", "value": 1}],
    )
    publish(part, event(1), event(2, subject="models/m"), event(3))
    until(lambda: subscriber.received)
    assert subscriber.ids == ["event-3"]


def test_a_wrong_filter_is_refused_at_creation(part: Part) -> None:
    """Otherwise a subscription would wait for events that never come."""
    spec = {"topic": TOPIC, "endpoint": "http://127.0.0.1:1/", "advancedFilters": [{"operatorType": "x", "key": "y"}]}
    assert httpx.put(f"{part.url}/control/subscriptions/wrong", json=spec).status_code == 400


def test_events_travel_in_batches_that_succeed_or_fail_as_a_whole(
    part: Part, subscriber: Subscriber, subscribe: Subscribe
) -> None:
    """No more than the limit in a request, none left out, and all of a refused one again."""
    statuses = iter([500])
    subscriber.answer = lambda received: next(statuses, 200)
    subscribe(subscriber.url, maxEventsPerBatch=4)
    publish(part, *(event(number) for number in range(10)))

    def taken() -> set[str]:
        return {item["id"] for received in subscriber.received[1:] for item in received.body}

    until(lambda: len(taken()) == 10)
    sizes = [len(received.body) for received in subscriber.received]
    assert max(sizes) == 4
    again = [received for received in subscriber.received if received.headers["aeg-delivery-count"] == "1"]
    first = {item["id"] for item in subscriber.received[0].body}
    assert {item["id"] for received in again for item in received.body} == first


def test_a_batch_of_cloud_events_says_so_and_keeps_to_its_size(
    part: Part, subscriber: Subscriber, subscribe: Subscribe
) -> None:
    """An event above the preferred size travels alone."""
    subscribe(
        subscriber.url,
        eventDeliverySchema="CloudEventSchemaV1_0",
        maxEventsPerBatch=100,
        preferredBatchSizeInKilobytes=1,
    )
    publish(part, event(1), event(2, data="x" * 2000), event(3))
    until(lambda: sum(len(received.body) for received in subscriber.received) == 3)
    assert sorted([item["id"] for item in received.body] for received in subscriber.received) == [
        ["event-1"],
        ["event-2"],
        ["event-3"],
    ]
    assert subscriber.received[0].headers["content-type"].startswith("application/cloudevents-batch+json")
