"""A watched environment holds the environment of its circuits and nothing else: models come and go beside it."""

from dataclasses import replace

from shared.application.fleet.rollback_requests import request_rollback
from shared.domain.release.model import Phase, Release
from shared.domain.release.policy import Stage
from tests.application.fleet.test_rollbacks import OTHER, a_released_model, asked, of_circuit
from tests.application.fleet.test_taken_circuits import environment_up_to
from tests.support.benches.release import Bench
from tests.support.benches.road import ENGINEER, NEW_ID, OLD, OLD_ID, TAGS, approved, requested, running

KEY = "P001-C001"


async def watched(fleet: Bench) -> str:
    """An environment that is watched for so long that nothing it sent can be in flight."""
    environment = await environment_up_to(fleet, Phase.WATCHING)
    fleet.clock.advance(fleet.release(environment).policy.limits.settle_quiet_s)
    return environment


async def waiting_at_its_gate(fleet: Bench) -> Release:
    """A new model of P001/C001 before its last approval."""
    model = await fleet.run_until(await fleet.registered(), Phase.AWAITING_REGISTRY_APPROVAL)
    await approved(fleet, model.release_id, Stage.REGISTRY, OTHER)
    return await fleet.run_until(model.release_id, Phase.AWAITING_PRODUCTION_APPROVAL)


async def test_a_model_is_released_while_an_environment_is_watched(fleet: Bench) -> None:
    """In that environment; the watch goes on, ends well, and nobody holds anything in the end."""
    environment = await watched(fleet)
    model = await a_released_model(fleet)

    assert fleet.release(environment).phase is Phase.WATCHING
    assert (of_circuit(fleet).model, of_circuit(fleet).environment) == (model.registry_model_id, NEW_ID)
    assert of_circuit(fleet).tags["environment_release"] == environment
    await fleet.run_until(environment, Phase.RELEASED, within_s=100_000)
    assert [lock.kept_by for lock in fleet.locks.locks.values() if lock.kept_by] == []


async def test_an_environment_that_goes_back_in_its_watch_leaves_a_newer_model(fleet: Bench) -> None:
    """It takes the circuit again and changes its own dimension only (I28)."""
    environment = await watched(fleet)
    model = await a_released_model(fleet)
    await request_rollback(environment, ENGINEER, "scoring errors", fleet.ports, critical=True)
    ended = await fleet.run_until(environment, Phase.ROLLED_BACK)

    assert running(fleet) == [OLD] * 6
    assert of_circuit(fleet).model == model.registry_model_id
    assert of_circuit(fleet).tags["model_release"] == model.release_id
    assert [target.key for target in ended.fleet if target.superseded_by] == []


async def test_an_environment_that_goes_back_after_its_watch_leaves_a_model_of_the_watch(fleet: Bench) -> None:
    """The same by a rollback of its own."""
    environment = await watched(fleet)
    model = await a_released_model(fleet)
    await fleet.run_until(environment, Phase.RELEASED, within_s=100_000)
    fleet.clock.advance(1000)
    await fleet.run_until((await asked(fleet, environment, critical=True)).release_id, Phase.ROLLED_BACK)

    assert running(fleet) == [OLD] * 6
    assert of_circuit(fleet).model == model.registry_model_id


async def test_a_model_under_way_ends_when_the_environment_it_was_tested_in_goes_back(fleet: Bench) -> None:
    """An emergency does not wait a day for the people of a gate, and what was tested is not what would run."""
    environment, before = await watched(fleet), of_circuit(fleet).model
    model = await waiting_at_its_gate(fleet)
    await request_rollback(environment, ENGINEER, "scoring errors", fleet.ports, critical=True)
    await fleet.run_until(environment, Phase.ROLLED_BACK)

    ended = fleet.release(model.release_id)
    assert ended.phase is Phase.FAILED
    assert environment in ended.reason
    assert (running(fleet), of_circuit(fleet).model) == ([OLD] * 6, before)


