"""Freezes on the fakes: forward releases wait and go on, what puts back passes through."""

from datetime import timedelta

from shared.application.carry_out import carry_out
from shared.application.fleet.rollback_requests import request_rollback
from shared.application.freezes import freezes
from shared.application.platform_ports import Place
from shared.application.release import attempts
from shared.application.release.queries import read_release
from shared.domain.freezes.freeze import Freeze
from shared.domain.release import events as e
from shared.domain.release.model import DeploymentSpec, Phase
from shared.domain.release.policy import Stage
from shared.domain.release.steps import step_commands
from shared.domain.release.waiting import waiting
from tests.fakes.platform import FakeDeployment, MemoryModelPlatform
from tests.support.benches.release import Bench
from tests.support.benches.road import ENGINEER, MANAGER, NEW, OLD, approved, running, up_to
from tests.support.benches.steps import deploying, only_answer, step
from tests.support.builders import RELEASE_ID, a_release, a_spec, an_actor

HOUR = timedelta(hours=1)


async def froze(bench: Bench, scope: str = "fleet", until: timedelta = HOUR) -> Freeze:
    decided = await freezes.set_freeze(scope, ENGINEER, "stocktaking", bench.ports, until=until)
    return decided.freeze


async def lifted(bench: Bench, freeze: Freeze) -> None:
    await freezes.lift_freeze(freeze.freeze_id, MANAGER, "stocktaking is over", bench.ports)


async def model_up_to(bench: Bench, phase: Phase) -> str:
    """A model release on the straight road, with the approvals it needs."""
    release_id = await bench.registered()
    for gate, stage in (
        (Phase.AWAITING_REGISTRY_APPROVAL, Stage.REGISTRY),
        (Phase.AWAITING_PRODUCTION_APPROVAL, Stage.PRODUCTION),
    ):
        if phase is gate:
            break
        await bench.run_until(release_id, gate)
        await approved(bench, release_id, stage, ENGINEER)
    await bench.run_until(release_id, phase)
    return release_id


def production_puts(bench: Bench) -> list[DeploymentSpec]:
    return [spec for place, spec in bench.platform.puts if place is Place.PRODUCTION]


async def passes(bench: Bench, time: timedelta) -> None:
    """Time goes by in steps of ten minutes, and everything that is due is delivered."""
    for _ in range(int(time / timedelta(minutes=10))):
        bench.clock.advance(600)
        await bench.deliver()


async def test_a_model_release_waits_behind_a_freeze_without_taking_the_circuit(bench: Bench) -> None:
    """Days go by, nothing expires, and after the end it goes on by itself."""
    await froze(bench, "P001", timedelta(days=5))
    release_id = await bench.registered()
    await bench.run_until(release_id, Phase.AWAITING_REGISTRY_APPROVAL)
    await approved(bench, release_id, Stage.REGISTRY, ENGINEER)
    await passes(bench, timedelta(days=5) - HOUR)

    release = bench.release(release_id)
    assert release.phase is Phase.WAITING_FOR_CIRCUIT
    assert release.waiting_on == "freeze of P001 by Person 2 until 2026-01-10 08:00 UTC: stocktaking"
    assert (await bench.locks.held(), bench.platform.puts) == ([], [])
    await bench.run_until(release_id, Phase.AWAITING_PRODUCTION_APPROVAL)
    told = [entry.note for entry in await bench.store.history(release_id) if "freeze" in entry.note]
    assert told == ["waits for the end of the freeze of P001 by Person 2 until 2026-01-10 08:00 UTC: stocktaking"]


async def test_a_freeze_of_another_plant_stops_nothing(bench: Bench) -> None:
    """Nor does one that has not begun."""
    await froze(bench, "P002")
    planned = bench.clock.now() + 48 * HOUR
    await freezes.set_freeze("fleet", ENGINEER, "year's end", bench.ports, until=HOUR, starts_at=planned)

    await model_up_to(bench, Phase.RELEASED)

    assert len(production_puts(bench)) == 1


