"""What the outside world hears of a task whose job ended: the record of ended jobs, alerts, a change after high drift.

Each of them has an id that follows from the task, so that telling twice says nothing twice.
"""

import logging
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta

from shared.application.errors import PortError, TransientFault
from shared.application.ports import Measured, OwnFinding
from shared.application.routines.cutoff import propose_cutoff
from shared.application.routines.ports import RoutinePorts
from shared.domain.routines.monitoring import FAILED_JOBS, MISSING_PREDICTIONS, Level, RaisedAlert, raised
from shared.domain.routines.task import EndKind, JobEnd, Routine, Task, TaskState, days_of
from shared.measures import Metric, measured

log = logging.getLogger(__name__)

ALERT_RAISED = "switchyard.alert.raised"

NOT_RUN = "batch-job-not-run"
"""The rule of a failed job that says nothing about what production runs: its node was gone, or it never began."""

_FAILED = (EndKind.FAILED, EndKind.BAD_OUTPUT, EndKind.BROKEN, EndKind.NOT_STARTED)


async def tell(task: Task, ports: RoutinePorts) -> Task:
    """Publishes what is not published yet of a task. Raises TransientFault when the topic did not answer."""
    alerts = list(task.alerts)
    for end in task.ends[task.told :]:
        await ports.tasks.record_end(task, end)
        if end.kind is EndKind.BAD_OUTPUT:
            extra = measured(Metric.SCORING_ERRORS, circuit=f"{task.plant_id}/{task.circuit_id}")
            log.warning("job of task %s left nothing of use: %s", task.task_id, end.detail, extra=extra)
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
    """Reports the finding, which is decided on like an alert of Azure Monitor, and publishes it (R-ALERT-4)."""
    fact_id = f"{alert.rule}-{task.task_id}-{end.attempt}"
    await ports.findings.report(_finding(fact_id, alert, task, end))
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
        log.error("the fact of alert %s could not be published and is given up: %s", fact_id, error)


def _finding(fact_id: str, alert: RaisedAlert, task: Task, end: JobEnd) -> OwnFinding:
    is_job = any(each.measure == FAILED_JOBS for each in alert.exceeded)
    return OwnFinding(
        finding_id=fact_id,
        rule=NOT_RUN if is_job and end.kind not in (EndKind.FAILED, EndKind.BAD_OUTPUT) else alert.rule,
        severity=alert.severity,
        found_at=_was_so_at(task, end),
        record=f"task {task.task_id}, try {end.attempt}",
        circuit=f"{task.plant_id}/{task.circuit_id}",
        measured=tuple(Measured(measure=each.measure, value=each.value, bound=each.bound) for each in alert.exceeded),
    )


def _was_so_at(task: Task, end: JobEnd) -> datetime:
    """A check looks back: what changed after its period is not what it speaks against."""
    if task.routine is Routine.INFERENCE:
        return end.ended_at
    _, last = days_of(task.routine, task.period)
    return min(end.ended_at, datetime.combine(last + timedelta(days=1), time(), UTC))
