"""A rollback takes circuits from releases that bring something new: what becomes of those, and of what they changed."""

from dataclasses import replace

import pytest

from shared.application.fleet.rollback_requests import request_rollback
from shared.application.release import people
from shared.domain.fleet.meter import AlertSeen
from shared.domain.release.model import Phase, Release
from shared.domain.release.policy import Stage
from tests.application.fleet.test_rollbacks import MONITOR, OTHER, a_released_model, approve, asked, of_circuit
from tests.support.benches.release import Bench
from tests.support.benches.road import ENGINEER, MANAGER, NEW, NEW_ID, OLD, approved, requested, running


async def environment_up_to(fleet: Bench, phase: Phase) -> str:
    """A release of the new environment that waits for people at the gate before `phase`."""
    release_id = await requested(fleet)
    await fleet.run_until(release_id, Phase.AWAITING_REGISTRY_APPROVAL)
    await approved(fleet, release_id, Stage.REGISTRY, ENGINEER)
    await fleet.run_until(release_id, Phase.AWAITING_PRODUCTION_APPROVAL)
    if phase is not Phase.AWAITING_PRODUCTION_APPROVAL:
        await approved(fleet, release_id, Stage.PRODUCTION, ENGINEER, MANAGER)
        await fleet.run_until(release_id, phase)
    return release_id


async def watched_without_a_circuit(fleet: Bench) -> tuple[Release, str]:
    """An environment release in its watch, and the rollback of a model that took a circuit from it before."""
    model = await a_released_model(fleet)
    fleet.clock.advance(1000)
    environment = await environment_up_to(fleet, Phase.AWAITING_PRODUCTION_APPROVAL)
    rollback = await asked(fleet, model.release_id, critical=True)
    await fleet.run_until(rollback.release_id, Phase.ROLLED_BACK)
    await approved(fleet, environment, Stage.PRODUCTION, ENGINEER, MANAGER)
    return await fleet.run_until(environment, Phase.WATCHING), rollback.release_id


async def test_an_environment_release_goes_on_without_a_circuit_that_was_taken(fleet: Bench) -> None:
    """It updates the others, is watched and released, and says which circuit it left alone."""
    watched, rollback_id = await watched_without_a_circuit(fleet)

    assert running(fleet) == [OLD] + [NEW] * 5
    assert of_circuit(fleet).tags["restored_by_release"] == rollback_id
    [left] = [target for target in watched.fleet if target.superseded_by]
    assert left.key == "P001-C001"
    told = fleet.store.partitions[watched.release_id].history[-1].note
    assert "5 deployments run" in told
    assert "P001-C001" in told


async def test_an_environment_release_that_goes_back_leaves_a_taken_circuit_to_who_took_it(fleet: Bench) -> None:
    """Otherwise its roll-back could never end."""
    watched, rollback_id = await watched_without_a_circuit(fleet)
    await request_rollback(watched.release_id, ENGINEER, "scoring errors", fleet.ports, critical=True)
    await fleet.run_until(watched.release_id, Phase.ROLLED_BACK)

    assert running(fleet) == [OLD] * 6
    assert of_circuit(fleet).tags["restored_by_release"] == rollback_id


async def taken_in_the_watch(fleet: Bench) -> tuple[str, str]:
    """An environment release in its watch, and the rollback of a model that took a circuit from it there."""
    model = await a_released_model(fleet)
    fleet.clock.advance(1000)
    environment = await environment_up_to(fleet, Phase.AWAITING_PRODUCTION_APPROVAL)
    rollback = await asked(fleet, model.release_id)
    await fleet.run_until(rollback.release_id, Phase.AWAITING_ROLLBACK_APPROVAL)
    await approved(fleet, environment, Stage.PRODUCTION, ENGINEER, MANAGER)
    await fleet.run_until(environment, Phase.WATCHING)
    assert of_circuit(fleet).environment == NEW_ID
    await approve(fleet, rollback.release_id, OTHER)
    return environment, rollback.release_id


