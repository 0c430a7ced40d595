"""Every rule of `config/monitoring.yml`: what is accepted, what is refused, and how it is said."""

import pytest

from shared.contracts.config.files import ConfigError
from shared.domain.routines.monitoring import Bounds, Condition, DriftBounds, Level, raised
from shared.domain.routines.task import Routine
from tests.config.conftest import REPOSITORY, ConfigTree
from tests.support.configuration import load_monitoring

FILE = "monitoring.yml"


def test_thresholds_and_rules_of_the_repository_are_those_of_the_architecture() -> None:
    """R-MON-5, R-MON-7, R-ALERT-1 to R-ALERT-3."""
    policy = load_monitoring(REPOSITORY / "config" / FILE)
    assert policy.thresholds.performance == {
        "mae": Bounds(warning=0.15, critical=0.25),
        "rmse": Bounds(warning=0.20, critical=0.35),
        "mape": Bounds(warning=0.10, critical=0.20),
    }
    assert policy.thresholds.drift == DriftBounds(low=0.05, medium=0.15, high=0.25)
    rules = {rule.name: rule for rule in policy.rules}
    assert {name: rules[name].severity for name in rules} == {
        "model-performance-degradation": 2,
        "data-drift": 3,
        "batch-job-failure": 1,
        "predictions-missing": 2,
        "model-degraded": 2,
    }
    [alert] = raised(policy.rules, Routine.PERFORMANCE, {"mae": 0.26, "rmse": 0.36}, policy.thresholds)
    assert alert.reason == "mae 0.26 > 0.25, rmse 0.36 > 0.35"
    assert raised(policy.rules, Routine.PERFORMANCE, {"mae": 0.25, "rmse": 0.35}, policy.thresholds) == []
    assert raised(policy.rules, Routine.DRIFT, {"drift_magnitude": 0.25}, policy.thresholds) == []


def test_an_override_replaces_only_what_it_names(tree: ConfigTree) -> None:
    tree.edit(
        FILE,
        "overrides: []",
        'overrides:\n  - {plant_id: "P001", circuit_id: "C002", performance: {mape: {warning: 0.2, critical: 0.4}}}',
    )
    policy = load_monitoring(tree.root / FILE)
    own = policy.thresholds_of("P001-C002")
    assert own.performance["mape"] == Bounds(warning=0.2, critical=0.4)
    assert own.performance["mae"] == policy.thresholds_of("P001-C001").performance["mae"]
    assert own.drift == policy.thresholds.drift


def test_a_rule_may_name_a_number_or_a_level(tree: ConfigTree) -> None:
    tree.edit(
        FILE,
        "{measure: drift_magnitude, above: critical}",
        "{measure: drift_magnitude, above: 0.5}, {measure: drift_magnitude, above: warning}",
    )
    [rule] = [each for each in load_monitoring(tree.root / FILE).rules if each.name == "data-drift"]
    assert rule.any_of == (
        Condition(measure="drift_magnitude", above=0.5),
        Condition(measure="drift_magnitude", above=Level.WARNING),
    )


@pytest.mark.parametrize(
    ("old", "new", "field", "said"),
    [
        (
            "mae: {warning: 0.15, critical: 0.25}",
            "mae: {warning: 0.35, critical: 0.25}",
            "thresholds.performance.mae",
            "warning is above critical",
        ),
        ("low: 0.05, medium: 0.15", "low: 0.15, medium: 0.15", "thresholds.drift", "do not grow"),
        ("mae: {warning: 0.15", "mae: {warning: 0", "thresholds.performance.mae.warning", ""),
        ("attempts_max: 3", "attempts_max: 0", "routines.inference.attempts_max", "1 to 10"),
        ("look_interval_s: 60", "look_interval_s: 601", "routines.inference.look_interval_s", "1 to 600"),
        ("job_deadline_s: 7200", "job_deadline_s: 30", "routines.inference", "longer than job_deadline_s"),
        ("name: data-drift", "name: Data Drift", "alert_rules[1].name", ""),
        ("name: data-drift", "name: batch-job-failure", "alert_rules", "listed more than once: batch-job-failure"),
        (
            "{measure: drift_magnitude, above: critical}",
            "{measure: mae, above: critical}",
            "alert_rules[1]",
            "drift does not measure mae",
        ),
        (
            "{measure: failed_jobs, above: 0}",
            "{measure: failed_jobs, above: critical}",
            "alert_rules[2].any_of[0]",
            "failed_jobs has no thresholds",
        ),
        ("severity: 3", "severity: 5", "alert_rules[1].severity", "0 (critical) to 4"),
        ("rows_min: 200", "rows_min: 1", "jobs.rows_min", "2 to 100000"),
        ('environment_version: "1.5.0"', 'environment_version: "latest"', "jobs.environment_version", ""),
        ("overrides: []", 'overrides: [{plant_id: "P1", circuit_id: "C001"}]', "overrides[0].plant_id", ""),
        ("groups: [ML-Engineers, Engineering-Managers]", "groups: []", "groups", ""),
        ("version: 1", "version: 2", "version", ""),
        ("overrides: []", "overrides: []\nmore: 1", "more", ""),
    ],
)
def test_a_mistake_is_named_with_its_field(tree: ConfigTree, old: str, new: str, field: str, said: str) -> None:
    tree.edit(FILE, old, new)
    with pytest.raises(ConfigError) as refused:
        load_monitoring(tree.root / FILE)
    problem = refused.value.problems[0]
    assert problem.file == "config/monitoring.yml"
    assert problem.field == field
    assert said in str(problem)


def test_an_override_may_not_be_there_twice(tree: ConfigTree) -> None:
    one = '{plant_id: "P001", circuit_id: "C001"}'
    tree.edit(FILE, "overrides: []", f"overrides: [{one}, {one}]")
    with pytest.raises(ConfigError, match="listed more than once: P001/C001"):
        load_monitoring(tree.root / FILE)
