"""People on the local cloud: an approver's mail with a link when a gate opens, the on-call's when a release is held."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest

from local.demos.desk import Desk
from local.seeding.credentials import token_of
from local.seeding.model_factory import ModelFactory
from local.supervisor.cloud import LocalCloud
from tests.e2e.conftest import CIRCUIT
from tests.support.processes import until

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]


def mails(cloud: LocalCloud, to: str, release_id: str) -> list[dict[str, Any]]:
    """What this person read of the release, the latest first."""
    answer = httpx.get(
        f"{cloud.urls['mailbox']}/messages", params={"recipient": to}, trust_env=False
    ).raise_for_status()
    return [each for each in answer.json()["messages"] if f"/releases/{release_id}" in str(each["body"])]


def told(cloud: LocalCloud, release_id: str) -> list[dict[str, Any]]:
    """What the API says of it."""
    headers = {"Authorization": f"Bearer {token_of(cloud.urls['identity'], 'viewer-1')}"}
    answer = httpx.get(f"{cloud.urls['api']}releases/{release_id}/notifications", headers=headers).raise_for_status()
    found: list[dict[str, Any]] = answer.json()["notifications"]
    return found


def test_a_gate_is_mailed_to_its_approvers_and_a_hold_to_on_call(
    cloud: LocalCloud, factory: ModelFactory, model_folder: Path, desk: Desk
) -> None:
    """Azure ML refuses the registry, which only people can mend; the mail of on-call is refused as well, and the pager
    hears."""
    version = factory.register_model(CIRCUIT, model_folder, "PR-3")
    gate = desk.follow(desk.opened(f"{CIRCUIT.model_name}:{version}").release_id)

    [mail] = until(lambda: mails(cloud, "engineer-2@switchyard.example", gate.release_id), deadline_s=30)
    assert mail["subject"].startswith("Decide until ")
    assert mail["subject"].endswith(
        f"{CIRCUIT.model_name}:{version} for Assembly Line A Sensor in Manufacturing Plant 1"
    )
    link = f"{cloud.urls['host']}/releases/{gate.release_id}"
    assert link in mail["body"]["content"]["plainText"]
    assert desk.read(gate.release_id).phase == gate.phase, "a link decides nothing"

    no_mail = {"channel": "mail", "recipient": "on-call@switchyard.example", "status": 400}
    httpx.post(f"{cloud.urls['mailbox']}/control/faults", json=no_mail).raise_for_status()
    no_right = {"operation": "*", "kind": "status", "status": 403, "path": "registries", "count": None}
    httpx.post(f"{cloud.urls['azureml']}/control/faults", json=no_right).raise_for_status()
    desk.approve(gate, "engineer-2")
    held = desk.follow(gate.release_id)
    httpx.delete(f"{cloud.urls['azureml']}/control/faults").raise_for_status()
    assert held.phase == "held", held.reason

    [event] = until(lambda: mails(cloud, "pager", gate.release_id), deadline_s=30)
    assert event["subject"].startswith("Held: ")
    assert "On-call ML engineer (carries rollbacks out)" in event["body"]["data"]["items"][0]["facts"]
    [card] = until(lambda: mails(cloud, "ml-team", gate.release_id), deadline_s=30)
    assert card["channel"] == "teams"
    [of_duty] = [
        each for each in told(cloud, gate.release_id) if (each["recipient"], each["what"]) == ("on-call", ["held"])
    ]
    assert [each["outcome"].partition(":")[0] for each in of_duty["tries"]] == [
        "the mail service answered 400", "accepted",
    ]  # fmt: skip
    assert {each["recipient"] for each in told(cloud, gate.release_id)} >= {"engineer-1", "engineer-2", "ml-team"}
