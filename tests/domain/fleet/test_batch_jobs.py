"""What the numbers of production's batch jobs mean, at the edges of the policy."""

from dataclasses import replace

import pytest

from shared.domain.fleet.batch_jobs import BatchJobs, Health, health, told
from shared.domain.release.policy import WatchPolicy

POLICY = WatchPolicy(success_rate_min_pct=90, jobs_min=10)


def jobs(succeeded: int, *failed: int) -> BatchJobs:
    """So many succeeded, and so many failed in the first, the second circuit and so on."""
    return BatchJobs(
        succeeded=succeeded, failed={f"P001-C{number:03}": count for number, count in enumerate(failed, 1)}
    )


@pytest.mark.parametrize(
    ("counted", "said"),
    [
        (jobs(0), Health.UNKNOWN),
        (jobs(0, 5, 4), Health.UNKNOWN),
        (jobs(10), Health.HEALTHY),
        (jobs(9, 1), Health.HEALTHY),
        (jobs(8, 1, 1), Health.SEVERAL_CIRCUITS),
        (jobs(8, 2), Health.ONE_CIRCUIT),
        (jobs(0, 10), Health.ONE_CIRCUIT),
        (jobs(899, 50, 51), Health.SEVERAL_CIRCUITS),
        (jobs(900, 50, 50), Health.HEALTHY),
    ],
)
def test_exactly_the_lowest_rate_is_healthy_and_one_job_too_few_says_nothing(counted: BatchJobs, said: Health) -> None:
    """Ten jobs and ninety percent are the limits here."""
    assert health(counted, POLICY) is said


def test_a_policy_of_all_jobs_takes_no_failure() -> None:
    """100 % is a possible policy."""
    assert health(jobs(99, 1), WatchPolicy(success_rate_min_pct=100, jobs_min=1)) is Health.ONE_CIRCUIT
    assert health(jobs(99), WatchPolicy(success_rate_min_pct=100, jobs_min=1)) is Health.HEALTHY


@pytest.mark.parametrize(
    ("counted", "text"),
    [
        (jobs(0), "no batch job has ended yet"),
        (jobs(3), "3 of 3 batch jobs succeeded (100.0 %), fewer than 10 jobs say nothing"),
        (
            jobs(57, 3),
            "57 of 60 batch jobs succeeded (95.0 %), at least 90 % is healthy; failed: P001-C001 (3)",
        ),
        (jobs(8, 1, 2), "8 of 11 batch jobs succeeded (72.7 %), less than 90 %; failed: P001-C002 (2), P001-C001 (1)"),
    ],
)
def test_the_numbers_are_told_with_what_they_are_measured_by(counted: BatchJobs, text: str) -> None:
    """Nobody has to look the policy up."""
    assert told(counted, POLICY) == text


@pytest.mark.parametrize(
    ("counted", "said"),
    [
        (replace(jobs(0), broken=("P001-C001",)), Health.ONE_CIRCUIT),
        (replace(jobs(50), broken=("P001-C001",)), Health.ONE_CIRCUIT),
        (replace(jobs(0, 10), broken=("P001-C001",)), Health.ONE_CIRCUIT),
        (replace(jobs(0, 10), broken=("P001-C002",)), Health.SEVERAL_CIRCUITS),
        (replace(jobs(99, 1), broken=("P001-C002",)), Health.ONE_CIRCUIT),
        (replace(jobs(0), broken=("P001-C001", "P001-C002")), Health.SEVERAL_CIRCUITS),
    ],
)
def test_a_deployment_that_has_failed_speaks_without_any_job(counted: BatchJobs, said: Health) -> None:
    """And together with circuits whose jobs fail, of which one among many is life."""
    assert health(counted, POLICY) is said


def test_deployments_that_have_failed_are_told() -> None:
    """By the names of their circuits."""
    assert told(replace(jobs(0), broken=("P001-C001", "P002-C001")), POLICY) == (
        "no batch job has ended yet; the deployment has failed or is gone of P001-C001, P002-C001"
    )


def test_a_rate_just_below_the_limit_does_not_look_like_it() -> None:
    """8,999 of 10,000 are not rounded up to the healthy 90.0 %."""
    assert "(89.9 %), less than 90 %" in told(jobs(8999, 500, 501), POLICY)


def test_many_failing_circuits_are_counted_and_not_listed() -> None:
    """A reason that a person can read, and a tag that Azure takes."""
    text = told(jobs(0, *range(1, 201)), POLICY)

    assert text.endswith("failed: P001-C200 (200), P001-C199 (199), P001-C198 (198), P001-C197 (197), P001-C196 (196)"
                         " and 195 more circuits")  # fmt: skip
