"""Schedules of rollbacks that are too rare to be drawn: a circuit changes hands while a change is on its way."""

from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest

from shared.application.errors import TransientFault
from shared.application.platform_ports import DeploymentState, Place
from shared.application.release import intake, people
from shared.application.release.ports import Lock
from shared.domain.release.model import DeploymentSpec, Phase
from shared.domain.release.policy import Stage
from tests.application.fleet.test_rollbacks import OTHER, a_released_model, approve, asked
from tests.fakes.locks import MemoryCircuitLocks
from tests.fakes.platform import DEV_WORKSPACE, REGISTRY, FakeDeployment, MemoryModelPlatform
from tests.support.benches.release import MODEL, TRAINER, Bench
from tests.support.benches.road import approved
from tests.support.builders import a_spec

CIRCUIT = "P001-C001"
KEY = (Place.PRODUCTION, "batch-endpoint-plant-P001", "deployment-circuit-C001")
OLD, FIRST, SECOND = "6", "7", "8"


class Mail(MemoryModelPlatform):
    """Changes of production that bring `delayed` are accepted, and stay on their way until they `land`. The next time
    production is read to be changed, `meanwhile` happens."""

    def __init__(self) -> None:
        super().__init__()
        self.delayed = ""
        self.on_its_way: list[DeploymentSpec] = []
        self.meanwhile: Callable[[], Awaitable[None]] | None = None

    async def put_deployment(self, place: Place, spec: DeploymentSpec) -> None:
        if place is Place.PRODUCTION and spec.model.endswith(f"/{self.delayed}"):
            self.on_its_way.append(spec)
            return
        await super().put_deployment(place, spec)

    async def get_deployment(self, place: Place, endpoint_name: str, deployment_name: str) -> DeploymentState | None:
        state = await super().get_deployment(place, endpoint_name, deployment_name)
        if place is Place.PRODUCTION and self.meanwhile is not None:
            happens, self.meanwhile = self.meanwhile, None
            await happens()
        return state

    def land(self) -> None:
        """They arrive."""
        for spec in self.on_its_way:
            self.apply_put(Place.PRODUCTION, spec)
        self.on_its_way.clear()


class DyingLocks(MemoryCircuitLocks):
    """The worker that takes a lock over dies right before, as long as `dies`."""

    dies = False

    async def preempt(self, key: str, holder: str, release_id: str, quiet_until: object) -> Lock:
        if self.dies:
            raise TransientFault("the worker died")
        return await super().preempt(key, holder, release_id, quiet_until)  # type: ignore[arg-type]


@pytest.fixture
def mail() -> Mail:
    return Mail()


@pytest.fixture
def locks() -> DyingLocks:
    return DyingLocks()


@pytest.fixture
def bench(mail: Mail, locks: DyingLocks) -> Bench:
    """Version 6 of the circuit's model is in production."""
    bench = Bench(platform=mail, locks=locks)
    spec = a_spec(model=f"{REGISTRY}/models/{MODEL}/versions/{OLD}")
    mail.deployments[KEY] = FakeDeployment(spec)
    mail.registry[spec.model] = "model"
    return bench


def runs(bench: Bench) -> str:
    """The model version in production."""
    return bench.platform.deployments[KEY].spec.model.rpartition("/")[2]


async def second_model(bench: Bench) -> str:
    """Version 8 waits for its last approval; it has the circuit, and has changed nothing."""
    bench.platform.add_model(MODEL, SECOND, {"plant_id": "P001", "circuit_id": "C001"}, created_by=TRAINER)
    now = bench.clock.now()
    rid = await intake.model_registered("registration-2", DEV_WORKSPACE, MODEL, SECOND, now, bench.ports)
    await bench.run_until(rid, Phase.AWAITING_REGISTRY_APPROVAL)
    await approved(bench, rid, Stage.REGISTRY, OTHER)
    await bench.run_until(rid, Phase.AWAITING_PRODUCTION_APPROVAL)
    return rid


