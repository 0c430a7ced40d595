"""The local Azure Monitor: alerts that are told, filtered, and sent until somebody takes them."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest

from shared.contracts.inbound.alerts import MonitorCondition, parse_alert
from tests.local.azureml.cloud import GROUP, SUBSCRIPTION, token
from tests.support.processes import Part, running, until

ALERTS = f"/subscriptions/{SUBSCRIPTION}/providers/Microsoft.AlertsManagement/alerts"
RULE = "scheduledQueryRules/batch-job-failure"


@dataclass
class App:
    """Stands for the app and for the identity service; answers with `statuses` in turn, the last one for ever."""

    url: str = ""
    statuses: list[int] = field(default_factory=lambda: [202])
    received: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    def answer(self, path: str, authorization: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        if path.endswith("/demo/service-token"):
            return 200, {"access_token": f"token of {body['service']} for {body['audience']}"}
        self.received.append((authorization, body))
        return (self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0]), {}


@contextmanager
def an_app() -> Iterator[App]:
    state = App()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            status, answer = state.answer(self.path, self.headers.get("authorization", ""), body)
            data = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("content-length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, format: str, *arguments: object) -> None:
            """Says nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        state.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield state
        server.shutdown()
        thread.join()


@contextmanager
def a_monitor(app: App, directory: Path) -> Iterator[Part]:
    options = ["--data", str(directory / "data"), "--blob-endpoint", "http://127.0.0.1:1/devstoreaccount1"]
    to_app = ["--alerts", f"{app.url}/api/alerts", "--identity", app.url]
    with running("local.azureml", *options, *to_app, log=directory / "log") as part:
        yield part


@pytest.fixture
def app() -> Iterator[App]:
    with an_app() as state:
        yield state


@pytest.fixture
def monitor(app: App, tmp_path: Path) -> Iterator[Part]:
    """One of the test's own, for whoever moves its clock, counts what it has, or has it give the app up."""
    with a_monitor(app, tmp_path) as part:
        yield part


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Part, App]]:
    """For tests that look at nothing but their own alerts; they say what the app answers, and leave the clock alone."""
    with an_app() as app, a_monitor(app, tmp_path_factory.mktemp("monitor")) as part:
        yield part, app


def fire(monitor: Part, **firing: Any) -> list[str]:
    answer = httpx.post(f"{monitor.url}/control/alerts", json={"rule": RULE, **firing})
    assert answer.status_code == 201, answer.text
    return [str(alert_id) for alert_id in answer.json()["alerts"]]


def messages(monitor: Part, alert_id: str = "") -> list[dict[str, Any]]:
    """Of one alert, or of all."""
    known = httpx.get(f"{monitor.url}/control/alerts").json()["value"]
    return [message for alert in known if alert["id"] == alert_id or not alert_id for message in alert["sent"]]


def taken(monitor: Part, count: int) -> bool:
    return [message["state"] for message in messages(monitor)].count("taken") == count


def test_a_rule_that_splits_by_circuits_fires_one_alert_for_each(monitor: Part, app: App) -> None:
    """Each is a message in the common alert schema, sent with the service's own token."""
    fire(monitor, circuits=["P001/C001", "P002/C003"], value=2, severity="Sev1")
    until(lambda: taken(monitor, 2))
    assert {authorization for authorization, _ in app.received} == {
        "Bearer token of azure-monitor for api://switchyard"
    }
    alerts = [parse_alert(json.dumps(body).encode()) for _, body in app.received]
    assert [alert.circuits for alert in alerts] == [(("P001", "C001"),), (("P002", "C003"),)]
    assert {(alert.severity.value, alert.conditions[0].value) for alert in alerts} == {("Sev1", 2.0)}
    assert (
        alerts[0].rule_id == f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{GROUP}/providers/microsoft.insights/{RULE}"
    )


def test_one_alert_may_be_about_several_circuits_or_none(monitor: Part, app: App) -> None:
    """A metric rule over many time series, or a rule that does not split."""
    fire(monitor, rule="metricAlerts/m", circuits=["P001/C001", "P001/C002"], together=True)
    fire(monitor)
    until(lambda: taken(monitor, 2))
    alerts = [parse_alert(json.dumps(body).encode()) for _, body in app.received]
    assert [len(alert.circuits) for alert in alerts] == [2, 0]


def later(monitor: Part, seconds: float) -> None:
    httpx.post(f"{monitor.url}/control/clock", json={"advance_s": seconds}).raise_for_status()


def tried(monitor: Part, app: App, times: int) -> None:
    """So many tries were made and noted, and no more for now."""
    until(lambda: messages(monitor)[0]["attempts"] == times)
    assert len(app.received) == times


def test_a_message_is_tried_again_after_the_delays_of_azure(monitor: Part, app: App) -> None:
    """5, 20, 5 and 40 s after answers that may pass; not a moment earlier."""
    app.statuses = [503, 429, 408, 504, 202]
    fire(monitor, circuits=["P001/C001"])
    for times, delay_s in enumerate((5, 20, 5, 40), start=1):
        tried(monitor, app, times)
        if delay_s > 5:  # the machine's own seconds count as well
            later(monitor, delay_s - 5)
            tried(monitor, app, times)
        later(monitor, delay_s)
    until(lambda: taken(monitor, 1))
    assert len(app.received) == 5