async def test_a_freeze_between_approval_and_production_is_waited_out_and_lifted(bench: Bench) -> None:
    """Production is neither changed nor recorded as touched; after the lift nobody waits for the next look."""
    release_id = await model_up_to(bench, Phase.AWAITING_PRODUCTION_APPROVAL)
    freeze = await froze(bench, "P001-C001", timedelta(days=1))
    await approved(bench, release_id, Stage.PRODUCTION, ENGINEER)
    await passes(bench, 6 * HOUR)
    release = bench.release(release_id)
    assert (release.phase, release.production_touched, release.faults) == (Phase.RECORDING_PREVIOUS, False, 0)
    said = waiting(release, await freezes.read_freezes(bench.ports))
    assert said is not None
    assert said.waits_for.startswith("the end of the freeze of P001-C001 by Person 2")
    assert said.until == freeze.ends_at

    await lifted(bench, freeze)
    await bench.deliver()

    assert bench.release(release_id).phase is not Phase.RECORDING_PREVIOUS
    await bench.run_until(release_id, Phase.RELEASED)


async def test_a_change_that_is_about_to_be_sent_is_stopped(bench: Bench) -> None:
    """Asked right before the write, also after previous was recorded (I19)."""
    release = await deploying(bench)
    await froze(bench)

    await carry_out(step(release), bench.ports)

    event = only_answer(bench)
    assert isinstance(event, e.CircuitBusy)
    assert event.frozen
    assert event.holder == "freeze of fleet by Person 2 until 2026-01-05 09:00 UTC: stocktaking"
    assert bench.platform.puts == []


async def test_the_test_deployment_is_no_change_of_production(bench: Bench) -> None:
    """A freeze that comes after the circuit was taken lets the test go on."""
    release = await deploying(bench, Phase.DEPLOYING_TEST)
    await froze(bench)

    await carry_out(step(release), bench.ports)

    assert [place for place, _ in bench.platform.puts] == [Place.TEST]


async def test_putting_previous_back_passes_through_a_freeze(bench: Bench) -> None:
    """Kargo's windows block rollbacks; ours never do."""
    release = await bench.put(a_release(Phase.RESTORING, ending=Phase.ABORTED))
    await bench.locks.acquire("P001-C001", RELEASE_ID, bench.clock.now())
    previous = a_spec()
    bench.platform.registry[previous.model] = "model"
    await froze(bench)

    (command,) = step_commands(release)
    await carry_out(command, bench.ports)

    assert [spec.model for spec in production_puts(bench)] == [previous.model]


class FreezesAfter(MemoryModelPlatform):
    """Somebody freezes the fleet as soon as `count` changes of production were accepted."""

    def __init__(self, bench: Bench, count: int) -> None:
        super().__init__()
        self._bench, self._count = bench, count

    async def put_deployment(self, place: Place, spec: DeploymentSpec) -> None:
        await super().put_deployment(place, spec)
        self._count -= 1
        if self._count == 0:
            await froze(self._bench, until=timedelta(days=3))


async def in_the_middle_of_an_update(bench: Bench) -> str:
    """The environment release of six circuits whose third change was the last before the freeze; its id."""
    release = await up_to(bench, Phase.AWAITING_PRODUCTION_APPROVAL)
    watched = FreezesAfter(bench, 3)
    watched.registry, watched.deployments = bench.platform.registry, bench.platform.deployments
    bench.platform = watched
    await approved(bench, release.release_id, Stage.PRODUCTION, ENGINEER, MANAGER)
    await passes(bench, 5 * HOUR)
    return release.release_id


async def test_a_freeze_in_the_middle_of_an_update_stops_the_next_write(fleet: Bench) -> None:
    """What was sent is read back; the rest waits longer than the step may last, and goes on after the end."""
    release_id = await in_the_middle_of_an_update(fleet)

    release = fleet.release(release_id)
    assert (release.phase, running(fleet)) == (Phase.UPDATING, [OLD] * 3 + [NEW] * 3)
    assert len(production_puts(fleet)) == 3
    said = waiting(release, await freezes.read_freezes(fleet.ports))
    assert said is not None
    assert said.waits_for.endswith("stocktaking (updated: 3 of 6)")
    assert [target.attempt for target in release.fleet] == [1] * 6
    await fleet.run_until(release_id, Phase.WATCHING, within_s=3 * 86_400)
    assert running(fleet) == [NEW] * 6


