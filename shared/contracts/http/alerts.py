"""Alerts as they cross our HTTP border, version 1: accepted, and read with the decision and a reason per rule."""

from datetime import datetime
from typing import Literal

from pydantic import Field

from shared.application.paging import Page
from shared.contracts.base import Contract
from shared.contracts.http.paging import LISTED_MAX, token_of
from shared.contracts.http.unreadable import UnreadableView, unreadable_of
from shared.domain.alerts.decision_model import RollbackDecision
from shared.domain.alerts.model import AlertFacts, AlertRecord


class AlertAccepted(Contract):
    """The alert is durable (202), or was before (200); it is looked at in a moment."""

    key: str
    answer: Literal["accepted", "already_accepted"]
    follow: str


class ReadingView(Contract):
    """What was measured for one circuit; null where the alert says neither."""

    circuit: str
    metric: str
    value: float | None
    threshold: float | None


class AlertReason(Contract):
    """Whether one rule of the decision held, and what it saw."""

    rule: str
    held: bool
    text: str


class AlertDecision(Contract):
    """Which rollback the matrix names, who acts, how severe it is; scopes are circuits. A reason for every rule."""

    verdict: Literal["none", "model", "environment", "both"]
    action: Literal["nothing", "ask", "act"]
    severity: Literal["none", "high", "critical"]
    models: list[str]
    environment: list[str]
    reasons: list[AlertReason]


class RollbackAskedView(Contract):
    """One rollback that the alert asked for."""

    release_id: str
    critical: bool
    answer: str
    note: str


class AlertView(Contract):
    """One alert: as Azure Monitor tells it once it is `confirmed`, before that as the message claims it.

    `source` says which way it came: webhook, event grid, reconciliation, or switchyard for what the app found itself.
    """

    key: str
    alert_id: str
    rule: str
    rule_id: str
    severity: str
    fired: bool
    fired_at: datetime
    circuits: list[str]
    readings: list[ReadingView]
    source: str
    sender: str
    accepted_at: datetime
    state: Literal["accepted", "confirmed", "decided"]
    confirmed: bool
    decided_at: datetime | None
    decision: AlertDecision | None
    asked: list[RollbackAskedView]
    note: str


class AlertList(Contract):
    """A page, the latest first."""

    alerts: list[AlertView] = Field(max_length=LISTED_MAX)
    unreadable: list[UnreadableView] = Field(default_factory=list)
    next: str | None = Field(default=None, description="Give it as `after` for the next page; null on the last one.")


ALERTS = "alerts"
"""The name of the list in the tokens of its pages."""


def alert_list_of(page: Page[AlertRecord]) -> AlertList:
    """The list as it is shown."""
    return AlertList(
        alerts=[alert_of(record) for record in page.records],
        unreadable=unreadable_of(page.records.unreadable),
        next=token_of(ALERTS, page.after),
    )


def alert_of(record: AlertRecord) -> AlertView:
    """The view of a record."""
    facts = record.facts
    return AlertView(
        key=record.key,
        alert_id=facts.instance_id,
        rule=facts.rule_name,
        rule_id=facts.rule_id,
        severity=facts.severity,
        fired=facts.fired,
        fired_at=facts.fired_at,
        circuits=list(facts.circuits),
        readings=_readings(facts),
        source=record.source,
        sender=record.sender,
        accepted_at=record.accepted_at,
        state=record.state.value,
        confirmed=record.told is not None,
        decided_at=record.decided_at,
        decision=_decision(record.decision) if record.decision else None,
        asked=[
            RollbackAskedView(release_id=each.release_id, critical=each.critical, answer=each.answer, note=each.note)
            for each in record.asked
        ],
        note=record.note,
    )


def _readings(facts: AlertFacts) -> list[ReadingView]:
    return [
        ReadingView(circuit=each.circuit, metric=each.metric, value=each.value, threshold=each.threshold)
        for each in facts.readings
    ]


def _decision(decision: RollbackDecision) -> AlertDecision:
    return AlertDecision(
        verdict=decision.verdict.value,
        action=decision.action.value,
        severity=decision.severity.value,
        models=list(decision.scope.models),
        environment=list(decision.scope.environment),
        reasons=[AlertReason(rule=each.rule.value, held=each.held, text=each.text) for each in decision.reasons],
    )
