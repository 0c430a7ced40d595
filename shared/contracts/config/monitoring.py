"""`config/monitoring.yml`: bounds of the routines, thresholds with overrides per circuit, alert rules as data.

Thresholds: R-MON-5 to R-MON-7. Alert rules: R-ALERT-1 to R-ALERT-3.
"""

from typing import Annotated, Literal, Self

from pydantic import Field, field_validator, model_validator
from pydantic_core import PydanticCustomError

from shared.contracts.config.circuits import CircuitId, ConfigModel, PlantId, SemanticVersionText
from shared.contracts.config.policies import GroupName

DAY_S = 86_400

MeasureName = Literal["mae", "rmse", "mape", "degradation_pct", "drift_magnitude", "failed_jobs", "missing_predictions"]
MEASURES: dict[str, frozenset[str]] = {
    "inference": frozenset({"failed_jobs", "missing_predictions"}),
    "performance": frozenset({"mae", "rmse", "mape", "degradation_pct", "failed_jobs"}),
    "drift": frozenset({"drift_magnitude", "failed_jobs"}),
}
WITHOUT_THRESHOLDS = frozenset({"degradation_pct", "failed_jobs", "missing_predictions"})

Threshold = Annotated[float, Field(strict=False, gt=0, le=1000, description="a number above 0, at most 1000")]


class RoutineLimits(ConfigModel):
    """Bounds of every wait and every repetition of one routine's tasks."""

    attempts_max: int = Field(ge=1, le=10, description="tries of one circuit, 1 to 10")
    start_interval_s: float = Field(
        strict=False, ge=0, le=60, description="seconds between the starts of two circuits, 0 to 60"
    )
    look_interval_s: int = Field(ge=1, le=600, description="seconds between two looks at a job, 1 to 600")
    settle_quiet_s: int = Field(ge=1, le=3600, description="seconds until a missing job is asked for again, 1 to 3600")
    job_deadline_s: int = Field(ge=1, le=DAY_S, description="seconds for one job, 1 to 86400 (a day)")
    retry_pause_s: int = Field(ge=1, le=DAY_S, description="seconds before the second try, 1 to 86400 (a day)")
    late_after_s: int = Field(
        ge=1, le=7 * DAY_S, description="seconds after which a task is late, 1 to 604800 (a week)"
    )

    @model_validator(mode="after")
    def _looks_happen_before_the_deadline(self) -> Self:
        for name in ("look_interval_s", "settle_quiet_s"):
            if getattr(self, name) > self.job_deadline_s:
                raise PydanticCustomError("after_deadline", "{name} is longer than job_deadline_s", {"name": name})
        return self


class Routines(ConfigModel):
    """The routines by name."""

    inference: RoutineLimits
    performance: RoutineLimits
    drift: RoutineLimits


class MonitoringJobs(ConfigModel):
    """What the jobs of monitoring have in common."""

    environment_version: SemanticVersionText
    rows_min: int = Field(ge=2, le=100_000, description="compared rows, fewer of which say nothing, 2 to 100000")


class LevelBounds(ConfigModel):
    """From when on an error is a warning, and critical."""

    warning: Threshold
    critical: Threshold

    @model_validator(mode="after")
    def _warning_comes_first(self) -> Self:
        if self.warning > self.critical:
            raise PydanticCustomError("levels", "warning is above critical")
        return self


class PerformanceBounds(ConfigModel):
    """Bounds of the errors; one that is left out is that of all circuits, or has no bounds."""

    mae: LevelBounds | None = Field(default=None, description="mean absolute error, in standard deviations")
    rmse: LevelBounds | None = Field(default=None, description="root mean squared error, in standard deviations")
    mape: LevelBounds | None = Field(default=None, description="mean absolute percentage error, 0.1 is 10 percent")


class DriftLevels(ConfigModel):
    """Bounds of the drift magnitude."""

    low: Threshold
    medium: Threshold
    high: Threshold

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if not self.low < self.medium < self.high:
            raise PydanticCustomError("levels", "low, medium and high do not grow")
        return self


class MonitoringThresholds(ConfigModel):
    """What every circuit is measured by."""

    performance: PerformanceBounds
    drift: DriftLevels


class Override(ConfigModel):
    """What one circuit is measured by instead."""

    plant_id: PlantId
    circuit_id: CircuitId
    performance: PerformanceBounds = Field(default_factory=PerformanceBounds)
    drift: DriftLevels | None = Field(default=None, description="bounds of the circuit's own drift magnitude")


class RuleCondition(ConfigModel):
    """A measure above a number, or above the circuit's own threshold."""

    measure: MeasureName = Field(description=f"one of {', '.join(sorted(frozenset().union(*MEASURES.values())))}")
    above: Literal["warning", "critical"] | Annotated[float, Field(strict=False, ge=0, le=1_000_000)] = Field(
        description="a number, or warning or critical for the circuit's own threshold"
    )

    @model_validator(mode="after")
    def _has_a_threshold(self) -> Self:
        if isinstance(self.above, str) and self.measure in WITHOUT_THRESHOLDS:
            raise PydanticCustomError("no_threshold", "{measure} has no thresholds", {"measure": self.measure})
        return self


class RuleEntry(ConfigModel):
    """One alert rule: it is raised for a circuit when any condition holds."""

    name: str = Field(pattern=r"^[a-z][a-z0-9-]{1,62}$", description="small letters, digits and dashes, letter first")
    routine: Literal["inference", "performance", "drift"] = Field(description="inference, performance or drift")
    any_of: tuple[RuleCondition, ...] = Field(strict=False, min_length=1, max_length=10, description="1 to 10 of them")
    severity: int = Field(ge=0, le=4, description="as in Azure Monitor: 0 (critical) to 4 (verbose)")

    @model_validator(mode="after")
    def _measures_of_the_routine(self) -> Self:
        odd = sorted({each.measure for each in self.any_of} - MEASURES[self.routine])
        if odd:
            said = {"routine": self.routine, "names": ", ".join(odd)}
            raise PydanticCustomError("measure_of_another", "{routine} does not measure {names}", said)
        return self


class MonitoringConfig(ConfigModel):
    """`config/monitoring.yml`."""

    version: Literal[1] = Field(description="version of this format: 1")
    groups: tuple[GroupName, ...] = Field(
        strict=False, min_length=1, max_length=50, description="1 to 50 groups that may start routines by hand"
    )
    routines: Routines
    jobs: MonitoringJobs
    thresholds: MonitoringThresholds
    overrides: tuple[Override, ...] = Field(
        default=(), strict=False, max_length=10_000, description="circuits with thresholds of their own"
    )
    alert_rules: tuple[RuleEntry, ...] = Field(strict=False, max_length=50, description="at most 50 different rules")

    @field_validator("overrides")
    @classmethod
    def _each_circuit_once(cls, overrides: tuple[Override, ...]) -> tuple[Override, ...]:
        keys = [f"{each.plant_id}/{each.circuit_id}" for each in overrides]
        _refuse_repeats(keys)
        return overrides

    @field_validator("alert_rules")
    @classmethod
    def _each_rule_once(cls, rules: tuple[RuleEntry, ...]) -> tuple[RuleEntry, ...]:
        _refuse_repeats([rule.name for rule in rules])
        return rules


def _refuse_repeats(names: list[str]) -> None:
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise PydanticCustomError("twice", "listed more than once: {names}", {"names": ", ".join(twice)})
