"""Section `alerts` of `config/policies.yml`: which alert rules may lead to a rollback, and from when on.

Triggers, severities and thresholds: R-BACK-1 to R-BACK-6; rules: R-ALERT-1 to R-ALERT-3.
"""

from typing import Annotated, Literal, Self

from pydantic import Field, field_validator, model_validator
from pydantic_core import PydanticCustomError

from shared.contracts.config.circuits import ConfigModel

DAY_S = 86_400

RuleName = Annotated[
    str,
    Field(
        # What Azure allows in the name of a scheduled query rule; a metric alert may have some characters less.
        pattern=r"^(metricAlerts|scheduledQueryRules|switchyard)/[^\x00-\x1f*<>%{}&:\\?/#|]{0,259}"
        r"[^\x00-\x1f*<>%{}&:\\?/#| .]$",
        description="rule in the app's own resource group: metricAlerts/<name> or scheduledQueryRules/<name>; or "
        "switchyard/<name> for what the app finds itself",
    ),
]


class AlertRuleEntry(ConfigModel):
    """One rule of the allow-list; an alert of another rule, or of another severity, is recorded and does nothing."""

    rule: RuleName
    kind: Literal["batch_failures", "degradation", "scoring_errors", "other"] = Field(
        description="batch_failures, degradation or scoring_errors; other counts for the alert spike only"
    )
    severity: Literal["Sev0", "Sev1", "Sev2", "Sev3", "Sev4"] | None = Field(
        default=None,
        description="severity of the rule: Sev0 to Sev4; left out for what the app finds itself: any",
    )
    measure: Literal["percent", "excess"] = Field(
        default="excess",
        description="degradation: percent (the rule's value is the degradation) or excess (over the rule's threshold)",
    )

    @model_validator(mode="after")
    def _azure_rules_have_a_severity(self) -> Self:
        if self.severity is None and not self.rule.startswith("switchyard/"):
            raise PydanticCustomError("no_severity", "severity is missing: Sev0 to Sev4, as the rule has it")
        return self


class AlertThresholds(ConfigModel):
    """From when on something counts; the defaults are those of R-BACK-1 to R-BACK-4."""

    batch_failures_min: int = Field(default=2, ge=1, le=1000, description="failed batch jobs in all, 1 to 1000")
    circuits_min: int = Field(default=2, ge=2, le=1000, description="circuits that make an issue shared, 2 to 1000")
    degradation_pct: float = Field(default=20.0, ge=0, le=1000, description="percent that do not count yet, 0 to 1000")
    scoring_errors_min: int = Field(default=1, ge=1, le=1000, description="scoring errors of a circuit, 1 to 1000")
    alerts_per_hour: int = Field(
        default=10, ge=1, le=1000, description="alerts in an hour that are no spike yet, 1 to 1000"
    )


class AlertsPolicy(ConfigModel):
    """Section `alerts`; without rules no alert does anything."""

    rules: tuple[AlertRuleEntry, ...] = Field(
        default=(), strict=False, max_length=100, description="at most 100 different rules"
    )
    thresholds: AlertThresholds = Field(default_factory=AlertThresholds)
    window_s: int = Field(
        default=3600, ge=60, le=DAY_S, description="seconds in which alerts are seen together, 60 to 86400 (a day)"
    )
    recent_change_s: int = Field(
        default=DAY_S, ge=60, le=7 * DAY_S, description="seconds an ended release is suspected, 60 to 604800 (a week)"
    )

    @field_validator("rules")
    @classmethod
    def _each_rule_once(cls, rules: tuple[AlertRuleEntry, ...]) -> tuple[AlertRuleEntry, ...]:
        names = [rule.rule.lower() for rule in rules]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise PydanticCustomError("rule_twice", "listed more than once: {names}", {"names": ", ".join(twice)})
        return rules
