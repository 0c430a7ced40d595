"""Alerts in the common alert schema: what is read, what is tolerated, and what is refused with the field's name."""

import copy
import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.contracts.inbound.alerts import (
    BODY_BYTES_MAX,
    Alert,
    AlertCondition,
    AlertError,
    AlertSeverity,
    MonitorCondition,
    SignalType,
    parse_alert,
)

SAMPLES = Path(__file__).parents[1] / "samples"
SUBSCRIPTION = "/subscriptions/11111111-2222-3333-4444-555555555555"
Change = Callable[[dict[str, Any]], Any]


def sample(name: str) -> dict[str, Any]:
    return dict(json.loads((SAMPLES / f"{name}.json").read_text(encoding="utf-8")))


def changed(change: Change, name: str = "alert_log_fired") -> dict[str, Any]:
    """A sample whose `data` was changed."""
    body = sample(name)
    change(body["data"])
    return body


def condition_of(data: dict[str, Any]) -> dict[str, Any]:
    return dict(data["alertContext"]["condition"]["allOf"][0])


def test_a_log_search_alert_names_rule_severity_time_and_circuit() -> None:
    """Log search alert V2, as Azure Monitor posts it; seven digits of a second are cut to microseconds."""
    alert = parse_alert((SAMPLES / "alert_log_fired.json").read_bytes())
    assert alert == Alert(
        alert_id=f"{SUBSCRIPTION}/providers/Microsoft.AlertsManagement/alerts/0b6f2a4e-7c1d-4f0a-9e55-3d2b1c0a9f88",
        rule_name="batch-job-failure",
        rule_id=f"{SUBSCRIPTION}/resourceGroups/mlops-rg/providers/microsoft.insights/scheduledqueryrules/batch-job-failure",
        severity=AlertSeverity.SEV1,
        signal=SignalType.LOG,
        monitor_condition=MonitorCondition.FIRED,
        fired_at=datetime(2025, 12, 10, 4, 17, 32, 451807, UTC),
        resolved_at=None,
        conditions=(
            AlertCondition(
                metric="failures",
                operator="GreaterThan",
                threshold=0.0,
                value=1.0,
                dimensions={
                    "plant_id": "P001",
                    "circuit_id": "C001",
                    "endpoint_name": "batch-endpoint-plant-P001",
                },
            ),
        ),
        circuits=(("P001", "C001"),),
        custom_properties={"runbook": "batch-job-failure"},
    )
    assert alert.instance_id == "0b6f2a4e-7c1d-4f0a-9e55-3d2b1c0a9f88"


def test_a_metric_alert_may_name_several_circuits_and_be_resolved() -> None:
    """Each circuit once; null properties are no properties."""
    alert = parse_alert(sample("alert_metric_resolved"))
    assert alert.signal is SignalType.METRIC
    assert alert.monitor_condition is MonitorCondition.RESOLVED
    assert alert.resolved_at == datetime(2025, 12, 10, 6, 30, 0, 765432, UTC)
    assert alert.circuits == (("P001", "C001"), ("P014", "C003"))
    assert [(each.metric, each.threshold, each.value) for each in alert.conditions] == [
        ("mae", 0.25, 0.31), ("rmse", 0.25, 0.44), ("mae", 0.25, 0.27),
    ]  # fmt: skip
    assert alert.custom_properties == {}


def test_body_and_decoded_data_give_the_same_alert() -> None:
    """A webhook brings bytes, Event Grid an event whose data is already decoded."""
    event = {"specversion": "1.0", "id": "1", "data": sample("alert_log_fired")}
    assert parse_alert(event["data"]) == parse_alert((SAMPLES / "alert_log_fired.json").read_bytes())


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda data: data.update(futureField={"a": [1]}), id="a new field of data"),
        pytest.param(lambda data: data["essentials"].update(newThing=7), id="a new field of essentials"),
        pytest.param(lambda data: condition_of(data)["dimensions"][0].update(extra=1), id="a new field of a dimension"),
        pytest.param(lambda data: data["alertContext"].update(properties=None), id="null properties"),
        pytest.param(lambda data: data.pop("customProperties"), id="no custom properties"),
        pytest.param(lambda data: data["essentials"].pop("configurationItems"), id="no configuration items"),
    ],
)
def test_what_is_not_used_may_change(change: Change) -> None:
    """The schema grows; an alert is not lost for it."""
    assert parse_alert(changed(change)).circuits == (("P001", "C001"),)


def test_the_rule_id_may_be_absent() -> None:
    """Then the alert names no rule that an allow-list of ids could hold."""
    assert parse_alert(changed(lambda data: data["essentials"].pop("alertRuleId"))).rule_id == ""