async def test_an_update_goes_on_as_soon_as_the_freeze_is_lifted(fleet: Bench) -> None:
    """Without waiting for the next look, which may be ten minutes away."""
    release_id = await in_the_middle_of_an_update(fleet)
    (freeze,) = await fleet.freezes.not_ended(fleet.clock.now())

    await lifted(fleet, freeze)
    await fleet.deliver()

    assert len(production_puts(fleet)) == 6
    await fleet.run_until(release_id, Phase.WATCHING)


async def test_an_update_is_rolled_back_through_a_freeze(fleet: Bench) -> None:
    """Going back is how production is made safe."""
    release_id = await in_the_middle_of_an_update(fleet)
    await request_rollback(release_id, MANAGER, "scoring errors", fleet.ports, critical=True)
    await passes(fleet, HOUR)

    assert running(fleet) == [OLD] * 6
    assert [each.lifted_at for each in await fleet.freezes.not_ended(fleet.clock.now())] == [None]


async def test_a_rollback_of_its_own_passes_through_a_freeze_and_the_release_that_waits_behind_it(
    fleet: Bench,
) -> None:
    """The frozen release holds its circuit; the rollback takes it."""
    forward = await up_to(fleet, Phase.WATCHING)
    await fleet.run_until(forward.release_id, Phase.RELEASED, within_s=100_000)
    fleet.clock.advance(600)
    model_release = await model_up_to(fleet, Phase.AWAITING_PRODUCTION_APPROVAL)
    await froze(fleet, until=timedelta(days=2))
    await approved(fleet, model_release, Stage.PRODUCTION, ENGINEER)
    assert fleet.release(model_release).phase is Phase.RECORDING_PREVIOUS

    undone = await request_rollback(forward.release_id, ENGINEER, "scoring errors", fleet.ports, critical=True)
    await fleet.run_until(undone.release.release_id, Phase.ROLLED_BACK)

    assert set(running(fleet)) == {OLD}
    assert fleet.release(model_release).phase is Phase.FAILED


async def test_a_fleet_behind_a_freeze_of_one_plant_takes_no_circuit(fleet: Bench) -> None:
    """Releases of models of other plants are not held up meanwhile."""
    await froze(fleet, "P002")
    decided = await attempts.request_environment_release(
        "dev-ml-workspace", "custom-tf-env", NEW, an_actor(1), "logs", fleet.ports
    )
    release_id = decided.release.release_id
    await fleet.run_until(release_id, Phase.AWAITING_REGISTRY_APPROVAL)
    await approved(fleet, release_id, Stage.REGISTRY, ENGINEER)
    release = await fleet.run_until(release_id, Phase.WAITING_FOR_FLEET)

    assert release.waiting_on.startswith("freeze of P002 by Person 2")
    assert await fleet.locks.held() == []
    await fleet.run_until(release_id, Phase.CHECKING)


async def test_a_deployment_that_somebody_is_changing_under_a_freeze_costs_no_attempt(bench: Bench) -> None:
    """The freeze is asked first: behind it nothing is a fault."""
    release = await deploying(bench, Phase.RECORDING_PREVIOUS)
    spec = a_spec()
    key = (Place.PRODUCTION, spec.endpoint_name, spec.deployment_name)
    bench.platform.deployments[key] = FakeDeployment(spec=spec, reads_left=5)
    await froze(bench)

    await carry_out(step(release), bench.ports)

    assert isinstance(only_answer(bench), e.CircuitBusy)
    assert (await read_release(RELEASE_ID, bench.ports)).phase is Phase.RECORDING_PREVIOUS
