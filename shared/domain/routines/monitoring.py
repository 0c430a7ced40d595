"""What measurements mean: levels of performance and drift, and the alerts that follow, by rules that are data.

Thresholds: R-MON-5 to R-MON-7; alert rules: R-ALERT-1 to R-ALERT-3. Both come from `config/monitoring.yml`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from shared.domain.predictions import BASELINE_MEASURES
from shared.domain.routines.task import Routine, TaskLimits

MAGNITUDE = "drift_magnitude"
FAILED_JOBS = "failed_jobs"
MISSING_PREDICTIONS = "missing_predictions"
DEGRADATION_PCT = "degradation_pct"
PERFORMANCE_MEASURES = ("mae", "rmse", "mape", "r2")


class Level(StrEnum):
    """How bad it is, the worst last."""

    OK = "ok"
    LOW = "low"  # drift only: worth a note
    WARNING = "warning"
    CRITICAL = "critical"


_ORDER = tuple(Level)


@dataclass(frozen=True, kw_only=True)
class Bounds:
    """From when on a measure is a warning, and critical: above, never at, the number."""

    warning: float
    critical: float

    def level(self, value: float) -> Level:
        """The level of a value."""
        if value > self.critical:
            return Level.CRITICAL
        return Level.WARNING if value > self.warning else Level.OK


@dataclass(frozen=True, kw_only=True)
class DriftBounds:
    """Above `low` drift is noted, above `medium` it is a warning, above `high` it is critical (R-MON-7)."""

    low: float = 0.05
    medium: float = 0.15
    high: float = 0.25

    def level(self, magnitude: float) -> Level:
        """The level of a drift magnitude."""
        if magnitude > self.high:
            return Level.CRITICAL
        if magnitude > self.medium:
            return Level.WARNING
        return Level.LOW if magnitude > self.low else Level.OK


@dataclass(frozen=True, kw_only=True)
class Thresholds:
    """What one circuit is measured by."""

    performance: Mapping[str, Bounds] = field(
        default_factory=lambda: {
            "mae": Bounds(warning=0.15, critical=0.25),
            "rmse": Bounds(warning=0.20, critical=0.35),
            "mape": Bounds(warning=0.10, critical=0.20),
        }
    )
    drift: DriftBounds = DriftBounds()


@dataclass(frozen=True, kw_only=True)
class Exceeded:
    """A measure that is above its bound."""

    measure: str
    value: float
    bound: float

    def __str__(self) -> str:
        return f"{self.measure} {self.value:.4g} > {self.bound:g}"


@dataclass(frozen=True, kw_only=True)
class Condition:
    """A measure above a number, or above the circuit's own bound that is critical or a warning."""

    measure: str
    above: float | Level

    def holds(self, measures: Mapping[str, float], thresholds: Thresholds) -> Exceeded | None:
        """What is exceeded when it holds. A measure that was not taken holds nothing."""
        if self.measure not in measures:
            return None
        bound = self.above if isinstance(self.above, float) else _bound(self.measure, self.above, thresholds)
        value = measures[self.measure]
        if bound is None or value <= bound:
            return None
        return Exceeded(measure=self.measure, value=value, bound=bound)


@dataclass(frozen=True, kw_only=True)
class AlertRule:
    """An alert is raised when any condition holds; `severity` is 0 to 4 as in Azure Monitor."""

    name: str
    routine: Routine
    any_of: tuple[Condition, ...]
    severity: int


@dataclass(frozen=True, kw_only=True)
class RaisedAlert:
    """An alert rule that holds for a circuit, and what is exceeded."""

    rule: str
    severity: int
    exceeded: tuple[Exceeded, ...]

    @property
    def reason(self) -> str:
        """In words."""
        return ", ".join(map(str, self.exceeded))


def raised(
    rules: Sequence[AlertRule], routine: Routine, measures: Mapping[str, float], thresholds: Thresholds
) -> list[RaisedAlert]:
    """The alerts of a routine, in the order of the rules."""
    alerts = []
    for rule in rules:
        if rule.routine is not routine:
            continue
        exceeded = tuple(found for each in rule.any_of if (found := each.holds(measures, thresholds)))
        if exceeded:
            alerts.append(RaisedAlert(rule=rule.name, severity=rule.severity, exceeded=exceeded))
    return alerts


def performance_level(measures: Mapping[str, float], thresholds: Thresholds) -> tuple[Level, str]:
    """The worst level of all measures that have bounds, and the measures above their bounds in words."""
    levels = {name: bounds.level(measures[name]) for name, bounds in thresholds.performance.items() if name in measures}
    said = [f"{name} {measures[name]:.4g} is {level.value}" for name, level in levels.items() if level is not Level.OK]
    return max(levels.values(), key=_ORDER.index, default=Level.OK), ", ".join(said) or "within its bounds"


def degradation_pct(
    measures: Mapping[str, float], baseline: Mapping[str, float], thresholds: Thresholds
) -> tuple[float | None, str]:
    """By how many percent the error that grew most is above the model's own at release, and the words for it; below 0
    it is better. Where the model tells none, what is above its critical bound counts; None when nothing is."""
    known = {name: (measures[name] / value - 1) * 100 for name, value in baseline.items() if name in measures}
    if known:
        worst = max(known, key=lambda name: known[name])
        return known[worst], f"{worst} was {baseline[worst]:.4g} at release ({known[worst]:+.0f} %)"
    bounds = {
        name: thresholds.performance[name].critical for name in BASELINE_MEASURES if name in thresholds.performance
    }
    above = [(measures[name] / bound - 1) * 100 for name, bound in bounds.items() if measures.get(name, bound) > bound]
    return max(above, default=None), "the model tells no error at release, its critical bound counts"


def drift_level(features: Mapping[str, float], thresholds: Thresholds) -> tuple[float, Level, str]:
    """Magnitude, level and words: the circuit's magnitude is that of its feature that drifted most."""
    worst = max(features, key=lambda name: features[name])
    magnitude = features[worst]
    return magnitude, thresholds.drift.level(magnitude), f"{worst} drifted most: {magnitude:.3f}"


def _bound(measure: str, level: Level, thresholds: Thresholds) -> float | None:
    if measure == MAGNITUDE:
        bounds = {Level.LOW: thresholds.drift.low, Level.WARNING: thresholds.drift.medium}
        return bounds.get(level, thresholds.drift.high)
    own = thresholds.performance.get(measure)
    if own is None:
        return None
    return own.critical if level is Level.CRITICAL else own.warning


@dataclass(frozen=True, kw_only=True)
class MonitoringPolicy:
    """What `config/monitoring.yml` says. `rows_min` is how few rows say nothing, `groups` whose members may start
    routines by hand, `environment_version` the version the jobs of monitoring run in."""

    limits: Mapping[Routine, TaskLimits] = field(default_factory=lambda: {each: TaskLimits() for each in Routine})
    thresholds: Thresholds = Thresholds()
    overrides: Mapping[str, Thresholds] = field(default_factory=dict)
    rules: tuple[AlertRule, ...] = ()
    rows_min: int = 200
    groups: tuple[str, ...] = ()
    environment_version: str = ""

    def thresholds_of(self, circuit: str) -> Thresholds:
        """The circuit's own, or those of all."""
        return self.overrides.get(circuit, self.thresholds)
