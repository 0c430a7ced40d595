"""Production goes back to a chosen earlier version, and a past release is had again, by the same gates and records."""

import pytest

from shared.application.fleet.earlier_versions import versions_before
from shared.application.fleet.rollback_requests import check_pair, request_rollback
from shared.application.release.attempts import request_again
from shared.domain.errors import Conflict
from shared.domain.release.model import Phase, Release
from shared.domain.release.policy import Stage
from shared.domain.release.specs import gate_facts
from tests.application.fleet.test_rollbacks import OTHER, a_released_model, approve, of_circuit
from tests.application.fleet.test_superseded import model
from tests.application.fleet.test_taken_circuits import environment_up_to
from tests.fakes.platform import REGISTRY
from tests.support.benches.release import MODEL, Bench
from tests.support.benches.road import ENGINEER, MANAGER, NAME, NEW, NEW_ID, OLD, TAGS, approved, requested, running


async def two_models(fleet: Bench) -> tuple[Release, Release]:
    """Version 7 over 6, and 8 over 7."""
    first = await a_released_model(fleet)
    fleet.clock.advance(1000)
    return first, await through(fleet, await model(fleet, "8"))


async def through(fleet: Bench, release_id: str, reason: str = "looked at it") -> Release:
    """Past its production gate."""
    await fleet.run_until(release_id, Phase.AWAITING_PRODUCTION_APPROVAL)
    await approved(fleet, release_id, Stage.PRODUCTION, OTHER)
    await fleet.run_until(release_id, Phase.RELEASED)
    fleet.clock.advance(1000)
    return fleet.release(release_id)


def version(fleet: Bench) -> str:
    return of_circuit(fleet).model.rpartition("/")[2]


async def gone_back(fleet: Bench, release_id: str, to: str) -> Release:
    decided = await request_rollback(release_id, ENGINEER, "worse", fleet.ports, critical=False, to=to)
    rollback = decided.release.release_id
    gate = await fleet.run_until(rollback, Phase.AWAITING_ROLLBACK_APPROVAL)
    assert to in gate_facts(gate, Stage.ROLLBACK)["goes back to"]
    await approve(fleet, rollback, OTHER)
    return await fleet.run_until(rollback, Phase.ROLLED_BACK)


async def test_a_model_goes_back_to_a_version_before_the_last(fleet: Bench) -> None:
    """As it was recorded when it was replaced, with whoever had brought it."""
    before = of_circuit(fleet)
    _, last = await two_models(fleet)
    assert await versions_before(last, fleet.ports) == ["7", "6"]
    await gone_back(fleet, last.release_id, "6")

    assert version(fleet) == "6"
    assert of_circuit(fleet).environment_variables == before.environment_variables
    assert fleet.release(last.release_id).undone_by


async def test_the_environment_that_came_with_a_model_goes_back_by_one_step_whichever_model_was_chosen(
    fleet: Bench,
) -> None:
    """The environment release between the two models is not what is undone (I28)."""
    await a_released_model(fleet)
    fleet.clock.advance(1000)
    environment = await environment_up_to(fleet, Phase.WATCHING)
    await fleet.run_until(environment, Phase.RELEASED, within_s=100_000)
    fleet.clock.advance(1000)
    fleet.platform.registry[f"{REGISTRY}/environments/{NAME}/versions/1.6.0"] = "environment"
    fleet.configurations.current.plans = {"environment_version": "1.6.0"}
    last = await through(fleet, await model(fleet, "8"))
    assert of_circuit(fleet).environment.endswith("/1.6.0")
    await gone_back(fleet, last.release_id, "6")

    assert (version(fleet), of_circuit(fleet).environment) == ("6", NEW_ID)
    assert of_circuit(fleet).tags["environment_release"] == environment


async def test_a_version_that_never_ran_is_refused_with_those_that_did(fleet: Bench) -> None:
    """Nothing is opened."""
    _, last = await two_models(fleet)
    with pytest.raises(Conflict, match="cannot go back to 5: before it ran 7, 6"):
        await request_rollback(last.release_id, ENGINEER, "worse", fleet.ports, critical=False, to="5")


