"""What the outside world hears of a task whose job ended: the record of ended jobs, alerts, a change after high drift.

Each of them has an id that follows from the task, so that telling twice says nothing twice.
"""

import logging
from dataclasses import replace

from shared.application.errors import PortError, TransientFault
from shared.application.routines.cutoff import propose_cutoff
from shared.application.routines.ports import RoutinePorts
from shared.domain.routines.monitoring import FAILED_JOBS, MISSING_PREDICTIONS, Level, RaisedAlert, raised
from shared.domain.routines.task import EndKind, JobEnd, Routine, Task, TaskState

log = logging.getLogger(__name__)

ALERT_RAISED = "switchyard.alert.raised"

_FAILED = (EndKind.FAILED, EndKind.BROKEN, EndKind.NOT_STARTED)


async def tell(task: Task, ports: RoutinePorts) -> Task:
    """The task with everything told. Raises TransientFault when something did not answer: tell again later."""
    alerts = list(task.alerts)
    for end in task.ends[task.told :]:
        await ports.tasks.record_end(task, end)
        is_last = end is task.ends[-1]
        for alert in raised(
            ports.policy.rules,
            task.routine,
            _measures(task, end, is_last=is_last),
            ports.policy.thresholds_of(task.circuit),
        ):
            await _raise(alert, task, end, ports)
            alerts.append(f"{alert.rule}: {alert.reason}")
    if task.routine is Routine.DRIFT and task.result.get("level") == Level.CRITICAL.value:
        await propose_cutoff(task, ports)
    return replace(task, told=len(task.ends), alerts=tuple(dict.fromkeys(alerts)))


def _measures(task: Task, end: JobEnd, *, is_last: bool) -> dict[str, float]:
    """What the rules see of one ended try. A job that somebody cancelled is no failure of production."""
    measures = {FAILED_JOBS: 1.0} if end.kind in _FAILED else {}
    if is_last and task.state is TaskState.FAILED and task.routine is Routine.INFERENCE:
        measures[MISSING_PREDICTIONS] = 1.0
    if is_last and task.state is TaskState.SUCCEEDED:
        measures |= {name: value for name, value in task.result.items() if isinstance(value, float)}
    return measures


async def _raise(alert: RaisedAlert, task: Task, end: JobEnd, ports: RoutinePorts) -> None:
    """Dimensions as R-ALERT-4 names them."""
    fact_id = f"{alert.rule}-{task.task_id}-{end.attempt}"
    data = {
        "rule": alert.rule,
        "severity": str(alert.severity),
        "plant_id": task.plant_id,
        "circuit_id": task.circuit_id,
        "endpoint_name": task.endpoint_name,
        "routine": task.routine.value,
        "period": task.period,
        "reason": f"{alert.reason}; {end.detail}",
    }
    log.warning("alert %s of %s: %s", alert.rule, task.circuit, data["reason"], extra=data)
    try:
        await ports.facts.publish(fact_id, ALERT_RAISED, f"circuits/{task.circuit}", data, end.ended_at)
    except TransientFault:
        raise
    except PortError as error:  # trying again cannot help; the task itself keeps the alert
        log.error("nobody was told about alert %s: %s", fact_id, error)
