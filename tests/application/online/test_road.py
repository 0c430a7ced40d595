"""A model version to online endpoints, as users see it: from the comparison to the end of the watch, and back."""

from shared.application.ports import IntakeResult
from shared.application.release import intake
from shared.domain.online.model import Side
from shared.domain.release.model import Phase
from tests.fakes.platform import DEV_WORKSPACE
from tests.support.benches.online import OnlineBench, model_id


async def test_a_better_model_serves_on_both_sides_and_the_old_slots_go() -> None:
    bench = OnlineBench()
    bench.something_serves(dev={"green": 100}, production={"blue": 100})
    release_id = await bench.at_production_gate()

    assert bench.traffic(Side.DEV) == {"blue": 100}
    assert bench.traffic(Side.PRODUCTION) == {"blue": 100}
    release = await bench.until(release_id, Phase.RELEASED)

    assert bench.traffic(Side.PRODUCTION) == {"green": 100}
    assert set(bench.endpoint(Side.PRODUCTION).slots) == {"green"}
    assert set(bench.endpoint(Side.DEV).slots) == {"blue"}
    assert release.online is not None
    rollout = release.online.rollout(Side.PRODUCTION)
    assert rollout is not None
    assert [move.traffic for move in rollout.moves] == [{"blue": 70, "green": 30}, {"green": 100}]
    assert rollout.removed == ("blue",)
    assert bench.platform.marked[model_id("2")]["comparison_run"] == release.check_runs[0].job_name


async def test_the_first_model_ever_serves_after_one_step() -> None:
    bench = OnlineBench()
    bench.online.report = {"improved": True, "candidate": {"mae": 1.0}}
    release_id = await bench.at_production_gate()

    await bench.until(release_id, Phase.RELEASED)

    assert bench.traffic(Side.DEV) == {"blue": 100}
    assert bench.traffic(Side.PRODUCTION) == {"green": 100}


async def test_a_slot_that_fails_its_share_of_the_traffic_goes_and_the_old_distribution_is_back() -> None:
    bench = OnlineBench()
    bench.something_serves(dev={"green": 100}, production={"blue": 100})
    release_id = await bench.at_production_gate()
    release = await bench.until(release_id, Phase.MOVING_TRAFFIC)
    bench.online.latency_ms["2"] = 5000

    release = await bench.run_until(release_id, Phase.FAILED)

    assert bench.traffic(Side.PRODUCTION) == {"blue": 100}
    assert set(bench.endpoint(Side.PRODUCTION).slots) == {"blue"}
    assert "too slow" in release.reason


async def test_a_version_that_is_registered_waits_until_somebody_asks_for_its_release() -> None:
    """Azure ML tells of it as of a circuit's, and it belongs to none."""
    bench = OnlineBench()
    now = bench.clock.now()
    release_id = await intake.model_registered("told", DEV_WORKSPACE, "taxi-fare", "2", now, bench.ports)
    await bench.deliver()

    assert release_id not in bench.store.partitions
    result, _, reason = bench.intake.records["eg-told"]
    assert result is IntakeResult.NOT_OURS
    assert "is served online" in reason
