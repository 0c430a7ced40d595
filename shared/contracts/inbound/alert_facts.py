"""Alerts in the domain's words: from a message in the common alert schema, and from what Azure Monitor tells by id.

The interface: Alerts Management, "Alerts - Get By Id" and "Alerts - Get All", version 2019-03-01. Its `alertRule` is
the rule's ARM id for the alerts this app knows; where it is anything else, no listed rule matches it.
"""

from typing import Any

from pydantic import AliasChoices, Field, ValidationError

from shared.contracts.inbound.alerts import (
    Alert,
    AlertCondition,
    AlertError,
    AlertSeverity,
    AzureTime,
    AzureWire,
    MonitorCondition,
    Properties,
    circuit_of,
    circuits_of,
    context_of,
    with_circuit_of,
)
from shared.domain.alerts.model import AlertFacts, Reading


class _Essentials(AzureWire):
    severity: AlertSeverity
    monitor_condition: MonitorCondition
    alert_state: str = ""
    alert_rule: str = Field(default="", max_length=2000)
    start_date_time: AzureTime


class _Properties(AzureWire):
    essentials: _Essentials
    context: Any = None
    custom_properties: Properties = Field(default_factory=dict)


class _Told(AzureWire):
    id: str = Field(min_length=1, max_length=2000)
    name: str = Field(default="", validation_alias=AliasChoices("name", "alertName"))
    properties: _Properties


def claimed_facts(alert: Alert) -> AlertFacts:
    """What a message claims."""
    return AlertFacts(
        instance_id=alert.instance_id,
        rule_id=alert.rule_id,
        rule_name=alert.rule_name,
        severity=alert.severity.value,
        fired=alert.monitor_condition is MonitorCondition.FIRED,
        fired_at=alert.fired_at,
        readings=_readings(alert.conditions, dict(alert.custom_properties)),
    )


def told_facts(body: Any) -> AlertFacts:
    """What Azure Monitor tells; an alert that a person closed counts as resolved. Raises AlertError.

    A context that names circuits in an unusable way names none.
    """
    try:
        told = _Told.model_validate(body)
    except ValidationError as error:
        problem = error.errors(include_input=False, include_url=False)[0]
        raise AlertError(f"{'.'.join(str(part) for part in problem['loc'])}: {problem['msg']}") from error
    essentials = told.properties.essentials
    conditions, of_context = context_of(told.properties.context)
    try:
        readings = _readings(conditions, with_circuit_of(of_context, told.properties.custom_properties))
    except AlertError:
        readings = ()
    return AlertFacts(
        instance_id=told.id.rpartition("/")[2].lower(),
        rule_id=essentials.alert_rule,
        rule_name=essentials.alert_rule.rpartition("/")[2] or told.name,
        severity=essentials.severity.value,
        fired=essentials.monitor_condition is MonitorCondition.FIRED and essentials.alert_state.lower() != "closed",
        fired_at=essentials.start_date_time,
        readings=readings,
    )


def _readings(conditions: tuple[AlertCondition, ...], custom: dict[str, str]) -> tuple[Reading, ...]:
    """One for each condition that names a circuit; where none does, the custom properties' circuit has them all."""
    named = [(circuit_of(each.dimensions, "dimensions"), each) for each in conditions]
    readings = [_reading(circuit, each) for circuit, each in named if circuit]
    if readings:
        return tuple(readings)
    circuits = circuits_of((), custom)
    return tuple(
        [_reading(circuit, each) for circuit in circuits for each in conditions]
        or [Reading(circuit=f"{plant_id}/{circuit_id}") for plant_id, circuit_id in circuits]
    )


def _reading(circuit: tuple[str, str], condition: AlertCondition) -> Reading:
    return Reading(
        circuit=f"{circuit[0]}/{circuit[1]}",
        metric=condition.metric,
        value=condition.value,
        threshold=condition.threshold,
    )
