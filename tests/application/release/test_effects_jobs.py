"""The test inference: one job per attempt, judged by its end."""

import pytest

from shared.application.carry_out import carry_out
from shared.application.platform_ports import Place
from shared.domain.release import events as e
from shared.domain.release.commands import ObserveTest
from shared.domain.release.model import Phase, Release, Verdict
from shared.domain.release.specs import wanted_spec
from shared.domain.release.steps import observe_commands
from tests.fakes.platform import FakeJob
from tests.support.benches.release import Bench
from tests.support.benches.steps import answers, only_answer, step
from tests.support.builders import RELEASE_ID, a_release, a_spec


async def testing(bench: Bench) -> Release:
    """A release whose candidate runs in test."""
    release = await bench.put(a_release(Phase.TESTING))
    bench.platform.apply_put(Place.TEST, wanted_spec(release, Phase.TESTING))
    return release


async def test_one_attempt_starts_one_job_however_often_it_is_told(bench: Bench) -> None:
    """A claim is durable before the job is started (I14)."""
    release = await testing(bench)
    for _ in range(3):
        await carry_out(step(release), bench.ports)

    assert len(bench.platform.jobs) == 1
    assert isinstance(only_answer(bench), e.TestStarted)


async def test_a_start_that_nobody_knows_the_end_of_is_waited_for_and_then_errored(bench: Bench) -> None:
    """It died between claim and job: another attempt gets a claim of its own (I14)."""
    release = await testing(bench)
    await bench.jobs.claim(RELEASE_ID, release.serial, bench.clock.now())
    await carry_out(step(release), bench.ports)
    assert bench.events.sent == []

    bench.clock.advance(release.policy.limits.settle_quiet_s)
    await carry_out(step(release), bench.ports)

    assert isinstance(only_answer(bench), e.StepErrored)
    assert bench.platform.jobs == {}


@pytest.mark.parametrize(
    ("status", "verdict"),
    [
        ("Completed", Verdict.PASSED),
        ("Failed", Verdict.FAILED),
        ("Canceled", Verdict.ERRORED),
        ("Not Responding", Verdict.ERRORED),
    ],
)
async def test_an_ended_job_gets_the_verdict_of_its_status(bench: Bench, status: str, verdict: Verdict) -> None:
    """Failed is about the model, errored is not."""
    bench.platform.job_status = status

    event = await observed_after_start(bench)

    assert isinstance(event, e.TestFinished)
    assert event.verdict is verdict


async def test_a_failed_test_says_why_in_the_reason(bench: Bench) -> None:
    """The last line of the job's log, before where to look."""
    release = await testing(bench)
    bench.platform.jobs[Place.TEST, "batchjob-1"] = FakeJob("Failed", "see the log", error="ValueError: no rows")
    observe = ObserveTest(
        command_id="o",
        release_id=RELEASE_ID,
        serial=release.serial,
        spec=wanted_spec(release, Phase.TESTING),
        job_name="batchjob-1",
    )
    await carry_out(observe, bench.ports)

    event = only_answer(bench)
    assert isinstance(event, e.TestFinished)
    assert (event.verdict, event.detail) == (Verdict.FAILED, "ValueError: no rows; Failed, see the log")


async def test_a_job_that_ran_while_somebody_changed_test_is_inconclusive(bench: Bench) -> None:
    """It did not judge the candidate (I16: unknown is not passed)."""
    event = await observed_after_start(bench, disturb=True)

    assert isinstance(event, e.TestFinished)
    assert event.verdict is Verdict.INCONCLUSIVE


@pytest.mark.parametrize("status", ["Running", "Queued", "AWordOfTomorrow"])
async def test_a_job_with_any_other_status_is_still_running(bench: Bench, status: str) -> None:
    """An unknown word is never a verdict."""
    bench.platform.job_status = status

    assert isinstance(await observed_after_start(bench), e.TestStillRunning)


async def observed_after_start(bench: Bench, *, disturb: bool = False) -> e.Event:
    """Starts the test, lets somebody else deploy to test, and looks."""
    release = await testing(bench)
    await carry_out(step(release), bench.ports)
    await bench.deliver()
    if disturb:
        bench.platform.apply_put(Place.TEST, a_spec())
    await carry_out(observe_commands(bench.release(RELEASE_ID), "-look")[0], bench.ports)
    return answers(bench)[-1]
