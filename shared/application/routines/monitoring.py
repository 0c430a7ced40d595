"""Monitoring: a month's performance and a quarter's drift, one job per circuit, and what its numbers mean.

See R-MON-1 and R-MON-2. Too little data is inconclusive and said so; it never counts as well.
"""

from collections.abc import Mapping
from typing import Any

from shared.application.errors import PlatformRefused
from shared.application.routines.model_tags import model_tags
from shared.application.routines.ports import Collected, MonitorJob, RoutinePorts
from shared.domain.predictions import baseline_of
from shared.domain.routines.monitoring import (
    DEGRADATION_PCT,
    MAGNITUDE,
    PERFORMANCE_MEASURES,
    Level,
    degradation_pct,
    drift_level,
    performance_level,
)
from shared.domain.routines.task import Routine, Task, days_of

NUMBER_MAX = 1e100
"""A report is JSON, whose numbers have no end: what is beyond is a mistake, and no arithmetic is done with it."""

SHOWN_MAX = 40


class Monitoring:
    """Work of the routines `performance` and `drift`."""

    def __init__(self, ports: RoutinePorts) -> None:
        self._ports = ports

    async def without_job(self, task: Task) -> Collected | None:
        """Without any predictions there is nothing to compare, and no folder that a job could read."""
        if task.routine is not Routine.PERFORMANCE:
            return None
        first, last = days_of(task.routine, task.period)
        if await self._ports.platform.predicted_days(task.plant_id, task.circuit_id, first, last):
            return None
        return Collected(detail=f"there are no predictions from {first} to {last}", is_conclusive=False)

    async def start(self, task: Task) -> None:
        """Submits the job for the model that was deployed when the task was made."""
        first, last = days_of(task.routine, task.period)
        plan = self._ports.config.plan(task.plant_id, task.circuit_id)
        fleet, policy = self._ports.config.fleet(), self._ports.policy
        if plan is None:
            raise PlatformRefused(f"{task.circuit} is not in config/plants_circuits.yml any more")
        environments = f"azureml://registries/{self._ports.registry}/environments"
        await self._ports.platform.submit(
            MonitorJob(
                job_name=task.job_name,
                routine=task.routine,
                plant_id=task.plant_id,
                circuit_id=task.circuit_id,
                model=task.model,
                environment=f"{environments}/{fleet.environment_name}/versions/{policy.environment_version}",
                compute=plan.production_compute,
                table_uri=fleet.input_uri,
                first=first,
                last=last,
            )
        )

    async def collect(self, task: Task) -> Collected:
        """The report's numbers, judged by the circuit's thresholds."""
        report = await self._ports.platform.report(task.job_name)
        rows = int(_number(report, "rows"))
        too_little = rows < self._ports.policy.rows_min or bool(report.get("inconclusive"))
        why = str(report.get("inconclusive") or f"{rows} usable rows; {self._ports.policy.rows_min} are needed")
        if task.routine is Routine.DRIFT and (not too_little or self._is_critical(task, report)):
            return self._drift(task, report, rows, f"; {why}" if too_little else "")
        if too_little:
            return Collected(detail=why, result={"rows": float(rows)}, is_conclusive=False)
        return await self._performance(task, report, rows)

    def _is_critical(self, task: Task, report: Mapping[str, Any]) -> bool:
        """A feature that nothing can be said about does not hide what another one shows."""
        drifted = _drifted(report)
        return (
            bool(drifted) and drift_level(drifted, self._ports.policy.thresholds_of(task.circuit))[1] is Level.CRITICAL
        )

    async def _performance(self, task: Task, report: Mapping[str, Any], rows: int) -> Collected:
        measures = {name: _number(report, name) for name in PERFORMANCE_MEASURES if report.get(name) is not None}
        thresholds = self._ports.policy.thresholds_of(task.circuit)
        level, said = performance_level(measures, thresholds)
        worse_pct, told = degradation_pct(measures, baseline_of(await model_tags(task, self._ports.models)), thresholds)
        if worse_pct is not None:
            measures, said = measures | {DEGRADATION_PCT: round(worse_pct, 1)}, f"{said}; {told}"
        first, last = days_of(task.routine, task.period)
        measured, days = int(_number(report, "days")), (last - first).days + 1
        if measured < days:
            said = f"{said}; only {measured} of {days} days could be compared"
        return Collected(detail=said, result={**measures, "rows": float(rows), "level": level.value})

    def _drift(self, task: Task, report: Mapping[str, Any], rows: int, but: str) -> Collected:
        drifted = _drifted(report)
        if not drifted:
            raise PlatformRefused(f"the report of {task.job_name} names no feature")
        magnitude, level, said = drift_level(drifted, self._ports.policy.thresholds_of(task.circuit))
        by_feature = {f"drift_{name}": value for name, value in drifted.items()}
        return Collected(
            detail=f"{said}{but}",
            result={MAGNITUDE: magnitude, **by_feature, "rows": float(rows), "level": level.value},
        )


def _drifted(report: Mapping[str, Any]) -> dict[str, float]:
    """The drift of every feature that has a number."""
    features = report.get("features")
    known = features if isinstance(features, dict) else {}
    return {str(name): _number(known, name) for name in known if known[name] is not None}


def _number(report: Mapping[str, Any], name: str) -> float:
    value = report.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) <= NUMBER_MAX:
        raise PlatformRefused(f"the report says {name} = {str(value)[:SHOWN_MAX]}, which is no number")
    return float(value)
