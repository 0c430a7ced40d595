"""Alerts of Azure Monitor in the common alert schema: metric alerts and log search alerts V2.

Form: docs/azure-facts.md#alerts-of-azure-monitor. Unknown fields are ignored, as the schema grows; what is used is
strict. An alert is a hint: whoever acts on it reads it again from Azure Monitor by `instance_id`, builds that address
itself, and compares `rule_id` with the allow-list without regard to case.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    AliasChoices,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
)
from pydantic.alias_generators import to_camel

from shared.contracts.base import check_once
from shared.contracts.config.circuits import CircuitId, PlantId
from shared.contracts.inbound.wire import Wire
from shared.domain.errors import InvalidRequest

BODY_BYTES_MAX = 256 * 1024
"""Azure Monitor sends no more (docs/azure-facts.md#alerts-of-azure-monitor)."""

CONDITIONS_MAX = 100
DIMENSIONS_MAX = 100


class AlertError(ValueError):
    """The body is no alert that can be used; the message names the field and never repeats its content."""


class AlertSeverity(StrEnum):
    """As Azure Monitor writes it; Sev0 is critical, Sev4 is verbose."""

    SEV0 = "Sev0"
    SEV1 = "Sev1"
    SEV2 = "Sev2"
    SEV3 = "Sev3"
    SEV4 = "Sev4"


class MonitorCondition(StrEnum):
    """Whether the condition of the rule holds now."""

    FIRED = "Fired"
    RESOLVED = "Resolved"


class SignalType(StrEnum):
    """What the rule looks at."""

    METRIC = "Metric"
    LOG = "Log"


@dataclass(frozen=True, kw_only=True)
class AlertCondition:
    """One condition of the rule: what was measured, against what, and for which dimensions.

    `threshold` is None for dynamic thresholds, `value` when the alert has none.
    """

    metric: str
    operator: str
    threshold: float | None
    value: float | None
    dimensions: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class Alert:
    """What an alert claims. Times are UTC. `circuits` are pairs of plant id and circuit id, each once, in order.

    A circuit is named by the dimensions `plant_id` and `circuit_id` of one condition, in capitals or without the bar as
    well; where no condition names one, by the custom properties of the rule, which a log search alert has in its
    context. A name that is empty is none. `rule_id` is empty when Azure Monitor leaves it out.
    """

    alert_id: str
    rule_name: str
    rule_id: str
    severity: AlertSeverity
    signal: SignalType
    monitor_condition: MonitorCondition
    fired_at: datetime
    resolved_at: datetime | None
    conditions: tuple[AlertCondition, ...]
    circuits: tuple[tuple[str, str], ...]
    custom_properties: Mapping[str, str] = field(default_factory=dict)

    @property
    def instance_id(self) -> str:
        """The last part of the alert's id: names this firing of the rule, the same in every repetition."""
        return self.alert_id.rpartition("/")[2].lower()


def _number(value: Any) -> Any:
    """Thresholds come as text, an absent one as null or as an empty text."""
    return None if isinstance(value, str) and not value.strip() else value


def _texts(value: Any) -> Any:
    """Only texts can name anything: other values are somebody's own, and not looked at."""
    if not isinstance(value, Mapping):
        return value
    return {name: each for name, each in value.items() if isinstance(each, str)}


def _utc(value: datetime) -> datetime:
    try:
        return value.astimezone(UTC)
    except OverflowError:
        raise ValueError("the time is out of range") from None


_ID_NAMES = {"plantid": "plant_id", "circuitid": "circuit_id"}

Text = Annotated[str, StringConstraints(min_length=1, max_length=1000)]
ArmId = Annotated[str, StringConstraints(pattern=r"^/subscriptions/[^/\x00-\x1f]{1,100}/[^\x00-\x1f]{1,2000}$")]
AlertId = Annotated[
    str,
    StringConstraints(
        pattern=(
            r"^/subscriptions/[^/\x00-\x1f]{1,100}(/[^\x00-\x1f]{1,1500})?"
            r"/providers/[Mm]icrosoft\.[Aa]lerts[Mm]anagement/alerts/[A-Za-z0-9_-]{1,100}$"
        )
    ),
]
FiniteNumber = Annotated[float, Field(allow_inf_nan=False)]
AzureTime = Annotated[AwareDatetime, AfterValidator(_utc)]
Properties = Annotated[dict[str, str], BeforeValidator(_texts)]
OptionalNumber = Annotated[FiniteNumber | None, BeforeValidator(_number)]


class AzureWire(Wire):
    """What Azure sends: its names are in camel case."""

    model_config = ConfigDict(alias_generator=to_camel)


class _Dimension(AzureWire):
    name: Text
    value: Annotated[str, StringConstraints(max_length=2000)] | None = None


class _Condition(AzureWire):
    metric_name: str = Field(
        default="", validation_alias=AliasChoices("metricName", "metricMeasureColumn", "metricMeasure")
    )
    operator: str = ""
    threshold: OptionalNumber = None
    metric_value: OptionalNumber = None
    dimensions: tuple[_Dimension, ...] = Field(default=(), max_length=DIMENSIONS_MAX)


class _ConditionSet(AzureWire):
    all_of: list[_Condition] = Field(min_length=1, max_length=CONDITIONS_MAX)


class _Context(AzureWire):
    condition: _ConditionSet | None = None
    properties: Properties = Field(default_factory=dict)


class _Essentials(AzureWire):
    alert_id: AlertId
    alert_rule: Text
    alert_rule_id: ArmId | None = None
    severity: AlertSeverity
    signal_type: SignalType
    monitor_condition: MonitorCondition
    fired_date_time: AzureTime
    resolved_date_time: AzureTime | None = None


class _Data(AzureWire):
    essentials: _Essentials
    alert_context: _Context = Field(default_factory=_Context)
    custom_properties: Properties = Field(default_factory=dict)


class _Body(AzureWire):
    schema_id: Literal["azureMonitorCommonAlertSchema"]
    data: _Data


class _Circuit(BaseModel):
    model_config = ConfigDict(frozen=True, defer_build=True, hide_input_in_errors=True)

    plant_id: PlantId
    circuit_id: CircuitId


def parse_alert(body: Any) -> Alert:
    """The alert of a webhook's body (bytes), or of an event's `data` (decoded) in that schema. Raises AlertError."""
    if isinstance(body, bytes) and len(body) > BODY_BYTES_MAX:
        raise AlertError(f"body: more than {BODY_BYTES_MAX} bytes")
    try:
        if isinstance(body, bytes):
            check_once(body)
        data = (_Body.model_validate_json(body) if isinstance(body, bytes) else _Body.model_validate(body)).data
    except InvalidRequest as error:
        raise AlertError(str(error)) from error
    except ValidationError as error:
        raise AlertError(_first(error)) from error
    essentials, condition = data.essentials, data.alert_context.condition
    if condition is None and essentials.monitor_condition is MonitorCondition.FIRED:
        raise AlertError("data.alertContext.condition: missing; only metric alerts and log search alerts V2 are known")
    conditions = tuple(_condition(each) for each in condition.all_of) if condition else ()
    custom = with_circuit_of(data.alert_context.properties, data.custom_properties)
    return Alert(
        alert_id=essentials.alert_id,
        rule_name=essentials.alert_rule,
        rule_id=essentials.alert_rule_id or "",
        severity=essentials.severity,
        signal=essentials.signal_type,
        monitor_condition=essentials.monitor_condition,
        fired_at=essentials.fired_date_time,
        resolved_at=essentials.resolved_date_time,
        conditions=conditions,
        circuits=circuits_of(conditions, custom),
        custom_properties=custom,
    )


def context_of(context: Any) -> tuple[tuple[AlertCondition, ...], dict[str, str]]:
    """The conditions and custom properties in what Azure Monitor keeps of an alert's context; none where it has none in
    a known form.

    The interface calls the context an object and says no more; tried are the message's own form, and that once nested.
    """
    inner = context.get("context") if isinstance(context, Mapping) else None
    for form in (context, inner):
        try:
            known = _Context.model_validate(form)
        except ValidationError:
            continue
        if known.condition is not None:
            return tuple(_condition(each) for each in known.condition.all_of), known.properties
    return (), {}


def _condition(wire: _Condition) -> AlertCondition:
    return AlertCondition(
        metric=wire.metric_name,
        operator=wire.operator,
        threshold=wire.threshold,
        value=wire.metric_value,
        dimensions={each.name: each.value for each in wire.dimensions if each.value is not None},
    )


def circuits_of(
    conditions: tuple[AlertCondition, ...], custom_properties: Mapping[str, str]
) -> tuple[tuple[str, str], ...]:
    """The circuits that are named, each once. Raises AlertError for half a name."""
    named = [circuit_of(condition.dimensions, "dimensions") for condition in conditions]
    found = [circuit for circuit in named if circuit]
    if not found:
        found = [circuit for circuit in [circuit_of(custom_properties, "customProperties")] if circuit]
    return tuple(dict.fromkeys(found))


def circuit_of(values: Mapping[str, str], where: str) -> tuple[str, str] | None:
    """The circuit that is named, if one is. Raises AlertError for half a name, as C001 is in every plant."""
    ids: dict[str, str] = {}
    for name, value in values.items():
        known, said = _id_name(name), value.strip()
        if known and said and ids.setdefault(known, said) != said:
            raise AlertError(f"{where}: {known} is named twice, and not alike")
    if not ids:
        return None
    try:
        circuit = _Circuit.model_validate(ids)
    except ValidationError as error:
        raise AlertError(f"{where}: {_first(error)}") from error
    return circuit.plant_id, circuit.circuit_id


def with_circuit_of(context: Mapping[str, str], custom: Mapping[str, str]) -> dict[str, str]:
    """The custom properties of an alert, with the circuit that those in its context name where they name none."""
    if any(_id_name(name) for name in custom):
        return dict(custom)
    return {**{name: value for name, value in context.items() if _id_name(name)}, **custom}


def _id_name(name: str) -> str | None:
    return _ID_NAMES.get(name.strip().lower().replace("_", ""))


def _first(error: ValidationError) -> str:
    problem = error.errors(include_input=False, include_url=False)[0]
    where = ".".join(str(part) for part in problem["loc"])
    return f"{where or 'body'}: {problem['msg']}"
