"""What has ended is an attempt, not the version: it can be had again, from the first step on, one attempt at a time."""

from dataclasses import replace

import pytest

from shared.application.ids import RELEASE_ID_MAX, attempt_id_of, release_id_of, rollback_id
from shared.application.platform_ports import Place
from shared.application.release import attempts
from shared.application.release.attempts import ATTEMPTS_MAX, request_again, request_model_release
from shared.application.release.people import Answer, NoSuchRelease
from shared.domain.errors import Conflict, InvalidRequest, NotEligible
from shared.domain.people import is_requester
from shared.domain.release.model import Approval, Kind, Phase, Release
from shared.domain.release.policy import Stage
from shared.domain.release.specs import gate_facts
from tests.fakes.platform import FakeDeployment
from tests.support.benches.release import MODEL, VERSION, Bench
from tests.support.benches.road import OLD_ID, decide, fleet_in_production
from tests.support.builders import NOW, RELEASE_ID, a_fleet_release, a_release, a_spec, an_actor

ASKS, DECIDES = an_actor(1), an_actor(2)
SECOND = attempt_id_of(RELEASE_ID, 2)
DEV = "dev-ml-workspace"
ENDS = (Phase.EXPIRED, Phase.REJECTED, Phase.FAILED, Phase.ABORTED, Phase.ROLLED_BACK, Phase.SUPERSEDED)


def ended(phase: Phase = Phase.EXPIRED, **changes: object) -> Release:
    approval = Approval(stage=Stage.REGISTRY, actor=DECIDES, approved=True, digest="0" * 64, reason="good", at=NOW)
    reason = "nobody decided on production in time"
    return replace(a_release(phase), reason=reason, approvals=(approval,), **changes)  # type: ignore[arg-type]


def runs(bench: Bench, model: str) -> None:
    """Production runs this model where the release would deploy."""
    plan = a_release(Phase.RELEASED).target.plan
    spec = a_spec(endpoint_name=plan.endpoint_name, deployment_name=plan.deployment_name, model=model)
    place = (Place.PRODUCTION, plan.endpoint_name, plan.deployment_name)
    bench.platform.deployments[place] = FakeDeployment(spec)


@pytest.mark.parametrize("phase", ENDS)
async def test_every_end_but_released_can_be_had_again(bench: Bench, phase: Phase) -> None:
    """From the first step on, as a release of its own; the one before stays as it ended."""
    await bench.put(ended(phase))
    before = bench.release(RELEASE_ID)

    decided = await request_again(RELEASE_ID, ASKS, "now somebody is there", bench.ports)
    await bench.deliver()

    again = bench.release(SECOND)
    assert (decided.answer, decided.release.release_id) == (Answer.ACCEPTED, SECOND)
    assert (again.asset, again.kind, again.version_attempt) == (before.asset, before.kind, 2)
    assert again.approvals == ()
    assert again.serial >= 1
    assert bench.release(RELEASE_ID) == before
    assert "requested attempt 2 of" in (await bench.store.history(SECOND))[0].note
    assert await attempts.next_attempt(before, bench.ports) == SECOND
    assert await attempts.next_attempt(again, bench.ports) is None


async def test_what_was_decided_before_is_shown_at_the_gate_and_counts_for_nothing(bench: Bench) -> None:
    await bench.put(ended())
    await request_again(RELEASE_ID, ASKS, "now somebody is there", bench.ports)
    await bench.deliver()
    gate = replace(a_release(Phase.AWAITING_REGISTRY_APPROVAL), earlier=bench.release(SECOND).earlier)

    facts = gate_facts(gate, Stage.REGISTRY)

    assert facts["attempt"] == f"2 of {gate.asset}"
    assert facts["before"] == f"{RELEASE_ID} expired: nobody decided on production in time"
    assert f"{DECIDES.name} approved registry of {RELEASE_ID}: good" in facts["decided before, counts for nothing"]
    assert "warning" not in facts
    assert gate_facts(replace(gate, earlier=()), Stage.REGISTRY).items() < facts.items()


async def test_a_version_that_was_rolled_back_says_so_when_it_is_asked_for_again(bench: Bench) -> None:
    await bench.put(replace(a_fleet_release(Phase.ROLLED_BACK), rollback_reason="batch jobs failed"))
    await request_again(RELEASE_ID, ASKS, "the jobs are mended", bench.ports)
    await bench.deliver()
    gate = replace(a_release(Phase.AWAITING_REGISTRY_APPROVAL), earlier=bench.release(SECOND).earlier)
    warning = gate_facts(gate, Stage.REGISTRY)["warning"]
    assert warning == f"this version was rolled back before, {RELEASE_ID}: batch jobs failed"


