"""`alerts`: what came in, what was decided, and why."""

import json
from typing import Any

from shared.contracts.http.alerts import AlertDecision, AlertList, AlertReason, AlertView, RollbackAskedView
from tests.cli.conftest import OPENED, App, Run

ASKED = RollbackAskedView(
    release_id="custom-tf-env-1-5-1-0a1b2c", critical=True, answer="accepted", note="it is watching"
)


def an_alert(**changes: Any) -> AlertView:
    """Failed jobs in two circuits, for which the environment goes back."""
    reasons = [
        AlertReason(rule="alert fired", held=True, text="the alert is firing"),
        AlertReason(rule="alert is new", held=True, text="first time this alert is seen"),
        AlertReason(rule="alert rule is known", held=True, text="its rule is on the list"),
        AlertReason(rule="alert is confirmed by Azure Monitor", held=True, text="as told"),
        AlertReason(rule="multiple batch failures", held=True, text="2 failed batch jobs"),
        AlertReason(rule="scoring errors", held=False, text="scoring errors in 0 circuits"),
    ]
    content: dict[str, Any] = {
        "key": "0123",
        "alert_id": "a",
        "rule": "batch-job-failure",
        "rule_id": "r",
        "severity": "Sev1",
        "fired": True,
        "fired_at": OPENED,
        "circuits": ["P001/C001", "P001/C002"],
        "readings": [],
        "source": "webhook",
        "sender": "Azure Monitor",
        "accepted_at": OPENED,
        "state": "decided",
        "confirmed": True,
        "decided_at": OPENED,
        "decision": AlertDecision(
            verdict="environment", action="act", severity="critical", models=[], environment=[], reasons=reasons
        ),
        "asked": [ASKED],
        "note": "",
    }
    return AlertView(**{**content, **changes})


def listed(server: App, *alerts: AlertView, limit: int = 20) -> None:
    server.on(f"GET /api/alerts?limit={limit}", AlertList(alerts=list(alerts)))


def test_an_alert_shows_its_decision_and_the_rules_that_led_to_it(server: App, run: Run) -> None:
    """And the rollback that was asked for."""
    listed(server, an_alert())
    result = run("alerts")
    assert result.exit_code == 0
    for text in (
        "batch-job-failure (Sev1)",
        "P001/C001, P001/C002",
        "act: environment, critical",
        "+ multiple batch failures: 2 failed batch jobs",
        "custom-tf-env-1-5-1-0a1b2c: accepted",
    ):
        assert text in result.output
    assert "scoring errors" not in result.output
    assert "alert fired" not in result.output


def test_the_origin_is_shown_and_of_the_apps_own_findings_the_record(server: App, run: Run) -> None:
    listed(server, an_alert(), an_alert(source="switchyard", sender="task inference-2026-01-05-p001-c001, try 1"))
    output = " ".join(run("alerts").output.split())
    assert "P001/C001, P001/C002 by webhook" in output
    assert "P001/C001, P001/C002 found in task inference-2026-01-05-p001-c001, try 1" in output


def test_every_rule_can_be_shown(server: App, run: Run) -> None:
    """Also those that did not hold."""
    listed(server, an_alert())
    output = run("alerts", "--reasons").output
    assert "- scoring errors: scoring errors in 0 circuits" in output
    assert "+ alert fired: the alert is firing" in output


def test_an_alert_that_does_not_count_says_why(server: App, run: Run) -> None:
    """Of the rules about the alert itself those that failed."""
    decision = an_alert().decision
    assert decision is not None
    reasons = [decision.reasons[0].model_copy(update={"held": False, "text": "the alert is resolved: nothing to do"})]
    ended = decision.model_copy(update={"verdict": "none", "action": "nothing", "reasons": reasons})
    listed(server, an_alert(fired=False, decision=ended, asked=[], note="as told"))
    output = run("alerts").output
    assert "batch-job-failure (Sev1, resolved)" in output
    assert "- alert fired: the alert is resolved: nothing to do" in output
    assert "as told" in output


def test_many_circuits_are_counted_and_an_undecided_alert_says_so(server: App, run: Run) -> None:
    """A fleet does not fit a line."""
    listed(server, an_alert(circuits=[f"P001/C{n:03}" for n in range(1, 9)], decision=None, asked=[], state="accepted"))
    output = run("alerts").output
    assert "and 5 more" in output
    assert "accepted" in output


def test_the_list_has_a_limit_and_can_be_json(server: App, run: Run) -> None:
    """The API's own answer."""
    listed(server, an_alert(), limit=5)
    assert json.loads(run("alerts", "--limit", "5", "--json").output)["alerts"][0]["key"] == "0123"
    assert run("alerts", "--limit", "0").exit_code == 64


def test_no_alert_is_said(server: App, run: Run) -> None:
    """An empty table says nothing."""
    listed(server)
    assert "No alert has come in." in run("alerts").output
