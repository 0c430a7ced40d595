"""Commands that change a deployment, and the circuit lock that must be held for it."""

from typing import Any

import pytest

from shared.application.carry_out import carry_out
from shared.application.platform_ports import Place
from shared.domain.release import commands as c
from shared.domain.release import events as e
from shared.domain.release.model import Phase
from shared.domain.release.specs import wanted_spec
from tests.fakes.platform import FakeDeployment, MemoryModelPlatform
from tests.support.benches.release import Bench
from tests.support.benches.steps import KEY, answers, deploying, only_answer, step
from tests.support.builders import RELEASE_ID, a_release, a_spec


async def test_deploying_submits_and_says_accepted_not_done(bench: Bench) -> None:
    """The outcome is looked up later."""
    release = await deploying(bench)

    await carry_out(step(release), bench.ports)

    assert isinstance(only_answer(bench), e.DeploymentSubmitted)
    assert bench.platform.puts == [(Place.PRODUCTION, wanted_spec(release, release.phase))]


async def test_deploying_what_is_there_already_changes_nothing(bench: Bench) -> None:
    """A repeated command reads and is content."""
    release = await deploying(bench)
    await carry_out(step(release), bench.ports)
    await carry_out(step(release), bench.ports)

    assert len(bench.platform.puts) == 1
    observed = answers(bench)[1]
    assert isinstance(observed, e.DeploymentObserved)
    assert observed.running is e.Running.WANTED


@pytest.mark.parametrize("thief", ["", "another-release"], ids=["nobody", "another release"])
async def test_nothing_is_deployed_without_holding_the_circuit(bench: Bench, thief: str) -> None:
    """A fresh look at the lock right before the change, because Azure ML cannot fence (I7); the release hears of it."""
    release = await deploying(bench)
    await bench.locks.free(KEY, RELEASE_ID, bench.clock.now())
    if thief:
        await bench.locks.acquire(KEY, thief, bench.clock.now())

    await carry_out(step(release), bench.ports)

    assert bench.platform.puts == []
    [taken] = [event for _, event, _ in bench.events.sent]
    assert isinstance(taken, e.CircuitTaken)
    assert (taken.release_id, taken.target_key) == (RELEASE_ID, KEY)


async def test_nothing_is_deployed_under_an_old_epoch(bench: Bench) -> None:
    """The lock was lost and taken again: what was decided before is void (I7)."""
    release = await deploying(bench)
    await bench.locks.free(KEY, RELEASE_ID, bench.clock.now())
    await bench.locks.acquire(KEY, RELEASE_ID, bench.clock.now())

    await carry_out(step(release), bench.ports)

    assert bench.platform.puts == []


class ReleaseMovesOn(MemoryModelPlatform):
    """While the deployment is read, somebody ends the step."""

    def __init__(self, bench: Bench) -> None:
        super().__init__()
        self._bench = bench

    async def get_deployment(self, place: Place, endpoint_name: str, deployment_name: str) -> Any:
        partition = self._bench.store.partitions[RELEASE_ID]
        partition.release = a_release(Phase.SETTLING, serial=partition.release.serial + 1)
        return await super().get_deployment(place, endpoint_name, deployment_name)


async def test_nothing_is_deployed_once_the_release_has_moved_on(bench: Bench) -> None:
    """Also when it moves on after the command was found fresh (I3)."""
    bench.platform = ReleaseMovesOn(bench)
    release = await deploying(bench)

    await carry_out(step(release), bench.ports)

    assert bench.platform.puts == []


@pytest.mark.parametrize("phase", [Phase.DEPLOYING_PRODUCTION, Phase.RECORDING_PREVIOUS])
async def test_a_deployment_that_is_being_changed_is_waited_for(bench: Bench, phase: Phase) -> None:
    """Neither overwritten nor recorded as previous (I1)."""
    release = await deploying(bench, phase)
    spec = a_spec()
    key = (Place.PRODUCTION, spec.endpoint_name, spec.deployment_name)
    bench.platform.deployments[key] = FakeDeployment(spec=spec, reads_left=5)

    await carry_out(step(release), bench.ports)

    event = only_answer(bench)
    assert isinstance(event, e.StepBusy)
    assert "it is being changed" in event.detail
    assert bench.platform.puts == []


async def test_the_circuit_is_taken_once_and_the_next_release_is_told_by_whom(bench: Bench) -> None:
    """One release at a time; asking again gives the same epoch (I7, I8)."""
    release = await bench.put(a_release(Phase.WAITING_FOR_CIRCUIT))
    await bench.locks.acquire(KEY, "another-release", bench.clock.now())
    await carry_out(step(release), bench.ports)
    busy = only_answer(bench)
    assert isinstance(busy, e.CircuitBusy)
    assert busy.holder == "another-release"

    await bench.locks.free(KEY, "another-release", bench.clock.now())
    await carry_out(step(release), bench.ports)
    await carry_out(step(release), bench.ports)

    acquired = answers(bench)[1:]
    assert [event.epoch for event in acquired if isinstance(event, e.CircuitAcquired)] == [2]


async def test_a_circuit_that_cools_down_is_busy(bench: Bench) -> None:
    """A late request of the last holder must not land on this one's work."""
    release = await bench.put(a_release(Phase.WAITING_FOR_CIRCUIT))
    await bench.locks.acquire(KEY, "ended", bench.clock.now())
    free = c.FreeCircuit(command_id="f", release_id="ended", serial=9, target_key=KEY, cool_down_s=180)
    await carry_out(free, bench.ports)
    bench.clock.advance(179)
    await carry_out(step(release), bench.ports)
    bench.clock.advance(1)
    await carry_out(step(release), bench.ports)

    assert [type(event) for event in answers(bench)] == [e.CircuitBusy, e.CircuitAcquired]
