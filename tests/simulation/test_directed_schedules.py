"""Schedules that are too rare to be drawn: a change is on its way while everything is put back."""

from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest

from shared.application.carry_out import carry_out
from shared.application.errors import PlatformOutcomeUnknown
from shared.application.fleet.rollback_requests import request_rollback
from shared.application.platform_ports import DeploymentState, Place
from shared.application.release import people
from shared.application.release.handle_events import handle_events
from shared.domain.release.commands import ChangeTarget
from shared.domain.release.model import DeploymentSpec, Phase
from shared.domain.release.policy import Stage
from tests.fakes.platform import MemoryModelPlatform
from tests.support.benches.release import Bench
from tests.support.benches.road import ENGINEER, MANAGER, NEW_ID, OLD_ID, decide, fleet_in_production, requested

KEY = (Place.PRODUCTION, "batch-endpoint-plant-P001", "deployment-circuit-c001")


class SlowPlatform(MemoryModelPlatform):
    """While `loses` is set, changes that bring the new environment to KEY get no answer and stay in flight; while a
    read of KEY is answered, `meanwhile` happens, once."""

    def __init__(self) -> None:
        super().__init__()
        self.loses = False
        self.in_flight: list[DeploymentSpec] = []
        self.meanwhile: Callable[[], Awaitable[None]] | None = None

    async def put_deployment(self, place: Place, spec: DeploymentSpec) -> None:
        if self.loses and _is_forward(spec) and (place, spec.endpoint_name, spec.deployment_name) == KEY:
            self.in_flight.append(spec)
            raise PlatformOutcomeUnknown("no answer to the change")
        await super().put_deployment(place, spec)

    async def get_deployment(self, place: Place, endpoint_name: str, deployment_name: str) -> DeploymentState | None:
        state = await super().get_deployment(place, endpoint_name, deployment_name)
        if self.meanwhile is not None and (place, endpoint_name, deployment_name) == KEY:
            happens, self.meanwhile = self.meanwhile, None
            await happens()
        return state

    def land(self) -> None:
        """What was in flight arrives."""
        for spec in self.in_flight:
            self.apply_put(Place.PRODUCTION, spec)
        self.in_flight.clear()


def _is_forward(spec: DeploymentSpec) -> bool:
    return spec.environment == NEW_ID


@pytest.fixture
def platform() -> SlowPlatform:
    return SlowPlatform()


@pytest.fixture
def bench(platform: SlowPlatform) -> Bench:
    """Six circuits in production, and the new version in the dev workspace."""
    return fleet_in_production(Bench(platform=platform))


async def approved(bench: Bench) -> str:
    """A release of the new version whose last approval is on the queue."""
    rid = await requested(bench)
    for gate, stage, actors in (
        (Phase.AWAITING_REGISTRY_APPROVAL, Stage.REGISTRY, (ENGINEER,)),
        (Phase.AWAITING_PRODUCTION_APPROVAL, Stage.PRODUCTION, (ENGINEER, MANAGER)),
    ):
        await bench.run_until(rid, gate)
        for actor in actors:
            await decide(bench, rid, stage, actor)
    return rid


@pytest.mark.parametrize("wish", ["roll back", "abort"])
async def test_a_change_that_lands_late_does_not_outlive_the_roll_back(
    bench: Bench, platform: SlowPlatform, wish: str
) -> None:
    """It was given up, a person goes back at once, and only then does it arrive (I10, I11)."""
    platform.loses = True
    rid = await approved(bench)
    await bench.run_until(rid, Phase.HELD)
    if wish == "abort":
        await people.abort(rid, ENGINEER, "not today", bench.ports)
    else:
        await request_rollback(rid, ENGINEER, "scoring errors", bench.ports, critical=True)
    for _ in range(3):
        await bench.deliver()
        bench.clock.advance(15)
    platform.land()
    ended = await bench.run_until(rid, Phase.ABORTED if wish == "abort" else Phase.ROLLED_BACK)

    assert {deployment.spec.environment for deployment in platform.deployments.values()} == {OLD_ID}
    assert ended.production_touched


async def test_a_worker_that_wakes_up_after_the_roll_back_began_changes_nothing(
    bench: Bench, platform: SlowPlatform
) -> None:
    """It had read the deployment and was about to change it; right before it looks again (I3, I10)."""
    rid = await approved(bench)

    async def goes_back() -> None:
        await request_rollback(rid, ENGINEER, "scoring errors", bench.ports, critical=True)
        [(message_id, event, _)] = [sent for sent in bench.events.sent if sent[0].startswith(f"{rid}-rollback")]
        bench.delivered.add(message_id)
        await handle_events(rid, [event], bench.ports)

    platform.meanwhile = goes_back
    await bench.run_until(rid, Phase.ROLLED_BACK)

    forward = [spec for place, spec in platform.puts if place is Place.PRODUCTION and _is_forward(spec)]
    assert KEY[1:] not in {(spec.endpoint_name, spec.deployment_name) for spec in forward}
    assert platform.deployments[KEY].spec.environment == OLD_ID


async def test_a_change_that_is_delivered_twice_is_sent_once(bench: Bench, platform: SlowPlatform) -> None:
    """One worker had read the deployment when the other one sent the change and told so: sent again, the same change
    may fail after the first one was read back (I11)."""
    rid = await approved(bench)

    async def sent_by_another() -> None:
        [command] = [
            c for _, c, _ in bench.commands.sent if isinstance(c, ChangeTarget) and c.target_key == "P001-C001"
        ]
        await carry_out(command, bench.ports)
        message_id, event, _ = bench.events.sent[-1]
        bench.delivered.add(message_id)
        await handle_events(rid, [event], bench.ports)

    platform.meanwhile = sent_by_another
    await bench.run_until(rid, Phase.WATCHING)

    assert [(spec.endpoint_name, spec.deployment_name) for _, spec in platform.puts].count(KEY[1:]) == 1


async def test_a_worker_that_loses_the_circuit_under_its_hands_leaves_it_alone(
    bench: Bench, platform: SlowPlatform
) -> None:
    """It had read the deployment and was about to change it; right before it looks at the lock again (I7)."""
    rid = await approved(bench)

    async def taken() -> None:
        await bench.locks.preempt("P001-C001", rid, "a-rollback", None)

    platform.meanwhile = taken
    watched = await bench.run_until(rid, Phase.WATCHING)

    assert platform.deployments[KEY].spec.environment == OLD_ID
    assert {target.key: target.superseded_by for target in watched.fleet}["P001-C001"] == "a-rollback"


async def test_a_deployment_that_an_earlier_release_put_back_is_not_foreign(
    bench: Bench, platform: SlowPlatform
) -> None:
    """The marks of that roll-back are no part of what is frozen, and must not look like somebody else's change."""
    deployment = platform.deployments[KEY]
    marks = {"restored_by_release": "rel-older", "rolled_back_at": "2025-12-01T00:00:00Z", "rollback_reason": "errors"}
    deployment.spec = replace(deployment.spec, tags={**deployment.spec.tags, **marks})
    rid = await approved(bench)
    await bench.run_until(rid, Phase.WATCHING)

    assert {each.spec.environment for each in platform.deployments.values()} == {NEW_ID}
    assert not set(marks) & set(platform.deployments[KEY].spec.tags)
