"""Alerts through the running app: the local Azure Monitor, identity service, host and queue, and back again."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from azure.data.tables.aio import TableServiceClient
from azure.servicebus.aio import ServiceBusClient

from local.seeding.credentials import token_of
from local.supervisor.cloud import LocalCloud
from shared.adapters.service_bus.looks import ServiceBusLookQueue
from shared.adapters.system_clock import SystemClock
from shared.adapters.tables.access import CLIENT_OPTIONS, Table
from shared.adapters.tables.alerts import TableAlertLog
from shared.adapters.tables.releases import TableReleaseStore
from shared.application.alerts.own import OwnAlerts
from shared.application.ports import Measured, OwnFinding
from shared.application.release.ports import ReleaseCommit
from shared.domain.release.model import Phase, Progress
from tests.support.builders import a_fleet_release, a_fleet_target, an_entry
from tests.support.processes import REPOSITORY, until

pytestmark = pytest.mark.e2e

ENVIRONMENT_RELEASE = "custom-tf-env-1-5-1-aaaaaa"
CIRCUITS = ("P001/C001", "P001/C002")
L5_S = 60


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCloud]:
    with LocalCloud(tmp_path_factory.mktemp("cloud")) as started:
        yield started


def alerts(cloud: LocalCloud) -> list[dict[str, Any]]:
    """What the app tells an engineer, the latest first."""
    headers = {"Authorization": f"Bearer {token_of(cloud.urls['identity'], 'engineer-1')}"}
    answer = httpx.get(f"{cloud.urls['api']}alerts", headers=headers, timeout=30).raise_for_status()
    found: list[dict[str, Any]] = answer.json()["alerts"]
    return found


def decided(cloud: LocalCloud, count: int) -> list[dict[str, Any]] | None:
    """The alerts once there are so many and all are decided."""
    found = alerts(cloud)
    return found if len(found) == count and all(each["state"] == "decided" for each in found) else None


def fire(cloud: LocalCloud, rule: str, *circuits: str, **more: Any) -> list[str]:
    body = {"rule": rule, "circuits": list(circuits), **more}
    answer = httpx.post(f"{cloud.urls['azureml']}/control/alerts", json=body).raise_for_status()
    return [str(each).rpartition("/")[2] for each in answer.json()["alerts"]]


async def store_environment_release(cloud: LocalCloud) -> None:
    """A release that changed two circuits ten minutes ago and is watched."""
    fleet = tuple(
        replace(a_fleet_target(number), touched=True, goal=Phase.UPDATING, progress=Progress.DONE) for number in (1, 2)
    )
    now = datetime.now(UTC)
    release = a_fleet_release(
        Phase.WATCHING,
        release_id=ENVIRONMENT_RELEASE,
        fleet=fleet,
        opened_at=now - timedelta(hours=1),
        phase_since=now,
        deadline_at=now + timedelta(hours=1),
        history_count=1,
    )
    entry = an_entry(at=now - timedelta(minutes=10), phase_after=Phase.UPDATING)
    storage = cloud.env()["STATE_STORAGE"]
    async with TableServiceClient.from_connection_string(storage, **CLIENT_OPTIONS) as service:
        store = TableReleaseStore(Table(service))
        await store.add_open(ENVIRONMENT_RELEASE, now)
        await store.commit(ReleaseCommit(release=release, version=None, entries=(entry,)))


def history(cloud: LocalCloud) -> list[dict[str, Any]]:
    headers = {"Authorization": f"Bearer {token_of(cloud.urls['identity'], 'engineer-1')}"}
    url = f"{cloud.urls['api']}releases/{ENVIRONMENT_RELEASE}/history"
    entries: list[dict[str, Any]] = httpx.get(url, headers=headers, timeout=30).raise_for_status().json()["entries"]
    return entries


def begun(cloud: LocalCloud) -> list[dict[str, Any]]:
    """The times the release began to go back."""
    wanted = ("watching", "rolling_back")
    return [entry for entry in history(cloud) if (entry["phase_before"], entry["phase_after"]) == wanted]


def test_two_alerts_at_once_roll_the_environment_back_once_and_in_time(cloud: LocalCloud) -> None:
    """Fired, sent with a signed token, read again, decided, asked for: within the minute of L5, and once (I20)."""
    asyncio.run(store_environment_release(cloud))
    started = time.monotonic()
    fire(cloud, "scheduledQueryRules/batch-job-failure", *CIRCUITS)
    until(lambda: begun(cloud), deadline_s=L5_S)
    assert time.monotonic() - started < L5_S
    found = until(lambda: decided(cloud, 2), deadline_s=30)
    assert {each["confirmed"] for each in found} == {True}
    asked = [wish for each in found for wish in each["asked"]]
    assert {(wish["release_id"], wish["critical"]) for wish in asked} == {(ENVIRONMENT_RELEASE, True)}
    (entry,) = begun(cloud)
    assert "azure-monitor asked to roll back: alert batch-job-failure (Sev1)" in entry["note"]


def test_an_alert_of_an_unlisted_rule_is_recorded_and_does_nothing(cloud: LocalCloud) -> None:
    """By Event Grid this time."""
    before = len(alerts(cloud))
    fire(cloud, "scheduledQueryRules/somebody-elses", *CIRCUITS, together=True, way="event-grid")
    (latest, *_) = until(lambda: decided(cloud, before + 1), deadline_s=30)
    assert (latest["source"], latest["confirmed"], latest["asked"]) == ("event grid", True, [])
    assert latest["decision"]["action"] == "nothing"


def test_a_resolved_alert_is_recorded_and_does_nothing(cloud: LocalCloud) -> None:
    """The same alert, another message."""
    before = len(alerts(cloud))
    (instance_id,) = fire(cloud, "scheduledQueryRules/data-drift", CIRCUITS[0], severity="Sev3")
    until(lambda: decided(cloud, before + 1), deadline_s=30)
    httpx.post(f"{cloud.urls['azureml']}/control/alerts/{instance_id}/resolve").raise_for_status()
    (latest, *_) = until(lambda: decided(cloud, before + 2), deadline_s=30)
    assert (latest["alert_id"], latest["fired"], latest["decision"]["action"]) == (instance_id, False, "nothing")


def test_alerts_can_be_fired_and_resolved_by_hand(cloud: LocalCloud) -> None:
    """With the rule's severity and measure of policies.yml, one alert per circuit."""

    def by_hand(*options: str) -> str:
        command = [sys.executable, "-m", "local.fire_alert", "--data", str(cloud.data), *options]
        return subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=True, timeout=60).stdout

    before = len(alerts(cloud))
    by_hand("--resolve", "all", "--way", "none")
    assert "Fired" in by_hand("--rule", "model-performance-degradation", "--circuits", ",".join(CIRCUITS))
    found = until(lambda: decided(cloud, before + 2), deadline_s=30)[:2]
    assert {each["severity"] for each in found} == {"Sev2"}
    assert {reason["text"] for each in found for reason in each["decision"]["reasons"] if "worse by" in reason["text"]}
    assert by_hand("--resolve", "all").count("Resolved") == 2
    until(lambda: decided(cloud, before + 4), deadline_s=30)


