"""Routines: looking at a task, and making good what was lost.

One message per task says "look at it". A look observes Azure ML by names that follow from the task, does the next
missing thing and records it under the task's ETag, so that a look too many does nothing. The sweeper sends looks again
that are late, and completes the making of tasks after a crash.
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
    TransientFault,
)
from shared.application.platform_ports import Place
from shared.application.routines.inference import Inference
from shared.application.routines.monitoring import Monitoring
from shared.application.routines.ports import Collected, RoutinePorts, StoredTask, Work
from shared.application.routines.publish import tell
from shared.application.routines.start import send, start
from shared.domain.job_ends import JobSeen
from shared.domain.routines.task import (
    KIND_OF,
    EndKind,
    Move,
    Routine,
    Task,
    TaskLimits,
    TaskRef,
    TaskState,
    claimed,
    failed,
    finished,
    judge,
    task_id,
)

log = logging.getLogger(__name__)

LATE_LOOK_S = 120
"""A look that is late by this much is sent again."""

GIVEN_UP_AFTER = 2
"""Times a job's deadline."""


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
        log.info("task %s is looked at by somebody else", stored.task.task_id)
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
    if move is Move.NOTHING:
        return stored
    if move is Move.START:
        return await _start_job(stored, work, ports)
    if move is Move.START_AGAIN:
        return await _saved(await _started(task, work, ports), stored, ports)
    if move is Move.COLLECT:
        return await _saved(await _collected(task, work, ports), stored, ports)
    if move is Move.STOP:
        return await _saved(await _stopped(task, ports), stored, ports)
    if move is Move.FAIL:
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
    return failed(task, now, f"job {task.job_name} ended as {job}", limits, KIND_OF[job.end])


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
    pause_s = limits.look_interval_s
    try:
        await work.start(task)
        detail = f"job {task.job_name} was started"
    except PlatformRefused as error:
        return failed(task, now, f"the job was refused: {error}", limits, EndKind.NOT_STARTED)
    except PlatformThrottled as error:
        detail, pause_s = str(error), max(error.retry_after_s, limits.look_interval_s)
    except (PlatformErrored, PlatformOutcomeUnknown) as error:
        detail = f"whether the job was started is looked at again: {error}"[:500]
    return replace(task, detail=detail, look_at=now + timedelta(seconds=pause_s))


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
    detail = f"job {task.job_name} took longer than {limits.job_deadline_s:g} s and {done}"
    return failed(task, now, detail, limits, EndKind.FAILED)


async def _collected(task: Task, work: Work, ports: RoutinePorts) -> Task:
    limits, now = ports.policy.limits[task.routine], ports.clock.now()
    try:
        return _with(task, await work.collect(task), ports)
    except PlatformRefused as error:
        return failed(task, now, str(error), limits, EndKind.COMPLETED)
    except PortError as error:
        if not _is_given_up(task, now, limits):
            raise
        return failed(task, now, f"what the job made could not be read: {error}", limits, EndKind.COMPLETED)


def _with(task: Task, collected: Collected, ports: RoutinePorts) -> Task:
    now = ports.clock.now()
    if collected.is_usable:
        return finished(task, now, collected.detail, collected.result, conclusive=collected.is_conclusive)
    return failed(task, now, collected.detail, ports.policy.limits[task.routine], EndKind.COMPLETED)


def _work_of(routine: Routine, ports: RoutinePorts) -> Work:
    return Inference(ports) if routine is Routine.INFERENCE else Monitoring(ports)


async def _saved(task: Task, before: StoredTask, ports: RoutinePorts) -> StoredTask:
    if task == before.task:
        return before
    task = replace(task, looks=before.task.looks + 1)
    return StoredTask(task=task, version=await ports.tasks.save(task, before.version))


async def look_later(ref: TaskRef, error: Exception, ports: RoutinePorts) -> None:
    """Has the task looked at again after a pause, because something did not answer. The id carries the minute."""
    now = ports.clock.now()
    at = now + timedelta(seconds=ports.policy.limits[ref.routine].look_interval_s)
    log.warning("task %s is looked at again: %s", ref, error)
    message_id = f"{task_id(ref.routine, ref.period, ref.circuit)}-later-{int(at.timestamp()) // 60}"
    await ports.queue.look(ref, message_id, at=at)


async def sweep_routines(ports: RoutinePorts) -> int:
    """Sends late looks again and completes the making of tasks; returns how many looks were sent. Stateless."""
    for routine, period in await ports.tasks.begun():
        try:
            await start(routine, period, ports)
        except PortError as error:
            log.warning("the tasks of %s %s stay for the next sweep: %s", routine.value, period, error)
    now, sent = ports.clock.now(), 0
    for ref in await ports.tasks.open():
        stored = await ports.tasks.load(ref)
        if stored is None or (now - stored.task.look_at).total_seconds() < LATE_LOOK_S:
            continue
        if stored.task.is_done:  # the crash came before it left the list
            await ports.tasks.save(stored.task, stored.version)
            continue
        try:
            await send(replace(stored.task, look_at=now), ports, suffix=f"-sweep-{int(now.timestamp()) // 60}")
        except TransientFault as error:
            log.warning("task %s stays for the next sweep: %s", stored.task.task_id, error)
            break
        sent += 1
    return sent
