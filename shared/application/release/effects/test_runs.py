"""The test inference: one job per attempt, judged by its end, by what it really ran on and by what it predicted."""

from datetime import timedelta

from shared.application.errors import PlatformBusy, PlatformErrored
from shared.application.job_output import output_of
from shared.application.platform_ports import Place
from shared.application.release.effects.answers import answer
from shared.application.release.ports import Ports
from shared.domain.job_ends import JobEnded
from shared.domain.predictions import PredictionQuality
from shared.domain.release import commands as c
from shared.domain.release import events as e
from shared.domain.release.model import DeploymentSpec, Release, Verdict
from shared.domain.release.specs import runs

#: What the end of a job says about the model (R-REL-13: completed without errors is passed, if it predicted).
VERDICTS = {
    JobEnded.COMPLETED: Verdict.PASSED,
    JobEnded.FAILED: Verdict.FAILED,
    JobEnded.CANCELLED: Verdict.ERRORED,
    JobEnded.NOT_RESPONDING: Verdict.ERRORED,
}

#: And what the output of a completed one says.
_OF_OUTPUT = {
    PredictionQuality.GOOD: Verdict.PASSED,
    PredictionQuality.BAD: Verdict.FAILED,
    PredictionQuality.UNCLEAR: Verdict.INCONCLUSIVE,
}


async def start_test(command: c.StartTest, release: Release, ports: Ports) -> e.Event | None:
    """Claims the start durably, then starts the job: never two jobs for one attempt (I14)."""
    now = ports.clock.now()
    if not await _tests_the_candidate(command.spec, ports):
        raise PlatformErrored(f"{command.spec.deployment_name} in test does not run the candidate")
    claim = await ports.test_jobs.claim(command.release_id, command.serial, now)
    if claim.job_name:
        return answer(e.TestStarted, command, ports, job_name=claim.job_name)
    if not claim.is_new:
        if now - claim.claimed_at < timedelta(seconds=release.policy.limits.settle_quiet_s):
            return None  # whoever claimed it may still be starting it
        raise PlatformErrored("nobody knows whether the test inference was started; another attempt is made")
    try:
        job_name = await ports.platform.invoke(Place.TEST, command.spec, command.input_uri)
    except PlatformBusy:  # nothing was started: whoever looks next may
        await ports.test_jobs.give_back(command.release_id, command.serial, claim)
        raise
    await ports.test_jobs.record(command.release_id, command.serial, job_name)
    return answer(e.TestStarted, command, ports, job_name=job_name)


async def observe_test(command: c.ObserveTest, release: Release, ports: Ports) -> e.Event:
    """Judges an ended job; one that ran while test did not run the candidate cannot be judged."""
    job = await ports.platform.get_job(Place.TEST, command.job_name)
    if job is None:
        return _finished(command, Verdict.ERRORED, f"there is no job {command.job_name} any more", ports)
    if job.end is None:
        return answer(e.TestStillRunning, command, ports, job_name=command.job_name, detail=job.status)
    verdict = VERDICTS[job.end]
    if verdict is Verdict.PASSED and not await _tests_the_candidate(command.spec, ports):
        detail = f"{command.spec.deployment_name} in test was changed by somebody else while the job ran"
        return _finished(command, Verdict.INCONCLUSIVE, detail, ports)
    if verdict is Verdict.PASSED:
        output = await output_of(ports.platform, Place.TEST, command.job_name, command.spec)
        verdict, detail = _OF_OUTPUT[output.quality], str(job)
        if verdict is not Verdict.PASSED:
            detail = f"{detail}; {output.told}"
        return _finished(command, verdict, detail, ports, output=output.told)
    return _finished(command, verdict, job.told, ports)


async def _tests_the_candidate(spec: DeploymentSpec, ports: Ports) -> bool:
    state = await ports.platform.get_deployment(Place.TEST, spec.endpoint_name, spec.deployment_name)
    return state is not None and runs(spec, state.spec)


def _finished(command: c.ObserveTest, verdict: Verdict, detail: str, ports: Ports, output: str = "") -> e.Event:
    said = {"output": output} if output else {}
    return answer(e.TestFinished, command, ports, job_name=command.job_name, verdict=verdict, detail=detail, **said)
