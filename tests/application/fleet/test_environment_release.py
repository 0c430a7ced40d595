"""An environment release on the fakes: from the request to the watch, and back again."""

import json
from dataclasses import replace

import pytest

from shared.application.errors import PlatformBlocked
from shared.application.fleet.effects import verify_environment
from shared.application.fleet.rollback_requests import request_rollback
from shared.application.platform_ports import Place
from shared.application.release import attempts, people
from shared.application.release.ports import Fleet
from shared.domain.errors import NotEligible
from shared.domain.release.commands import VerifyEnvironment
from shared.domain.release.events import TargetAnswered
from shared.domain.release.model import Phase, Progress, Release, Verdict
from shared.domain.release.policy import Stage
from tests.fakes.config import FakeReleaseConfig
from tests.fakes.platform import DEV_WORKSPACE, FakeDeployment
from tests.support.benches.release import Bench
from tests.support.benches.road import (
    ENGINEER,
    MANAGER,
    NAME,
    NEW,
    OLD,
    OLD_ID,
    REQUESTER,
    TAGS,
    approved,
    requested,
    running,
    up_to,
)
from tests.support.builders import an_actor


async def test_an_environment_reaches_every_deployment_and_is_watched(fleet: Bench) -> None:
    """Each is read back and tagged; the watch of 24 hours ends the release."""
    release = await up_to(fleet, Phase.WATCHING)

    assert running(fleet) == [NEW] * 6
    tags = next(iter(fleet.platform.deployments.values())).spec.tags
    assert (tags["environment_version"], tags["previous_environment"]) == (NEW, OLD_ID)
    assert (tags["release_id"], "environment_updated_at" in tags) == (release.release_id, True)
    ended = await fleet.run_until(release.release_id, Phase.RELEASED, within_s=100_000)
    assert {lock.holder for lock in fleet.locks.locks.values()} == {""}
    assert ended.fleet[0].previous.environment == OLD_ID


async def judged(fleet: Bench, phase: Phase) -> Release:
    """The release in the phase that its checks led to."""
    release_id = await requested(fleet)
    await fleet.run_until(release_id, Phase.AWAITING_REGISTRY_APPROVAL)
    await approved(fleet, release_id, Stage.REGISTRY, ENGINEER)
    return await fleet.run_until(release_id, phase)


async def test_one_failed_model_fails_the_release_and_names_it(fleet: Bench) -> None:
    """Production is untouched; the others are judged all the same, so that the list is complete."""
    fleet.environments.verdicts["P002/C001"] = "failed"
    release = await judged(fleet, Phase.FAILED)

    assert "1 of 6 models failed: P002-C001: failed" in release.reason
    assert [target.check for target in release.fleet].count(Verdict.PASSED) == 5
    assert (running(fleet), release.production_touched) == ([OLD] * 6, False)


async def test_a_model_that_predicts_other_values_is_shown_to_the_approvers(fleet: Bench) -> None:
    """Changed is neither passed nor failed: people decide, with the numbers."""
    fleet.environments.verdicts["P001/C002"] = "changed"
    release = await up_to(fleet, Phase.AWAITING_PRODUCTION_APPROVAL)

    checks = {target.key: target.check for target in release.fleet}
    assert checks["P001-C002"] is Verdict.INCONCLUSIVE


async def test_a_model_that_neither_version_scores_is_shown_to_the_approvers(fleet: Bench) -> None:
    """A sensor was silent for eight days: that is no fault of the new version."""
    fleet.environments.verdicts["P001/C002"] = "unclear"
    release = await up_to(fleet, Phase.AWAITING_PRODUCTION_APPROVAL)
    assert {target.key: target.check for target in release.fleet}["P001-C002"] is Verdict.INCONCLUSIVE


async def test_reports_that_cannot_be_compared_are_made_again(fleet: Bench) -> None:
    """A load changed the table between the two runs; the model is not to blame, and the release is held at last."""
    reason = "not comparable: the current version scored version 7 of the sensor table, the new one version 8"
    comparison = {"verdict": "failed", "comparable": False, "reasons": [reason]}
    fleet.environments.texts["P001/C002"] = json.dumps({"rows": 0, "comparison": comparison})
    release = await judged(fleet, Phase.HELD)
    assert reason in release.reason
    assert not release.production_touched


