"""A release to online endpoints in any phase, with what the earlier ones brought."""

from dataclasses import replace
from typing import Any

from shared.domain.online.model import Comparison, EndpointFound, Measures, Online, OnlineWish, Rollout, Side
from shared.domain.online.specs import lock_key
from shared.domain.online.traffic import steps_to
from shared.domain.release.model import CheckRun, Kind, Phase, Release, Verdict
from tests.support.builders import NOW, a_candidate, a_release
from tests.support.online_plans import NAME, an_online_plan

#: The phases of the straight road, in order.
ONLINE_ROAD = (
    Phase.VERIFYING,
    Phase.COMPARING,
    Phase.AWAITING_REGISTRY_APPROVAL,
    Phase.PROMOTING,
    Phase.WAITING_FOR_ENDPOINT,
    Phase.RECORDING_DEV,
    Phase.DEPLOYING_DEV,
    Phase.TESTING_DEV,
    Phase.MOVING_DEV_TRAFFIC,
    Phase.AWAITING_PRODUCTION_APPROVAL,
    Phase.RECORDING_PREVIOUS,
    Phase.DEPLOYING_PRODUCTION,
    Phase.TESTING_PRODUCTION,
    Phase.MOVING_TRAFFIC,
    Phase.WATCHING,
    Phase.REMOVING_SLOTS,
    Phase.RELEASED,
)

MEASURES = Measures(asked=10, failed=0, p50_ms=10, p95_ms=20, p99_ms=30, error=0.5)
NOTHING = EndpointFound(provisioning="Succeeded")


def a_rollout(side: Side, **changes: Any) -> Rollout:
    """The slot `old` had everything before."""
    plan = an_online_plan()
    before = {"old": 100}
    rollout = Rollout(
        side=side,
        endpoint_name=plan.of(side).endpoint_name,
        slot=plan.of(side).slot,
        recorded_at=NOW,
        existed=True,
        traffic_before=before,
        mirror_before={},
        slots_before=(),
        steps=steps_to(plan.of(side).slot, before, {}, plan.traffic),
    )
    return replace(rollout, **changes)


def an_online_release(phase: Phase = Phase.VERIFYING, **changes: Any) -> Release:
    """The release of taxi-fare:2 in `phase`."""
    at = ONLINE_ROAD.index(phase) if phase in ONLINE_ROAD else ONLINE_ROAD.index(Phase.MOVING_TRAFFIC)
    plan = an_online_plan()

    def is_past(other: Phase) -> bool:
        return at >= ONLINE_ROAD.index(other)

    rollouts: tuple[Rollout, ...] = ()
    if is_past(Phase.DEPLOYING_DEV):
        rollouts = (a_rollout(Side.DEV, done=is_past(Phase.AWAITING_PRODUCTION_APPROVAL)),)
    if is_past(Phase.DEPLOYING_PRODUCTION):
        rollouts = (*rollouts, a_rollout(Side.PRODUCTION, done=is_past(Phase.REMOVING_SLOTS)))
    compared = is_past(Phase.AWAITING_REGISTRY_APPROVAL)
    online = Online(
        wish=OnlineWish(config=NAME, branch="integration"),
        plan=plan if is_past(Phase.COMPARING) else None,
        comparison=Comparison(improved=True, candidate={"mae": 1.0}, baseline={"mae": 2.0}) if compared else None,
        rollouts=rollouts,
    )
    run = CheckRun(attempt=1, job_name="compare-1", verdict=Verdict.PASSED if compared else None)
    started = compared or phase is Phase.COMPARING
    release = replace(
        a_release(Phase.VERIFYING),
        kind=Kind.ONLINE,
        asset_name="taxi-fare",
        asset_version="2",
        phase=phase,
        candidate=a_candidate(name="taxi-fare", version="2", plant_id="", circuit_id="") if online.plan else None,
        targets=(),
        online=online,
        epochs=dict.fromkeys((lock_key(side, plan.of(side).endpoint_name) for side in Side), 1) if online.plan else {},
        check_runs=(run,) if started else (),
        registry_model_id="azureml://registries/mlregistry-shared/models/taxi-fare/versions/2",
        registry_environment_id="azureml://registries/mlregistry-shared/environments/custom-tf-env/versions/1.5.0",
        circuit_claimed=is_past(Phase.WAITING_FOR_ENDPOINT),
        ending=Phase.FAILED if phase is Phase.RESTORING else None,
        held_phase=Phase.VERIFYING if phase is Phase.HELD else None,
    )
    return replace(release, **changes)
