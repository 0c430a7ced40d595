"""TestJobs: one test job per step, claimed before it is started and found again by its name."""

import asyncio
from datetime import timedelta

import pytest

from shared.adapters.tables.jobs import TableTestJobs
from shared.application.release import ports
from tests.fakes.jobs import MemoryTestJobs
from tests.support.builders import NOW, RELEASE_ID

LATER = NOW + timedelta(minutes=5)


@pytest.fixture(params=["memory", pytest.param("tables", marks=pytest.mark.azurite)])
def jobs(request: pytest.FixtureRequest) -> ports.TestJobs:
    """Each test runs on both."""
    return MemoryTestJobs() if request.param == "memory" else TableTestJobs(request.getfixturevalue("table"))


async def test_the_first_claim_is_new_and_the_next_one_is_not(jobs: ports.TestJobs) -> None:
    """Who comes second learns when the start was claimed."""
    assert await jobs.claim(RELEASE_ID, 6, NOW) == ports.TestClaim(is_new=True, claimed_at=NOW)
    assert await jobs.claim(RELEASE_ID, 6, LATER) == ports.TestClaim(is_new=False, claimed_at=NOW)


async def test_each_step_and_each_release_claims_for_itself(jobs: ports.TestJobs) -> None:
    """A new attempt has a new serial and may start a new job."""
    await jobs.claim(RELEASE_ID, 6, NOW)
    assert (await jobs.claim(RELEASE_ID, 7, LATER)).is_new
    assert (await jobs.claim("rel-other", 6, LATER)).is_new


async def test_of_many_claims_at_once_exactly_one_is_new(jobs: ports.TestJobs) -> None:
    """Two workers with the same command start one job."""
    claims = await asyncio.gather(*(jobs.claim(RELEASE_ID, 6, NOW + timedelta(seconds=n)) for n in range(8)))
    assert [claim.is_new for claim in claims].count(True) == 1
    assert len({claim.claimed_at for claim in claims}) == 1


async def test_a_recorded_job_is_known_by_claim_and_by_name(jobs: ports.TestJobs) -> None:
    """Recording it twice is fine; job names come from outside."""
    job_name = "batchjob/weird#name?"
    await jobs.claim(RELEASE_ID, 6, NOW)
    for _ in range(2):
        await jobs.record(RELEASE_ID, 6, job_name)
    assert await jobs.claim(RELEASE_ID, 6, LATER) == ports.TestClaim(is_new=False, claimed_at=NOW, job_name=job_name)
    assert await jobs.release_of(job_name) == RELEASE_ID


async def test_a_claim_that_is_given_back_can_be_had_again(jobs: ports.TestJobs) -> None:
    """Nothing was started under it; giving it back once more takes nothing from whoever has it by now."""
    first = await jobs.claim(RELEASE_ID, 6, NOW, "P001-C001-1")
    await jobs.give_back(RELEASE_ID, 6, first, "P001-C001-1")
    assert await jobs.claim(RELEASE_ID, 6, LATER, "P001-C001-1") == ports.TestClaim(is_new=True, claimed_at=LATER)
    await jobs.give_back(RELEASE_ID, 6, first, "P001-C001-1")
    assert not (await jobs.claim(RELEASE_ID, 6, LATER, "P001-C001-1")).is_new


async def test_a_claim_with_its_job_is_not_given_back(jobs: ports.TestJobs) -> None:
    """The job runs: nobody may start a second one (I14)."""
    claim = await jobs.claim(RELEASE_ID, 6, NOW)
    await jobs.record(RELEASE_ID, 6, "job-1")
    await jobs.give_back(RELEASE_ID, 6, claim)
    assert (await jobs.claim(RELEASE_ID, 6, LATER)).job_name == "job-1"


async def test_a_job_of_somebody_else_belongs_to_no_release(jobs: ports.TestJobs) -> None:
    """Azure ML reports every job of the workspace."""
    assert await jobs.release_of("somebody-elses-job") is None
    assert await jobs.release_of("") is None


async def test_a_job_is_recorded_only_after_its_claim(jobs: ports.TestJobs) -> None:
    """The claim is durable before the job exists; the other order is a mistake in the code."""
    with pytest.raises(LookupError):
        await jobs.record(RELEASE_ID, 6, "job-1")
    assert await jobs.release_of("job-1") is None


async def test_the_jobs_of_one_step_are_told_apart_by_their_part(jobs: ports.TestJobs) -> None:
    """One claim and one job for each; names of parts come from circuits."""
    for part in ("", "P001-C001-1", "P001-C001-2", "P/#?"):
        assert (await jobs.claim(RELEASE_ID, 6, NOW, part)).is_new
        await jobs.record(RELEASE_ID, 6, f"job-{part}", part)
        again = await jobs.claim(RELEASE_ID, 6, NOW, part)
        assert (again.is_new, again.job_name) == (False, f"job-{part}")
