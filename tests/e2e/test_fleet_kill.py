"""Environment releases on a small fleet while processes are killed in the middle of changing production."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

import pytest

from cli.views import Release
from local import redirect
from local.demos.environment.production import Production
from local.seed_fleet import seed_fleet
from local.seeding.environment_factory import CLEARER_LOG, FIRST, registry_id
from local.seeding.uploads import quiet_uploads
from shared.domain.release.dimensions import Dimension, brought_by
from tests.e2e.conftest import killable_cloud
from tests.e2e.fleet import CIRCUITS, LAST_ENDPOINT, PRODUCTION, Fleet

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

NEXT = CLEARER_LOG
AFTER_NEXT = replace(CLEARER_LOG, version="1.5.2", pull_request="PR-1235")
BEFORE = registry_id("environments", "custom-tf-env", FIRST.version)


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    """Trained, registered and deployed before the app starts."""
    directory = tmp_path_factory.mktemp("fleet")
    with quiet_uploads():
        seed_fleet(directory / "data", CIRCUITS, lambda _what, _count: None)
    with killable_cloud(directory) as cloud:
        yield Fleet(cloud)
    redirect.uninstall()


def test_a_fleet_is_updated_and_put_back_although_the_host_and_azure_ml_are_killed_half_way(fleet: Fleet) -> None:
    """Killed when some targets are done and the change of another one is on its way to Azure ML."""
    before, writes = fleet.running(), fleet.writes()
    release = fleet.at_production_gate(NEXT)
    fleet.hold_writes(LAST_ENDPOINT)
    fleet.approve(release)
    done = fleet.half_way(release, "updating")
    fleet.kill("host")
    fleet.let_go()
    fleet.cloud.start_part("host")
    watched = fleet.reached(release, "watching")
    assert_updated(fleet, watched, before)
    assert_not_done_again(fleet, done, writes)

    writes = fleet.writes()
    fleet.hold_writes(LAST_ENDPOINT)
    assert fleet.desk.roll_back(watched, "engineer-1", "predictions are late") == release.release_id
    done = fleet.half_way(release, "rolling_back")
    fleet.kill("host")
    fleet.cloud.start_part("host")
    done |= fleet.half_way(release, "rolling_back")
    fleet.kill("azureml")
    fleet.cloud.start_part("azureml")
    assert_put_back(fleet, fleet.reached(release, "rolled_back"), before)
    assert_not_done_again(fleet, done, writes)


def test_what_ran_before_is_in_table_storage_when_the_first_write_arrives_at_azure_ml(fleet: Fleet) -> None:
    """The host is killed in that moment: what the first instance never wrote, the next one can still put back (I1)."""
    before, writes = fleet.running(), fleet.writes()
    release = fleet.at_production_gate(AFTER_NEXT)
    assert not any(target.touched for target in fleet.stored(release).values())
    fleet.hold_writes(PRODUCTION)
    fleet.approve(release)
    arrived = fleet.first_writes()
    fleet.kill("host")

    stored = fleet.stored(release)
    assert len(stored) == len(CIRCUITS)
    assert {name for name, target in stored.items() if target.touched} >= set(arrived)
    assert all(target.previous == fleet.spec(target.previous) for target in stored.values())
    assert (fleet.running(), fleet.writes()) == (before, writes)

    fleet.let_go()
    fleet.cloud.start_part("host")
    fleet.desk.roll_back(release, "engineer-1", "the host was killed")
    assert_put_back(fleet, fleet.reached(release, "rolled_back"), before)


def assert_updated(fleet: Fleet, release: Release, before: Production) -> None:
    """All run the new version and nothing else changed; what ran before is on record, in tags and in the release."""
    for circuit, running in fleet.production().items():
        old = before[circuit]
        tags = {
            **old.tags,
            "environment_version": NEXT.version,
            "environment_updated_at": running.tags["environment_updated_at"],
            "previous_environment": old.environment,
            "release_id": release.release_id,
            "environment_release": release.release_id,
            "model_release": brought_by(old, Dimension.MODEL),
        }
        new = registry_id("environments", "custom-tf-env", NEXT.version)
        assert running == replace(old, environment=new, tags=tags)
    assert fleet.rollback_metadata(release) == {f"{circuit}": BEFORE for circuit in CIRCUITS}
    targets = fleet.desk.targets(release.release_id).targets
    assert {(each.progress, each.touched) for each in targets} == {("done", True)}


def assert_put_back(fleet: Fleet, ended: Release, before: Production) -> None:
    """All run what they ran, say who put them back, and the history has no gap."""
    assert fleet.running() == before
    touched = [each for each in fleet.desk.targets(ended.release_id).targets if each.touched]
    marked = [each for each in fleet.production().values() if each.tags.get("restored_by_release") == ended.release_id]
    assert len(marked) == len(touched) > 0
    assert fleet.desk.history(ended.release_id).verified


def assert_not_done_again(fleet: Fleet, done: set[str], earlier: Counter[str]) -> None:
    """All were written since, and those that were done before a kill just once.

    A change that was on its way may be sent a second time, with the same content, when its message comes back while
    the safety net issues it again; Azure ML has no write with a condition that would prevent it.
    """
    written = fleet.writes() - earlier
    assert set(written) == {f"{circuit}" for circuit in CIRCUITS}
    assert {circuit: written[circuit] for circuit in done} == dict.fromkeys(done, 1)