def test_after_five_more_tries_the_endpoint_is_left_alone_for_a_quarter_of_an_hour(monitor: Part, app: App) -> None:
    """What fires meanwhile is not sent at all, and never will be."""
    app.statuses = [503] * 6 + [202]
    fire(monitor, circuits=["P001/C001"])
    for times in range(1, 6):
        tried(monitor, app, times)
        later(monitor, 40)
    until(lambda: messages(monitor)[0]["state"] == "given up")
    assert len(app.received) == 6

    fire(monitor, circuits=["P001/C002"])
    until(lambda: [each for each in messages(monitor) if each["state"] == "not sent"])
    later(monitor, 900)
    fire(monitor, circuits=["P001/C003"])
    until(lambda: taken(monitor, 1))
    assert len(app.received) == 7


def test_an_app_that_nobody_can_reach_is_tried_again(tmp_path: Path) -> None:
    """An exception counts as an answer that may pass."""
    options = ["--data", str(tmp_path / "data"), "--blob-endpoint", "http://127.0.0.1:1/devstoreaccount1"]
    nowhere = ["--alerts", "http://127.0.0.1:1/api/alerts", "--identity", "http://127.0.0.1:1"]
    with running("local.azureml", *options, *nowhere, log=tmp_path / "log") as monitor:
        fire(monitor, circuits=["P001/C001"])
        until(lambda: messages(monitor)[0]["attempts"] == 1)
        later(monitor, 5)
        until(lambda: messages(monitor)[0]["attempts"] == 2)
        assert messages(monitor)[0]["state"] == "waiting"


@pytest.mark.parametrize("status", [400, 401, 403, 404, 413, 500, 502])
def test_any_other_answer_is_final(shared: tuple[Part, App], status: int) -> None:
    """As in Azure; what was said is kept."""
    monitor, app = shared
    app.statuses = [status]
    app.received.clear()
    (alert_id,) = fire(monitor, circuits=["P001/C001"])
    (message,) = until(lambda: [each for each in messages(monitor, alert_id) if each["state"] == "refused"])
    assert message["detail"].startswith(f"{status}:")
    assert len(app.received) == 1


def test_resolving_changes_what_is_told_and_sends_a_message(monitor: Part, app: App) -> None:
    """Same alert, same time of firing."""
    (alert_id,) = fire(monitor, circuits=["P001/C001"])
    httpx.post(f"{monitor.url}/control/alerts/{alert_id.rpartition('/')[2]}/resolve").raise_for_status()
    until(lambda: taken(monitor, 2))
    fired, resolved = (parse_alert(json.dumps(body).encode()) for _, body in app.received)
    assert (fired.monitor_condition, resolved.monitor_condition) == (MonitorCondition.FIRED, MonitorCondition.RESOLVED)
    assert (fired.alert_id, fired.fired_at) == (resolved.alert_id, resolved.fired_at)
    assert resolved.resolved_at is not None


def test_the_interface_filters_by_condition_and_tells_the_context_on_request(monitor: Part) -> None:
    """And nobody without a token is told anything."""
    first, second = fire(monitor, circuits=["P001/C001", "P001/C002"], way="none")
    httpx.post(f"{monitor.url}/control/alerts/{first.rpartition('/')[2]}/resolve?way=none").raise_for_status()

    def listed(**query: str) -> list[dict[str, Any]]:
        answer = httpx.get(monitor.url + ALERTS, params=query, headers=token()).raise_for_status()
        return list(answer.json()["value"])

    assert [alert["id"] for alert in listed()] == [second, first]
    (firing,) = listed(monitorCondition="Fired")
    assert firing["properties"]["context"] == {}
    (told,) = listed(monitorCondition="Fired", includeContext="true")
    assert told == httpx.get(monitor.url + second, headers=token()).json()
    assert httpx.get(monitor.url + second).status_code == 401


@pytest.mark.parametrize(
    ("path", "status"),
    [
        (f"{ALERTS}/00000000-0000-4000-8000-000000000000", 404),
        (ALERTS.replace("0001", "0002"), 404),
        (f"{ALERTS}?timeRange=2h", 400),
    ],
    ids=["no such alert", "another subscription", "no such range"],
)
def test_what_is_not_there_is_said(shared: tuple[Part, App], path: str, status: int) -> None:
    """In Resource Manager's form."""
    monitor, _ = shared
    answer = httpx.get(monitor.url + path, headers=token())
    assert answer.status_code == status
    assert answer.json()["error"]["message"]


@pytest.mark.parametrize("firing", [{"rule": "activityLogAlerts/x"}, {"severity": "Sev9"}, {"circuit": "P001/C001"}])
def test_an_alert_that_no_rule_could_fire_is_refused(shared: tuple[Part, App], firing: dict[str, Any]) -> None:
    """Spelling mistakes show at once."""
    monitor, _ = shared
    assert httpx.post(f"{monitor.url}/control/alerts", json={"rule": RULE, **firing}).status_code == 400
    assert httpx.post(f"{monitor.url}/control/alerts/unknown/resolve").status_code == 404