async def test_the_fleet_goes_back_to_a_chosen_environment(fleet: Bench) -> None:
    """Over two releases; models that came since stay."""
    first = await environment_up_to(fleet, Phase.WATCHING)
    await fleet.run_until(first, Phase.RELEASED, within_s=100_000)
    fleet.clock.advance(1000)
    fleet.environments.add_environment(NAME, "1.5.2", {**TAGS, "source_code_version": "1.5.2"})
    last = await requested(fleet, "1.5.2")
    await fleet.run_until(last, Phase.AWAITING_REGISTRY_APPROVAL)
    await approved(fleet, last, Stage.REGISTRY, ENGINEER)
    await fleet.run_until(last, Phase.AWAITING_PRODUCTION_APPROVAL)
    await approved(fleet, last, Stage.PRODUCTION, ENGINEER, MANAGER)
    await fleet.run_until(last, Phase.RELEASED, within_s=100_000)
    fleet.clock.advance(1000)
    newer = await a_released_model(fleet)
    fleet.clock.advance(1000)
    assert await versions_before(fleet.release(last), fleet.ports) == [NEW, OLD]
    await gone_back(fleet, last, OLD)

    assert running(fleet) == [OLD] * 6
    assert of_circuit(fleet).model == newer.registry_model_id


async def test_a_rollback_that_goes_elsewhere_is_told_and_not_taken_for_the_same_wish(fleet: Bench) -> None:
    """Whoever asks for another version must not believe that it is on its way."""
    _, last = await two_models(fleet)
    await request_rollback(last.release_id, ENGINEER, "worse", fleet.ports, critical=False)
    await fleet.deliver()
    with pytest.raises(Conflict, match="goes back to what ran before"):
        await request_rollback(last.release_id, OTHER, "worse", fleet.ports, critical=False, to="6")


async def test_an_environment_under_way_goes_back_to_what_ran_before_it_only(fleet: Bench) -> None:
    """Its targets were frozen with it."""
    watched = await environment_up_to(fleet, Phase.WATCHING)
    with pytest.raises(Conflict, match="has not ended as released"):
        await request_rollback(watched, ENGINEER, "worse", fleet.ports, critical=True, to=OLD)


async def test_a_past_release_is_had_again_with_its_gates_and_its_record(fleet: Bench) -> None:
    """Production gate: what would be lowered is marked, and a reason is needed; previous is recorded anew."""
    first, last = await two_models(fleet)
    again = (await request_again(first.release_id, ENGINEER, "8 is worse", fleet.ports)).release.release_id
    await fleet.run_until(again, Phase.AWAITING_REGISTRY_APPROVAL)
    await approved(fleet, again, Stage.REGISTRY, OTHER)
    gate = await fleet.run_until(again, Phase.AWAITING_PRODUCTION_APPROVAL)
    assert "lowers 8 that production runs" in gate_facts(gate, Stage.PRODUCTION)["model"]
    released = await through(fleet, again)

    assert version(fleet) == "7"
    assert released.target.previous is not None
    assert released.target.previous.model == last.registry_model_id


async def test_two_attempts_that_are_rolled_back_at_once_get_a_rollback_each(fleet: Bench) -> None:
    """Neither wish is lost, whichever is heard first (I13)."""
    first, _ = await two_models(fleet)
    attempts = []
    for name in ("9", "10"):
        again = (await request_again(first.release_id, ENGINEER, "better after all", fleet.ports)).release.release_id
        await fleet.run_until(again, Phase.AWAITING_REGISTRY_APPROVAL)
        await approved(fleet, again, Stage.REGISTRY, OTHER)
        attempts.append((await through(fleet, again)).release_id)
        await through(fleet, await model(fleet, name))
    wishes = [await request_rollback(each, ENGINEER, "worse", fleet.ports, critical=False) for each in attempts]
    await fleet.deliver()

    assert [fleet.release(wish.release.release_id).undoes for wish in wishes] == attempts


async def test_both_are_asked_for_by_name_or_refused(fleet: Bench) -> None:
    """A person learns which model cannot go back with the environment before anything is opened."""
    environment = await environment_up_to(fleet, Phase.WATCHING)
    await fleet.run_until(environment, Phase.RELEASED, within_s=100_000)
    fleet.clock.advance(1000)
    released = await a_released_model(fleet)
    await check_pair(environment, [released.release_id], fleet.ports)
    with pytest.raises(Conflict, match="no-such-release cannot go back with it"):
        await check_pair(environment, [released.release_id, "no-such-release"], fleet.ports)
    with pytest.raises(Conflict, match="is none"):
        await check_pair(released.release_id, [released.release_id], fleet.ports)
    assert of_circuit(fleet).environment == NEW_ID
    assert MODEL in released.asset
