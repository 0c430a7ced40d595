"""What to roll back when production misbehaves: triggers, decision matrix and the reasons, as one pure function.

Triggers and severities: R-BACK-1 to R-BACK-5; matrix: R-BACK-7 to R-BACK-11. Critical acts at once, high asks a
person. Where the matrix names a rollback but what to take back is old or not known for sure, a person is asked as
well, however severe it is: only the last change of a circuit may be reversed without one (invariant I12). An alert
acts once (invariant I20).

An environment rollback returns the whole fleet, all or nothing (R-BACK-16). Both are rolled back when
circuits that share an issue have a new model too: it was never tested with the previous environment.
"""

from collections.abc import Collection
from dataclasses import dataclass

from shared.domain.alerts.decision_model import (
    Observation,
    RollbackAction,
    RollbackDecision,
    RollbackReason,
    RollbackRule,
    RollbackScope,
    RollbackThresholds,
    RollbackVerdict,
    Severity,
)

NAMED_MAX = 3
"""Circuits a reason names; of more it gives the number."""


@dataclass(frozen=True, kw_only=True)
class _Trigger:
    reason: RollbackReason
    severity: Severity
    circuits: frozenset[str]


@dataclass(frozen=True, kw_only=True)
class _Finding:
    """What the matrix says, before it is asked who acts."""

    verdict: RollbackVerdict
    scope: RollbackScope
    severity: Severity
    suspects: frozenset[str]
    reasons: tuple[RollbackReason, ...]


def decide_rollback(observation: Observation, thresholds: RollbackThresholds | None = None) -> RollbackDecision:
    """Pure and total: every observation has a decision, and the decision names every rule."""
    limits = thresholds or RollbackThresholds()
    gates = _gates(observation)
    triggers = _triggers(observation, limits)
    found = _matrix(observation, limits, [trigger for trigger in triggers if trigger.reason.held])
    reversible = _reversible(observation, found)
    reasons = (*gates, *(trigger.reason for trigger in triggers), *found.reasons, reversible)
    if not all(gate.held for gate in gates):
        return RollbackDecision(
            verdict=RollbackVerdict.NONE,
            action=RollbackAction.NOTHING,
            scope=RollbackScope(),
            severity=Severity.NONE,
            reasons=reasons,
        )
    return RollbackDecision(
        verdict=found.verdict,
        action=_action(found, reversible),
        scope=found.scope,
        severity=found.severity,
        reasons=reasons,
    )


def _action(found: _Finding, reversible: RollbackReason) -> RollbackAction:
    if found.severity is Severity.NONE:
        return RollbackAction.NOTHING
    if found.severity is Severity.CRITICAL and reversible.held:
        return RollbackAction.ACT
    return RollbackAction.ASK


def _gates(seen: Observation) -> tuple[RollbackReason, ...]:
    """What must hold of the alert itself; otherwise nothing is done."""
    return (
        _reason(
            RollbackRule.ALERT_FIRED, seen.alert_fired, "the alert is firing", "the alert is resolved: nothing to do"
        ),
        _reason(
            RollbackRule.ALERT_NEW, seen.alert_new, "first time this alert is seen", "this alert was handled before"
        ),
        _reason(
            RollbackRule.ALERT_RULE_KNOWN,
            seen.alert_rule_known,
            "its rule is on the list",
            "its rule is not on the list",
        ),
        _reason(
            RollbackRule.ALERT_VERIFIED,
            seen.alert_verified,
            "the app has it on record" if seen.alert_own else "Azure Monitor has it as told",
            "Azure Monitor does not confirm it",
        ),
    )


def _triggers(seen: Observation, limits: RollbackThresholds) -> tuple[_Trigger, ...]:
    failing = {circuit: count for circuit, count in seen.batch_failures.items() if count > 0 and circuit in seen.fleet}
    jobs = sum(failing.values())
    degraded = {c: pct for c, pct in seen.degradation_pct.items() if pct > limits.degradation_pct and c in seen.fleet}
    worst_pct = max((pct for c, pct in seen.degradation_pct.items() if c in seen.fleet), default=0.0)
    erring = {
        circuit
        for circuit, count in seen.scoring_errors.items()
        if count >= limits.scoring_errors_min and count > 0 and circuit in seen.fleet
    }
    alerts = f"{seen.alerts_last_hour} alerts in the last hour, more than {limits.alerts_per_hour} count"
    return (
        _trigger(
            RollbackRule.BATCH_FAILURES,
            Severity.CRITICAL,
            failing if jobs >= max(limits.batch_failures_min, 1) else (),
            f"{jobs} failed batch jobs in {_circuits(failing)}, {limits.batch_failures_min} or more count",
        ),
        _trigger(
            RollbackRule.DEGRADATION,
            Severity.HIGH,
            degraded,
            f"{_circuits(degraded)} worse by more than {limits.degradation_pct:g} %, the worst by {worst_pct:g} %",
        ),
        _trigger(RollbackRule.SCORING_ERRORS, Severity.CRITICAL, erring, f"scoring errors in {_circuits(erring)}"),
        _Trigger(
            reason=RollbackReason(
                rule=RollbackRule.ALERT_SPIKE, held=seen.alerts_last_hour > limits.alerts_per_hour, text=alerts
            ),
            severity=Severity.HIGH,
            circuits=seen.alerting_circuits & seen.fleet,
        ),
    )


