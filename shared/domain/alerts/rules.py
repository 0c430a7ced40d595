"""From alerts to an observation: which alert is which, what Azure Monitor must confirm, what counts as a symptom.

See R-BACK-1 to R-BACK-4, R-INV-12, R-INV-20 and R-SEC-5.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.domain.alerts.decision_model import Observation
from shared.domain.alerts.model import (
    AlertFacts,
    AlertKind,
    AlertPolicy,
    AlertRecord,
    AlertState,
    AllowedRule,
    Measure,
    Reading,
    RecentChange,
)

FIRED_TOLERANCE_S = 60
"""Azure Monitor's own times of one firing may differ by this much from one interface to the other."""

COUNT_MAX = 1_000_000
"""More failures than that are as bad; keeps absurd numbers of a rule out of the arithmetic."""


def alert_key(facts: AlertFacts) -> str:
    """The same for every repetition of one message: alert, time of firing, condition."""
    condition = "fired" if facts.fired else "resolved"
    text = f"{facts.instance_id}|{facts.fired_at.isoformat()}|{condition}"
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def own_key(finding_id: str) -> str:
    """The same for every report of one finding of the app's own, and never that of an alert of Azure Monitor."""
    return hashlib.sha256(f"own|{finding_id}".encode()).hexdigest()[:32]


def same_firing(one: AlertFacts, other: AlertFacts) -> bool:
    """True for the same alert and, within the tolerance, the same time of firing."""
    apart = abs(one.fired_at - other.fired_at)
    return one.instance_id == other.instance_id and apart <= timedelta(seconds=FIRED_TOLERANCE_S)


def differences(claim: AlertFacts, told: AlertFacts) -> tuple[str, ...]:
    """What a message says otherwise than Azure Monitor; told counts, and the difference is kept for people."""
    pairs = [
        ("rule", claim.rule_id.lower() or told.rule_id.lower(), told.rule_id.lower()),
        ("severity", claim.severity, told.severity),
        ("condition", _condition(claim), _condition(told)),
    ]
    if told.readings:
        pairs.append(("circuits", ", ".join(sorted(claim.circuits)), ", ".join(sorted(told.circuits))))
    return tuple(
        f"{name}: the message says {said!r}, Azure Monitor {true!r}" for name, said, true in pairs if said != true
    )


def observe(
    record: AlertRecord,
    recent: Sequence[AlertRecord],
    *,
    since: datetime,
    policy: AlertPolicy,
    fleet: frozenset[str],
    models: Mapping[str, RecentChange],
    environment: Mapping[str, RecentChange],
) -> Observation:
    """Everything `decide_rollback` needs to know. `recent` are other alerts; those accepted since `since` are counted.

    Only what Azure Monitor told counts, and what the app found itself; of several messages about one alert the last
    word. Both may speak of one cause, so of the two the greater number counts and never the sum. A change is under
    suspicion only where an alert fired after it: what was wrong before is no reason to take it back.
    """
    counted = _counted(record, [each for each in recent if each.accepted_at >= since], policy)
    newest = _newest(record, counted)
    firing = [each for each in counted if each.is_firing]
    own = sum(each.rule.is_own for each in counted)
    return Observation(
        fleet=fleet,
        alert_fired=record.facts.fired,
        alert_new=not _handled_before(record, recent),
        alert_rule_known=policy.rule_of(record.facts, own=record.is_own) is not None,
        alert_verified=record.told is not None,
        alert_own=record.is_own,
        batch_failures=_failures(firing, AlertKind.BATCH_FAILURES),
        degradation_pct=_worst(each for each in firing if each.rule.kind is AlertKind.DEGRADATION),
        scoring_errors=_failures(firing, AlertKind.SCORING_ERRORS),
        alerts_last_hour=max(own, len(counted) - own),
        alerting_circuits=frozenset(circuit for each in counted for circuit in each.facts.circuits),
        new_models=_suspected(models, newest, record.facts.fired_at),
        new_environment=_suspected(environment, newest, record.facts.fired_at),
    )


