"""What follows when a job or a run ends: its slot goes to whoever waits, people are told, failures are counted."""

import logging
from datetime import timedelta

from shared.application.errors import PortError, TransientFault
from shared.application.ports import OwnFinding
from shared.application.training.ports import TrainingPorts, look_of
from shared.domain.training.model import TrainingPhase, TrainingRun
from shared.domain.training.steps import settled, waiting

log = logging.getLogger(__name__)

FAILURES_READ_MAX = 1000
FAILURES_RULE = "training-failures"
ALERTED_FOR_S = 600
"""A failure is looked at for this long, so that the alert it raises survives a crash; later it raises none."""


async def settle(run: TrainingRun, ports: TrainingPorts) -> TrainingRun:
    """What is left to do once a run has ended: its slot, its news. It keeps its slot until its job has ended too: a job
    that nobody wants any more still trains. Raises PortError."""
    now, limits = ports.clock.now(), ports.config.plan().limits
    if any(slot.run_id == run.run_id for slot in await ports.slots.taken()):
        job = await ports.platform.get_job(run.job_name)
        if job and job.end is None:
            await ports.platform.cancel(run.job_name)
            log.warning("job %s still runs and keeps its slot", run.job_name, extra={"run_id": run.run_id})
            return waiting(run, f"the end of job {run.job_name}, which keeps its slot", now, limits.look_interval_s)
        await free_slot(run.run_id, ports)
    await tell(run, ports)
    if run.phase is TrainingPhase.FAILED:
        await watch_failures(ports)
    return settled(run)


async def free_slot(run_id: str, ports: TrainingPorts) -> None:
    """Gives the slot back and has the run that waits for longest look at it now, not at its next turn."""
    if not await ports.slots.free(run_id):
        return
    for each in await ports.runs.open_runs():
        if each.phase is TrainingPhase.WAITING_FOR_SLOT and each.run_id != run_id:
            await ports.queue.send(look_of(each.run_id), f"{each.run_id}-{each.serial}-freed-by-{run_id}")
            return


async def tell(run: TrainingRun, ports: TrainingPorts) -> None:
    """How the run ended, as a fact for everybody. Raises TransientFault."""
    wish = run.request
    data = {
        "run_id": run.run_id,
        "plant_id": wish.plant_id,
        "circuit_id": wish.circuit_id,
        "cutoff_date": wish.cutoff_date.isoformat(),
        "pr_number": wish.pr_number,
        "model": f"{run.model_name}:{run.model_version}" if run.phase is TrainingPhase.SUCCEEDED else "",
        "reason": run.failure,
    }
    kind = f"switchyard.training.{run.phase.value}"
    await _publish(f"{run.run_id}-{run.phase.value}", kind, f"trainings/{run.run_id}", data, ports)


async def watch_failures(ports: TrainingPorts) -> int:
    """Counts the runs that failed within the window; above the limit, and while the last failure is recent, the alert
    "High Training Failure Rate" (R-TRAIN-21) is raised, once an hour. Returns the count. Raises PortError."""
    now, limits = ports.clock.now(), ports.config.plan().limits
    failed = await ports.runs.failed_since(now - timedelta(seconds=limits.failures_window_s), FAILURES_READ_MAX)
    recent = await ports.runs.failed_since(now - timedelta(seconds=ALERTED_FOR_S), 1)
    if len(failed) > limits.failures_max and recent:
        hours = limits.failures_window_s // 3600
        data = {
            "rule": "High Training Failure Rate",
            "severity": "Sev2",
            "count": str(len(failed)),
            "reason": f"{len(failed)} training runs failed within {hours} h, more than {limits.failures_max}",
            "runs": ", ".join(failed[:20]),
        }
        log.error("high training failure rate: %d in %d h", len(failed), hours)
        fact_id = f"training-failures-{now:%Y%m%d%H}"
        finding = OwnFinding(
            finding_id=fact_id,
            rule=FAILURES_RULE,
            severity=2,
            found_at=now,
            record=f"failed trainings, the last {failed[0]}",
        )
        await ports.findings.report(finding)
        await _publish(fact_id, "switchyard.alert.training-failures", "trainings", data, ports)
    return len(failed)


async def _publish(fact_id: str, kind: str, subject: str, data: dict[str, str], ports: TrainingPorts) -> None:
    try:
        await ports.facts.publish(fact_id, kind, subject, data, ports.clock.now())
    except TransientFault:
        raise
    except PortError as error:  # trying again cannot help, and what happened has happened
        log.error("fact %s could not be published and is given up: %s", fact_id, error)
