"""When production misbehaves: what counts, what is rolled back, who acts, and that every rule says why."""

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.domain.alerts.decision import decide_rollback
from shared.domain.alerts.decision_model import (
    Observation,
    RollbackAction,
    RollbackDecision,
    RollbackRule,
    RollbackThresholds,
    RollbackVerdict,
    Severity,
)

FLEET = frozenset(f"P{plant:03}/C{circuit:03}" for plant in range(1, 16) for circuit in range(1, 6))
ONE, TWO, THREE = "P001/C001", "P001/C002", "P002/C001"
COUNTS = {"alert_fired": True, "alert_new": True, "alert_rule_known": True, "alert_verified": True}
NEW_EVERYWHERE = {"new_environment": FLEET}


def decide(**seen: Any) -> RollbackDecision:
    return decide_rollback(Observation(**{"fleet": FLEET, **COUNTS, **seen}))


def held(decision: RollbackDecision) -> set[RollbackRule]:
    return {reason.rule for reason in decision.reasons if reason.held}


def text(decision: RollbackDecision, rule: RollbackRule) -> str:
    return next(reason.text for reason in decision.reasons if reason.rule is rule)


@pytest.mark.parametrize(
    ("scenario", "seen", "verdict", "rule"),
    [
        (
            "Single circuit performance degraded",
            {"degradation_pct": {ONE: 35.0}, "new_models": frozenset({ONE})},
            RollbackVerdict.MODEL,
            RollbackRule.SINGLE_CIRCUIT,
        ),
        (
            "Multiple circuits same issue",
            {"degradation_pct": {ONE: 35.0, TWO: 28.0}, **NEW_EVERYWHERE},
            RollbackVerdict.ENVIRONMENT,
            RollbackRule.SAME_ISSUE,
        ),
        (
            "New model + new environment both failing",
            {"batch_failures": {ONE: 1, TWO: 1}, "new_models": frozenset({ONE}), **NEW_EVERYWHERE},
            RollbackVerdict.BOTH,
            RollbackRule.BOTH_NEW,
        ),
        (
            "Scoring errors across all circuits",
            {"scoring_errors": dict.fromkeys(FLEET, 1), **NEW_EVERYWHERE},
            RollbackVerdict.ENVIRONMENT,
            RollbackRule.ALL_CIRCUITS,
        ),
        (
            "Single model prediction errors",
            {"scoring_errors": {ONE: 3}, "new_models": frozenset({ONE})},
            RollbackVerdict.MODEL,
            RollbackRule.SINGLE_CIRCUIT,
        ),
    ],
)
def test_every_row_of_the_decision_matrix(
    scenario: str, seen: Mapping[str, Any], verdict: RollbackVerdict, rule: RollbackRule
) -> None:
    """R-BACK-7 to R-BACK-11, row by row; the row that applies says so."""
    decision = decide(**seen)
    assert decision.verdict is verdict, scenario
    assert rule in held(decision)


@pytest.mark.parametrize(
    ("rule", "seen", "severity", "action"),
    [
        (RollbackRule.BATCH_FAILURES, {"batch_failures": {ONE: 1, TWO: 1}}, Severity.CRITICAL, RollbackAction.ACT),
        (RollbackRule.DEGRADATION, {"degradation_pct": {ONE: 21, TWO: 21}}, Severity.HIGH, RollbackAction.ASK),
        (RollbackRule.SCORING_ERRORS, {"scoring_errors": {ONE: 1, TWO: 1}}, Severity.CRITICAL, RollbackAction.ACT),
        (
            RollbackRule.ALERT_SPIKE,
            {"alerts_last_hour": 11, "alerting_circuits": frozenset({ONE, TWO})},
            Severity.HIGH,
            RollbackAction.ASK,
        ),
    ],
)
def test_every_trigger_has_its_severity_and_critical_acts_while_high_asks(
    rule: RollbackRule, seen: Mapping[str, Any], severity: Severity, action: RollbackAction
) -> None:
    """R-BACK-1 to R-BACK-5, with several circuits and a new environment."""
    decision = decide(**seen, **NEW_EVERYWHERE)
    assert rule in held(decision)
    assert (decision.severity, decision.action) == (severity, action)
    assert decision.verdict is RollbackVerdict.ENVIRONMENT


@pytest.mark.parametrize(
    ("rule", "below"),
    [
        (RollbackRule.BATCH_FAILURES, {"batch_failures": {ONE: 1}}),
        (RollbackRule.DEGRADATION, {"degradation_pct": {ONE: 20.0, TWO: 20.0}}),
        (RollbackRule.SCORING_ERRORS, {"scoring_errors": {ONE: 0}}),
        (RollbackRule.ALERT_SPIKE, {"alerts_last_hour": 10, "alerting_circuits": frozenset({ONE, TWO})}),
    ],
)
def test_at_the_threshold_nothing_is_done_yet(rule: RollbackRule, below: Mapping[str, Any]) -> None:
    """One failed job is not multiple; 20 % and 10 alerts are not more than 20 % and 10 alerts."""
    decision = decide(**below, **NEW_EVERYWHERE)
    assert rule not in held(decision)
    assert (decision.verdict, decision.action) == (RollbackVerdict.NONE, RollbackAction.NOTHING)


