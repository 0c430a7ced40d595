"""Looking at one run: see what is there, do the next missing thing, record it, and go on until there is to wait.

Everything that was seen to be done is recorded under the run's ETag after it was done; a crash in between has it done
again, which changes nothing (docs/training.md, "Every step twice").
"""

import logging
from datetime import datetime

from shared.application.errors import (
    ConcurrentUpdate,
    PlatformErrored,
    PlatformOutcomeUnknown,
    PlatformRefused,
    PortError,
    TransientFault,
)
from shared.application.training.effects import carry_out
from shared.application.training.ports import TrainingPorts, look_of
from shared.application.work.pause import pause_s
from shared.domain.job_ends import JobSeen
from shared.domain.training.model import TrainingPhase, TrainingRun, run_of_job
from shared.domain.training.steps import Next, Step, needs_job, next_step, waiting

log = logging.getLogger(__name__)

STEPS_MAX = 12
"""One look does as much as it can; a run has fewer steps than this without a wait."""

_TECHNICAL = (TransientFault, PlatformErrored, PlatformOutcomeUnknown)


async def advance(run_id: str, ports: TrainingPorts, serial: int | None = None) -> TrainingRun | None:
    """The run as it is afterwards; None when there is none. Raises TransientFault when the store does not answer.

    With `serial`, only if nothing has happened to the run since that look was arranged: whatever happened arranged the
    next one, so that a run has one chain of looks however many hints come between. Two at once do no harm: one of them
    records what was done, the other one leaves the run to it.
    """
    stored = await ports.runs.load(run_id)
    if stored is None:
        log.warning("a message names training run %s, which does not exist: dropped", run_id)
        return None
    run, version = stored.run, stored.version
    if serial is not None and serial != run.serial:
        return run
    try:
        for _ in range(STEPS_MAX):
            if run.settled:
                return run
            run = await _stepped(run, ports)
            version = await ports.runs.save(run, version)
            if run.look_at and run.look_at > ports.clock.now():
                break
    except ConcurrentUpdate:
        log.info("another instance changed run %s: this look ends", run_id)
        return None
    if run.look_at is not None:
        await ports.queue.send(look_of(run_id, run.serial), f"{run_id}-{run.serial}", at=run.look_at)
    return run


async def job_changed(job_name: str, event_id: str, ports: TrainingPorts) -> str | None:
    """Has the run of a job looked at now; None when the job is none of ours. A hint: what it says is read again."""
    run_id = run_of_job(job_name)
    if run_id is None or await ports.runs.load(run_id) is None:
        return None
    await ports.queue.send(look_of(run_id), f"{run_id}-{event_id}")
    return run_id


async def _stepped(run: TrainingRun, ports: TrainingPorts) -> TrainingRun:
    now = ports.clock.now()
    job: JobSeen | None = None
    try:
        job = await ports.platform.get_job(run.job_name) if needs_job(run) else None
    except PlatformRefused as error:  # whether the job runs is unknown: no reason to end the run
        return _fault(run, error, now)
    except _TECHNICAL as error:
        return _fault(run, error, now)
    step = next_step(run, job, now, ports.config.plan().limits)
    try:
        return await carry_out(step, run, job, ports)
    except PlatformRefused as error:
        if run.phase is TrainingPhase.CANCELING or run.phase.is_terminal:
            return _fault(run, error, now)
        refused = Next(step=Step.END, phase=TrainingPhase.FAILED, failure=str(error))
        return await carry_out(refused, run, job, ports)
    except _TECHNICAL as error:
        return _fault(run, error, now)


def _fault(run: TrainingRun, error: PortError, now: datetime) -> TrainingRun:
    log.warning("%s: %s", run.phase.value, error, extra={"run_id": run.run_id})
    return waiting(run, f"another try, because of: {error}", now, pause_s(run.faults + 1, error), fault=True)
