"""A release that was undone says so, what it brought is marked in the registry, and people are warned of it."""

from dataclasses import replace

import pytest

from shared.application.errors import (
    PlatformBlocked,
    PlatformErrored,
    PlatformOutcomeUnknown,
    PlatformRefused,
    PortError,
    TransientFault,
)
from shared.application.fleet.rollback_requests import request_rollback
from shared.application.release import queries
from shared.application.release.attempts import request_again
from shared.application.release.effects.marks import mark_rolled_back
from shared.domain.release.commands import MarkRolledBack
from shared.domain.release.model import Dimension, Phase
from shared.domain.release.policy import Stage
from shared.domain.release.specs import gate_digest, gate_facts
from tests.application.fleet.test_rollbacks import a_released_model, asked
from tests.application.fleet.test_taken_circuits import environment_up_to
from tests.fakes.platform import REGISTRY, MemoryModelPlatform
from tests.support.benches.release import MODEL, VERSION, Bench
from tests.support.benches.road import ENGINEER, NAME, NEW
from tests.support.builders import NOW, RELEASE_ID, a_release


async def undone_model(fleet: Bench) -> tuple[str, str]:
    """A released model and the rollback that undid it."""
    model = (await a_released_model(fleet)).release_id
    fleet.clock.advance(1000)
    rollback = (await asked(fleet, model, critical=True)).release_id
    await fleet.run_until(rollback, Phase.ROLLED_BACK)
    return model, rollback


async def test_an_undone_release_says_by_which_rollback(fleet: Bench) -> None:
    """Its end stays its end; its history tells, and its report is that of the rollback."""
    model, rollback = await undone_model(fleet)
    undone = fleet.release(model)
    assert (undone.phase, undone.undone_by) == (Phase.RELEASED, rollback)
    assert fleet.store.partitions[model].history[-1].note == f"undone by {rollback}: Person 2: scoring errors"
    assert (await queries.read_rollback(model, fleet.ports)).release_id == rollback


async def test_a_release_that_was_undone_before_it_could_be_told_says_so_too(fleet: Bench) -> None:
    """Its row is as the code before wrote it."""
    model, rollback = await undone_model(fleet)
    partition = fleet.store.partitions[model]
    partition.release = replace(partition.release, undone_by="")
    assert (await queries.read_release(model, fleet.ports)).undone_by == rollback


async def test_what_was_rolled_back_is_marked_and_warned_of_at_the_gate(fleet: Bench) -> None:
    """Also where the attempt before is not known; an approval binds to what was warned of."""
    model, rollback = await undone_model(fleet)
    marks = await fleet.platform.marks(Dimension.MODEL, MODEL, VERSION)
    assert (marks["rolled_back_by"], marks["rollback_reason"]) == (rollback, "Person 2: scoring errors")
    again = (await request_again(model, ENGINEER, "the sensor was broken", fleet.ports)).release.release_id
    gate = await fleet.run_until(again, Phase.AWAITING_REGISTRY_APPROVAL)
    assert "was rolled back before" in gate_facts(gate, Stage.REGISTRY)["warning"]
    unknown = replace(gate, earlier=())
    assert rollback in gate_facts(unknown, Stage.REGISTRY)["warning"]
    assert gate.candidate is not None
    unmarked = replace(gate, candidate=replace(gate.candidate, rolled_back=""))
    assert gate_digest(unmarked, Stage.REGISTRY) != gate_digest(gate, Stage.REGISTRY)


async def test_an_environment_that_goes_back_itself_is_marked_with_the_model_that_goes_with_it(fleet: Bench) -> None:
    """Its release ends as rolled back and needs no other to say so; that of the model is told."""
    environment = await environment_up_to(fleet, Phase.WATCHING)
    fleet.clock.advance(1000)
    model = (await a_released_model(fleet)).release_id
    await request_rollback(environment, ENGINEER, "both fail", fleet.ports, critical=True, models=[model])
    await fleet.run_until(environment, Phase.ROLLED_BACK)

    assert (await fleet.platform.marks(Dimension.ENVIRONMENT, NAME, NEW))["rolled_back_by"] == environment
    assert (await fleet.platform.marks(Dimension.MODEL, MODEL, VERSION))["rolled_back_by"] == environment
    assert fleet.release(model).undone_by == environment
    assert fleet.release(environment).undone_by == ""


class Away(MemoryModelPlatform):
    """The registry takes no marks: for now, or because there is no such version."""

    def __init__(self, fault: PortError) -> None:
        super().__init__()
        self.fault = fault

    async def mark(self, what: Dimension, name: str, version: str, tags: dict[str, str]) -> None:
        raise self.fault


@pytest.mark.parametrize("fault", [PlatformErrored("away"), PlatformOutcomeUnknown("lost"), PlatformBlocked("403")])
async def test_a_registry_that_cannot_be_marked_is_asked_again(fault: PortError) -> None:
    """What was put back was put back; the mark comes when it can, and a dead letter tells where it cannot."""
    bench = Bench(platform=Away(fault))
    await bench.put(replace(a_release(Phase.RELEASED), registry_model_id=f"{REGISTRY}/models/{MODEL}/versions/7"))
    with pytest.raises(TransientFault, match="could not be marked"):
        await mark_rolled_back(a_mark(), bench.ports)


async def test_a_version_that_is_not_in_the_registry_any_more_is_not_marked() -> None:
    """Nobody can release it again either, and its release is told all the same."""
    bench = Bench(platform=Away(PlatformRefused("there is no model")))
    await bench.put(replace(a_release(Phase.RELEASED), registry_model_id=f"{REGISTRY}/models/{MODEL}/versions/7"))
    await mark_rolled_back(a_mark(), bench.ports)
    await bench.deliver()
    assert bench.release(RELEASE_ID).undone_by == "a-rollback"


def a_mark() -> MarkRolledBack:
    return MarkRolledBack(
        command_id="a-rollback-9-mark-rolled-back",
        release_id="a-rollback",
        serial=9,
        undone=(RELEASE_ID, "one-that-is-gone"),
        reason="Person 2: scoring errors",
        at=NOW,
    )
