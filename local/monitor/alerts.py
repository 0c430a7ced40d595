"""A small Azure Monitor: stores alerts, answers the Alerts Management interface, and fires or resolves on request.

Forms: "Alerts - Get By Id" and "Alerts - Get All", 2019-03-01; messages: the common alert schema
(docs/azure-facts.md#alerts-of-azure-monitor). Rules do not exist here: an alert names the rule it would come from.
"""

from __future__ import annotations

import datetime as dt
import uuid
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from local.azureml.service.call import Call, Service
from local.azureml.service.clock import CLOCK
from local.azureml.service.control import parsed, service_of
from local.azureml.service.documents import page, utc_now
from local.azureml.service.errors import invalid, not_found
from local.azureml.service.store import Document
from local.monitor.action_group import EVENT_GRID, WEBHOOK, ActionGroup

COLLECTION = "/subscriptions/{subscription}/providers/Microsoft.AlertsManagement/alerts"
_RANGES = {"1h": 3600, "1d": 86_400, "7d": 7 * 86_400, "30d": 30 * 86_400}
_WAYS = (WEBHOOK, EVENT_GRID)


class Firing(BaseModel):
    """What `POST /control/alerts` takes: one alert per circuit, as a rule that splits by dimensions fires.

    `together` makes it one alert with a condition for each circuit.
    """

    model_config = ConfigDict(extra="forbid")

    rule: str = Field(
        pattern=r"^(metricAlerts|scheduledQueryRules)/[^\x00-\x1f*<>%{}&:\\?/#|]{0,259}[^\x00-\x1f*<>%{}&:\\?/#| .]$"
    )
    severity: str = Field(default="Sev1", pattern=r"^Sev[0-4]$")
    circuits: list[str] = Field(default=[], max_length=200)
    together: bool = False
    metric: str = "failures"
    value: float = 1.0
    threshold: float = 0.0
    context: bool = True  # whether the alert read from Azure Monitor has the condition, or only the message has
    way: Literal["webhook", "event-grid", "none"] = "webhook"  # none: no message is sent
    ago_s: float = Field(default=0.0, ge=0, le=86_400)  # it fired so long ago


async def get_alert(call: Call) -> Response:
    alert = call.service.store.get(_collection(call) + "/" + call.param("alert"))
    if alert is None:
        raise not_found(f"Alert {call.param('alert')}")
    return JSONResponse(alert)


async def list_alerts(call: Call) -> Response:
    """Filters: `monitorCondition` and `timeRange`; without `includeContext=true` alerts have no context."""
    query = call.query
    seconds = _RANGES.get(query.get("timeRange", "1d"))
    if seconds is None:
        raise invalid(f"timeRange is one of {', '.join(_RANGES)}.")
    since = _told(CLOCK.now() - dt.timedelta(seconds=seconds))
    wanted = query.get("monitorCondition")
    found = [
        alert if query.get("includeContext") == "true" else _without_context(alert)
        for alert in call.service.store.newest_first(_collection(call))
        if alert["properties"]["essentials"]["startDateTime"] >= since
        and wanted in (None, alert["properties"]["essentials"]["monitorCondition"])
    ]
    return JSONResponse(page(found, query, call.base + call.request.url.path))


def _collection(call: Call) -> str:
    """Where the alerts of the path's subscription are. Raises `ArmError` 404."""
    if call.param("subscription") != call.service.settings.subscription:
        raise not_found(f"Subscription {call.param('subscription')}")
    return COLLECTION.format(subscription=call.service.settings.subscription)


def _without_context(alert: Document) -> Document:
    return {**alert, "properties": {**alert["properties"], "context": {}}}


# The switches


async def fire(request: Request) -> Response:
    """Stores the alerts and has the action group send them."""
    service, firing = service_of(request), await parsed(request, Firing)
    each = [firing.circuits] if firing.together or not firing.circuits else [[name] for name in firing.circuits]
    alerts = [_new_alert(service, firing, circuits) for circuits in each]
    with service.store.transaction():
        for alert, stored in alerts:
            service.store.put(alert["id"], stored)
            if firing.way in _WAYS:
                _action_group_of(request).notify(alert["id"], _message(alert), firing.way)
    return JSONResponse({"alerts": [alert["id"] for alert, _ in alerts]}, 201)


async def resolve(request: Request) -> Response:
    """Marks an alert as resolved and sends a message; `?way=none` sends none."""
    service, way = service_of(request), request.query_params.get("way", WEBHOOK)
    alert_id = f"{COLLECTION.format(subscription=service.settings.subscription)}/{request.path_params['alert']}"
    stored = service.store.get(alert_id)
    if stored is None:
        raise HTTPException(404, f"There is no alert {request.path_params['alert']}.")
    essentials = stored["properties"]["essentials"]
    essentials |= {"monitorCondition": "Resolved", "monitorConditionResolvedDateTime": utc_now()}
    with service.store.transaction():
        service.store.put(alert_id, stored)
        if way in _WAYS:
            _action_group_of(request).notify(alert_id, _message(stored), way)
    return JSONResponse(stored)


