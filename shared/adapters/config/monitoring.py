"""The policy of monitoring from `config/monitoring.yml`, in the domain's words."""

from shared.contracts.config import monitoring as files
from shared.domain.routines.monitoring import (
    AlertRule,
    Bounds,
    Condition,
    DriftBounds,
    Level,
    MonitoringPolicy,
    Thresholds,
)
from shared.domain.routines.task import Routine, TaskLimits


def policy_of(config: files.MonitoringConfig) -> MonitoringPolicy:
    """What the file says, with the numbers of all circuits filled in where an override leaves them out."""
    performance, drift = _bounds(config.thresholds.performance), DriftBounds(**config.thresholds.drift.model_dump())
    overrides = {
        f"{each.plant_id}-{each.circuit_id}": Thresholds(
            performance={**performance, **_bounds(each.performance)},
            drift=DriftBounds(**each.drift.model_dump()) if each.drift else drift,
        )
        for each in config.overrides
    }
    limits = {routine: TaskLimits(**getattr(config.routines, routine.value).model_dump()) for routine in Routine}
    return MonitoringPolicy(
        limits=limits,
        thresholds=Thresholds(performance=performance, drift=drift),
        overrides=overrides,
        rules=tuple(_rule(each) for each in config.alert_rules),
        rows_min=config.jobs.rows_min,
        groups=config.groups,
        environment_version=config.jobs.environment_version,
    )


def _bounds(given: files.PerformanceBounds) -> dict[str, Bounds]:
    return {name: Bounds(**levels) for name, levels in given.model_dump(exclude_none=True).items()}


def _rule(entry: files.RuleEntry) -> AlertRule:
    conditions = (
        Condition(
            measure=each.measure,
            above=Level(each.above) if isinstance(each.above, str) else float(each.above),
        )
        for each in entry.any_of
    )
    return AlertRule(name=entry.name, routine=Routine(entry.routine), any_of=tuple(conditions), severity=entry.severity)
