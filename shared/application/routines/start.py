"""Making the tasks of a period: by a timer, or because a person asked for it.

Doing it twice makes nothing twice: a task's key is its routine, period and circuit.
"""

import logging
from datetime import timedelta

from shared.application.platform_ports import DeploymentState, Place
from shared.application.routines.ports import RoutinePorts
from shared.application.work.look import Look, WorkKind
from shared.domain.errors import InvalidRequest
from shared.domain.people import check_member
from shared.domain.release.model import Actor
from shared.domain.routines.task import PeriodWish, Routine, Task, TaskRef, days_of, period_before, reopened

log = logging.getLogger(__name__)

BACK_DAYS_MAX = 7
"""Days before the latest one that a batch job scores as well (environment/sensor_model/predictions.py)."""


async def start_due(routine: Routine, ports: RoutinePorts) -> int:
    """Makes the tasks of the last period that is over; returns how many are new. What the timers call."""
    return await start(routine, period_before(routine, ports.clock.now().date()), ports)


async def start_by_hand(
    routine: Routine, period: str, actor: Actor, ports: RoutinePorts, *, again: bool = False
) -> str:
    """The same by a person, for any period that is over; without a period for the last one, which is the answer.

    `again` has tasks tried again that failed or were inconclusive. The tasks are made in a moment, by a message:
    listing production takes longer than a caller waits.

    Raises NotEligible and InvalidRequest, and TransientFault when nothing was accepted.
    """
    check_member(ports.policy.groups, actor, f"start {routine.value}")
    today = ports.clock.now().date()
    period = period or period_before(routine, today)
    last = days_of(routine, period)[1]
    if last >= today:
        raise InvalidRequest(f"{period} is not over yet: routines work on whole days of the past")
    if routine is Routine.INFERENCE and (today - last).days > BACK_DAYS_MAX:
        raise InvalidRequest(f"{period} is more than {BACK_DAYS_MAX} days ago: a batch job scores no earlier day")
    wish = PeriodWish(routine=routine, period=period, again=again)
    minute = int(ports.clock.now().timestamp()) // 60  # the same wish a moment later is the same message
    message_id = f"{routine.value}-{period}-{'again' if again else 'make'}-{minute}"
    await ports.queue.send(Look(kind=WorkKind.PERIOD, key=wish.key), message_id)
    return period


async def make(wish: PeriodWish, ports: RoutinePorts) -> int:
    """Carries out what `start_by_hand` accepted; returns how many tasks are new or tried again."""
    changed = await start(wish.routine, wish.period, ports)
    if wish.again:
        changed += await _reopen(wish.routine, wish.period, ports)
    return changed


async def start(routine: Routine, period: str, ports: RoutinePorts) -> int:
    """Makes a task for each deployment of production that has none yet, and has all new ones looked at, one after the
    other. Doing it again makes tasks for new deployments only."""
    days_of(routine, period)
    await ports.tasks.begin(routine, period)
    limits, now = ports.policy.limits[routine], ports.clock.now()
    new = 0
    for state in await production_deployments(ports):
        circuit = state.spec.circuit
        task = Task(
            routine=routine,
            period=period,
            circuit=circuit,
            endpoint_name=state.spec.endpoint_name,
            deployment_name=state.spec.deployment_name,
            model=state.spec.model,
            created_at=now,
            look_at=now + timedelta(seconds=new * limits.start_interval_s),
            attempts_allowed=limits.attempts_max,
        )
        if await ports.tasks.create(task):
            new += 1
            await send(task, ports)
    await ports.tasks.complete(routine, period)
    log.info("%s of %s: %d new tasks", routine.value, period, new)
    return new


async def production_deployments(ports: RoutinePorts) -> list[DeploymentState]:
    """What production runs, one deployment per circuit: the configured one where there are several. What says no
    circuit is not a circuit's deployment and left out."""
    configured = ports.config.fleet().endpoints
    known = {name.lower() for name in configured}
    existing = await ports.environments.list_endpoints(Place.PRODUCTION)
    found: dict[str, DeploymentState] = {}
    for endpoint in (*configured, *sorted(name for name in existing if name.lower() not in known)):
        for state in await ports.environments.list_deployments(Place.PRODUCTION, endpoint):
            circuit = state.spec.circuit
            if not circuit:
                log.warning(
                    "deployment %s of endpoint %s has no tags of a circuit: left out",
                    state.spec.deployment_name,
                    endpoint,
                )
            elif circuit not in found or _is_configured(state, ports):
                found[circuit] = state
    return [found[circuit] for circuit in sorted(found)]


def _is_configured(state: DeploymentState, ports: RoutinePorts) -> bool:
    plan = ports.config.plan(*state.spec.circuit_ids)
    return plan is not None and plan.deployment_name.lower() == state.spec.deployment_name.lower()


async def _reopen(routine: Routine, period: str, ports: RoutinePorts) -> int:
    count = 0
    for task in await ports.tasks.of(routine, period):
        again = reopened(task, ports.clock.now(), ports.policy.limits[routine])
        stored = await ports.tasks.load(task.ref)
        if again == task or stored is None or stored.task != task:
            continue
        await ports.tasks.save(again, stored.version)
        await send(again, ports)
        count += 1
    return count


async def send(task: Task, ports: RoutinePorts) -> None:
    """Has the task looked at when it says so; one look follows each of its changes."""
    await ports.queue.send(look_of(task.ref), message_id_of(task), at=task.look_at)


def look_of(ref: TaskRef) -> Look:
    """A look at the task."""
    return Look(kind=WorkKind.TASK, key=ref.key)


def message_id_of(task: Task) -> str:
    """The id of the look at the task as it is; it counts the task's changes."""
    return f"{task.task_id}-look-{task.looks}"