async def test_the_cause_of_a_long_error_is_told(fleet: Bench) -> None:
    """Keras says what it was given, eight thousand characters of it, and the cause in its last line."""
    reason = f"scoring fails in 1.5.1: TypeError: {'layers, ' * 1000} got an unexpected keyword argument 'input_axes'"
    comparison = {"verdict": "failed", "comparable": True, "reasons": [reason]}
    fleet.environments.texts["P001/C002"] = json.dumps({"rows": 0, "comparison": comparison})
    release = await judged(fleet, Phase.FAILED)
    [target] = [target for target in release.fleet if target.key == "P001-C002"]
    assert target.detail.startswith("failed, 0 rows, scoring fails in 1.5.1: TypeError")
    assert target.detail.endswith("unexpected keyword argument 'input_axes'")


async def test_production_needs_two_different_people_and_never_the_requester(fleet: Bench) -> None:
    """One engineer and one manager; who asked for the release may not approve it."""
    release = await up_to(fleet, Phase.AWAITING_PRODUCTION_APPROVAL)
    with pytest.raises(NotEligible, match="requested this release"):
        await approved(fleet, release.release_id, Stage.PRODUCTION, REQUESTER)
    await approved(fleet, release.release_id, Stage.PRODUCTION, ENGINEER, ENGINEER)
    assert fleet.release(release.release_id).phase is Phase.AWAITING_PRODUCTION_APPROVAL
    assert running(fleet) == [OLD] * 6


async def test_a_rollback_puts_every_deployment_back_exactly(fleet: Bench) -> None:
    """What ran before, in full, with the reason on every deployment."""
    before = {key: deployment.spec for key, deployment in fleet.platform.deployments.items()}
    release = await up_to(fleet, Phase.WATCHING)
    await request_rollback(release.release_id, ENGINEER, "scoring errors", fleet.ports, critical=True)
    ended = await fleet.run_until(release.release_id, Phase.ROLLED_BACK)

    for key, deployment in fleet.platform.deployments.items():
        marks = {name: deployment.spec.tags[name] for name in ("restored_by_release", "rolled_back_at")}
        assert marks["restored_by_release"] == release.release_id
        assert "scoring errors" in deployment.spec.tags["rollback_reason"]
        assert replace(deployment.spec, tags=before[key].tags) == before[key]
    assert "6 deployments run what ran before" in ended.reason


async def test_a_fleet_in_use_is_waited_for_by_name(fleet: Bench) -> None:
    """A model release holds a circuit: the environment release says so and goes on once it is free."""
    await fleet.locks.acquire("P001-C001", "model-release", fleet.clock.now())
    release_id = await requested(fleet)
    await approved(fleet, release_id, Stage.REGISTRY, ENGINEER)
    waiting = await fleet.run_until(release_id, Phase.WAITING_FOR_FLEET)
    assert waiting.waiting_on == "model-release (P001-C001)"
    await fleet.locks.free("P001-C001", "model-release", fleet.clock.now())
    await fleet.run_until(release_id, Phase.CHECKING)


async def test_a_deployment_that_cannot_be_updated_holds_the_release_with_the_list(fleet: Bench) -> None:
    """A partial failure is never a success; aborting puts back what was changed."""
    release = await up_to(fleet, Phase.AWAITING_PRODUCTION_APPROVAL)
    key = next(key for key in fleet.platform.deployments if key[1].endswith("P003") and "c002" in key[2])
    fleet.platform.deployments[key].spec = replace(fleet.platform.deployments[key].spec, model="azureml:other:1")
    await approved(fleet, release.release_id, Stage.PRODUCTION, ENGINEER, MANAGER)
    held = await fleet.run_until(release.release_id, Phase.HELD)

    assert "1 of 6 deployments could not be updated: P003-C002: was changed by somebody else" in held.reason
    assert running(fleet).count(NEW) == 5
    await people.abort(release.release_id, ENGINEER, "not today", fleet.ports)
    held = await fleet.run_until(release.release_id, Phase.HELD)
    assert "1 deployments could not be put back" in held.reason
    assert running(fleet) == [OLD] * 6


async def test_a_breaking_version_is_refused_with_the_route_to_take(fleet: Bench) -> None:
    """Models must be trained again: it goes to production with them."""
    fleet.environments.add_environment(
        NAME,
        "2.0.0",
        {**TAGS, "source_code_version": "2.0.0", "backward_compatible": "false", "requires_retrain": "true",
         "breaking_changes": "another scaler"},
    )  # fmt: skip
    release_id = await requested(fleet, "2.0.0")
    release = await fleet.run_until(release_id, Phase.FAILED)
    assert "release the models" in release.reason


async def test_only_a_member_of_an_approving_group_may_request(fleet: Bench) -> None:
    """Nothing is opened for anybody else."""
    outsider = an_actor(9, groups=())
    with pytest.raises(NotEligible):
        await attempts.request_environment_release(DEV_WORKSPACE, NAME, NEW, outsider, "", fleet.ports)