async def report(cloud: LocalCloud, finding: OwnFinding) -> None:
    """As the app itself does."""
    env, clock = cloud.env(), SystemClock()
    async with (
        TableServiceClient.from_connection_string(env["STATE_STORAGE"], **CLIENT_OPTIONS) as service,
        ServiceBusClient.from_connection_string(env["SERVICEBUS"]) as bus,
    ):
        queue = ServiceBusLookQueue(bus, env["EFFECTS_QUEUE"])
        await OwnAlerts(TableAlertLog(Table(service)), queue, clock).report(finding)


def test_what_the_app_finds_itself_is_decided_on_and_listed_with_its_record(cloud: LocalCloud) -> None:
    """By the rules as delivered; Azure Monitor knows nothing of it."""
    before = len(alerts(cloud))
    finding = OwnFinding(
        finding_id="batch-job-failure-inference-2026-01-05-p001-c003-1",
        rule="batch-job-failure",
        severity=1,
        found_at=datetime.now(UTC),
        record="task inference-2026-01-05-p001-c003, try 1",
        circuit="P001/C003",
        measured=(Measured(measure="failed_jobs", value=1.0, bound=0.0),),
    )
    for _ in range(2):
        asyncio.run(report(cloud, finding))
    (latest, *_) = until(lambda: decided(cloud, before + 1), deadline_s=30)
    assert (latest["source"], latest["sender"], latest["confirmed"]) == ("switchyard", finding.record, True)
    rules = {reason["rule"]: reason["held"] for reason in latest["decision"]["reasons"]}
    assert rules["alert rule is known"]


def sent(cloud: LocalCloud) -> str:
    """What became of the last message of the action group."""
    known = httpx.get(f"{cloud.urls['azureml']}/control/alerts").raise_for_status().json()["value"]
    return str(known[0]["sent"][-1]["state"])


def test_an_alert_of_the_time_when_the_app_was_down_is_lost_by_the_action_group_and_found_by_the_app(
    cloud: LocalCloud,
) -> None:
    """Six tries in 75 s, which pass at once by the clock of the cloud; the sweeper's next minute finds it."""
    before = len(alerts(cloud))
    cloud.stop_part("host")
    (instance_id,) = fire(cloud, "scheduledQueryRules/data-drift", CIRCUITS[0], severity="Sev3", ago_s=240)

    def given_up() -> bool:
        httpx.post(f"{cloud.urls['azureml']}/control/clock", json={"advance_s": 40}).raise_for_status()
        return sent(cloud) == "given up"

    until(given_up, deadline_s=30)
    cloud.start_part("host")
    (latest, *_) = until(lambda: decided(cloud, before + 1), deadline_s=120)
    assert (latest["alert_id"], latest["source"], latest["confirmed"]) == (instance_id, "reconciliation", True)


@pytest.mark.parametrize(
    ("service", "status"), [("another-app", 403), ("azure-monitor", 400)], ids=["without the role", "no alert"]
)
def test_the_door_is_for_alerts_of_azure_monitor_only(cloud: LocalCloud, service: str, status: int) -> None:
    """A token with the role gets in, and then the body has to be an alert."""
    asked = {"service": service, "audience": "api://switchyard"}
    token = httpx.post(f"{cloud.urls['identity']}/demo/service-token", json=asked).raise_for_status().json()
    headers = {"Authorization": f"Bearer {token['access_token']}"}
    answer = httpx.post(f"{cloud.urls['api']}alerts", json={"schemaId": "x"}, headers=headers, timeout=30)
    assert answer.status_code == status