async def look(request: Request) -> Response:
    """Every alert, the latest first, with what became of its messages."""
    service = service_of(request)
    alerts = service.store.newest_first(COLLECTION.format(subscription=service.settings.subscription))
    return JSONResponse({"value": [{**alert, "sent": _action_group_of(request).sent(alert["id"])} for alert in alerts]})


def _action_group_of(request: Request) -> ActionGroup:
    """The action group of the server that got the request."""
    action_group: ActionGroup = request.app.state.action_group
    return action_group


CONTROL_ROUTES = [
    Route("/control/alerts", look, methods=["GET"]),
    Route("/control/alerts", fire, methods=["POST"]),
    Route("/control/alerts/{alert}/resolve", resolve, methods=["POST"]),
]


# Their forms


def _told(at: dt.datetime) -> str:
    return at.isoformat().replace("+00:00", "Z")


def _new_alert(service: Service, firing: Firing, circuits: list[str]) -> tuple[Document, Document]:
    """The alert with its whole context, which messages carry, and as Azure Monitor stores it."""
    settings = service.settings
    group = f"/subscriptions/{settings.subscription}/resourceGroups/{settings.resource_group}"
    now, rule = (
        _told(CLOCK.now() - dt.timedelta(seconds=firing.ago_s)),
        f"{group}/providers/microsoft.insights/{firing.rule}",
    )
    is_metric = firing.rule.startswith("metricAlerts/")
    alert: Document = {
        "id": f"{COLLECTION.format(subscription=settings.subscription)}/{uuid.uuid4()}",
        "type": "Microsoft.AlertsManagement/alerts",
        "name": firing.rule.rpartition("/")[2],
        "properties": {
            "essentials": {
                "severity": firing.severity,
                "signalType": "Metric" if is_metric else "Log",
                "alertState": "New",
                "monitorCondition": "Fired",
                "monitorService": "Platform" if is_metric else "Log Alerts V2",
                "targetResource": f"{group}/providers/microsoft.operationalinsights/workspaces/mlops-logs",
                "alertRule": rule,
                "startDateTime": now,
                "lastModifiedDateTime": now,
                "lastModifiedUserName": "System",
                "description": "",
            },
            "context": {"context": _context(firing, circuits, now, is_metric=is_metric)},
            "egressConfig": {},
        },
    }
    return alert, alert if firing.context else _without_context(alert)


def _context(firing: Firing, circuits: list[str], now: str, *, is_metric: bool) -> Document:
    column = {"metricName": firing.metric} if is_metric else {"metricMeasureColumn": firing.metric}
    conditions = [
        {
            **column,
            "operator": "GreaterThan",
            "threshold": str(firing.threshold),
            "timeAggregation": "Total",
            "dimensions": dimensions,
            "metricValue": firing.value,
        }
        for dimensions in [_dimensions(name) for name in circuits] or [[]]
    ]
    kind = "MultipleResourceMultipleMetricCriteria" if is_metric else "LogQueryCriteria"
    condition = {"windowSize": "PT15M", "allOf": conditions, "windowStartTime": now, "windowEndTime": now}
    return {"properties": None, "conditionType": kind, "condition": condition}


def _dimensions(circuit: str) -> list[dict[str, str]]:
    plant_id, _, circuit_id = circuit.partition("/")
    return [{"name": "plant_id", "value": plant_id}, {"name": "circuit_id", "value": circuit_id}]


def _message(alert: Document) -> dict[str, Any]:
    """The alert in the common alert schema."""
    essentials = alert["properties"]["essentials"]
    resolved = essentials.get("monitorConditionResolvedDateTime")
    context = alert["properties"]["context"].get("context") or {"properties": None, "condition": None}
    return {
        "schemaId": "azureMonitorCommonAlertSchema",
        "data": {
            "essentials": {
                "alertId": alert["id"],
                "alertRule": alert["name"],
                "alertRuleId": essentials["alertRule"],
                "severity": essentials["severity"],
                "signalType": essentials["signalType"],
                "monitorCondition": essentials["monitorCondition"],
                "monitoringService": essentials["monitorService"],
                "alertTargetIDs": [essentials["targetResource"]],
                "configurationItems": ["mlops-logs"],
                "originAlertId": alert["id"].rpartition("/")[2],
                "firedDateTime": essentials["startDateTime"],
                **({"resolvedDateTime": resolved} if resolved else {}),
                "description": essentials["description"],
                "essentialsVersion": "1.0",
                "alertContextVersion": "1.0",
            },
            "alertContext": context,
            "customProperties": {},
        },
    }
