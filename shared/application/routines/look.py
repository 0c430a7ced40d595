"""Routines: looking at a task.

One message per task says "look at it". A look observes Azure ML by names that follow from the task, does the next
missing thing and records it under the task's ETag, so that a look too many does nothing.
"""

import logging
from dataclasses import replace
from datetime import datetime, timedelta

from shared.application.errors import (
    ConcurrentUpdate,
    PlatformErrored,
    PlatformOutcomeUnknown,
    PlatformRefused,
    PlatformThrottled,
    PortError,
)
from shared.application.platform_ports import Place
from shared.application.routines.inference import Inference
from shared.application.routines.monitoring import Monitoring
from shared.application.routines.ports import Collected, RoutinePorts, StoredTask, Work
from shared.application.routines.publish import tell
from shared.application.routines.start import send
from shared.application.work.pause import LONGEST_S, pause_s
from shared.domain.job_ends import JobEnded, JobSeen
from shared.domain.routines.task import (
    KIND_OF,
    TEXT_CHARS_MAX,
    EndKind,
    Routine,
    Task,
    TaskAction,
    TaskLimits,
    TaskRef,
    TaskState,
    claimed,
    failed,
    finished,
    is_overdue,
    judge,
)

log = logging.getLogger(__name__)

GIVEN_UP_AFTER = 2
"""Times a job's deadline."""

TELL_FOR = timedelta(days=1)
"""How long the app tries to publish the end of a task; as long as `PROPOSE_DEADLINE_S` for a proposal."""


async def look(ref: TaskRef, ports: RoutinePorts) -> Task | None:
    """Does the next missing thing of a task; None when there is no such task, or somebody else works on it.

    Raises PortError when Azure ML, the store, the queue or source control do not answer: look again later.
    """
    stored = await ports.tasks.load(ref)
    if stored is None or stored.task.is_done:
        return stored.task if stored else None
    try:
        stored = await _worked(stored, ports)
        if stored.task.told < len(stored.task.ends):
            stored = await _saved(await tell(stored.task, ports), stored, ports)
    except ConcurrentUpdate:
        log.info("another instance changed task %s: this look ends", stored.task.task_id)
        return None
    if not stored.task.is_done:
        await send(stored.task, ports)
    return stored.task


async def _worked(stored: StoredTask, ports: RoutinePorts) -> StoredTask:
    task, limits, now = stored.task, ports.policy.limits[stored.task.routine], ports.clock.now()
    work = _work_of(task.routine, ports)
    try:
        job = await ports.models.get_job(Place.PRODUCTION, task.job_name) if _has_job(task) else None
    except PortError as error:
        if not _is_given_up(task, now, limits):
            raise
        detail = f"job {task.job_name} could not be read: {error}"
        return await _saved(failed(task, now, detail, limits, EndKind.NOT_STARTED), stored, ports)
    move = judge(task, job.status if job else None, now, limits)
    if move is TaskAction.NOTHING:
        return stored
    if move is TaskAction.START:
        return await _start_job(stored, work, ports)
    if move is TaskAction.START_AGAIN:
        return await _saved(await _started(task, work, ports), stored, ports)
    if move is TaskAction.COLLECT:
        return await _saved(await _collected(task, work, ports), stored, ports)
    if move is TaskAction.STOP:
        return await _saved(await _stopped(task, ports), stored, ports)
    if move is TaskAction.FAIL:
        return await _saved(_failed_as(task, job, ports), stored, ports)
    look_at = task.look_at if now < task.look_at else now + timedelta(seconds=limits.look_interval_s)
    return await _saved(replace(task, look_at=look_at), stored, ports)


def _has_job(task: Task) -> bool:
    return task.state is TaskState.RUNNING and bool(task.job_name)


def _is_given_up(task: Task, now: datetime, limits: TaskLimits) -> bool:
    """Whether Azure ML or the store did not answer for so long that another try is made instead."""
    return (now - (task.started_at or now)).total_seconds() > GIVEN_UP_AFTER * limits.job_deadline_s


def _failed_as(task: Task, job: JobSeen | None, ports: RoutinePorts) -> Task:
    limits, now = ports.policy.limits[task.routine], ports.clock.now()
    if job is None or job.end is None:
        return failed(task, now, f"job {task.job_name} could not be started", limits, EndKind.NOT_STARTED)
    if job.end is JobEnded.CANCELLED and is_overdue(task, now, limits):  # by a look that could not record it any more
        return _took_too_long(task, "was ended", ports)
    return failed(task, now, f"job {task.job_name} ended as {job.told}", limits, KIND_OF[job.end])