async def a_rollback_and_a_change_on_its_way(bench: Bench, mail: Mail) -> tuple[str, str]:
    """Version 7 was released, its rollback waits at its gate; version 8 was sent to production and is on its way."""
    first = await a_released_model(bench)
    second = await second_model(bench)
    rollback = (await asked(bench, first.release_id)).release_id
    await bench.run_until(rollback, Phase.AWAITING_ROLLBACK_APPROVAL)
    mail.delayed = SECOND
    await approved(bench, second, Stage.PRODUCTION, OTHER)
    assert bench.release(second).phase is Phase.DEPLOYING_PRODUCTION
    assert [spec.model.rpartition("/")[2] for spec in mail.on_its_way] == [SECOND]
    mail.delayed = ""
    return rollback, second


async def test_a_change_that_lands_after_its_circuit_was_taken_goes_back_as_well(bench: Bench, mail: Mail) -> None:
    """It was on its way when the rollback took over, which therefore waits before its own first change (I7, I11)."""
    rollback, second = await a_rollback_and_a_change_on_its_way(bench, mail)
    await approve(bench, rollback, OTHER)
    assert (bench.release(rollback).phase, bench.release(second).phase) == (Phase.ROLLING_BACK, Phase.FAILED)
    taken_at = bench.clock.now()
    for _ in range(10):
        bench.clock.advance(10)
        await bench.deliver()
    assert runs(bench) == FIRST
    mail.land()
    assert runs(bench) == SECOND
    ended = await bench.run_until(rollback, Phase.ROLLED_BACK)

    assert runs(bench) == OLD
    assert ended.meter is not None
    assert ended.meter.first_write_at is not None
    assert ended.meter.first_write_at >= taken_at + timedelta(seconds=ended.policy.limits.settle_quiet_s)


async def test_a_take_over_that_dies_half_way_leaves_nothing_of_the_loser(
    bench: Bench, mail: Mail, locks: DyingLocks
) -> None:
    """Whatever the loser heard of it, its change does not stay in production when it lands (I3, I11)."""
    rollback, second = await a_rollback_and_a_change_on_its_way(bench, mail)
    locks.dies = True
    with pytest.raises(TransientFault):
        await approve(bench, rollback, OTHER)
    await bench.deliver()
    locks.dies = False
    bench.clock.advance(60)
    await bench.deliver()
    mail.land()
    await bench.run_until(rollback, Phase.ROLLED_BACK)

    assert runs(bench) == OLD
    assert bench.release(second).phase is Phase.FAILED


async def test_a_release_that_ends_while_a_rollback_waits_for_people_is_not_undone_by_it(bench: Bench) -> None:
    """What was listed when people were asked is looked at again right before the change (I12)."""
    first = await a_released_model(bench)
    second = await second_model(bench)
    rollback = (await asked(bench, first.release_id)).release_id
    await bench.run_until(rollback, Phase.AWAITING_ROLLBACK_APPROVAL)
    await approved(bench, second, Stage.PRODUCTION, OTHER)
    await bench.run_until(second, Phase.RELEASED)
    await approve(bench, rollback, OTHER)
    held = await bench.run_until(rollback, Phase.HELD)

    assert runs(bench) == SECOND
    assert "was changed by somebody else" in held.reason


async def test_a_worker_whose_release_loses_the_circuit_under_its_hands_changes_nothing(
    bench: Bench, mail: Mail, locks: DyingLocks
) -> None:
    """It had read the deployment and was about to change it; right before it looks at the lock again (I7)."""
    await a_released_model(bench)
    second = await second_model(bench)

    async def taken() -> None:
        await locks.preempt(CIRCUIT, second, "a-rollback", None)

    mail.meanwhile = taken
    await approved(bench, second, Stage.PRODUCTION, OTHER)
    await bench.run_until(second, Phase.FAILED)
    assert runs(bench) == FIRST


async def test_a_rollback_that_is_aborted_in_the_quiet_time_leaves_the_circuit_quiet(bench: Bench, mail: Mail) -> None:
    """Who comes next must not meet the change that was on its way when the circuit was taken (I7)."""
    rollback, _ = await a_rollback_and_a_change_on_its_way(bench, mail)
    await approve(bench, rollback, OTHER)
    taken_at = bench.clock.now()
    await people.abort(rollback, OTHER, "false alarm", bench.ports)
    await bench.deliver()
    lock = bench.locks.locks[CIRCUIT]

    assert (bench.release(rollback).phase, lock.holder) == (Phase.ABORTED, "")
    assert lock.free_from is not None
    assert lock.free_from >= taken_at + timedelta(seconds=bench.release(rollback).policy.limits.settle_quiet_s)
