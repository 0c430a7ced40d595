"""The comparison: what stops a version, what asks people, and what registers nothing."""

import pytest

from shared.application.platform_ports import Place
from shared.domain.online.model import Side
from shared.domain.release.model import Phase
from tests.fakes.online_platform import BETTER, WORSE
from tests.fakes.platform import FakeJob
from tests.support.benches.online import OnlineBench, model_id


def serving() -> OnlineBench:
    """Version 1 serves on both sides."""
    bench = OnlineBench()
    bench.something_serves(dev={"green": 100}, production={"blue": 100})
    return bench


async def test_a_worse_model_ends_there_and_is_not_registered() -> None:
    bench = serving()
    bench.online.report = WORSE

    release = await bench.run_until(await bench.ask(), Phase.FAILED)

    assert "not improved: mae 3, against mae 2" in release.reason
    assert model_id("2") not in bench.platform.registry


async def test_it_is_compared_with_the_model_that_gets_most_requests() -> None:
    bench = serving()
    release = await bench.run_until(await bench.ask(), Phase.AWAITING_REGISTRY_APPROVAL)

    (job,) = bench.online.comparisons.values()
    assert (job.baseline, job.environment) == (model_id("1"), "azureml:custom-tf-env:1.5.0")
    assert release.online is not None
    assert release.online.baseline_model == model_id("1")


@pytest.mark.parametrize("report", [None, {}, {"improved": True}, {"improved": True, "candidate": {"mae": 1.0}}])
async def test_a_report_that_is_missing_or_cannot_be_read_asks_people(report: object) -> None:
    """Never better, and not worse either."""
    bench = serving()
    bench.online.report = report

    release = await bench.run_until(await bench.ask(), Phase.HELD)

    assert release.held_phase is Phase.COMPARING
    assert model_id("2") not in bench.platform.registry


async def test_a_job_that_fails_is_tried_again_and_says_nothing_about_the_model() -> None:
    bench = serving()
    bench.platform.job_status = "Failed"
    release_id = await bench.ask()

    release = await bench.run_until(release_id, Phase.HELD)

    assert len(bench.online.comparisons) == release.policy.limits.attempts_max
    assert "comparing did not succeed after 3 attempts" in release.reason


@pytest.mark.parametrize("wish", [{"branch": "feature/x"}, {"compare_only": True}])
async def test_a_feature_branch_is_compared_and_registers_nothing(wish: dict[str, object]) -> None:
    bench = serving()

    release = await bench.run_until(await bench.ask(**wish), Phase.COMPARED)

    assert "improved: mae 1, against mae 2; nothing was registered" in release.reason
    assert model_id("2") not in bench.platform.registry
    assert bench.traffic(Side.DEV) == {"green": 100}
    assert not any(lock.holder for lock in bench.locks.locks.values())


async def test_the_job_that_ci_ran_is_taken_as_it_is() -> None:
    bench = serving()
    bench.platform.jobs[Place.DEV, "ci-run-7"] = FakeJob("Completed", "see the log")
    bench.online.reports["ci-run-7"] = BETTER

    release = await bench.run_until(await bench.ask(comparison_run="ci-run-7"), Phase.AWAITING_REGISTRY_APPROVAL)

    assert bench.online.comparisons == {}
    assert [run.job_name for run in release.check_runs] == ["ci-run-7"]


async def test_a_job_that_compared_another_version_is_refused() -> None:
    bench = serving()
    bench.platform.add_model("taxi-fare", "2", {"comparison_run": "ci-run-6"}, created_by="maker@example.com")

    release = await bench.run_until(await bench.ask(comparison_run="ci-run-7"), Phase.FAILED)

    assert "was compared by ci-run-6, not by ci-run-7" in release.reason


async def test_a_version_that_was_compared_only_can_be_released_afterwards() -> None:
    """As its next attempt, which is asked for with what is wanted now."""
    bench = serving()
    first = await bench.ask(compare_only=True)
    await bench.run_until(first, Phase.COMPARED)

    second = await bench.at_production_gate()

    assert second != first
    assert bench.release(second).earlier[0].phase == "compared"