def test_thresholds_can_be_set_by_policy() -> None:
    """A large fleet may want more than two failed jobs before it rolls everything back."""
    seen = Observation(fleet=FLEET, **COUNTS, batch_failures={ONE: 2, TWO: 2}, new_environment=FLEET)
    assert decide_rollback(seen).verdict is RollbackVerdict.ENVIRONMENT
    assert decide_rollback(seen, RollbackThresholds(batch_failures_min=5)).action is RollbackAction.NOTHING
    assert decide_rollback(seen, RollbackThresholds(circuits_min=3)).verdict is RollbackVerdict.MODEL


@pytest.mark.parametrize(
    ("gate", "rule", "why"),
    [
        ({"alert_fired": False}, RollbackRule.ALERT_FIRED, "the alert is resolved: nothing to do"),
        ({"alert_new": False}, RollbackRule.ALERT_NEW, "this alert was handled before"),
        ({"alert_rule_known": False}, RollbackRule.ALERT_RULE_KNOWN, "its rule is not on the list"),
        ({"alert_verified": False}, RollbackRule.ALERT_VERIFIED, "Azure Monitor does not confirm it"),
    ],
)
def test_an_alert_that_does_not_count_does_nothing_and_says_so(
    gate: Mapping[str, bool], rule: RollbackRule, why: str
) -> None:
    """Resolved, duplicate, unknown or unconfirmed, however bad production looks; what was seen is still told."""
    decision = decide(scoring_errors=dict.fromkeys(FLEET, 9), **NEW_EVERYWHERE, **gate)
    assert (decision.verdict, decision.action) == (RollbackVerdict.NONE, RollbackAction.NOTHING)
    assert (decision.severity, decision.scope.models, decision.scope.environment) == (Severity.NONE, (), ())
    assert text(decision, rule) == why
    assert rule not in held(decision)
    assert RollbackRule.SCORING_ERRORS in held(decision)


def test_a_shower_of_failed_jobs_rolls_back_the_whole_fleet_at_once() -> None:
    """All or nothing (R-BACK-16): also the circuits that have not failed yet."""
    failing = {circuit: 1 for circuit in FLEET if circuit.startswith("P001")}
    decision = decide(batch_failures=failing, **NEW_EVERYWHERE)
    assert (decision.verdict, decision.action) == (RollbackVerdict.ENVIRONMENT, RollbackAction.ACT)
    assert decision.scope.environment == tuple(sorted(FLEET))
    assert decision.scope.models == ()
    assert text(decision, RollbackRule.BATCH_FAILURES) == "5 failed batch jobs in 5 circuits, 2 or more count"
    assert text(decision, RollbackRule.SAME_ISSUE) == "multiple batch failures in 5 circuits"


def test_a_new_model_that_fails_alone_gets_its_previous_version_at_once() -> None:
    """Only that circuit is touched."""
    decision = decide(scoring_errors={ONE: 1}, new_models=frozenset({ONE, TWO}))
    assert (decision.verdict, decision.action) == (RollbackVerdict.MODEL, RollbackAction.ACT)
    assert decision.scope.models == (ONE,)
    assert decision.scope.environment == ()


@pytest.mark.parametrize("seen", [{"scoring_errors": {ONE: 1}}, {"scoring_errors": dict.fromkeys(FLEET, 1)}])
def test_without_a_new_change_a_person_is_asked_however_severe_it_is(seen: Mapping[str, Any]) -> None:
    """An old model or environment that fails now has another cause; returning to an older one may not help."""
    decision = decide(**seen)
    assert decision.verdict in (RollbackVerdict.MODEL, RollbackVerdict.ENVIRONMENT)
    assert (decision.severity, decision.action) == (Severity.CRITICAL, RollbackAction.ASK)
    assert "is not new in" in text(decision, RollbackRule.REVERSIBLE)


def test_a_single_circuit_with_a_new_model_and_a_new_environment_asks_a_person() -> None:
    """The rest of the fleet does well on the environment; the matrix names the model, but it may be either."""
    decision = decide(scoring_errors={ONE: 4}, new_models=frozenset({ONE}), **NEW_EVERYWHERE)
    assert (decision.verdict, decision.action) == (RollbackVerdict.MODEL, RollbackAction.ASK)
    assert text(decision, RollbackRule.REVERSIBLE) == (
        "model and environment are both new in P001/C001: either may be at fault"
    )


def test_both_takes_back_the_new_models_that_fail_and_no_others() -> None:
    """A new model that does well stays; one that fails was never tested with the previous environment."""
    decision = decide(scoring_errors={ONE: 1, TWO: 1}, new_models=frozenset({ONE, THREE}), **NEW_EVERYWHERE)
    assert (decision.verdict, decision.action) == (RollbackVerdict.BOTH, RollbackAction.ACT)
    assert decision.scope.models == (ONE,)
    assert decision.scope.environment == tuple(sorted(FLEET))


