"""What production runs, as it was read last: which endpoints are read when, and what the fleet looks like by it."""

from dataclasses import replace

import pytest

from shared.application.errors import PlatformErrored
from shared.application.fleet.running import ENDPOINTS_PER_SWEEP, fleet_state, read_endpoints
from shared.application.release.ports import Fleet
from shared.domain.release.model import Phase
from tests.fakes.config import FakeReleaseConfig, MemoryConfigurations
from tests.support.benches.release import Bench
from tests.support.benches.road import NEW, up_to
from tests.support.builders import NOW, a_release


async def test_before_anything_was_read_the_circuits_are_there_and_say_so(fleet: Bench) -> None:
    state = await fleet_state(fleet.ports)
    assert [each.circuit for each in state.circuits] == list(fleet.ports.config.fleet().circuits)
    assert {(each.running, each.read_at) for each in state.circuits} == {(None, None)}


async def test_each_circuit_says_what_it_runs_and_who_brought_it(fleet: Bench) -> None:
    release = await up_to(fleet, Phase.WATCHING)
    assert await read_endpoints(fleet.ports) == len(fleet.ports.config.fleet().endpoints)
    state = await fleet_state(fleet.ports)
    runs = [each.running for each in state.circuits if each.running]
    assert {each.environment for each in runs} == {f"custom-tf-env:{NEW}"}
    assert {each.environment_by for each in runs} == {release.release_id}
    assert {each.provisioning for each in runs} == {"Succeeded"}
    held = {each.lock.kept_by for each in state.circuits if each.lock}
    assert held == {release.release_id}
    assert all(release.release_id in [one.release_id for one in each.releases] for each in state.circuits)


async def test_a_deployment_of_no_circuit_is_shown_apart(fleet: Bench) -> None:
    fleet.configurations = MemoryConfigurations(FakeReleaseConfig(without=["P001-C001"]))
    await read_endpoints(fleet.ports)
    state = await fleet_state(fleet.ports)
    assert [each.circuit for each in state.strangers] == ["P001-C001"]
    assert "P001-C001" not in [each.circuit for each in state.circuits]


async def test_what_does_not_answer_keeps_what_was_read_before(fleet: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    await read_endpoints(fleet.ports)
    before = await fleet.endpoint_log.all()

    async def silent(*_: object) -> list[object]:
        raise PlatformErrored("no answer")

    monkeypatch.setattr(fleet.environments, "list_deployments", silent)
    fleet.clock.advance(60)
    assert await read_endpoints(fleet.ports) == 0
    assert await fleet.endpoint_log.all() == before


class Large(FakeReleaseConfig):
    """More endpoints than one sweep reads."""

    def fleet(self) -> Fleet:
        return replace(super().fleet(), endpoints=tuple(f"endpoint-{number:02}" for number in range(25)))


async def test_a_sweep_reads_ten_and_the_next_goes_on_with_the_oldest() -> None:
    """However large the fleet is, Azure ML is asked as often."""
    bench = Bench(configurations=MemoryConfigurations(Large()))
    seen: list[set[str]] = []
    for _ in range(3):
        known = {each.endpoint_name: each.at for each in await bench.endpoint_log.all()}
        assert await read_endpoints(bench.ports) <= ENDPOINTS_PER_SWEEP
        seen.append(
            {each.endpoint_name for each in await bench.endpoint_log.all() if known.get(each.endpoint_name) != each.at}
        )
        bench.clock.advance(60)
    assert [len(each) for each in seen] == [10, 10, 10]
    assert set.union(*seen) == set(Large().fleet().endpoints)


async def test_a_sweep_that_comes_twice_reads_nothing_again(fleet: Bench) -> None:
    assert await read_endpoints(fleet.ports) > 0
    assert await read_endpoints(fleet.ports) == 0


async def test_a_release_of_one_circuit_is_named_there_only(fleet: Bench) -> None:
    await fleet.put(replace(a_release(Phase.TESTING), release_id="testing"))
    await fleet.store.add_open("testing", NOW)
    state = await fleet_state(fleet.ports)
    with_it = [each.circuit for each in state.circuits if [one.release_id for one in each.releases] == ["testing"]]
    assert with_it == ["P001-C001"]
