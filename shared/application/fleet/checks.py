"""Compatibility checks: the target's model scores real rows in the version it runs in and in the new one.

Two jobs in the test workspace per try, with names that follow from release, target and try: the baseline, then the
check that compares itself with it.
"""

from typing import Any

from shared.application.fleet.look_later import READS_PER_S, look_later
from shared.application.platform_ports import CompatibilityJob, Place
from shared.application.release.effects.answers import PLATFORM_FAULTS, outcome_of, target_answer
from shared.application.release.ports import Ports
from shared.domain.fleet.lanes import check_jobs
from shared.domain.job_ends import JobEnded, JobSeen
from shared.domain.release import commands as c
from shared.domain.release import events as e
from shared.domain.release.events import Outcome
from shared.domain.release.model import Release, Verdict
from shared.domain.shown import both_ends

Answered = tuple[Outcome, Verdict | None, str]

#: Jobs that could not be cancelled and are named in the history.
NAMED_MAX = 5
#: A look reads the baseline's job and the check's.
READS_PER_LOOK = 2
#: A check takes minutes, and a pause is never longer than it has lasted: its end is seen late by as much at most.
LOOK_SHARE = 1.0

DETAIL_CHARS_MAX = 500
#: Errors of Keras are long: what was asked for is at their beginning, and why it could not be done at their end.
REASON_CHARS_MAX = 400

#: The report's words (environment/sensor_model/compatibility.py). `changed` is for people to judge, with the numbers;
#: `unclear` is a model that is scored in neither version.
_VERDICTS = {
    "identical": Verdict.PASSED,
    "within tolerance": Verdict.PASSED,
    "changed": Verdict.INCONCLUSIVE,
    "unclear": Verdict.INCONCLUSIVE,
    "failed": Verdict.FAILED,
}


async def check_target(command: c.CheckTarget, release: Release, ports: Ports) -> e.Event | None:
    """Submits what is missing and looks at the rest; never waits. Only the end is told: a second delivery finds the
    jobs by their names, so that the release need not know that they were submitted."""
    try:
        outcome, verdict, detail = await _check(command, ports)
    except PLATFORM_FAULTS as error:
        outcome, verdict, detail = outcome_of(error), None, str(error)
    if outcome is Outcome.PENDING:
        limits = release.policy.limits
        least_s = max(limits.target_look_s, READS_PER_LOOK * limits.checks_parallel_max / READS_PER_S)
        await look_later(command, release, ports, share=LOOK_SHARE, least_s=least_s, most_s=limits.look_interval_s)
        return None
    return target_answer(command, ports, outcome, detail, verdict=verdict)


async def _check(command: c.CheckTarget, ports: Ports) -> Answered:
    base_name, check_name = check_jobs(command.release_id, command.serial, command.target_key, command.attempt)
    baseline = _job(command, base_name, command.previous.environment, ports)
    check = _job(command, check_name, command.environment, ports, baseline=base_name)
    for job in (baseline, check):
        seen = await _seen(job, command, ports)
        end, status = seen.end, seen.status.lower()
        if end is None:
            return Outcome.PENDING, None, f"job {job.job_name} is {status}"
        if end is JobEnded.FAILED and job is baseline:
            return Outcome.ERRORED, None, f"the baseline job {job.job_name} failed: see its log"
        if end is JobEnded.FAILED:
            return Outcome.DONE, Verdict.FAILED, f"job {job.job_name} failed: see its log"
        if end is not JobEnded.COMPLETED:
            return Outcome.ERRORED, None, f"job {job.job_name} ended as {status}"
    return _judged(await ports.environments.read_report(check.job_name))


async def _seen(job: CompatibilityJob, command: c.CheckTarget, ports: Ports) -> JobSeen:
    """The job as it is; one that is not there is submitted."""
    seen = await ports.platform.get_job(Place.TEST, job.job_name)
    if seen is None:
        await ports.environments.submit_check(job)
        await _stop_unless_wanted(job, command, ports)
        return JobSeen(status="submitted")
    return seen


async def _stop_unless_wanted(job: CompatibilityJob, command: c.CheckTarget, ports: Ports) -> None:
    """Cancels a job whose release ended while the job was being submitted."""
    release = await ports.store.without_fleet(command.release_id)
    if release is None or release.serial != command.serial:
        await ports.platform.cancel_job(Place.TEST, job.job_name)


async def cancel_checks(command: c.CancelChecks, ports: Ports) -> None:
    """Asks for the end of every job that still runs, and tells the release what became of them; what has ended stays
    as it is, so that asking again does no harm. A job that cannot be stopped is named and ends by itself."""
    stopped, left = 0, []
    for name in command.job_names:
        try:
            seen = await ports.platform.get_job(Place.TEST, name)
            if seen is None or seen.end:
                continue
            await ports.platform.cancel_job(Place.TEST, name)
            stopped += 1
        except PLATFORM_FAULTS as error:
            left.append(f"{name}: {error}")
    detail = f"{stopped} compatibility jobs nobody waits for any more were cancelled"
    if left:
        detail += f"; {len(left)} could not be cancelled and end by themselves: {'; '.join(left[:NAMED_MAX])}"
    await ports.events.publish(
        e.ChecksCancelled(
            event_id=f"{command.command_id}-answer",
            release_id=command.release_id,
            occurred_at=ports.clock.now(),
            detail=detail,
        )
    )


def _job(command: c.CheckTarget, name: str, environment: str, ports: Ports, baseline: str = "") -> CompatibilityJob:
    plant_id, circuit_id = command.previous.circuit_ids
    return CompatibilityJob(
        job_name=name,
        model=command.previous.model,
        environment=environment,
        plant_id=plant_id,
        circuit_id=circuit_id,
        compute=ports.config.fleet().test_compute,
        input_uri=ports.config.fleet().input_uri,
        baseline=baseline,
    )


def _judged(report: dict[str, Any]) -> Answered:
    comparison = report.get("comparison") or {}
    verdict = _VERDICTS.get(str(comparison.get("verdict")))
    if verdict is None:
        return Outcome.ERRORED, None, "the check's report has no verdict"
    reasons = [both_ends(str(each), REASON_CHARS_MAX) for each in comparison.get("reasons") or ()]
    if comparison.get("comparable") is False:
        return Outcome.ERRORED, None, ", ".join(reasons)[:DETAIL_CHARS_MAX]
    told = [str(comparison["verdict"]), f"{report.get('rows')} rows", *reasons]
    largest = comparison.get("largest_absolute")
    if largest:
        told.append(f"largest difference {largest.get('value')} in {largest.get('column')}")
    return Outcome.DONE, verdict, ", ".join(told)[:DETAIL_CHARS_MAX]
