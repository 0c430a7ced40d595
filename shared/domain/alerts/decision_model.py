"""What a rollback decision is made from and what it says; the rules are in `rollback_decision`."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class RollbackRule(StrEnum):
    """Everything that is looked at. A decision has one reason for each, in this order."""

    ALERT_FIRED = "alert fired"
    ALERT_NEW = "alert is new"
    ALERT_RULE_KNOWN = "alert rule is known"
    ALERT_VERIFIED = "alert is confirmed by Azure Monitor"
    BATCH_FAILURES = "multiple batch failures"
    DEGRADATION = "performance degradation"
    SCORING_ERRORS = "scoring errors"
    ALERT_SPIKE = "alert spike"
    SINGLE_CIRCUIT = "single circuit"
    SAME_ISSUE = "multiple circuits, same issue"
    ALL_CIRCUITS = "scoring errors across all circuits"
    BOTH_NEW = "new model and new environment both failing"
    REVERSIBLE = "a new change to take back"


class Severity(StrEnum):
    """How bad it is; `none` when nothing that counts was seen."""

    NONE = "none"
    HIGH = "high"
    CRITICAL = "critical"


class RollbackVerdict(StrEnum):
    """Which rollback the matrix names."""

    NONE = "none"
    MODEL = "model"
    ENVIRONMENT = "environment"
    BOTH = "both"


class RollbackAction(StrEnum):
    """Who acts: nobody, a person who is asked, or the system at once."""

    NOTHING = "nothing"
    ASK = "ask"
    ACT = "act"


@dataclass(frozen=True, kw_only=True)
class RollbackThresholds:
    """From when on something counts; the defaults are those of R-BACK-1 to R-BACK-4.

    `batch_failures_min` failed jobs in all and `circuits_min` circuits are what "multiple" means. Degradation counts
    above `degradation_pct`, alerts above `alerts_per_hour`; exactly that much does not.
    """

    batch_failures_min: int = 2
    circuits_min: int = 2
    degradation_pct: float = 20.0
    scoring_errors_min: int = 1
    alerts_per_hour: int = 10


@dataclass(frozen=True, kw_only=True)
class Observation:
    """What is known when an alert comes in. Circuits are named `P001/C001`; those outside `fleet` do not count.

    `alert_new`: not handled before; `alert_rule_known`: its rule is on the allow-list; `alert_verified`: Azure Monitor,
    asked by the alert's id, tells the same. They have no default because all of them must be looked at. With
    `alert_own` the app found it itself, and its own record verifies it.
    `batch_failures` and `scoring_errors` are counts in the time looked at, `degradation_pct` is how much worse the
    error is than the circuit's baseline, in percent. `alerts_last_hour` counts fired alerts, `alerting_circuits` are
    those they name. `new_models` and `new_environment` are the circuits that a release of that kind changed, as long as
    it may be taken back.
    """

    fleet: frozenset[str]
    alert_fired: bool
    alert_new: bool
    alert_rule_known: bool
    alert_verified: bool
    alert_own: bool = False
    batch_failures: Mapping[str, int] = field(default_factory=dict)
    degradation_pct: Mapping[str, float] = field(default_factory=dict)
    scoring_errors: Mapping[str, int] = field(default_factory=dict)
    alerts_last_hour: int = 0
    alerting_circuits: frozenset[str] = frozenset()
    new_models: frozenset[str] = frozenset()
    new_environment: frozenset[str] = frozenset()


@dataclass(frozen=True, kw_only=True)
class RollbackReason:
    """Whether one rule held, and what it saw."""

    rule: RollbackRule
    held: bool
    text: str


@dataclass(frozen=True, kw_only=True)
class RollbackScope:
    """Circuits that get their previous model, and circuits that get their previous environment, each in order."""

    models: tuple[str, ...] = ()
    environment: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class RollbackDecision:
    """The rollback the matrix names, who acts, how severe it is, and a reason per rule.

    `verdict` none with `action` ask: something is wrong and the matrix names no rollback for it.
    """

    verdict: RollbackVerdict
    action: RollbackAction
    scope: RollbackScope
    severity: Severity
    reasons: tuple[RollbackReason, ...]
