"""Events as Event Grid delivers them, in either schema and in odd ones, read by the library that the host uses.

An event that fails is delivered again for a day: whatever cannot be used is recorded with its reason.
"""

import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from azure.functions.eventgrid import EventGridEventInConverter
from azure.functions.meta import Datum

from shared.application.ports import IntakeResult
from shared.contracts.inbound.event_grid import MODEL_REGISTERED, RUN_COMPLETED
from tests.functions.callers import function
from tests.functions.conftest import forget_settings
from tests.functions.test_alerts_http import FIRED
from tests.functions.test_alerts_http import TOPIC as ALERTS
from tests.functions.test_messages import TOPIC
from tests.support.benches.release import Bench
from tests.support.builders import NOW, RELEASE_ID

on_model, on_run, on_alert = function("model_events"), function("run_events"), function("alert_events")

REGISTERED = {"modelName": "m", "modelVersion": "7"}
USED = [
    (on_model, TOPIC, MODEL_REGISTERED, REGISTERED),
    (on_run, TOPIC, RUN_COMPLETED, {"runId": "batchjob-1"}),
    (on_alert, ALERTS, "Switchyard.AzureMonitorAlert", FIRED),
]
NAMES = ["model", "run", "alert"]
On = Callable[[Any], Awaitable[None]]


@pytest.fixture(autouse=True)
def alert_topic(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALERT_TOPICS", ALERTS)
    forget_settings()


def decoded(body: dict[str, Any]) -> Any:
    """The object that the library makes of a delivered event."""
    return EventGridEventInConverter.decode(Datum(json.dumps(body), "json"), trigger_metadata={})


def grid(topic: Any, kind: Any, data: Any, **changes: Any) -> dict[str, Any]:
    said = {"eventTime": "2026-01-05T08:00:00Z", "dataVersion": "1", "metadataVersion": "1"}
    return {"id": "e-1", "topic": topic, "subject": "s", "eventType": kind, "data": data, **said, **changes}


def cloud(topic: Any, kind: Any, data: Any, **changes: Any) -> dict[str, Any]:
    said = {"specversion": "1.0", "time": "2026-01-05T08:00:00Z"}
    return {"id": "e-1", "source": topic, "subject": "s", "type": kind, "data": data, **said, **changes}


def led_to(bench: Bench) -> tuple[list[Any], list[Any]]:
    """What is on its way to releases, and the claims of alerts."""
    return [event for _, event, _ in bench.events.sent], [each.claim for each, _ in bench.alert_log.records.values()]


@pytest.mark.parametrize(("on", "topic", "kind", "data"), USED, ids=NAMES)
async def test_an_event_leads_to_the_same_in_either_schema(
    bench: Bench, on: On, topic: str, kind: str, data: dict[str, Any]
) -> None:
    """Offered for the topics of Azure ML, and what a topic of alerts may have."""
    await bench.jobs.claim(RELEASE_ID, 6, NOW)
    await bench.jobs.record(RELEASE_ID, 6, "batchjob-1")
    await on(decoded(grid(topic, kind, data)))
    once = led_to(bench)
    await on(decoded(cloud(topic.upper(), kind, data)))
    assert once != ([], [])
    assert led_to(bench) == once
    assert all(result is IntakeResult.DUPLICATE for result, _, _ in bench.intake.records.values())


@pytest.mark.parametrize("form", [grid, cloud])
@pytest.mark.parametrize("value", [None, 7, True, [], {}, ["x"], "", "x" * 5000, "\ud800", "a\u0000b/../c"])
@pytest.mark.parametrize("field", ["topic", "kind", "data"])
@pytest.mark.parametrize(("on", "topic", "kind", "data"), USED, ids=NAMES)
async def test_what_cannot_be_used_is_recorded_and_never_fails(
    bench: Bench, on: On, topic: str, kind: str, data: Any, field: str, value: Any, form: Callable[..., dict[str, Any]]
) -> None:
    given = {"topic": topic, "kind": kind, "data": data, field: value}
    await on(decoded(form(**given)))
    if (on, field) == (on_alert, "kind"):  # an alert is known by its body; its topic's events may have any type
        assert len(bench.alert_log.records) == 1
        return
    [(result, _, why)] = bench.intake.records.values()
    assert result in (IntakeResult.REFUSED, IntakeResult.UNKNOWN_TYPE)
    assert why.isprintable()  # a table takes no half of a surrogate pair
    assert led_to(bench) == ([], [])


@pytest.mark.parametrize("form", [grid, cloud])
@pytest.mark.parametrize("value", [None, 7, [], {}, "", "x" * 5000, "\ud800", "a\u0000b/../c"])
@pytest.mark.parametrize("field", ["id", "subject"])
@pytest.mark.parametrize(("on", "topic", "kind", "data"), USED, ids=NAMES)
async def test_an_odd_id_or_subject_does_no_harm(
    bench: Bench, on: On, topic: str, kind: str, data: Any, field: str, value: Any, form: Callable[..., dict[str, Any]]
) -> None:
    """Neither decides anything; ids of messages that follow from it stay within the limits of the bus."""
    await bench.jobs.claim(RELEASE_ID, 6, NOW)
    await bench.jobs.record(RELEASE_ID, 6, "batchjob-1")
    await on(decoded(form(topic, kind, data, **{field: value})))
    await on(decoded(form("elsewhere", kind, data, **{field: value})))
    assert led_to(bench) != ([], [])
    [(_, kept, _)] = bench.intake.records.values()
    assert kept.isprintable()
    assert all(len(message_id) <= 100 for message_id, _, _ in bench.events.sent)


@pytest.mark.parametrize("time", [None, "", "2026-01-05T08:00:00", "0001-01-01T00:00:00", "9999-12-31T23:59:59Z"])
@pytest.mark.parametrize(("form", "name"), [(grid, "eventTime"), (cloud, "time")])
async def test_a_time_that_is_missing_or_odd_does_no_harm(
    bench: Bench, form: Callable[..., dict[str, Any]], name: str, time: str | None
) -> None:
    """It is a claim; without a zone it is UTC, as everywhere."""
    await on_model(decoded(form(TOPIC, MODEL_REGISTERED, REGISTERED, **{name: time})))
    [(_, event, _)] = bench.events.sent
    assert event.occurred_at.utcoffset() == NOW.utcoffset()
    if time and time.startswith("2026"):
        assert event.occurred_at.isoformat() == "2026-01-05T08:00:00+00:00"


@pytest.mark.parametrize("value", [None, True, 1.5, [1], {}, "", "a\u0000b/../c"])
@pytest.mark.parametrize("field", ["modelName", "modelVersion"])
async def test_a_model_that_cannot_be_is_refused(bench: Bench, field: str, value: Any) -> None:
    """And a version that is null does not become the version "None"."""
    await on_model(decoded(cloud(TOPIC, MODEL_REGISTERED, {**REGISTERED, field: value})))
    [(result, _, why)] = bench.intake.records.values()
    assert (result, why.startswith(f"data.{field.lower()}")) == (IntakeResult.REFUSED, True)
    assert bench.events.sent == []