def test_a_shared_issue_under_an_old_environment_is_not_both() -> None:
    """Nothing says that an environment in use for long fails together with the new model: a person looks."""
    decision = decide(scoring_errors={ONE: 1, TWO: 1}, new_models=frozenset({ONE}))
    assert (decision.verdict, decision.action) == (RollbackVerdict.ENVIRONMENT, RollbackAction.ASK)
    assert decision.scope.models == ()


def test_an_environment_that_is_not_new_where_it_fails_is_not_taken_back_by_itself() -> None:
    """A later release replaced it there: rolling the rest back would not reach the failing circuits."""
    decision = decide(batch_failures={ONE: 2, TWO: 2}, new_environment=FLEET - {TWO})
    assert (decision.verdict, decision.action) == (RollbackVerdict.ENVIRONMENT, RollbackAction.ASK)
    assert text(decision, RollbackRule.REVERSIBLE) == "the environment is not new in P001/C002"


def test_different_issues_in_different_circuits_are_not_the_same_issue() -> None:
    """Each circuit gets its model back, and the milder issue asks a person for both."""
    decision = decide(scoring_errors={ONE: 1}, degradation_pct={TWO: 40.0}, new_models=frozenset({ONE, TWO}))
    assert (decision.verdict, decision.action) == (RollbackVerdict.MODEL, RollbackAction.ASK)
    assert decision.severity is Severity.HIGH
    assert decision.scope.models == (ONE, TWO)


def test_the_severity_is_that_of_the_issue_that_is_shared() -> None:
    """One circuit's scoring error does not make a shared degradation critical."""
    seen: dict[str, Any] = {"scoring_errors": {ONE: 1}, "degradation_pct": {TWO: 40.0, THREE: 40.0}}
    decision = decide(**seen, **NEW_EVERYWHERE)
    assert (decision.verdict, decision.severity) == (RollbackVerdict.ENVIRONMENT, Severity.HIGH)
    assert decision.action is RollbackAction.ASK


def test_a_spike_of_alerts_that_name_no_circuit_asks_a_person() -> None:
    """Something is wrong and the matrix names no rollback for it."""
    decision = decide(alerts_last_hour=25, **NEW_EVERYWHERE)
    assert (decision.verdict, decision.action) == (RollbackVerdict.NONE, RollbackAction.ASK)
    assert decision.severity is Severity.HIGH


def test_circuits_outside_the_fleet_do_not_count() -> None:
    """A test deployment or a retired circuit cannot roll production back."""
    elsewhere = {"P999/C001": 5, "P999/C002": 5}
    decision = decide(batch_failures=elsewhere, scoring_errors=elsewhere, **NEW_EVERYWHERE)
    assert (decision.verdict, decision.action) == (RollbackVerdict.NONE, RollbackAction.NOTHING)


def test_a_fleet_of_one_circuit_can_have_errors_across_all_circuits() -> None:
    """Several is not needed where there is only one."""
    fleet = frozenset({ONE})
    decision = decide(fleet=fleet, scoring_errors={ONE: 1}, new_environment=fleet)
    assert (decision.verdict, decision.action) == (RollbackVerdict.ENVIRONMENT, RollbackAction.ACT)
    assert RollbackRule.SAME_ISSUE not in held(decision)


circuits = st.sampled_from([ONE, TWO, THREE, "P999/C001"])
counts = st.dictionaries(circuits, st.integers(0, 3))
some = st.frozensets(circuits)
observations = st.builds(
    Observation,
    fleet=st.frozensets(st.sampled_from([ONE, TWO, THREE])),
    alert_fired=st.booleans(),
    alert_new=st.booleans(),
    alert_rule_known=st.booleans(),
    alert_verified=st.booleans(),
    batch_failures=counts,
    degradation_pct=st.dictionaries(circuits, st.floats(allow_nan=True)),
    scoring_errors=counts,
    alerts_last_hour=st.integers(0, 20),
    alerting_circuits=some,
    new_models=some,
    new_environment=some,
)


@given(observations)
@settings(max_examples=300, deadline=None)
def test_whatever_is_seen_the_decision_is_safe_and_names_every_rule(seen: Observation) -> None:
    """Acts by itself only on a confirmed, new, firing alert, critical, on circuits of the fleet with a new change."""
    decision = decide_rollback(seen)
    assert [reason.rule for reason in decision.reasons] == list(RollbackRule)
    assert all(reason.text for reason in decision.reasons)
    assert {*decision.scope.models, *decision.scope.environment} <= seen.fleet
    assert (decision.scope.models == decision.scope.environment == ()) is (decision.verdict is RollbackVerdict.NONE)
    if decision.action is RollbackAction.ACT:
        assert seen.alert_fired and seen.alert_new and seen.alert_rule_known and seen.alert_verified  # noqa: PT018
        assert decision.severity is Severity.CRITICAL
        assert decision.verdict is not RollbackVerdict.NONE
        assert set(decision.scope.models) <= seen.new_models
        assert not decision.scope.environment or seen.new_environment
    assert decide_rollback(seen) == decision