async def test_the_rollback_of_a_model_leaves_the_environment_that_is_watched(fleet: Bench) -> None:
    """Also one that came after its targets were listed; the watch goes on (I28)."""
    before = of_circuit(fleet)
    environment, rollback = await taken_in_the_watch(fleet)
    await fleet.run_until(rollback, Phase.ROLLED_BACK)

    after = of_circuit(fleet)
    assert (after.model, after.environment) == (before.model, NEW_ID)
    assert (after.tags["environment_release"], after.tags["restored_by_release"]) == (environment, rollback)
    assert fleet.release(environment).phase is Phase.WATCHING


async def test_a_watched_environment_goes_back_also_where_a_model_went_back_meanwhile(fleet: Bench) -> None:
    """Its circuit is regained: the fleet does not end on two environments (R-BACK-16)."""
    before = of_circuit(fleet)
    environment, rollback = await taken_in_the_watch(fleet)
    await fleet.run_until(rollback, Phase.ROLLED_BACK)
    await request_rollback(environment, ENGINEER, "scoring errors", fleet.ports, critical=True)
    ended = await fleet.run_until(environment, Phase.ROLLED_BACK)

    assert running(fleet) == [OLD] * 6
    assert of_circuit(fleet).model == before.model
    assert [target.key for target in ended.fleet if target.superseded_by] == []


async def test_a_watched_environment_waits_for_the_rollback_of_a_model_and_goes_back_then(fleet: Bench) -> None:
    """Two that put back never meet on one circuit, and neither gives up (I7)."""
    before = of_circuit(fleet)
    environment, rollback = await taken_in_the_watch(fleet)
    await request_rollback(environment, ENGINEER, "scoring errors", fleet.ports, critical=True)
    await fleet.deliver()
    assert fleet.release(rollback).phase is Phase.ROLLING_BACK
    await fleet.run_until(environment, Phase.ROLLED_BACK)

    assert fleet.release(rollback).phase is Phase.ROLLED_BACK
    assert running(fleet) == [OLD] * 6
    assert of_circuit(fleet).model == before.model


async def test_a_model_that_had_landed_and_was_not_read_back_goes_back_with_the_environment(fleet: Bench) -> None:
    """Its release lost the circuit half-way and ends as failed: nobody else would take the model back (I3)."""
    before = of_circuit(fleet)
    environment = await environment_up_to(fleet, Phase.WATCHING)
    await fleet.run_until(environment, Phase.RELEASED, within_s=100_000)
    fleet.clock.advance(1000)
    model = await fleet.run_until(await fleet.registered(), Phase.AWAITING_REGISTRY_APPROVAL)
    await approved(fleet, model.release_id, Stage.REGISTRY, OTHER)
    await fleet.run_until(model.release_id, Phase.AWAITING_PRODUCTION_APPROVAL)
    fleet.platform.reads_in_progress = 2
    await approved(fleet, model.release_id, Stage.PRODUCTION, OTHER)
    fleet.platform.reads_in_progress = 0
    assert fleet.release(model.release_id).phase is Phase.DEPLOYING_PRODUCTION
    assert of_circuit(fleet).model != before.model
    rollback = await asked(fleet, environment, critical=True)
    await fleet.run_until(rollback.release_id, Phase.ROLLED_BACK)

    after = of_circuit(fleet)
    assert (after.model, after.environment) == (before.model, before.environment)
    assert fleet.release(model.release_id).phase is Phase.FAILED


async def test_an_environment_that_had_landed_and_was_not_read_back_goes_back_with_the_model(fleet: Bench) -> None:
    """The update goes on without the circuit, which it lists; its own word is waited for (I11)."""
    before = of_circuit(fleet)
    model = await a_released_model(fleet)
    fleet.clock.advance(1000)
    environment = await environment_up_to(fleet, Phase.AWAITING_PRODUCTION_APPROVAL)
    fleet.platform.reads_in_progress = 2
    await approved(fleet, environment, Stage.PRODUCTION, ENGINEER, MANAGER)
    fleet.platform.reads_in_progress = 0
    assert of_circuit(fleet).environment == NEW_ID
    rollback = await asked(fleet, model.release_id, critical=True)
    await fleet.run_until(rollback.release_id, Phase.ROLLED_BACK)

    after = of_circuit(fleet)
    assert (after.model, after.environment) == (before.model, before.environment)
    watched = await fleet.run_until(environment, Phase.WATCHING)
    assert [target.key for target in watched.fleet if target.superseded_by] == ["P001-C001"]
    assert running(fleet) == [OLD] + [NEW] * 5