async def test_a_model_goes_back_beside_a_watch(fleet: Bench) -> None:
    """A model of the watch, too; the environment stays, and its release is not told that it lost anything."""
    environment, before = await watched(fleet), of_circuit(fleet).model
    model = await a_released_model(fleet)
    fleet.clock.advance(1000)
    rollback = await asked(fleet, model.release_id, critical=True)
    await fleet.run_until(rollback.release_id, Phase.ROLLED_BACK)

    assert (of_circuit(fleet).model, of_circuit(fleet).environment) == (before, NEW_ID)
    assert fleet.release(environment).phase is Phase.WATCHING
    notes = [entry.note for entry in fleet.store.partitions[environment].history]
    assert not any(rollback.release_id in note for note in notes)


async def test_a_model_waits_while_a_change_of_the_watched_environment_may_be_in_flight(fleet: Bench) -> None:
    """Right after the last update nobody knows yet that nothing will land (I7)."""
    environment = await environment_up_to(fleet, Phase.WATCHING)
    model = await fleet.run_until(await fleet.registered(), Phase.AWAITING_REGISTRY_APPROVAL)
    await approved(fleet, model.release_id, Stage.REGISTRY, OTHER)
    waiting = await fleet.run_until(model.release_id, Phase.WAITING_FOR_CIRCUIT)

    assert waiting.waiting_on == environment
    await fleet.run_until(model.release_id, Phase.AWAITING_PRODUCTION_APPROVAL)
    assert fleet.release(environment).phase is Phase.WATCHING


async def test_another_environment_waits_for_the_one_that_is_watched(fleet: Bench) -> None:
    """Also where a model has come and gone beside it."""
    environment = await watched(fleet)
    await a_released_model(fleet)
    fleet.environments.add_environment("custom-tf-env", "1.5.2", {**TAGS, "source_code_version": "1.5.2"})
    other = await requested(fleet, "1.5.2")
    await fleet.run_until(other, Phase.AWAITING_REGISTRY_APPROVAL)
    await approved(fleet, other, Stage.REGISTRY, ENGINEER)
    fleet.clock.advance(1000)
    await fleet.deliver()

    assert fleet.release(other).phase is Phase.WAITING_FOR_FLEET
    assert environment in fleet.release(other).waiting_on


async def test_a_model_that_needs_another_environment_waits_for_the_end_of_the_watch(fleet: Bench) -> None:
    """It would take from under the watch what is watched: somebody else brought another environment by hand."""
    environment = await watched(fleet)
    deployment = next(d for d in fleet.platform.deployments.values() if d.spec == of_circuit(fleet))
    deployment.spec = replace(deployment.spec, environment=OLD_ID.replace("custom-tf-env", "another-env"))
    model = await fleet.run_until(await fleet.registered(), Phase.AWAITING_REGISTRY_APPROVAL)
    await approved(fleet, model.release_id, Stage.REGISTRY, OTHER)
    fleet.clock.advance(1000)
    await fleet.deliver()

    assert (fleet.release(model.release_id).phase, fleet.release(model.release_id).waiting_on) == (
        Phase.WAITING_FOR_CIRCUIT,
        environment,
    )


async def test_nothing_is_begun_on_a_seat_that_was_taken_as_the_watch_ended(fleet: Bench) -> None:
    """The environment may be on its way back by the time that somebody looks again: nothing is tested in it then."""
    environment = await watched(fleet)
    model = await fleet.run_until(await fleet.registered(), Phase.AWAITING_REGISTRY_APPROVAL)
    fleet.locks.locks[KEY] = fleet.locks.locks[KEY].taken(model.release_id, fleet.clock.now(), environment)
    partition = fleet.store.partitions[environment]
    partition.release = replace(partition.release, phase=Phase.HELD, held_phase=Phase.ROLLING_BACK)
    await approved(fleet, model.release_id, Stage.REGISTRY, OTHER)
    waiting = await fleet.run_until(model.release_id, Phase.WAITING_FOR_CIRCUIT)

    assert waiting.waiting_on == environment
