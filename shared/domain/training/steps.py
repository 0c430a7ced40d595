"""What a training run does next: a pure function of the run and of what was just seen in Azure ML.

Level-triggered: nobody has to remember which step was under way. Whoever looks at a run sees what is there and does the
next missing thing; every step may be done twice, and a step whose end was never recorded is done again.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from shared.domain.job_ends import JobEnded, JobSeen
from shared.domain.records import replace
from shared.domain.training.limits import TrainingLimits
from shared.domain.training.model import TrainingPhase, TrainingRun


class Step(StrEnum):
    """The next thing to do. Each is safe to do again."""

    REGISTER_DATA = "register_data"
    CLAIM_SLOT = "claim_slot"
    SUBMIT_JOB = "submit_job"
    WAIT = "wait"
    FREE_SLOT = "free_slot"
    TRY_AGAIN = "try_again"
    CHOOSE_VERSION = "choose_version"
    REGISTER_MODEL = "register_model"
    STORE_ARTIFACT = "store_artifact"
    CANCEL_JOB = "cancel_job"
    GIVE_UP_JOB = "give_up_job"
    END = "end"
    SETTLE = "settle"
    NOTHING = "nothing"


@dataclass(frozen=True, kw_only=True)
class Next:
    """A step, and for END how and why the run ends; for GIVE_UP_JOB why."""

    step: Step
    phase: TrainingPhase | None = None
    failure: str = ""


SETTLE_S = 90
"""How long a submission may still be in flight: longer than any request to Azure ML."""


def next_step(run: TrainingRun, job: JobSeen | None, now: datetime, limits: TrainingLimits) -> Next:
    """`job` is the job of the current attempt, seen just now; None when there is none, or where `needs_job` says that
    it does not matter."""
    if run.phase.is_terminal:
        return Next(step=Step.NOTHING if run.settled else Step.SETTLE)
    if run.phase is TrainingPhase.CANCELING:
        return _canceling(run, job, now)
    if run.phase is TrainingPhase.TRAINING:
        return _training(run, job, now, limits)
    if run.deadline_at and now >= run.deadline_at:
        return _failed(f"{_LATE[run.phase]} by {run.deadline_at:%Y-%m-%d %H:%M} UTC{_because(run)}")
    if run.phase is TrainingPhase.REGISTERING_MODEL:
        return Next(step=Step.REGISTER_MODEL if run.model_version else Step.CHOOSE_VERSION)
    return Next(step=_PLAIN[run.phase])


def needs_job(run: TrainingRun) -> bool:
    """Whether the next step depends on the job."""
    return run.phase in (TrainingPhase.TRAINING, TrainingPhase.CANCELING)


_PLAIN = {
    TrainingPhase.REGISTERING_DATA: Step.REGISTER_DATA,
    TrainingPhase.WAITING_FOR_SLOT: Step.CLAIM_SLOT,
    TrainingPhase.RECORDING: Step.STORE_ARTIFACT,
}
_LATE = {
    TrainingPhase.REGISTERING_DATA: "the training data could not be registered",
    TrainingPhase.WAITING_FOR_SLOT: "no training slot became free",
    TrainingPhase.REGISTERING_MODEL: "the trained model could not be registered",
    TrainingPhase.RECORDING: "the model is registered, but its artifact could not be stored",
}


def _training(run: TrainingRun, job: JobSeen | None, now: datetime, limits: TrainingLimits) -> Next:
    """A failure that the training code explains is one of data or configuration, and trying again cannot help; without
    a word of it a node, an image or the service failed."""
    late = run.deadline_at is not None and now >= run.deadline_at
    match job.end if job else None:
        case JobEnded.COMPLETED:
            return Next(step=Step.FREE_SLOT)
        case JobEnded.CANCELLED:
            return _failed(f"job {run.job_name} was cancelled in Azure ML, or reached its time limit: {job}")
        case JobEnded.FAILED if job and job.failure:
            return _failed(job.failure)
        case JobEnded.FAILED | JobEnded.NOT_RESPONDING if run.attempt < limits.attempts_max and not late:
            return Next(step=Step.TRY_AGAIN)
        case JobEnded.FAILED | JobEnded.NOT_RESPONDING:
            return _failed(f"{run.attempt} tries failed for technical reasons, the last one with: {job}")
    if late:
        why = f"job {run.job_name} did not end by {run.deadline_at:%Y-%m-%d %H:%M} UTC{_because(run)}"
        return Next(step=Step.GIVE_UP_JOB, failure=why)
    return Next(step=Step.WAIT if job else Step.SUBMIT_JOB)


def _canceling(run: TrainingRun, job: JobSeen | None, now: datetime) -> Next:
    if job and job.end is None and run.deadline_at and now < run.deadline_at:
        return Next(step=Step.CANCEL_JOB)
    if job is None and run.may_have_job and now < run.since + timedelta(seconds=SETTLE_S):
        return Next(step=Step.WAIT)  # its submission may be on the way
    if run.failure:
        return _failed(run.failure)
    return Next(step=Step.END, phase=TrainingPhase.ABORTED, failure=f"{run.aborted_by} aborted it: {run.abort_reason}")


def _failed(why: str) -> Next:
    return Next(step=Step.END, phase=TrainingPhase.FAILED, failure=why)


def _because(run: TrainingRun) -> str:
    return f"; last: {run.waits_for}" if run.faults else ""


def entered(
    run: TrainingRun, phase: TrainingPhase, now: datetime, limits: TrainingLimits, waits_for: str = ""
) -> TrainingRun:
    """The run in another phase, with that phase's deadline."""
    ended = phase.is_terminal
    return replace(
        run,
        phase=phase,
        since=now,
        deadline_at=None if ended else now + timedelta(seconds=limits.deadline_s(phase)),
        look_at=now,
        waits_for=waits_for,
        may_have_job=run.may_have_job or phase is TrainingPhase.TRAINING,
        ended_at=now if ended else None,
        serial=run.serial + 1,
        faults=0,
    )