@pytest.mark.parametrize("name", ["metricMeasure", "metricName"])
def test_the_measured_column_has_three_names(name: str) -> None:
    """Older log alerts say metricMeasure, metric alerts metricName."""

    def rename(data: dict[str, Any]) -> None:
        condition = data["alertContext"]["condition"]["allOf"][0]
        condition[name] = condition.pop("metricMeasureColumn")

    assert parse_alert(changed(rename)).conditions[0].metric == "failures"


@pytest.mark.parametrize("threshold", [None, "", "absent"])
def test_a_dynamic_threshold_has_no_number(threshold: str | None) -> None:
    """And an alert without data has no value."""

    def drop(data: dict[str, Any]) -> None:
        condition = data["alertContext"]["condition"]["allOf"][0]
        condition.update(threshold=threshold, metricValue=None)
        if threshold == "absent":
            del condition["threshold"]

    condition = parse_alert(changed(drop)).conditions[0]
    assert (condition.threshold, condition.value) == (None, None)


def test_times_are_told_in_utc() -> None:
    """Whatever the offset they come with."""
    alert = parse_alert(changed(lambda data: data["essentials"].update(firedDateTime="2025-12-10T05:17:32+01:00")))
    assert alert.fired_at == datetime(2025, 12, 10, 4, 17, 32, tzinfo=UTC)
    assert alert.fired_at.tzinfo is UTC


def test_custom_properties_name_the_circuit_when_no_dimension_does() -> None:
    """A rule of one circuit carries it there; a dimension is nearer to what was measured and wins."""

    def move(data: dict[str, Any]) -> None:
        data["customProperties"] = {"plant_id": "P002", "circuit_id": "C004"}

    assert parse_alert(changed(move)).circuits == (("P001", "C001"),)

    def only(data: dict[str, Any]) -> None:
        move(data)
        data["alertContext"]["condition"]["allOf"][0]["dimensions"] = None

    assert parse_alert(changed(only)).circuits == (("P002", "C004"),)


def test_the_custom_properties_of_a_log_search_alert_are_in_its_context() -> None:
    def move(data: dict[str, Any]) -> None:
        data["alertContext"]["condition"]["allOf"][0]["dimensions"] = []
        data["alertContext"]["properties"] = {"plant_id": "P002", "circuit_id": "C004", "attempts": 3}
        data["customProperties"] = {"runbook": "batch-job-failure", "attempts": 3}

    alert = parse_alert(changed(move))
    assert alert.circuits == (("P002", "C004"),)
    assert alert.custom_properties["runbook"] == "batch-job-failure"
    assert "attempts" not in alert.custom_properties


@pytest.mark.parametrize(
    "names", [("plantId", "circuitId"), ("PLANT_ID", "CIRCUIT_ID"), ("PlantID", "Circuit_Id"), ("plantid", "circuitid")]
)
def test_a_circuit_may_be_named_in_other_letters(names: tuple[str, str]) -> None:
    """Columns of a query are named by whoever wrote it."""
    alert = parse_alert(changed(dimensions(**dict(zip(names, ("P002", "C004"), strict=True)))))
    assert alert.circuits == (("P002", "C004"),)


def test_a_dimension_that_is_empty_names_nothing() -> None:
    """Rows of a query that have no circuit are an alert of the fleet: it must not be lost."""
    assert parse_alert(changed(dimensions(plant_id="", circuit_id=" "))).circuits == ()


def test_an_alert_of_the_fleet_names_no_circuit() -> None:
    """More than ten alerts an hour is nobody's in particular."""
    alert = parse_alert(changed(lambda data: data["alertContext"]["condition"]["allOf"][0].update(dimensions=[])))
    assert alert.circuits == ()


def test_an_alert_id_may_carry_the_scope_of_its_target() -> None:
    """And the instance is its last part, in small letters, so that a repetition is recognised."""
    scope = f"{SUBSCRIPTION}/resourceGroups/mlops-rg/providers/Microsoft.Web/sites/app"
    alert_id = f"{scope}/providers/microsoft.alertsManagement/alerts/0B6F2A4E-7C1D"
    alert = parse_alert(changed(lambda data: data["essentials"].update(alertId=alert_id)))
    assert (alert.alert_id, alert.instance_id) == (alert_id, "0b6f2a4e-7c1d")


def test_a_resolved_alert_needs_no_condition() -> None:
    """It is recorded and does nothing, so nothing of the condition is used."""
    alert = parse_alert(changed(lambda data: data["alertContext"].pop("condition"), "alert_metric_resolved"))
    assert (alert.monitor_condition, alert.conditions, alert.circuits) == (MonitorCondition.RESOLVED, (), ())
    for gone in (
        changed(lambda data: data.pop("alertContext"), "alert_metric_resolved"),
        changed(lambda data: data.update(alertContext=None), "alert_metric_resolved"),
    ):
        assert parse_alert(gone).conditions == ()


