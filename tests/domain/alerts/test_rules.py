"""What counts of an alert: measures, counts, times, and the names under which it is known."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

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
from shared.domain.alerts.rules import COUNT_MAX, alert_key, differences, observe, same_firing
from tests.support.builders import NOW

ONE, TWO = "P001/C001", "P001/C002"
FLEET = frozenset({ONE, TWO})


def a_policy(kind: AlertKind = AlertKind.DEGRADATION, measure: Measure = Measure.EXCESS) -> AlertPolicy:
    return AlertPolicy(rules=(AllowedRule(rule_id="/rules/r", kind=kind, severity="Sev2", measure=measure),))


def facts(*readings: Reading, **changes: Any) -> AlertFacts:
    alert = AlertFacts(
        instance_id="a-1",
        rule_id="/Rules/R",
        rule_name="r",
        severity="Sev2",
        fired=True,
        fired_at=NOW,
        readings=readings or (Reading(circuit=ONE, metric="m", value=1.0, threshold=1.0),),
    )
    return replace(alert, **changes)


def record(alert: AlertFacts, **changes: Any) -> AlertRecord:
    kept = AlertRecord(key=alert_key(alert), source="webhook", sender="s", accepted_at=NOW, claim=alert, told=alert)
    return replace(kept, **changes)


def observed(*alerts: AlertFacts, policy: AlertPolicy | None = None, **changes: Any) -> Observation:
    """What is seen when the last of these alerts is looked at."""
    *recent, last = [record(each) for each in alerts]
    options = {"since": NOW, "models": {}, "environment": {}, **changes}
    return observe(last, recent, policy=policy or a_policy(), fleet=FLEET, **options)


@pytest.mark.parametrize(
    ("measure", "value", "threshold", "pct"),
    [
        (Measure.EXCESS, 0.375, 0.25, 50.0),
        (Measure.EXCESS, 0.2, 0.25, -20.0),
        (Measure.EXCESS, 0.3, 0.0, None),
        (Measure.EXCESS, 0.3, None, None),
        (Measure.EXCESS, None, 0.25, None),
        (Measure.PERCENT, 35.0, 20.0, 35.0),
        (Measure.PERCENT, None, 20.0, None),
    ],
)
def test_degradation_is_the_excess_over_the_threshold_or_what_the_rule_measures(
    measure: Measure, value: float | None, threshold: float | None, pct: float | None
) -> None:
    """A reading without the figures says nothing."""
    seen = observed(
        facts(Reading(circuit=ONE, value=value, threshold=threshold)), policy=a_policy(measure=measure)
    ).degradation_pct
    assert seen == ({} if pct is None else {ONE: pytest.approx(pct)})


def test_the_worst_of_several_readings_of_a_circuit_counts() -> None:
    """mae and rmse of one circuit in one alert."""
    readings = [
        Reading(circuit=ONE, metric=name, value=value, threshold=1.0) for name, value in (("a", 1.1), ("b", 1.4))
    ]
    assert observed(facts(*readings)).degradation_pct == {ONE: pytest.approx(40.0)}


@pytest.mark.parametrize(("value", "count"), [(3.0, 3), (2.9, 2), (0.0, 1), (-5.0, 1), (None, 1), (1e300, COUNT_MAX)])
def test_an_alert_stands_for_as_many_failures_as_it_measured_and_for_one_at_least(
    value: float | None, count: int
) -> None:
    """It fired, so something failed."""
    seen = observed(facts(Reading(circuit=ONE, value=value)), policy=a_policy(AlertKind.BATCH_FAILURES))
    assert seen.batch_failures == {ONE: count}


def test_failures_of_several_alerts_add_up_and_those_of_one_do_not() -> None:
    """Two conditions of one alert look at the same jobs."""
    twice = (Reading(circuit=ONE, metric="a", value=2), Reading(circuit=ONE, metric="b", value=1))
    alerts = (facts(*twice), facts(Reading(circuit=ONE, value=1), Reading(circuit=TWO, value=1), instance_id="a-2"))
    assert observed(*alerts, policy=a_policy(AlertKind.SCORING_ERRORS)).scoring_errors == {ONE: 3, TWO: 1}


def test_alerts_from_before_the_window_do_not_count() -> None:
    """The alert that is looked at always does."""
    old = record(facts(instance_id="a-0"), accepted_at=NOW - timedelta(seconds=1))
    seen = observe(record(facts()), [old], since=NOW, policy=a_policy(), fleet=FLEET, models={}, environment={})
    assert seen.alerts_last_hour == 1


@pytest.mark.parametrize(("apart_s", "is_suspected"), [(-1, False), (0, True), (60, True)])
def test_a_change_is_suspected_when_an_alert_fired_after_it(apart_s: int, is_suspected: bool) -> None:
    """Of the newest alert about the circuit, when there are several."""
    change = RecentChange(release_id="r", changed_at=NOW - timedelta(seconds=apart_s), is_new=True)
    before = facts(instance_id="a-0", fired_at=NOW - timedelta(hours=1))
    assert observed(before, facts(), models={ONE: change}).new_models == (
        frozenset({ONE}) if is_suspected else frozenset()
    )


def test_what_is_not_new_is_not_suspected() -> None:
    """It was put back, or was rolled back."""
    change = RecentChange(release_id="r", changed_at=NOW, is_new=False)
    assert observed(facts(), environment={ONE: change}).new_environment == frozenset()


def test_the_key_of_an_alert_is_of_alert_time_and_condition() -> None:
    """Whatever else the message says."""
    key = alert_key(facts())
    assert alert_key(facts(severity="Sev0", rule_id="other", readings=())) == key
    others = [facts(instance_id="a-2"), facts(fired=False), facts(fired_at=NOW + timedelta(seconds=1))]
    assert len({key, *map(alert_key, others)}) == 4


@pytest.mark.parametrize(("apart_s", "same"), [(0, True), (60, True), (61, False)])
def test_one_firing_may_have_slightly_different_times(apart_s: int, same: bool) -> None:
    """Two interfaces of Azure Monitor."""
    assert same_firing(facts(), facts(fired_at=NOW - timedelta(seconds=apart_s))) is same


def test_a_firing_that_was_decided_on_is_not_new() -> None:
    """Under another key; the same alert that is merely accepted twice waits for both."""
    first = record(facts(fired_at=NOW - timedelta(seconds=1)))
    options: dict[str, Any] = {"since": NOW, "policy": a_policy(), "fleet": FLEET, "models": {}, "environment": {}}
    assert observe(record(facts()), [first], **options).alert_new
    assert not observe(record(facts()), [replace(first, state=AlertState.DECIDED)], **options).alert_new


def test_what_a_message_says_otherwise_is_named() -> None:
    """Cases of ids do not matter, nor does a rule that the message leaves out."""
    assert differences(facts(), facts(rule_id="/rules/r")) == ()
    assert differences(facts(rule_id=""), facts()) == ()
    told = facts(Reading(circuit=TWO), severity="Sev1", fired=False)
    assert [each.split(":")[0] for each in differences(facts(), told)] == ["severity", "condition", "circuits"]
