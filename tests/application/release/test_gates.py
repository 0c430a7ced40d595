"""Gates that wait for people: which come first, who may decide, and many decisions that do not stop each other."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from shared.application.release.gates import DECISIONS_MAX, GateAnswer, GateGroup, Wish, decide_many, open_gates
from shared.application.release.ports import CircuitPlace, Criticality, Fleet
from shared.domain.errors import InvalidRequest
from shared.domain.release.model import Approval, Phase, Release
from shared.domain.release.policy import Stage
from shared.domain.release.specs import gate_digest
from shared.domain.release.warnings import WarningCode, gate_warnings
from tests.fakes.config import FakeReleaseConfig, MemoryConfigurations
from tests.support.benches.release import Bench
from tests.support.builders import NOW, a_candidate, a_fleet_release, a_release, an_actor

FIRST, SECOND = Phase.AWAITING_REGISTRY_APPROVAL, Phase.AWAITING_PRODUCTION_APPROVAL
ENGINEER, OTHER = an_actor(2), an_actor(3)
A_DAY_LATER = NOW + timedelta(days=1)
STRANGER = replace(an_actor(9), groups=frozenset())


class Places(FakeReleaseConfig):
    """P003 is critical, P002 is not."""

    def fleet(self) -> Fleet:
        fleet = super().fleet()
        ranks = {"P003": Criticality.HIGH, "P002": Criticality.LOW}
        places = {
            key: CircuitPlace(
                plant_name=f"Plant {key[:4]}",
                circuit_name=key,
                endpoint_name="batch-endpoint",
                criticality=ranks.get(key[:4], Criticality.NORMAL),
            )
            for key in fleet.circuits
        }
        return replace(fleet, places=places)


@pytest.fixture
def gates() -> Bench:
    return Bench(configurations=MemoryConfigurations(Places()))


async def waits(
    bench: Bench, release_id: str, circuit: str = "P001-C001", phase: Phase = FIRST, **changes: Any
) -> Release:
    release = a_release(phase, release_id=release_id)
    candidate = release.candidate or a_candidate()
    plant_id, circuit_id = circuit.split("-")
    candidate = replace(candidate, plant_id=plant_id, circuit_id=circuit_id)
    about = {"candidate": candidate, "deadline_at": A_DAY_LATER, **changes}
    return await bench.put(replace(release, **about))


def yes(release: Release, stage: Stage = Stage.REGISTRY, **changes: Any) -> Wish:
    about: dict[str, Any] = {
        "release_id": release.release_id,
        "stage": stage,
        "digest": gate_digest(release, stage),
        "approved": True,
    }
    return Wish(**{**about, **changes})


async def test_critical_plants_come_first_and_then_what_ends_first(gates: Bench) -> None:
    await waits(gates, "a-low", "P002-C001")
    await waits(gates, "b-late")
    await waits(gates, "c-soon", deadline_at=NOW)
    await waits(gates, "d-critical", "P003-C001")
    found, total = await open_gates(ENGINEER, gates.ports, mine=False, limit=50)
    assert [each.release.release_id for each in found] == ["d-critical", "c-soon", "b-late", "a-low"]
    assert total == 4
    assert (found[0].place and found[0].place.plant_name) == "Plant P003"


async def test_mine_are_those_that_i_may_decide_on(gates: Bench) -> None:
    """The others say why not, by the rule that would refuse the decision."""
    await waits(gates, "anybody")
    await waits(gates, "asked-by-me", requested_by=(ENGINEER.object_id,))
    digest = gate_digest(a_release(FIRST, release_id="approved-by-me"), Stage.REGISTRY)
    said = Approval(stage=Stage.REGISTRY, actor=ENGINEER, approved=True, digest=digest, reason="", at=NOW)
    await waits(gates, "approved-by-me", approvals=(said,))

    found, _ = await open_gates(ENGINEER, gates.ports, mine=False, limit=50)
    why = {each.release.release_id: each.because for each in found}
    assert why["anybody"] == ""
    assert "requested this release" in why["asked-by-me"]
    assert "approved it already" in why["approved-by-me"]

    own, _ = await open_gates(ENGINEER, gates.ports, mine=True, limit=50)
    assert [each.release.release_id for each in own] == ["anybody"]
    assert await open_gates(STRANGER, gates.ports, mine=True, limit=50) == ([], 0)


async def test_gates_are_grouped_by_what_they_have_in_common(gates: Bench) -> None:
    await waits(gates, "first")
    await gates.put(a_fleet_release(SECOND, release_id="environment"))
    await waits(gates, "second", phase=SECOND)
    found, _ = await open_gates(ENGINEER, gates.ports, mine=False, limit=50)
    groups = {each.release.release_id: each.group for each in found}
    assert groups["first"] is GateGroup.FIRST_GATE
    assert groups["environment"] is GateGroup.ENVIRONMENT
    second = next(each for each in found if each.release.release_id == "second")
    assert (second.group is GateGroup.MODEL_WITH_WARNINGS) == bool(second.warnings)


async def test_no_more_are_read_than_are_shown(gates: Bench) -> None:
    for number in range(5):
        await waits(gates, f"gate-{number}")
    found, total = await open_gates(ENGINEER, gates.ports, mine=False, limit=2)
    assert (len(found), total) == (2, 5)


async def test_a_decision_that_is_refused_stops_no_other(gates: Bench) -> None:
    """Each answer says what to do about it."""
    good, changed = await waits(gates, "good"), await waits(gates, "changed")
    own = await waits(gates, "own", requested_by=(ENGINEER.object_id,))
    wish_for_ended = yes(a_release(FIRST, release_id="ended"))
    decided = Approval(
        stage=Stage.REGISTRY, actor=OTHER, approved=False, digest=wish_for_ended.digest, reason="no", at=NOW
    )
    await waits(gates, "ended", phase=Phase.REJECTED, approvals=(decided,))
    wishes = [
        yes(changed, digest="0" * 64),
        wish_for_ended,
        yes(own),
        Wish(release_id="nowhere", stage=Stage.REGISTRY, digest="0" * 64, approved=True),
        yes(good),
    ]
    stale, late, not_allowed, not_found, accepted = await decide_many(wishes, "looked at it", ENGINEER, gates.ports)

    assert (stale.answer, stale.digest) == (GateAnswer.STALE, gate_digest(changed, Stage.REGISTRY))
    assert (late.answer, [each.actor for each in late.by]) == (GateAnswer.ALREADY_DECIDED, [OTHER])
    assert not_allowed.answer is GateAnswer.NOT_ALLOWED
    assert not_found.answer is GateAnswer.NOT_FOUND
    assert accepted.answer is GateAnswer.ACCEPTED
    assert [event.release_id for _, event, _ in gates.events.sent] == ["good"]


async def test_a_rejection_without_a_reason_is_told_as_that(gates: Bench) -> None:
    release = await waits(gates, "good")
    [item] = await decide_many([yes(release, approved=False)], " ", ENGINEER, gates.ports)
    assert item.answer is GateAnswer.NEEDS_REASON
    assert "needs a reason" in item.detail


async def test_sending_the_same_decisions_again_changes_nothing(gates: Bench) -> None:
    release = await waits(gates, "good")
    for _ in range(2):
        [item] = await decide_many([yes(release)], "looked at it", ENGINEER, gates.ports)
        assert item.answer is GateAnswer.ACCEPTED
    await gates.deliver()
    [item] = await decide_many([yes(release)], "looked at it", ENGINEER, gates.ports)
    assert item.answer in (GateAnswer.ALREADY_DONE, GateAnswer.ALREADY_DECIDED)
    approved = [each for each in gates.store.partitions["good"].history if each.event == "ApprovalSubmitted"]
    assert len(approved) == 1


@pytest.mark.parametrize("count", [0, DECISIONS_MAX + 1])
async def test_there_is_a_limit_to_how_many(gates: Bench, count: int) -> None:
    wishes = [Wish(release_id=f"r-{n}", stage=Stage.REGISTRY, digest="0" * 64, approved=True) for n in range(count)]
    with pytest.raises(InvalidRequest, match="1 to 100 gates"):
        await decide_many(wishes, "", ENGINEER, gates.ports)


async def test_a_gate_named_twice_is_a_mistake(gates: Bench) -> None:
    release = await waits(gates, "good")
    with pytest.raises(InvalidRequest, match="named twice"):
        await decide_many([yes(release), yes(release, approved=False)], "", ENGINEER, gates.ports)


def test_warnings_say_what_speaks_against_a_yes_and_the_worst_comes_first() -> None:
    release = a_release(FIRST)
    assert release.candidate is not None
    bare = replace(release, candidate=replace(release.candidate, tags={}, rolled_back="rel-old"))
    found = gate_warnings(bare, Stage.REGISTRY)
    codes = {each.code for each in found}
    assert {WarningCode.MISSING_FACT, WarningCode.ROLLED_BACK_BEFORE} <= codes
    assert [each.is_bad for each in found] == sorted((each.is_bad for each in found), reverse=True)
    assert gate_warnings(bare, Stage.ROLLBACK) == ()