def _matrix(seen: Observation, limits: RollbackThresholds, fired: list[_Trigger]) -> _Finding:
    """The rows of the decision matrix; the environment is suspected when one issue is in several circuits."""
    spread = [trigger for trigger in fired if len(trigger.circuits) >= limits.circuits_min]
    everywhere = [
        trigger
        for trigger in fired
        if trigger.reason.rule is RollbackRule.SCORING_ERRORS and trigger.circuits == seen.fleet
    ]
    affected, sharing = _union(fired), _union(spread + everywhere)
    both = sharing & seen.new_models & seen.new_environment
    reasons = _rows(seen, affected, spread, everywhere, both)
    if sharing:
        return _Finding(
            verdict=RollbackVerdict.BOTH if both else RollbackVerdict.ENVIRONMENT,
            scope=RollbackScope(models=tuple(sorted(both)), environment=tuple(sorted(seen.fleet))),
            severity=_worst(spread + everywhere),
            suspects=sharing,
            reasons=reasons,
        )
    return _Finding(
        verdict=RollbackVerdict.MODEL if affected else RollbackVerdict.NONE,
        scope=RollbackScope(models=tuple(sorted(affected))),
        severity=_mildest(fired, affected) if affected else _worst(fired),
        suspects=affected,
        reasons=reasons,
    )


def _rows(
    seen: Observation,
    affected: frozenset[str],
    spread: list[_Trigger],
    everywhere: list[_Trigger],
    both: frozenset[str],
) -> tuple[RollbackReason, ...]:
    single = bool(affected) and not spread and not everywhere
    shared = "; ".join(f"{trigger.reason.rule.value} in {_circuits(trigger.circuits)}" for trigger in spread)
    return (
        _reason(
            RollbackRule.SINGLE_CIRCUIT,
            single,
            f"{_circuits(affected)} affected, no issue is shared",
            "an issue is shared by circuits" if affected else "no circuit is affected",
        ),
        _reason(RollbackRule.SAME_ISSUE, bool(spread), shared, "no issue is in several circuits"),
        _reason(
            RollbackRule.ALL_CIRCUITS,
            bool(everywhere),
            f"scoring fails in every circuit of {len(seen.fleet)}",
            "scoring does not fail in every circuit",
        ),
        _reason(
            RollbackRule.BOTH_NEW,
            bool(both),
            f"model and environment are both new in {_circuits(both)} of those that share an issue",
            "no circuit that shares an issue has a new model and a new environment",
        ),
    )


def _reversible(seen: Observation, found: _Finding) -> RollbackReason:
    """Whether the change to take back is known: new where it fails, and for a model the only new thing there."""
    if found.verdict is RollbackVerdict.NONE:
        return RollbackReason(rule=RollbackRule.REVERSIBLE, held=False, text="no rollback is named")
    if found.verdict is RollbackVerdict.MODEL:
        new, kind, unclear = seen.new_models, "model", found.suspects & seen.new_models & seen.new_environment
    else:
        new, kind, unclear = seen.new_environment, "environment", frozenset[str]()
    old = found.suspects - new
    if old:
        return RollbackReason(
            rule=RollbackRule.REVERSIBLE, held=False, text=f"the {kind} is not new in {_circuits(old)}"
        )
    if unclear:
        text = f"model and environment are both new in {_circuits(unclear)}: either may be at fault"
        return RollbackReason(rule=RollbackRule.REVERSIBLE, held=False, text=text)
    return RollbackReason(
        rule=RollbackRule.REVERSIBLE, held=True, text=f"the {kind} is new in {_circuits(found.suspects)}"
    )


def _trigger(rule: RollbackRule, severity: Severity, circuits: Collection[str], text: str) -> _Trigger:
    return _Trigger(
        reason=RollbackReason(rule=rule, held=bool(circuits), text=text),
        severity=severity,
        circuits=frozenset(circuits),
    )


def _reason(rule: RollbackRule, held: bool, if_so: str, if_not: str) -> RollbackReason:
    return RollbackReason(rule=rule, held=held, text=if_so if held else if_not)


def _union(triggers: list[_Trigger]) -> frozenset[str]:
    return frozenset().union(*(trigger.circuits for trigger in triggers))


def _worst(triggers: list[_Trigger]) -> Severity:
    order = list(Severity)
    return max((trigger.severity for trigger in triggers), key=order.index, default=Severity.NONE)


def _mildest(triggers: list[_Trigger], circuits: frozenset[str]) -> Severity:
    """Of circuits with issues of their own, the one that suffers least: nothing milder than critical acts by itself."""
    worst = [_worst([trigger for trigger in triggers if circuit in trigger.circuits]) for circuit in circuits]
    return min(worst, key=list(Severity).index)


def _circuits(names: Collection[str]) -> str:
    """A few by name, many by number."""
    if 0 < len(names) <= NAMED_MAX:
        return ", ".join(sorted(names))
    return f"{len(names)} circuits"
