"""Compatibility checks: the target's model scores real rows in the version it runs in and in the new one.

Two jobs in the test workspace per try, with names that follow from release, target and try: the baseline, then the
check that compares itself with it.
"""

from typing import Any

from shared.application.answers import target_answer
from shared.application.errors import PlatformErrored, PlatformOutcomeUnknown, PlatformRefused
from shared.application.ports import CompatibilityJob, Place, Ports
from shared.domain import commands as c
from shared.domain import events as e
from shared.domain.events import Outcome
from shared.domain.model import Release, Verdict

Answered = tuple[Outcome, Verdict | None, str]

_ENDED_WELL = "completed"
_BROKEN = frozenset({"failed"})
_STOPPED = frozenset({"canceled", "notresponding"})

#: The report's words (environment/sensor_model/compatibility.py). `changed` is for people to judge, with the numbers.
_VERDICTS = {
    "identical": Verdict.PASSED,
    "within tolerance": Verdict.PASSED,
    "changed": Verdict.INCONCLUSIVE,
    "failed": Verdict.FAILED,
}


async def check_target(command: c.CheckTarget, release: Release, ports: Ports) -> e.Event:
    """Submits what is missing and looks at the rest; never waits."""
    try:
        outcome, verdict, detail = await _check(command, ports)
    except (PlatformErrored, PlatformOutcomeUnknown) as error:
        outcome, verdict, detail = Outcome.ERRORED, None, str(error)
    except PlatformRefused as error:
        outcome, verdict, detail = Outcome.REFUSED, None, str(error)
    return target_answer(command, ports, outcome, detail, verdict=verdict)


async def _check(command: c.CheckTarget, ports: Ports) -> Answered:
    baseline = _job(command, "base", command.previous.environment, ports)
    check = _job(command, "new", command.environment, ports, baseline=baseline.job_name)
    for job in (baseline, check):
        status = await _status(job, ports)
        if status in _STOPPED:
            return Outcome.ERRORED, None, f"job {job.job_name} ended as {status}"
        if status in _BROKEN and job is baseline:
            return Outcome.ERRORED, None, f"the baseline job {job.job_name} failed: see its log"
        if status in _BROKEN:
            return Outcome.DONE, Verdict.FAILED, f"job {job.job_name} failed: see its log"
        if status != _ENDED_WELL:
            return Outcome.PENDING, None, f"job {job.job_name} is {status}"
    return _judged(await ports.environments.read_report(check.job_name))


async def _status(job: CompatibilityJob, ports: Ports) -> str:
    """Azure ML's word for a job's state in small letters; a job that is not there is submitted."""
    state = await ports.platform.get_job(Place.TEST, job.job_name)
    if state is None:
        await ports.environments.submit_check(job)
        return "submitted"
    return state.status.lower().replace(" ", "")


def _job(command: c.CheckTarget, what: str, environment: str, ports: Ports, baseline: str = "") -> CompatibilityJob:
    variables = command.previous.environment_variables
    name = f"{command.release_id}-{command.serial}-{command.target_key.lower()}-{command.attempt}-{what}"
    return CompatibilityJob(
        job_name=name,
        model=command.previous.model,
        environment=environment,
        plant_id=variables["PLANT_ID"],
        circuit_id=variables["CIRCUIT_ID"],
        compute=ports.config.fleet().test_compute,
        input_uri=ports.config.fleet().input_uri,
        baseline=baseline,
    )


def _judged(report: dict[str, Any]) -> Answered:
    comparison = report.get("comparison") or {}
    verdict = _VERDICTS.get(str(comparison.get("verdict")))
    if verdict is None:
        return Outcome.ERRORED, None, "the check's report has no verdict"
    told = [str(comparison["verdict"]), f"{report.get('rows')} rows", *map(str, comparison.get("reasons") or ())]
    largest = comparison.get("largest_absolute")
    if largest:
        told.append(f"largest difference {largest.get('value')} in {largest.get('column')}")
    return Outcome.DONE, verdict, ", ".join(told)[:500]