def waiting(run: TrainingRun, what: str, now: datetime, pause_s: float, *, fault: bool = False) -> TrainingRun:
    """The run as it was, to be looked at again after `pause_s`, or at its deadline if that comes first."""
    look_at = now + timedelta(seconds=pause_s)
    if run.deadline_at and run.deadline_at > now:
        look_at = min(look_at, run.deadline_at)
    return replace(run, waits_for=what, look_at=look_at, serial=run.serial + 1, faults=run.faults + 1 if fault else 0)


def given_up(run: TrainingRun, why: str, now: datetime, limits: TrainingLimits, pause_s: float) -> TrainingRun:
    """The run that nobody could look at: it says why and waits on, until its deadline; then it fails, by way of the end
    of the job that it may have."""
    if run.phase.is_terminal or run.phase is TrainingPhase.CANCELING or (run.deadline_at and now < run.deadline_at):
        return waiting(run, why, now, pause_s, fault=True)
    failing = replace(run, failure=why)
    if run.may_have_job:
        return entered(failing, TrainingPhase.CANCELING, now, limits, f"the end of job {run.job_name}")
    return entered(failing, TrainingPhase.FAILED, now, limits)


def settled(run: TrainingRun) -> TrainingRun:
    """The ended run with nothing left to do."""
    return replace(run, settled=True, look_at=None, waits_for="", serial=run.serial + 1, faults=0)


def tried_again(run: TrainingRun, now: datetime, why: str) -> TrainingRun:
    """The run in its next attempt; it keeps its slot and its deadline."""
    waits_for = f"another try, because of: {why}"
    return replace(run, attempt=run.attempt + 1, look_at=now, waits_for=waits_for, serial=run.serial + 1, faults=0)