def in_essentials(**values: Any) -> Change:
    return lambda data: data["essentials"].update(values)


def in_condition(**values: Any) -> Change:
    return lambda data: data["alertContext"]["condition"]["allOf"][0].update(values)


def dimensions(**values: str) -> Change:
    return in_condition(dimensions=[{"name": name, "value": value} for name, value in values.items()])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (in_essentials(severity="Sev5"), "data.essentials.severity: Input should be 'Sev0'"),
        (in_essentials(severity="1"), "data.essentials.severity"),
        (in_essentials(monitorCondition="Closed"), "data.essentials.monitorCondition: Input should be 'Fired' or"),
        (in_essentials(signalType="Activity Log"), "data.essentials.signalType: Input should be 'Metric' or 'Log'"),
        (in_essentials(alertId="https://attacker.example/alerts/1"), "data.essentials.alertId: String should match"),
        (in_essentials(alertId=f"{SUBSCRIPTION}/providers/Microsoft.AlertsManagement/alerts/../x"), "alertId"),
        (in_essentials(alertRuleId="batch-job-failure"), "data.essentials.alertRuleId: String should match"),
        (
            in_essentials(firedDateTime="2025-12-10T04:17:32"),
            "data.essentials.firedDateTime: Input should have timezone",
        ),
        (
            in_essentials(firedDateTime="9999-12-31T23:59:59-14:00"),
            "firedDateTime: Value error, the time is out of range",
        ),
        (in_essentials(firedDateTime="yesterday"), "data.essentials.firedDateTime"),
        (lambda data: data["essentials"].pop("alertRule"), "data.essentials.alertRule: Field required"),
        (lambda data: data.pop("essentials"), "data.essentials: Field required"),
        (lambda data: data["alertContext"].pop("condition"), "data.alertContext.condition: missing; only metric"),
        (in_condition(threshold="a lot"), "data.alertContext.condition.allOf.0.threshold"),
        (in_condition(metricValue=float("inf")), "data.alertContext.condition.allOf.0.metricValue"),
        (dimensions(plant_id="P001"), "dimensions: circuit_id: Field required"),
        (dimensions(circuit_id="C001"), "dimensions: plant_id: Field required"),
        (dimensions(plant_id="", circuit_id="C001"), "dimensions: plant_id: Field required"),
        (dimensions(plant_id="P001", plantId="P002", circuit_id="C001"), "dimensions: plant_id is named twice"),
        (dimensions(plant_id="P001' or 1", circuit_id="C001"), "dimensions: plant_id: String should match"),
        (lambda data: data["alertContext"]["condition"].update(allOf=[]), "allOf: List should have at least 1 item"),
    ],
)
def test_what_is_used_is_strict_and_the_message_names_the_field(change: Change, message: str) -> None:
    """Neither a guess nor a half-read alert; the content itself is not repeated."""
    with pytest.raises(AlertError) as refused:
        parse_alert(changed(change))
    assert message in str(refused.value)
    assert "attacker" not in str(refused.value)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "body: Invalid JSON"),
        (b"no json", "body: Invalid JSON"),
        (b"\xff\xfe", "body: Invalid JSON"),
        (b"[" * 100_000, "body: Invalid JSON"),
        (b" " * (BODY_BYTES_MAX + 1), f"body: more than {BODY_BYTES_MAX} bytes"),
        (b"[]", "body: "),
        (None, "body: "),
        ("text", "body: "),
        ({}, "schemaId: Field required"),
        ({"schemaId": "Microsoft.Insights/activityLogs", "data": {}}, "schemaId: Input should be"),
    ],
)
def test_what_is_no_alert_is_refused(body: Any, message: str) -> None:
    """Other schemas, other shapes, too long, too deep."""
    with pytest.raises(AlertError) as refused:
        parse_alert(body)
    assert str(refused.value).startswith(message)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place in a body, from the top down."""
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(place for key, child in children for place in places(child, (*path, key)))]


LOG = sample("alert_log_fired")
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30) | st.datetimes().map(str),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=6,
)


@given(place=st.sampled_from(places(LOG)[1:]), value=anything, as_bytes=st.booleans())
@settings(max_examples=400, deadline=None)
def test_whatever_stands_anywhere_is_read_or_refused(place: tuple[Any, ...], value: Any, as_bytes: bool) -> None:
    """Nothing but AlertError ever comes out, and an alert that is read is whole."""
    body = copy.deepcopy(LOG)
    around = body
    for step in place[:-1]:
        around = around[step]
    around[place[-1]] = value
    try:
        alert = parse_alert(json.dumps(body).encode() if as_bytes else body)
    except AlertError:
        return
    assert alert.fired_at.tzinfo is UTC
    assert alert.rule_name
    assert alert.instance_id
    assert all(plant.startswith("P") and circuit.startswith("C") for plant, circuit in alert.circuits)
