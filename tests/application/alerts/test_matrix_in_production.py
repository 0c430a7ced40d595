"""Every row of the decision matrix, carried out: whatever came in which order, production ends as the row says."""

from dataclasses import replace

import pytest

from shared.application.alerts.assess import assess_alert
from shared.application.platform_ports import Place
from shared.domain.alerts.decision_model import RollbackVerdict
from shared.domain.alerts.model import AlertRecord
from shared.domain.release.model import DeploymentSpec, Phase
from shared.domain.release.policy import Stage
from tests.application.fleet.test_rollbacks import OTHER, a_released_model, approve
from tests.fakes.config import FakeReleaseConfig
from tests.support.benches.alerts import DEGRADED, FAILURES, FLEET, ONE, SCORING, TWO, accepted, an_alert
from tests.support.benches.release import Bench
from tests.support.benches.road import ENGINEER, MANAGER, NEW, OLD, approved, requested

THREE = "P002/C001"
MODEL, ENVIRONMENT, BOTH = RollbackVerdict.MODEL, RollbackVerdict.ENVIRONMENT, RollbackVerdict.BOTH
DAY_S = 100_000

#: Alerts of the matrix's rows, by what they speak against; of a circuit whose model and environment are new.
DEGRADES, PREDICTS_WRONG = (DEGRADED, (ONE,)), (SCORING, (ONE,))
SAME_ISSUE, SAME_ISSUE_OF_NEW_MODELS = (FAILURES, (TWO, THREE)), (FAILURES, (ONE, TWO))
ALL_SCORING = (SCORING, tuple(FLEET))
Row = tuple[tuple[str, str], tuple[str, ...]]


async def an_environment(fleet: Bench) -> None:
    """The new version is in production and watched."""
    release_id = await requested(fleet)
    await fleet.run_until(release_id, Phase.AWAITING_REGISTRY_APPROVAL)
    await approved(fleet, release_id, Stage.REGISTRY, ENGINEER)
    await fleet.run_until(release_id, Phase.AWAITING_PRODUCTION_APPROVAL)
    await approved(fleet, release_id, Stage.PRODUCTION, ENGINEER, MANAGER)
    await fleet.run_until(release_id, Phase.WATCHING)


async def ordered(fleet: Bench, order: str) -> None:
    """`M` releases a model to P001/C001, `E` an environment to all; `.` waits for the end of its watch."""
    for step in order:
        if step == "M":
            await a_released_model(fleet)
            fleet.clock.advance(1000)  # the circuit cools down
        elif step == "E":
            await an_environment(fleet)
        else:
            (watched,) = [each for each, p in fleet.store.partitions.items() if p.release.phase is Phase.WATCHING]
            await fleet.run_until(watched, Phase.RELEASED, within_s=DAY_S)
            fleet.clock.advance(1000)


def production(fleet: Bench) -> dict[str, tuple[str, str]]:
    """The versions of model and environment by circuit."""

    def versions(spec: DeploymentSpec) -> tuple[str, str]:
        return spec.model.rpartition("/")[2], spec.environment.rpartition("/")[2]

    found = [d.spec for (place, *_), d in fleet.platform.deployments.items() if place is Place.PRODUCTION]
    return {spec.circuit.replace("-", "/"): versions(spec) for spec in found}


def as_told(order: str, *verdicts: RollbackVerdict) -> dict[str, tuple[str, str]]:
    """What production must run after these went back, one after the other."""
    model_back, environment_back = ({MODEL, BOTH} & set(verdicts), {ENVIRONMENT, BOTH} & set(verdicts))
    model = "7" if "M" in order and not model_back else "6"
    environment = NEW if "E" in order and not environment_back else OLD
    return {circuit: (model if circuit == ONE else "6", environment) for circuit in FLEET}


async def carried_out(fleet: Bench, row: Row) -> AlertRecord:
    """The alert fires; what it asks for is approved where people are asked, and done."""
    rule, circuits = row
    key = await accepted(fleet, an_alert(fleet, rule, *circuits))
    config = FakeReleaseConfig()
    config.alert_policy = replace(config.alert_policy, recent_change_s=3 * DAY_S)  # a model before a watch is new still
    record = await assess_alert(key, replace(fleet.alert_ports, config=config))
    assert record is not None
    await fleet.deliver()
    for asked in {asked.note.removeprefix("together: ").split(" is ")[0] for asked in record.asked}:
        for _ in range(200):
            if fleet.release(asked).phase is Phase.AWAITING_ROLLBACK_APPROVAL:
                await approve(fleet, asked, OTHER)
            if fleet.release(asked).phase is Phase.ROLLED_BACK:
                break
            fleet.clock.advance(30)
            await fleet.deliver()
        assert fleet.release(asked).phase is Phase.ROLLED_BACK, fleet.release(asked).reason
    return record


@pytest.mark.parametrize(
    ("order", "row", "verdict"),
    [
        ("M", DEGRADES, MODEL),
        ("M", PREDICTS_WRONG, MODEL),
        *((order, row, ENVIRONMENT) for order in ("E", "E.") for row in (SAME_ISSUE, ALL_SCORING)),
        *((order, row, MODEL) for order in ("ME", "ME.", "E.M") for row in (DEGRADES, PREDICTS_WRONG)),
        *((order, SAME_ISSUE, ENVIRONMENT) for order in ("ME", "ME.", "E.M")),
        *((order, row, BOTH) for order in ("ME", "ME.", "E.M") for row in (SAME_ISSUE_OF_NEW_MODELS, ALL_SCORING)),
    ],
)
async def test_production_ends_exactly_as_the_row_says(
    fleet: Bench, order: str, row: Row, verdict: RollbackVerdict
) -> None:
    """The model alone, the environment alone, or the pair in one rollback."""
    await ordered(fleet, order)
    assert production(fleet) == as_told(order)
    record = await carried_out(fleet, row)

    assert record.decision is not None
    assert record.decision.verdict is verdict
    assert [asked.answer for asked in record.asked] == ["accepted"] * len(record.asked)
    assert len(record.asked) == (2 if verdict is BOTH else 1)
    assert production(fleet) == as_told(order, verdict)


@pytest.mark.parametrize("order", ["ME", "ME.", "E.M"])
@pytest.mark.parametrize(
    ("first", "second"), [(PREDICTS_WRONG, SAME_ISSUE), (SAME_ISSUE, PREDICTS_WRONG), (DEGRADES, ALL_SCORING)]
)
async def test_one_dimension_goes_back_after_the_other(fleet: Bench, order: str, first: Row, second: Row) -> None:
    """In either order both are as before in the end, and nothing is superseded by the other's rollback."""
    await ordered(fleet, order)
    told = [await carried_out(fleet, first)]
    fleet.clock.advance(4000)  # alerts are seen together for an hour
    told.append(await carried_out(fleet, second))

    verdicts = [record.decision.verdict for record in told if record.decision]
    assert set(verdicts) == {MODEL, ENVIRONMENT}
    assert production(fleet) == as_told(order, *verdicts)


async def test_both_go_back_by_one_change_of_the_circuit(fleet: Bench) -> None:
    """Two would collide; one brings the pair that ran before."""
    await ordered(fleet, "ME.")
    before = len(fleet.platform.puts)
    await carried_out(fleet, SAME_ISSUE_OF_NEW_MODELS)
    changed = [spec.circuit for place, spec in fleet.platform.puts[before:] if place is Place.PRODUCTION]
    assert sorted(changed) == sorted(circuit.replace("/", "-") for circuit in FLEET)