async def _start_job(stored: StoredTask, work: Work, ports: RoutinePorts) -> StoredTask:
    """The claim is durable before the job is started."""
    without = replace(stored.task, job_name="")
    try:
        early = await work.without_job(without)
    except PlatformRefused as error:
        limits = ports.policy.limits[without.routine]
        return await _saved(failed(without, ports.clock.now(), str(error), limits, EndKind.NOT_STARTED), stored, ports)
    if early is not None:
        return await _saved(_with(without, early, ports), stored, ports)
    stored = await _saved(claimed(stored.task, ports.clock.now()), stored, ports)
    return await _saved(await _started(stored.task, work, ports), stored, ports)


async def _started(task: Task, work: Work, ports: RoutinePorts) -> Task:
    """Starting a job that is there is a success, so that a fault costs nothing but time."""
    limits, now = ports.policy.limits[task.routine], ports.clock.now()
    wait_s = limits.look_interval_s
    try:
        await work.start(task)
        detail = f"job {task.job_name} was started"
    except PlatformRefused as error:
        return failed(task, now, f"the job was refused: {error}", limits, EndKind.NOT_STARTED)
    except PlatformThrottled as error:
        detail, wait_s = str(error), max(pause_s(1, error), limits.look_interval_s)
    except (PlatformErrored, PlatformOutcomeUnknown) as error:
        detail = f"whether the job was started is looked at again: {error}"[:500]
    return replace(task, detail=detail, look_at=now + timedelta(seconds=wait_s))


async def _stopped(task: Task, ports: RoutinePorts) -> Task:
    """A job that cannot be ended goes on, and nobody looks at what it makes: the next try has another name."""
    limits, now = ports.policy.limits[task.routine], ports.clock.now()
    try:
        await ports.models.cancel_job(Place.PRODUCTION, task.job_name)
        done = "was ended"
    except PortError as error:
        if not isinstance(error, PlatformRefused) and not _is_given_up(task, now, limits):
            raise
        done = f"could not be ended: {error}"
    return _took_too_long(task, done, ports)


def _took_too_long(task: Task, done: str, ports: RoutinePorts) -> Task:
    limits = ports.policy.limits[task.routine]
    detail = f"job {task.job_name} took longer than {limits.job_deadline_s:g} s and {done}"
    return failed(task, ports.clock.now(), detail, limits, EndKind.FAILED)


async def _collected(task: Task, work: Work, ports: RoutinePorts) -> Task:
    limits, now = ports.policy.limits[task.routine], ports.clock.now()
    try:
        return _with(task, await work.collect(task), ports)
    except PlatformRefused as error:
        return failed(task, now, str(error), limits, EndKind.NO_OUTPUT)
    except PortError as error:
        if not _is_given_up(task, now, limits):
            raise
        return failed(task, now, f"what the job made could not be read: {error}", limits, EndKind.NO_OUTPUT)


def _with(task: Task, collected: Collected, ports: RoutinePorts) -> Task:
    now = ports.clock.now()
    if collected.kind is EndKind.COMPLETED:
        return finished(task, now, collected.detail, collected.result, conclusive=collected.is_conclusive)
    return failed(task, now, collected.detail, ports.policy.limits[task.routine], collected.kind)


def _work_of(routine: Routine, ports: RoutinePorts) -> Work:
    return Inference(ports) if routine is Routine.INFERENCE else Monitoring(ports)


async def _saved(task: Task, before: StoredTask, ports: RoutinePorts) -> StoredTask:
    if task == before.task:
        return before
    task = replace(task, looks=before.task.looks + 1)
    return StoredTask(task=task, version=await ports.tasks.save(task, before.version))


async def give_up(ref: TaskRef, reason: str, ports: RoutinePorts) -> None:
    """Holds the task with the reason while its job, or the telling of its end, may still take that long; afterwards its
    try has failed, or nobody is told any more. Raises TransientFault."""
    stored = await ports.tasks.load(ref)
    if stored is None or stored.task.is_done:
        return
    log.error("task %s: %s", stored.task.task_id, reason)
    given_up = _given_up(stored.task, reason[:TEXT_CHARS_MAX], ports)
    await send((await _saved(given_up, stored, ports)).task, ports)


def _given_up(task: Task, reason: str, ports: RoutinePorts) -> Task:
    limits, now = ports.policy.limits[task.routine], ports.clock.now()
    later = now + timedelta(seconds=LONGEST_S)
    if task.state.is_over:
        if now - task.ends[-1].ended_at < TELL_FOR:
            return replace(task, look_at=later)
        return replace(task, told=len(task.ends), alerts=(*task.alerts, f"the end could not be published: {reason}"))
    if task.state is TaskState.PENDING:
        if now < task.look_at:  # nobody could look at it yet: this is an older message
            return task
        return failed(replace(task, job_name=""), now, reason, limits, EndKind.NOT_STARTED)
    if not _is_given_up(task, now, limits):
        return replace(task, look_at=later, detail=reason)
    return failed(task, now, reason, limits, EndKind.NOT_STARTED)