def rests_on_claims(record: AlertRecord, recent: Sequence[AlertRecord], since: datetime) -> bool:
    """True when circuits were counted that only a message named: people may be asked then, nothing acts by itself."""
    return any(each.only_claimed for each in (record, *recent) if each is record or each.accepted_at >= since)


@dataclass(frozen=True, kw_only=True)
class _Counted:
    """An alert of a listed rule, and whether it still fires as far as anybody told."""

    rule: AllowedRule
    facts: AlertFacts
    is_firing: bool


def _counted(record: AlertRecord, recent: Sequence[AlertRecord], policy: AlertPolicy) -> list[_Counted]:
    """Each alert of a listed rule once."""
    told = [(each.told, each.is_own) for each in (*recent, record) if each.told is not None]
    over = {facts.instance_id for facts, _ in told if not facts.fired}
    alerts = {facts.instance_id: (facts, own) for facts, own in told if facts.fired}
    listed = [(policy.rule_of(facts, own=own), facts) for facts, own in alerts.values()]
    return [_Counted(rule=rule, facts=facts, is_firing=facts.instance_id not in over) for rule, facts in listed if rule]


def _handled_before(record: AlertRecord, recent: Sequence[AlertRecord]) -> bool:
    """True when the same firing was decided on under another key: a repetition with a slightly different time."""
    return any(
        each.key != record.key
        and each.state is AlertState.DECIDED
        and each.claim.fired == record.claim.fired
        and same_firing(each.facts, record.facts)
        for each in recent
    )


def _newest(record: AlertRecord, counted: Iterable[_Counted]) -> dict[str, datetime]:
    """When the last alert about each circuit fired."""
    newest: dict[str, datetime] = {}
    for facts in (record.facts, *(each.facts for each in counted)):
        for circuit in facts.circuits:
            newest[circuit] = max(newest.get(circuit, facts.fired_at), facts.fired_at)
    return newest


def _suspected(
    changes: Mapping[str, RecentChange], newest: Mapping[str, datetime], fired_at: datetime
) -> frozenset[str]:
    return frozenset(
        circuit
        for circuit, change in changes.items()
        if change.is_new and change.changed_at <= newest.get(circuit, fired_at)
    )


def _failures(firing: Iterable[_Counted], kind: AlertKind) -> dict[str, int]:
    """By circuit, the greater of what the app found and of what Azure Monitor tells."""
    alerts = [each for each in firing if each.rule.kind is kind]
    own, outside = (_sums(each.facts for each in alerts if each.rule.is_own is is_own) for is_own in (True, False))
    return {circuit: max(own.get(circuit, 0), outside.get(circuit, 0)) for circuit in (*own, *outside)}


def _sums(alerts: Iterable[AlertFacts]) -> dict[str, int]:
    """Failures by circuit; several readings of one alert are of the same failures, several alerts are not."""
    totals: dict[str, int] = {}
    for facts in alerts:
        for circuit in facts.circuits:
            count = max(_count(reading) for reading in facts.readings if reading.circuit == circuit)
            totals[circuit] = min(totals.get(circuit, 0) + count, COUNT_MAX)
    return totals


def _count(reading: Reading) -> int:
    """An alert that fired stands for one failure at least, whatever it measures."""
    return min(max(1, int(reading.value or 1)), COUNT_MAX)


def _worst(alerts: Iterable[_Counted]) -> dict[str, float]:
    """The worst degradation by circuit, in percent; a reading without the figures says nothing."""
    worst: dict[str, float] = {}
    for each in alerts:
        for reading in each.facts.readings:
            pct = _degradation_pct(reading, each.rule.measure)
            if pct is not None:
                worst[reading.circuit] = max(worst.get(reading.circuit, pct), pct)
    return worst


def _degradation_pct(reading: Reading, measure: Measure) -> float | None:
    if reading.value is None or measure is Measure.PERCENT:
        return reading.value
    if not reading.threshold or reading.threshold < 0:
        return None
    return (reading.value / reading.threshold - 1) * 100


def _condition(facts: AlertFacts) -> str:
    return "Fired" if facts.fired else "Resolved"