async def test_a_released_version_can_be_had_again_only_after_it_was_rolled_back(bench: Bench) -> None:
    released = await bench.put(a_release(Phase.RELEASED))
    runs(bench, released.registry_model_id)
    with pytest.raises(Conflict, match=f"is released by {RELEASE_ID} and in production: roll that back first"):
        await request_again(RELEASE_ID, ASKS, "once more", bench.ports)
    runs(bench, "the version before")

    undone = a_fleet_release(Phase.ROLLED_BACK, release_id=rollback_id(RELEASE_ID, 1))
    await bench.put(replace(undone, kind=Kind.ROLLBACK, undoes=RELEASE_ID, rollback_reason="predicts nonsense"))
    decided = await request_again(RELEASE_ID, ASKS, "the data is mended", bench.ports)

    assert decided.answer is Answer.ACCEPTED
    assert [each.rolled_back for each in decided.release.earlier] == ["predicts nonsense"]


async def test_a_released_version_that_another_one_replaced_can_be_had_again(bench: Bench) -> None:
    """It is not current any more; nothing was taken back, so that there is nothing to warn of."""
    released = await bench.put(a_release(Phase.RELEASED))
    runs(bench, "a later version")
    again = (await request_again(RELEASE_ID, ASKS, "the later one is worse", bench.ports)).release
    assert [(each.phase, each.rolled_back) for each in again.earlier] == [("released", "")]
    assert again.asset == released.asset


@pytest.mark.parametrize("current", [True, False])
async def test_an_environment_is_current_while_any_deployment_runs_it(bench: Bench, current: bool) -> None:
    fleet_in_production(bench)
    version = OLD_ID if current else "another"
    await bench.put(replace(a_fleet_release(Phase.RELEASED), registry_environment_id=version))
    if current:
        with pytest.raises(Conflict, match="in production"):
            await request_again(RELEASE_ID, ASKS, "once more", bench.ports)
    else:
        assert (await request_again(RELEASE_ID, ASKS, "once more", bench.ports)).answer is Answer.ACCEPTED


async def test_one_attempt_at_a_time(bench: Bench) -> None:
    """Asking twice opens one; asking the first one while the second is under way finds the second."""
    await bench.put(ended())
    before = bench.release(RELEASE_ID)
    bench.platform.add_model(before.asset_name, before.asset_version, {"plant_id": "P001", "circuit_id": "C001"})
    for actor in (ASKS, DECIDES):  # nothing was delivered in between
        await request_again(RELEASE_ID, actor, "now", bench.ports)
    await bench.deliver()
    found = await request_again(RELEASE_ID, DECIDES, "now", bench.ports)
    assert (found.answer, found.release.release_id) == (Answer.ALREADY_DONE, SECOND)
    with pytest.raises(Conflict, match="has not ended: retry or abort it"):
        await request_again(SECOND, ASKS, "now", bench.ports)
    assert {each for each in bench.store.partitions if "attempt" in each} == {SECOND}


async def test_the_attempt_after_an_attempt_is_counted_from_the_first_one(bench: Bench) -> None:
    """Whichever of them is named, and everything before is carried along."""
    await bench.put(ended())
    first = await request_again(RELEASE_ID, ASKS, "now", bench.ports)
    await bench.put(replace(ended(Phase.REJECTED), release_id=SECOND, earlier=first.release.earlier))
    for named in (RELEASE_ID, SECOND):
        third = (await request_again(named, ASKS, "now", bench.ports)).release
        assert third.release_id == attempt_id_of(RELEASE_ID, 3)
        assert [(each.release_id, each.phase) for each in third.earlier] == [
            (RELEASE_ID, "expired"),
            (SECOND, "rejected"),
        ]


async def test_whoever_asked_for_an_attempt_approves_none_that_follows(bench: Bench) -> None:
    """I4: asking again is asking."""
    await bench.put(ended(requested_by=("id-of-the-first",)))
    again = (await request_again(RELEASE_ID, ASKS, "now", bench.ports)).release
    assert is_requester(again, Stage.REGISTRY, ASKS)
    assert is_requester(again, Stage.REGISTRY, replace(DECIDES, object_id="id-of-the-first"))
    assert not is_requester(again, Stage.REGISTRY, DECIDES)


