"""What production runs is read from its endpoints, one request each, whatever the configuration says."""

from shared.adapters.azure_ml.running import ListedEnvironments
from tests.fakes.config import FakeReleaseConfig
from tests.support.benches.release import Bench
from tests.support.benches.road import OLD, fleet_in_production


async def test_the_environment_of_each_circuit_is_what_its_deployment_runs() -> None:
    """A circuit that runs nothing, that nobody knows, or that runs another environment has none."""
    bench = fleet_in_production(Bench())
    key = next(key for key, each in bench.platform.deployments.items() if each.spec.circuit == "P001-C002")
    del bench.platform.deployments[key]
    listed = ListedEnvironments(bench.environments, FakeReleaseConfig())

    asked = ("P001-C001", "P001-C002", "P002-C001", "P009-C001")
    assert await listed.running(asked) == {"P001-C001": OLD, "P002-C001": OLD}
