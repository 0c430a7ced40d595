"""Releases on the local cloud while its parts are killed: nothing accepted is lost, nothing is done twice."""

from __future__ import annotations

from pathlib import Path

import pytest

from cli.views import Release
from local.demos.desk import Desk
from local.seeding.model_factory import ModelFactory
from local.supervisor.cloud import LocalCloud
from tests.e2e.conftest import CIRCUIT
from tests.support.processes import until

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]


def test_a_model_reaches_production_although_the_host_is_killed(
    cloud: LocalCloud, factory: ModelFactory, model_folder: Path, desk: Desk
) -> None:
    """Killed with SIGKILL while the test deployment is made, and right after an approval was accepted."""
    release = registered(factory, model_folder, desk)
    gate = desk.follow(release.release_id)
    desk.approve(gate, "engineer-1")
    until(lambda: desk.read(release.release_id).phase == "deploying_test", deadline_s=30)
    cloud.kill("host")
    cloud.start_part("host")
    gate = desk.follow(release.release_id)
    assert gate.phase == "awaiting_production_approval", gate.reason
    desk.submit(gate, "engineer-2")
    cloud.kill("host")
    cloud.start_part("host")
    ended = until(lambda: has_ended(desk, release), deadline_s=60)
    assert (ended.phase, ended.production_touched) == ("released", True)
    assert_done_once(factory, desk, ended)


def test_a_model_reaches_production_although_every_other_part_is_killed(
    cloud: LocalCloud, factory: ModelFactory, model_folder: Path, desk: Desk
) -> None:
    """Each right after it had accepted something; Azurite is stopped, as it writes its files late."""
    version = factory.register_model(CIRCUIT, model_folder, "PR-2")
    again(cloud, "azureml")
    again(cloud, "eventgrid")
    release = desk.opened(f"{CIRCUIT.model_name}:{version}")
    gate = desk.follow(release.release_id)
    desk.submit(gate, "engineer-1")
    again(cloud, "servicebus")
    until(lambda: desk.read(release.release_id).phase == "testing", deadline_s=60)
    again(cloud, "azureml")
    again(cloud, "identity")
    cloud.restart("azurite")
    gate = desk.follow(release.release_id)
    assert gate.phase == "awaiting_production_approval", gate.reason
    desk.approve(gate, "engineer-2")
    ended = desk.follow(release.release_id)
    assert ended.phase == "released", ended.reason
    assert_done_once(factory, desk, ended)


def registered(factory: ModelFactory, folder: Path, desk: Desk) -> Release:
    version = factory.register_model(CIRCUIT, folder, "PR-1")
    return desk.opened(f"{CIRCUIT.model_name}:{version}")


def again(cloud: LocalCloud, part: str) -> None:
    cloud.kill(part)
    cloud.start_part(part)


def has_ended(desk: Desk, release: Release) -> Release | None:
    now = desk.read(release.release_id)
    return now if now.ended else None


def assert_done_once(factory: ModelFactory, desk: Desk, ended: Release) -> None:
    """One deployment runs the version; two approvals are in a history whose hash chain fits; facts tell the end."""
    history = desk.history(ended.release_id)
    assert history.verified
    assert [entry.actor for entry in history.entries if entry.actor_id] == ["Engineer One", "Engineer Two"]
    production = factory.workspace("PRODUCTION_WORKSPACE")
    deployment = production.batch_deployments.get("deployment-circuit-C001", "batch-endpoint-plant-P001")
    assert deployment.tags["release_id"] == ended.release_id
    assert deployment.tags["approved_by"] == "engineer-2@switchyard.example"
    assert ended.registry_model_id == deployment.model