async def test_only_members_may_ask_again_and_only_with_a_reason(bench: Bench) -> None:
    await bench.put(ended())
    with pytest.raises(NotEligible):
        await request_again(RELEASE_ID, an_actor(9, groups=()), "now", bench.ports)
    with pytest.raises(InvalidRequest, match="needs a reason"):
        await request_again(RELEASE_ID, ASKS, " ", bench.ports)
    with pytest.raises(NoSuchRelease):
        await request_again("no-such-release", ASKS, "now", bench.ports)
    assert bench.events.sent == []


async def test_a_rollback_is_no_version_to_be_had_again(bench: Bench) -> None:
    await bench.put(replace(a_fleet_release(Phase.FAILED), kind=Kind.ROLLBACK, undoes="another"))
    with pytest.raises(Conflict, match="ask for the rollback of another again"):
        await request_again(RELEASE_ID, ASKS, "now", bench.ports)


async def test_attempts_of_a_version_end(bench: Bench) -> None:
    """Somebody goes round in circles."""
    await bench.put(ended())
    for number in range(2, ATTEMPTS_MAX + 1):
        opened = (await request_again(RELEASE_ID, ASKS, "now", bench.ports)).release
        assert opened.version_attempt == number
        await bench.put(replace(ended(), release_id=opened.release_id, earlier=opened.earlier))
    with pytest.raises(Conflict, match=f"{ATTEMPTS_MAX} attempts"):
        await request_again(RELEASE_ID, ASKS, "now", bench.ports)


async def test_a_model_release_can_be_started_by_hand_and_its_event_may_still_come(bench: Bench) -> None:
    bench.platform.add_model(MODEL, VERSION, {"plant_id": "P001", "circuit_id": "C001"})
    decided = await request_model_release(DEV, MODEL, VERSION, ASKS, "its event was lost", bench.ports)
    await bench.deliver()
    await bench.registered()
    assert len(bench.store.partitions) == 1
    assert decided.release.release_id == release_id_of(DEV, MODEL, VERSION)
    assert bench.release(decided.release.release_id).kind is Kind.MODEL
    found = await request_model_release(DEV, MODEL, VERSION, ASKS, "its event was lost", bench.ports)
    assert found.answer is Answer.ALREADY_DONE


async def test_an_ask_for_a_version_that_is_not_registered_does_not_burn_it(bench: Bench) -> None:
    """It is held until somebody retries; asking again meanwhile leads to the same release."""
    first = await request_model_release(DEV, MODEL, "99", ASKS, "early", bench.ports)
    await bench.deliver()
    held = bench.release(first.release.release_id)
    assert (held.phase, held.held_phase) == (Phase.HELD, Phase.VERIFYING)
    second = await request_model_release(DEV, MODEL, "99", ASKS, "now it is", bench.ports)
    assert (second.answer, second.release.release_id) == (Answer.ALREADY_DONE, held.release_id)


@pytest.mark.parametrize("name", ["m", "x" * 200, "sensor_model_P001_C001"])
@pytest.mark.parametrize("number", [2, 9, ATTEMPTS_MAX])
def test_ids_of_attempts_stay_short_and_keep_the_digest_of_their_version(name: str, number: int) -> None:
    """So that two versions whose names begin alike never meet in one attempt."""
    first = release_id_of(DEV, name, "1")
    again = attempt_id_of(first, number)
    assert len(again) <= RELEASE_ID_MAX
    assert f"{first[-6:]}-attempt-{number}" in again
    assert again != attempt_id_of(release_id_of(DEV, name, "2"), number)
    assert attempt_id_of(first, 1) == first


async def test_an_attempt_after_a_gate_that_expired_is_released(bench: Bench) -> None:
    """The whole road, with what the first attempt left behind: nothing is skipped, nothing is in the way."""
    first = await bench.registered()
    await bench.run_until(first, Phase.EXPIRED, within_s=90_000)

    second = (await request_again(first, ASKS, "now somebody is there", bench.ports)).release.release_id
    await bench.run_until(second, Phase.AWAITING_REGISTRY_APPROVAL)
    await decide(bench, second, Stage.REGISTRY, DECIDES)
    await bench.run_until(second, Phase.AWAITING_PRODUCTION_APPROVAL)
    await decide(bench, second, Stage.PRODUCTION, DECIDES)
    released = await bench.run_until(second, Phase.RELEASED)

    assert [approval.stage for approval in released.approvals] == [Stage.REGISTRY, Stage.PRODUCTION]
    assert bench.release(first).phase is Phase.EXPIRED