async def test_two_targets_of_one_endpoint_are_never_changed_at_once(fleet: Bench) -> None:
    """Azure ML refuses it; all endpoints are changed at the same time."""
    fleet.platform.reads_in_progress = 3
    release = await up_to(fleet, Phase.UPDATING)
    changing = [t.previous.endpoint_name for t in release.fleet if t.progress is Progress.CHANGING]
    answers = [event for _, event, _ in fleet.events.sent if isinstance(event, TargetAnswered)]
    assert len(changing) == len(set(changing))
    assert {answer.serial for answer in answers} <= {*range(1, release.serial + 1)}


async def test_a_version_asked_for_before_it_was_registered_is_held_and_a_retry_goes_on(fleet: Bench) -> None:
    """Nobody can burn the next version by asking too early."""
    release_id = await requested(fleet, "1.5.9")
    held = await fleet.run_until(release_id, Phase.HELD)
    assert f"there is no environment {NAME}:1.5.9" in held.reason

    fleet.environments.add_environment(NAME, "1.5.9", {**TAGS, "source_code_version": "1.5.9"})
    await people.retry(release_id, ENGINEER, "registered it", fleet.ports)
    await fleet.run_until(release_id, Phase.AWAITING_REGISTRY_APPROVAL)


async def test_deployments_that_a_team_made_itself_are_known_by_their_tags(fleet: Bench) -> None:
    """They have no variables of Switchyard; the release checks, updates and keeps them like all others."""
    made = [each for each in fleet.platform.deployments.values() if each.spec.circuit in ("P001-C001", "P002-C002")]
    for each in made:
        plant_id, circuit_id = each.spec.circuit_ids
        each.spec = replace(each.spec, environment_variables={}, tags={"plant_id": plant_id, "circuit_id": circuit_id})
    release = await up_to(fleet, Phase.WATCHING)
    assert len(release.fleet) == 6
    assert running(fleet) == [NEW] * 6


@pytest.mark.parametrize("environment", [OLD_ID, "azureml://registries/r/environments/other-env/versions/12"])
async def test_a_deployment_that_belongs_to_nobody_holds_the_release_before_anybody_is_asked(
    fleet: Bench, environment: str
) -> None:
    """Whatever it runs: it is named with what to do, and once it is gone a retry goes on."""
    spec = replace(next(iter(fleet.platform.deployments.values())).spec, endpoint_name="nightly-report")
    spec = replace(spec, deployment_name="report", environment=environment, environment_variables={})
    key = (Place.PRODUCTION, spec.endpoint_name, spec.deployment_name)
    fleet.platform.deployments[key] = FakeDeployment(spec=spec)
    release_id = await requested(fleet)
    held = await fleet.run_until(release_id, Phase.HELD)
    assert "nightly-report runs report, which belong to no circuit of the fleet" in held.reason
    assert held.approvals == ()

    del fleet.platform.deployments[key]
    await people.retry(release_id, ENGINEER, "deleted it", fleet.ports)
    await fleet.run_until(release_id, Phase.AWAITING_REGISTRY_APPROVAL)


async def test_a_circuit_that_is_deployed_twice_holds_the_release_before_anybody_is_asked(fleet: Bench) -> None:
    """Each would have the other's *previous* (I1)."""
    spec = replace(next(iter(fleet.platform.deployments.values())).spec, deployment_name="green")
    fleet.platform.deployments[Place.PRODUCTION, spec.endpoint_name, spec.deployment_name] = FakeDeployment(spec=spec)

    held = await fleet.run_until(await requested(fleet), Phase.HELD)

    assert "more than one deployment runs circuit" in held.reason
    assert "green" in held.reason


class HugeFleet(FakeReleaseConfig):
    """Twenty thousand circuits."""

    def fleet(self) -> Fleet:
        return replace(super().fleet(), circuits=tuple(f"P{number:05}-C001" for number in range(20_000)))


async def test_a_fleet_that_does_not_fit_one_release_is_refused_at_the_start(fleet: Bench) -> None:
    """With the numbers, and before anybody is asked to approve; not by a message that is too large later on."""
    release_id = (
        await attempts.request_environment_release(DEV_WORKSPACE, NAME, NEW, REQUESTER, "logs", fleet.ports)
    ).release.release_id
    command = VerifyEnvironment(
        command_id="verify",
        release_id=release_id,
        serial=1,
        workspace=DEV_WORKSPACE,
        environment_name=NAME,
        environment_version=NEW,
    )
    await fleet.deliver()
    with pytest.raises(PlatformBlocked, match="20000 circuits, whose locks take 380000 bytes"):
        await verify_environment(command, fleet.release(release_id), replace(fleet.ports, config=HugeFleet()))
