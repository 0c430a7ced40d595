"""A circuit that is taken out of the configuration while an environment is released to the fleet."""

from shared.application.fleet.rollback_requests import request_rollback
from shared.application.release import people
from shared.domain.release.model import Phase
from shared.domain.release.policy import Stage
from shared.domain.release.specs import gate_facts
from tests.fakes.config import FakeReleaseConfig
from tests.support.benches.release import Bench
from tests.support.benches.road import ENGINEER, MANAGER, NEW, OLD, approved, requested, running, up_to

GONE = "P002-C001"


def take_out(fleet: Bench) -> None:
    fleet.configurations.current = FakeReleaseConfig(origin="commit 2", without={GONE})


async def test_the_gate_says_by_which_configuration_the_fleet_is_known(fleet: Bench) -> None:
    release = await up_to(fleet, Phase.AWAITING_PRODUCTION_APPROVAL)
    assert gate_facts(release, Stage.PRODUCTION)["configuration"] == "the fleet of the tests"


async def test_before_the_targets_are_frozen_the_release_is_held(fleet: Bench) -> None:
    """Nothing was asked of the models yet. It goes on when the circuit is back."""
    release_id = await requested(fleet)
    await fleet.run_until(release_id, Phase.AWAITING_REGISTRY_APPROVAL)
    take_out(fleet)
    await approved(fleet, release_id, Stage.REGISTRY, ENGINEER)

    held = await fleet.run_until(release_id, Phase.HELD)
    assert held.reason.startswith("circuit P002/C001 is not in config/plants_circuits.yml of commit 2")
    assert running(fleet) == [OLD] * 6

    fleet.configurations.current = FakeReleaseConfig(origin="commit 3")
    await people.retry(release_id, ENGINEER, "it is back", fleet.ports)
    await fleet.run_until(release_id, Phase.AWAITING_PRODUCTION_APPROVAL)


async def test_after_its_approval_the_circuit_is_not_updated_and_the_release_is_held(fleet: Bench) -> None:
    release = await up_to(fleet, Phase.AWAITING_PRODUCTION_APPROVAL)
    take_out(fleet)
    await approved(fleet, release.release_id, Stage.PRODUCTION, ENGINEER, MANAGER)

    held = await fleet.run_until(release.release_id, Phase.HELD)

    assert sorted(running(fleet)) == [OLD, *[NEW] * 5]
    assert f"{GONE}: circuit P002/C001 is not in config/plants_circuits.yml of commit 2 any more" in held.reason


async def test_a_rollback_asks_no_configuration(fleet: Bench) -> None:
    """What was brought goes back, whoever was taken out since."""
    release = await up_to(fleet, Phase.WATCHING)
    take_out(fleet)

    await request_rollback(release.release_id, ENGINEER, "scoring errors", fleet.ports, critical=True)
    await fleet.run_until(release.release_id, Phase.ROLLED_BACK)

    assert running(fleet) == [OLD] * 6
