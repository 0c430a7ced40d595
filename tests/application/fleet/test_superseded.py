"""An older release that waits behind a newer one of the same dimension ends, says so, and can be had again."""

from dataclasses import replace

from shared.application.release import intake, people
from shared.application.release.attempts import request_again
from shared.domain.release.model import Phase
from shared.domain.release.policy import Stage
from tests.application.fleet.test_models_beside_a_watch import waiting_at_its_gate
from tests.application.fleet.test_rollbacks import OTHER
from tests.application.fleet.test_taken_circuits import environment_up_to
from tests.fakes.platform import DEV_WORKSPACE
from tests.support.benches.release import MODEL, Bench
from tests.support.benches.road import ENGINEER, NAME, NEW, TAGS, approved, requested


async def model(fleet: Bench, version: str) -> str:
    """A version of P001/C001's model that has passed its first gate."""
    fleet.platform.add_model(
        MODEL, version, {"plant_id": "P001", "circuit_id": "C001"}, created_by="trainer@example.com"
    )
    at = fleet.clock.now()
    rid = await intake.model_registered(f"registered-{version}", DEV_WORKSPACE, MODEL, version, at, fleet.ports)
    await fleet.run_until(rid, Phase.AWAITING_REGISTRY_APPROVAL)
    await approved(fleet, rid, Stage.REGISTRY, OTHER)
    return rid


async def test_an_older_model_behind_a_newer_one_is_superseded_and_can_be_had_again(fleet: Bench) -> None:
    """It names the newer one, in its reason and its history, and production was never its own."""
    newer = await waiting_at_its_gate(fleet)
    older = await fleet.run_until(await model(fleet, "5"), Phase.SUPERSEDED)

    assert f"{MODEL}:7 ({newer.release_id})" in older.reason
    assert fleet.store.partitions[older.release_id].history[-1].note == older.reason
    assert not older.production_touched
    assert fleet.release(newer.release_id).phase is Phase.AWAITING_PRODUCTION_APPROVAL
    await people.abort(newer.release_id, ENGINEER, "the older one after all", fleet.ports)
    again = await request_again(older.release_id, ENGINEER, "the newer one is bad", fleet.ports)
    await fleet.run_until(again.release.release_id, Phase.AWAITING_REGISTRY_APPROVAL)


async def test_a_newer_model_waits_behind_an_older_one(fleet: Bench) -> None:
    """What comes after it, comes after it."""
    await waiting_at_its_gate(fleet)
    newer = await model(fleet, "8")
    fleet.clock.advance(1000)
    await fleet.deliver()
    assert fleet.release(newer).phase is Phase.WAITING_FOR_CIRCUIT


async def test_an_older_model_waits_for_a_newer_one_that_is_put_back(fleet: Bench) -> None:
    """That one brings nothing any more."""
    newer = await waiting_at_its_gate(fleet)
    partition = fleet.store.partitions[newer.release_id]
    partition.release = replace(partition.release, phase=Phase.SETTLING, ending=Phase.ABORTED)
    older = await model(fleet, "5")
    fleet.clock.advance(1000)
    await fleet.deliver()
    assert fleet.release(older).phase is Phase.WAITING_FOR_CIRCUIT


async def test_an_older_environment_behind_a_newer_one_is_superseded(fleet: Bench) -> None:
    """Also behind its watch."""
    fleet.environments.add_environment(NAME, "1.5.2", {**TAGS, "source_code_version": "1.5.2"})
    older = await requested(fleet)
    await fleet.run_until(older, Phase.AWAITING_REGISTRY_APPROVAL)
    newer = await requested(fleet, "1.5.2")
    await fleet.run_until(newer, Phase.AWAITING_REGISTRY_APPROVAL)
    await approved(fleet, newer, Stage.REGISTRY, ENGINEER)
    await fleet.run_until(newer, Phase.AWAITING_PRODUCTION_APPROVAL)
    await approved(fleet, older, Stage.REGISTRY, ENGINEER)
    ended = await fleet.run_until(older, Phase.SUPERSEDED)
    assert f"{NAME}:1.5.2 ({newer}" in ended.reason
    assert ended.asset_version == NEW


async def test_a_model_is_not_superseded_by_an_environment(fleet: Bench) -> None:
    """Another dimension says nothing about its version: it waits."""
    environment = await environment_up_to(fleet, Phase.AWAITING_PRODUCTION_APPROVAL)
    waiting = await model(fleet, "5")
    fleet.clock.advance(1000)
    await fleet.deliver()
    assert (fleet.release(waiting).phase, fleet.release(waiting).waiting_on) == (Phase.WAITING_FOR_CIRCUIT, environment)
