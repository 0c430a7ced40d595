"""The decision matrix of rollbacks, row by row: a model, the environment, both, in any order, each after each.

A new model of P001/C001 and a new environment of the fleet are both in production. What goes back is what the row says,
and everything else runs on.
"""

import pytest

from shared.application.fleet.rollback_requests import request_rollback
from shared.domain.release.model import Phase
from tests.application.fleet.test_rollbacks import a_released_model, of_circuit
from tests.application.fleet.test_taken_circuits import environment_up_to
from tests.support.benches.release import MODEL, Bench
from tests.support.benches.road import ENGINEER, NEW, OLD, running

CAME = ("model first", "environment first", "model in the watch")
ROWS = (("model",), ("environment",), ("both",), ("model", "environment"), ("environment", "model"))


async def both_released(fleet: Bench, came: str) -> tuple[str, str]:
    """The releases of the new model and of the new environment."""
    if came == "model first":
        model = (await a_released_model(fleet)).release_id
        fleet.clock.advance(1000)
    environment = await environment_up_to(fleet, Phase.WATCHING)
    fleet.clock.advance(1000)
    if came == "model in the watch":
        model = (await a_released_model(fleet)).release_id
    await fleet.run_until(environment, Phase.RELEASED, within_s=100_000)
    fleet.clock.advance(1000)
    if came == "environment first":
        model = (await a_released_model(fleet)).release_id
        fleet.clock.advance(1000)
    return model, environment


async def gone_back(fleet: Bench, release_id: str, models: tuple[str, ...] = ()) -> None:
    decided = await request_rollback(
        release_id, ENGINEER, "as the matrix says", fleet.ports, critical=True, models=models
    )
    await fleet.run_until(decided.release.release_id, Phase.ROLLED_BACK)
    fleet.clock.advance(1000)


@pytest.mark.parametrize("came", CAME)
@pytest.mark.parametrize("row", ROWS, ids=" then ".join)
async def test_production_ends_as_the_row_says(fleet: Bench, came: str, row: tuple[str, ...]) -> None:
    """The other circuits keep their models throughout, and nobody holds anything in the end."""
    others = {
        key: each.spec.model for key, each in fleet.platform.deployments.items() if each.spec.circuit != "P001-C001"
    }
    model, environment = await both_released(fleet, came)
    assert (of_circuit(fleet).model.rpartition("/")[2], running(fleet)) == ("7", [NEW] * 6)
    for step in row:
        if step == "model":
            await gone_back(fleet, model)
        else:
            await gone_back(fleet, environment, (model,) if step == "both" else ())

    back = {"model", "environment"} if "both" in row else set(row)
    assert of_circuit(fleet).model.endswith(f"/{MODEL}/versions/{'6' if 'model' in back else '7'}")
    assert running(fleet) == [OLD if "environment" in back else NEW] * 6
    assert {key: fleet.platform.deployments[key].spec.model for key in others} == others
    assert (fleet.release(model).undone_by != "") is ("model" in back)
    assert (fleet.release(environment).undone_by != "") is ("environment" in back)
    assert [lock.key for lock in fleet.locks.locks.values() if lock.kept_by] == []


async def test_an_environment_that_goes_back_in_its_watch_takes_the_model_with_it_where_both_fail(fleet: Bench) -> None:
    """The same row while the environment has not ended yet, with a model that was released beside it."""
    environment = await environment_up_to(fleet, Phase.WATCHING)
    fleet.clock.advance(1000)
    model = (await a_released_model(fleet)).release_id
    await request_rollback(environment, ENGINEER, "both fail", fleet.ports, critical=True, models=[model])
    await fleet.run_until(environment, Phase.ROLLED_BACK)

    assert of_circuit(fleet).model.endswith("/6")
    assert running(fleet) == [OLD] * 6
