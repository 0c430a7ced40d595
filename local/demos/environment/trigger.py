"""Fires an alert of Azure Monitor for each of several circuits with failed batch jobs, so that the app rolls back."""

from __future__ import annotations

from collections.abc import Sequence

import httpx

from cli.alerting import told
from cli.views import Release
from local.demos import screen
from local.demos.desk import Desk
from local.fire_alert import body_of
from local.seeding.model_factory import Circuit
from local.supervisor.cloud import CloudError, LocalCloud

RULE = "batch-job-failure"
ALERTS_MAX = 12  # more than ten an hour are a spike by config/policies.yml


def call_the_fleet_back(cloud: LocalCloud, desk: Desk, release: Release, fleet: Sequence[Circuit]) -> str:
    """Returns the id of the release that puts the fleet back, once an alert's decision asked for it.

    Raises `CloudError` when none of the alerts leads to it.
    """
    failing = [f"{circuit}" for circuit in fleet[:ALERTS_MAX]]
    control = f"{cloud.urls['azureml']}/control/alerts"
    body = {**body_of(RULE, cloud.layout.policies_file), "together": False, "way": "webhook", "circuits": failing}
    alerts = f"{len(failing)} alerts of {RULE}, one for each of {failing[0]} to {failing[-1]}"
    screen.say(f"Azure Monitor fires {alerts}", "bold")
    answer = httpx.post(control, json=body, trust_env=False)
    if answer.is_error:
        raise CloudError(f"The local Azure Monitor answers {answer.status_code}: {answer.text}")
    acted = desk.acted_on_alert()
    screen.say("the alert that decided it:")
    screen.show(told(acted, every_rule=True))
    rollback = acted.asked[0].release_id
    screen.say(f"{release.release_id} goes back, and nobody is asked: a critical alert acts at once", "bold")
    # Where the fleet recovers, the alerts end; resolved ones count no more in the next hour.
    for name in [each.rpartition("/")[2] for each in answer.json()["alerts"]]:
        httpx.post(f"{control}/{name}/resolve", params={"way": "webhook"}, trust_env=False).raise_for_status()
    return rollback