async def test_a_rollback_waits_for_another_rollback_of_the_same_circuit(fleet: Bench) -> None:
    """It says for which; once that one has ended it goes on from what that one left."""
    before = of_circuit(fleet)
    model = await a_released_model(fleet)
    fleet.clock.advance(1000)
    environment = await environment_up_to(fleet, Phase.WATCHING)
    await fleet.run_until(environment, Phase.RELEASED, within_s=100_000)
    fleet.platform.reads_in_progress = 3
    first = (await asked(fleet, environment, critical=True)).release_id
    await fleet.run_until(first, Phase.VERIFYING_ROLLBACK)
    second = (await asked(fleet, model.release_id, critical=True)).release_id
    waiting = await fleet.run_until(second, Phase.WAITING_FOR_FLEET)
    assert waiting.waiting_on == f"{first} (P001-C001)"
    await fleet.run_until(second, Phase.ROLLED_BACK)

    assert fleet.release(first).phase is Phase.ROLLED_BACK
    assert of_circuit(fleet).model == before.model


async def test_a_rollback_takes_no_circuit_that_it_leaves_alone(fleet: Bench) -> None:
    """The release that works there now is none of its business."""
    environment = await environment_up_to(fleet, Phase.WATCHING)
    await fleet.run_until(environment, Phase.RELEASED, within_s=100_000)
    later = {"environment_release": "later-release", "release_id": "later-release"}
    for deployment in fleet.platform.deployments.values():
        if deployment.spec.circuit == "P001-C001":
            deployment.spec = replace(deployment.spec, tags={**deployment.spec.tags, **later})
    rollback = await asked(fleet, environment, critical=True)
    ended = await fleet.run_until(rollback.release_id, Phase.ROLLED_BACK)

    assert sorted(ended.epochs) == sorted(target.key for target in ended.fleet if not target.superseded_by)
    assert "P001-C001" not in ended.epochs


def seen(fleet: Bench, alert_id: str) -> AlertSeen:
    return AlertSeen(alert_id=alert_id, fired_at=fleet.clock.now(), accepted_at=fleet.clock.now())


async def after_a_rollback_of_two_alerts(fleet: Bench) -> tuple[Release, Release]:
    """The first asked for it, the second made it critical, and a person aborted it."""
    model = await a_released_model(fleet)
    first = await asked(fleet, model.release_id, alert=seen(fleet, "alert-1"))
    assert (await asked(fleet, model.release_id, critical=True, alert=seen(fleet, "alert-2"))) == fleet.release(
        first.release_id
    )
    await people.abort(first.release_id, OTHER, "false alarm", fleet.ports)
    await fleet.deliver()
    return model, fleet.release(first.release_id)


@pytest.mark.parametrize("alert_id", ["alert-1", "alert-2"])
async def test_neither_of_two_alerts_that_led_to_a_rollback_leads_to_another(fleet: Bench, alert_id: str) -> None:
    """The one that asked first is not forgotten for the one that was worse (I20)."""
    model, rollback = await after_a_rollback_of_two_alerts(fleet)
    assert rollback.phase is Phase.ABORTED
    again = await request_rollback(
        model.release_id, MONITOR, "errors", fleet.ports, critical=True, alert=seen(fleet, alert_id)
    )
    assert again.release.release_id == rollback.release_id


async def test_a_critical_wish_that_comes_at_once_with_a_milder_one_is_not_lost(fleet: Bench) -> None:
    """Both open the same rollback; whichever comes first, it does not wait for people."""
    model = await a_released_model(fleet)
    mild = await request_rollback(model.release_id, ENGINEER, "it looks odd", fleet.ports, critical=False)
    worse = await request_rollback(
        model.release_id, MONITOR, "scoring errors", fleet.ports, critical=True, alert=seen(fleet, "alert-1")
    )
    assert mild.release.release_id == worse.release.release_id
    ended = await fleet.run_until(mild.release.release_id, Phase.ROLLED_BACK)
    assert ended.meter is not None
    assert ended.meter.alerts == ("alert-1",)
