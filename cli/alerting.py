"""The command for alerts: what came in, what was decided, and why."""

from datetime import datetime
from typing import Annotated

import typer
from rich.text import Text as Shown

from cli.api import parse
from cli.reading import AsJson, print_json
from cli.session import console, talking
from cli.show import clock
from cli.unreadable import tell_unreadable
from cli.views import Text, View

Limit = Annotated[int, typer.Option("--limit", min=1, help="How many alerts to list.")]
Reasons = Annotated[
    bool, typer.Option("--reasons", help="Show every rule of the decision, also those that did not hold.")
]

_STYLES = {"act": "red", "ask": "yellow"}
_NAMED_MAX = 3

OWN_SOURCE = "switchyard"
"""The API's word for alerts that the app raised itself."""


class AlertReason(View):
    """Whether one rule held, and what it saw."""

    rule: Text
    held: bool
    text: Text


class Decision(View):
    """What was decided."""

    verdict: Text
    action: Text
    severity: Text
    reasons: list[AlertReason]


class Asked(View):
    """One rollback that was asked for."""

    release_id: Text
    critical: bool
    answer: Text
    note: Text


class Alert(View):
    """One alert."""

    rule: Text
    severity: Text
    source: Text
    sender: Text
    fired: bool
    circuits: list[Text]
    accepted_at: datetime
    state: Text
    decision: Decision | None
    asked: list[Asked]
    note: Text


class Alerts(View):
    """The latest first."""

    alerts: list[Alert]


def alerts(context: typer.Context, limit: Limit = 20, reasons: Reasons = False, as_json: AsJson = False) -> None:
    """List alerts, the latest first: who brought it, what was decided on each, and why."""
    with talking(context) as api:
        answer = api.alerts(limit)
        if as_json:
            print_json(answer)
            return
        tell_unreadable(answer)
        listed = parse(Alerts, answer).alerts
        if not listed:
            console.print("No alert has come in.")
            return
        for alert in listed:
            console.print(told(alert, every_rule=reasons), soft_wrap=True)


def told(alert: Alert, *, every_rule: bool) -> Shown:
    """When, which rule, about which circuits, who brought it, what was decided; below it why, a rule a line."""
    condition = "" if alert.fired else ", resolved"
    text = Shown(f"{clock(alert.accepted_at)}  ", style="dim")
    text.append(
        f"{alert.rule} ({alert.severity}{condition}) of {_circuits(alert.circuits) or 'no circuit'}  ", "default"
    )
    text.append(f"{_origin(alert)}  ", "dim")
    text.append_text(_decision(alert))
    for line in _why(alert, every_rule=every_rule):
        text.append(f"\n    {line}", "default")
    return text


def _origin(alert: Alert) -> str:
    """The app itself and the record it read, or the way that an alert of Azure Monitor came."""
    return f"found in {alert.sender}" if alert.source == OWN_SOURCE else f"by {alert.source}"


def _decision(alert: Alert) -> Shown:
    if alert.decision is None:
        return Shown(alert.state)
    said = alert.decision.action
    if alert.decision.verdict != "none":
        said = f"{said}: {alert.decision.verdict}, {alert.decision.severity}"
    return Shown(said, style=_STYLES.get(alert.decision.action, ""))


def _why(alert: Alert, *, every_rule: bool) -> list[str]:
    """The rules that held, and of those about the alert itself the ones that did not: they end everything."""
    told = alert.decision.reasons if alert.decision else []
    lines = [
        f"{'+' if reason.held else '-'} {reason.rule}: {reason.text}"
        for number, reason in enumerate(told)
        if every_rule or reason.held is (number >= 4)
    ]
    lines += [f"> {each.release_id}: {each.answer} ({each.note})" for each in alert.asked]
    return [*lines, alert.note] if alert.note else lines


def _circuits(names: list[str]) -> str:
    if len(names) <= _NAMED_MAX:
        return ", ".join(names)
    return f"{', '.join(names[:_NAMED_MAX])} and {len(names) - _NAMED_MAX} more"
