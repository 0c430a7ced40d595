"""Alerts as the rules see them: what one says, which rules are listed, what it is about, and what became of it."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from shared.domain.alerts.decision_model import RollbackDecision, RollbackThresholds

OWN_SOURCE = "switchyard"
"""The source of alerts that the app raised itself."""

OWN_RULES = "switchyard/"
"""Rules of the app's own begin so; Azure Monitor's are ARM ids."""


class AlertKind(StrEnum):
    """What an alert rule watches. `other` counts for the alert spike only."""

    BATCH_FAILURES = "batch_failures"
    DEGRADATION = "degradation"
    SCORING_ERRORS = "scoring_errors"
    OTHER = "other"


class Measure(StrEnum):
    """What a degradation rule measures: the degradation itself in percent, or an error that exceeds its threshold."""

    PERCENT = "percent"
    EXCESS = "excess"


@dataclass(frozen=True, kw_only=True)
class AllowedRule:
    """One entry of the allow-list. `rule_id` is the rule's ARM id in lower case, `severity` as Azure Monitor has it.

    A rule of the app's own is `switchyard/<name>`; without a severity, findings have the one they were found with.
    """

    rule_id: str
    kind: AlertKind
    severity: str
    measure: Measure = Measure.EXCESS

    @property
    def is_own(self) -> bool:
        """True for what the app finds itself."""
        return self.rule_id.startswith(OWN_RULES)


@dataclass(frozen=True, kw_only=True)
class AlertPolicy:
    """Which rules count and from when on.

    `window_s` is the time in which alerts are seen together, `recent_change_s` how long after it changed a circuit an
    ended release is still suspected.
    """

    rules: tuple[AllowedRule, ...] = ()
    thresholds: RollbackThresholds = field(default_factory=RollbackThresholds)
    window_s: int = 3600
    recent_change_s: int = 86_400

    def rule_of(self, facts: "AlertFacts", *, own: bool = False) -> AllowedRule | None:
        """The entry for the alert's rule; None when it is not listed, or has another severity than listed.

        Only what is the app's `own` may have a rule of its own, whatever Azure Monitor calls a rule.
        """
        listed = (rule for rule in self.rules if rule.rule_id == facts.rule_id.lower() and rule.is_own is own)
        return next((rule for rule in listed if rule.severity in ("", facts.severity)), None)


@dataclass(frozen=True, kw_only=True)
class Reading:
    """What an alert measured for one circuit (`P001/C001`), and against what; None where it says neither."""

    circuit: str
    metric: str = ""
    value: float | None = None
    threshold: float | None = None


@dataclass(frozen=True, kw_only=True)
class AlertFacts:
    """One alert, as a message claims it or as Azure Monitor tells it.

    `instance_id` names one firing of a rule and stays the same when it resolves. `rule_id` is empty where a message
    leaves it out; `readings` are empty where the circuits are not said.
    """

    instance_id: str
    rule_id: str
    rule_name: str
    severity: str
    fired: bool
    fired_at: datetime
    readings: tuple[Reading, ...] = ()

    @property
    def circuits(self) -> tuple[str, ...]:
        """Each circuit once, in the order of the readings."""
        return tuple(dict.fromkeys(reading.circuit for reading in self.readings))


@dataclass(frozen=True, kw_only=True)
class RecentChange:
    """The last change of one kind that a release made to a circuit. `is_new`: it may still be taken back."""

    release_id: str
    changed_at: datetime
    is_new: bool


class AlertState(StrEnum):
    """How far the app is with an alert."""

    ACCEPTED = "accepted"  # durable, and a message says to look at it
    CONFIRMED = "confirmed"  # Azure Monitor was asked and told
    DECIDED = "decided"


@dataclass(frozen=True, kw_only=True)
class RollbackAsked:
    """One rollback that an alert asked for. `answer` is accepted, already_done or refused; `note` says why."""

    release_id: str
    critical: bool
    answer: str
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class AlertRecord:
    """What is kept of an alert: the claim, what Azure Monitor told, the decision with its reasons, what was asked for.

    `source` says which way it came and `sender` who brought it, as a verified token or a topic names them. With
    `only_claimed`, Azure Monitor confirmed the alert but told no circuits, and the readings are the message's word.
    What the app found itself is told by its own record.
    """

    key: str
    source: str
    sender: str
    accepted_at: datetime
    claim: AlertFacts
    state: AlertState = AlertState.ACCEPTED
    told: AlertFacts | None = None
    only_claimed: bool = False
    decided_at: datetime | None = None
    decision: RollbackDecision | None = None
    asked: tuple[RollbackAsked, ...] = ()
    note: str = ""

    @property
    def is_own(self) -> bool:
        """True when the app raised it itself, from a record of its own that `sender` names."""
        return self.source == OWN_SOURCE

    @property
    def facts(self) -> AlertFacts:
        """What Azure Monitor told, or where it told nothing the claim."""
        return self.told or self.claim
