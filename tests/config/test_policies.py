"""Every rule of `config/policies.yml`: what is accepted, what is refused, and how it is said."""

# ruff: noqa: E501 - one case per line, so that the cases read as a table

import pytest

from shared.adapters.config.files import load_policies
from shared.application.etl.load import RULE as LOAD_RULE
from shared.application.routines.publish import NOT_RUN
from shared.application.training.ending import FAILURES_RULE
from shared.domain.alerts.decision_model import RollbackThresholds
from shared.domain.alerts.model import OWN_RULES, AlertKind
from shared.domain.release.model import Kind
from shared.domain.release.policy import Stage
from tests.config.conftest import POLICIES, REPOSITORY, ConfigTree
from tests.support.configuration import configured, load_monitoring

STAGES = "kinds.model.stages"
LIMITS = "kinds.model.limits"
APPROVALS = "approvals: [{group: ML-Engineers, count: 1}]"
ENDPOINT = '"batch-endpoint-plant-{plant_id}"'
DEPLOYMENT = '"deployment-circuit-{circuit_id}"'
MODEL = '"sensor_model_{plant_id}_{circuit_id}"'


def test_the_policy_of_the_repository_is_the_one_of_the_architecture() -> None:
    """Stages, approvers and their 24 hours (R-REL-2, R-REL-3, R-REL-5, R-REL-16)."""
    model = load_policies(REPOSITORY / "config" / POLICIES).kinds.model
    assert [stage.name for stage in model.stages] == ["registry", "test", "production"]
    gates = {stage.name: stage.gate for stage in model.stages}
    assert gates["test"] is None
    for name in ("registry", "production"):
        gate = gates[name]
        assert gate is not None
        assert [(each.group, each.count) for each in gate.approvals] == [("ML-Engineers", 1)]
        assert gate.deadline_h == 24
    assert gates["registry"] is not None
    assert gates["registry"].instructions == (
        "Review model metrics before promoting to shared registry. "
        "Check Dev Workspace for training metrics before approving."
    )
    assert model.limits.look_interval_s == 30


def test_the_gate_of_a_rollback_closes_after_an_hour() -> None:
    """One ML engineer; a rollback that is called critical asks nobody, and says so in the policy."""
    rollback = load_policies(REPOSITORY / "config" / POLICIES).kinds.rollback

    assert [(each.group, each.count) for each in rollback.gate.approvals] == [("ML-Engineers", 1)]
    assert (rollback.gate.deadline_h, rollback.critical) == (1, "at_once")


def test_names_are_made_from_ids() -> None:
    """Endpoints, deployments and models are named after their plant and circuit (R-FLEET-3, R-FLEET-4)."""
    deployment = load_policies(REPOSITORY / "config" / POLICIES).deployment
    assert deployment.endpoint_of("P001") == "batch-endpoint-plant-P001"
    assert deployment.deployment_of("C002") == "deployment-circuit-C002"
    assert deployment.registry_model_of("P001", "C002") == "sensor_model_P001_C002"


def test_the_alert_rules_of_the_repository_are_those_of_the_architecture() -> None:
    """Severities of R-ALERT-1 to R-ALERT-3, thresholds of R-BACK-1 to R-BACK-4; the app makes the rules' full ids itself."""
    config = configured().releases
    policy = config.alerts()
    rules = [rule for rule in policy.rules if not rule.is_own]
    insights = "/subscriptions/s/resourcegroups/g/providers/microsoft.insights"
    assert {rule.rule_id.removeprefix(insights): (rule.kind.value, rule.severity) for rule in rules} == {
        "/scheduledqueryrules/batch-job-failure": ("batch_failures", "Sev1"),
        "/scheduledqueryrules/scoring-errors": ("scoring_errors", "Sev1"),
        "/scheduledqueryrules/model-performance-degradation": ("degradation", "Sev2"),
        "/scheduledqueryrules/data-drift": ("other", "Sev3"),
    }
    assert (policy.thresholds, policy.window_s) == (RollbackThresholds(), 3600)


def test_a_rule_may_have_any_name_that_azure_takes(tree: ConfigTree) -> None:
    """Blanks and parentheses are common in the names of teams that were there before."""
    name = "Batch Job Failure (Any Circuit), [prod] + 'test'"
    tree.edit(POLICIES, "scheduledQueryRules/scoring-errors", f'"scheduledQueryRules/{name}"')
    rules = configured(tree.root).releases.alerts().rules
    assert name.lower() in [rule.rule_id.rpartition("/")[2] for rule in rules]


def test_whatever_the_app_finds_itself_has_a_rule_of_its_own() -> None:
    """The alert rules of monitoring by their names, and what else is reported; failed jobs count, and that once."""
    config = configured().releases
    monitored = {rule.name for rule in load_monitoring(REPOSITORY / "config" / "monitoring.yml").rules}
    own = {rule.rule_id.removeprefix(OWN_RULES): rule.kind for rule in config.alerts().rules if rule.is_own}
    assert set(own) == monitored | {NOT_RUN, LOAD_RULE, FAILURES_RULE}
    assert {name: kind for name, kind in own.items() if kind is not AlertKind.OTHER} == {
        "batch-job-failure": AlertKind.BATCH_FAILURES,
        "model-degraded": AlertKind.DEGRADATION,
    }


def test_without_a_section_no_alert_counts(tree: ConfigTree) -> None:
    """Off unless somebody lists rules."""
    text = (tree.root / POLICIES).read_text(encoding="utf-8")
    tree.write(POLICIES, text[: text.index("alerts:")])
    assert configured(tree.root).releases.alerts().rules == ()


def test_the_scoring_code_named_by_the_policy_exists() -> None:
    """A deployment would fail at upload otherwise."""
    deployment = load_policies(REPOSITORY / "config" / POLICIES).deployment
    assert (REPOSITORY / deployment.scoring_code / deployment.scoring_script).is_file()


@pytest.mark.parametrize("required", [True, False])
def test_the_registry_gate_of_environments_asks_for_evidence_as_the_policy_says(
    tree: ConfigTree, required: bool
) -> None:
    """And no other gate does; the repository's policy asks for it."""
    tree.edit(POLICIES, "evidence_required: true", f"evidence_required: {str(required).lower()}")
    config = configured(tree.root).releases
    asking = [
        (kind, stage) for kind in Kind for stage, gate in config.policy(kind).gates.items() if gate.evidence_required
    ]
    assert asking == ([(Kind.ENVIRONMENT, Stage.REGISTRY)] if required else [])


ACCEPTED = [
    ("deadline_h: 24", "deadline_h: 1"),
    ("deadline_h: 24", "deadline_h: 168"),
    (APPROVALS, "approvals: [{group: ML-Engineers, count: 2}, {group: Engineering-Managers, count: 1}]"),
    ("attempts_max: 3", "attempts_max: 10"),
    ("look_interval_s: 30", "look_interval_s: 1"),
    ("test_deadline_s: 7200", "test_deadline_s: 86400"),
    ("hold_deadline_s: 259200", "hold_deadline_s: 1209600"),
    ("settle_quiet_s: 180", "settle_quiet_s: 1"),
    (ENDPOINT, '"plant-{plant_id}"'),
    (MODEL, '"{plant_id}.{circuit_id}"'),
    ("rule: switchyard/sensor-etl, kind: other", "rule: switchyard/sensor-etl, kind: other, severity: Sev0"),
]


@pytest.mark.parametrize(("old", "new"), ACCEPTED)
def test_values_inside_their_range_are_accepted(tree: ConfigTree, old: str, new: str) -> None:
    """The edges of each range belong to it."""
    tree.edit(POLICIES, old, new)
    assert tree.problems() == []


REFUSED = [
    # old text, new text, field, value shown, part of the reason, part of the fix
    ("version: 1", "version: 2", "version", "2", "should be 1", "version of this format: 1"),
    ("groups: [ML-Engineers, ", "groups: [ML-Engineers, ML-Engineers, ", "groups", "", "more than once: ML-Engineers", "different"),
    ("groups: [ML-Engineers, ", "groups: [ML-Engineers, 'a b', ", "groups[1]", "a b", "match pattern", "app role"),
    ("freeze_groups: [ML-Engineers, ", "freeze_groups: [Interns, ", "freeze_groups[0]", "Interns", "not in groups", "ML-Engineers, Engineering-Managers"),
    ("freeze_groups: [ML-Engineers, Engineering-Managers]", "freeze_groups: []", "freeze_groups", "", "at least 1", "may freeze production"),
    ("freeze_groups: [ML-Engineers, ", "freeze_groups: [Engineering-Managers, ", "freeze_groups", "", "more than once: Engineering-Managers", "different"),
    ("evidence_required: true", "evidence_required: always", "kinds.environment.evidence_required", "always", "boolean", "executed notebook"),
    ("{group: Engineering-Managers, count: 1}", "{group: Interns, count: 1}", "kinds.environment.stages[2].gate.approvals[1].group", "Interns", "not in groups", "ML-Engineers, Engineering-Managers"),
    ("groups: [ML-Engineers, Engineering-Managers]", "groups: []", "groups", "", "at least 1", "1 to 50"),
    ("{group: ML-Engineers, count: 1}", "{group: Interns, count: 1}", f"{STAGES}[0].gate.approvals[0].group", "Interns", "not in groups", "ML-Engineers, Engineering-Managers"),
    ("{group: ML-Engineers, count: 1}", "{group: ML-Engineers, count: 0}", f"{STAGES}[0].gate.approvals[0].count", "0", "greater than", "1 to 10"),
    ("{group: ML-Engineers, count: 1}", "{group: ML-Engineers, number: 1, count: 1}", f"{STAGES}[0].gate.approvals[0].number", "1", "unknown key", "known here: group, count"),
    (APPROVALS, "approvals: []", f"{STAGES}[0].gate.approvals", "", "at least 1", "1 to 10 groups"),
    (APPROVALS, "approvals: [{group: ML-Engineers, count: 1}, {group: ML-Engineers, count: 1}]", f"{STAGES}[0].gate.approvals", "", "more than once: ML-Engineers", "approvals needed"),
    ("deadline_h: 24", "deadline_h: 0", f"{STAGES}[0].gate.deadline_h", "0", "greater than", "1 to 168"),
    ("deadline_h: 24", "deadline_h: 169", f"{STAGES}[0].gate.deadline_h", "169", "less than", "1 to 168"),
    ("deadline_h: 24", "deadline_h: 24h", f"{STAGES}[0].gate.deadline_h", "24h", "text", "hours until"),
    ("deadline_h: 24", "deadline_m: 1440", f"{STAGES}[0].gate.deadline_m", "1440", "unknown key", "deadline_h"),
    ("attempts_max: 3", "attempts_max: 11", f"{LIMITS}.attempts_max", "11", "less than", "1 to 10"),
    ("look_interval_s: 30", "look_interval_s: 601", f"{LIMITS}.look_interval_s", "601", "less than", "1 to 600"),
    ("promote_deadline_s: 1800", "promote_deadline_s: 90000", f"{LIMITS}.promote_deadline_s", "90000", "less than", "a day"),
    ("deploy_deadline_s: 3600", "deploy_deadline_s: 0", f"{LIMITS}.deploy_deadline_s", "0", "greater than", "1 to 86400"),
    ("test_deadline_s: 7200", "test_deadline_s: 20", LIMITS, "", "look_interval_s 30 is longer than test_deadline_s 20", "section with the keys"),
    ("circuit_wait_deadline_s: 259200", "circuit_wait_deadline_s: 1209601", f"{LIMITS}.circuit_wait_deadline_s", "1209601", "less than", "two weeks"),
    ("hold_deadline_s: 259200", "hold_deadline_s: -1", f"{LIMITS}.hold_deadline_s", "-1", "greater than", "two weeks"),
    ("settle_quiet_s: 180", "settle_quiet_s: 3601", f"{LIMITS}.settle_quiet_s", "3601", "less than", "1 to 3600"),
    ("retry_backoff_s: 60", "retry_backoff: 60\n      retry_backoff_s: 60", f"{LIMITS}.retry_backoff", "60", "unknown key", "write retry_backoff_s"),
    ("name: test", "name: staging", f"{STAGES}[1].name", "staging", "'registry', 'test' or 'production'", "registry, test or production"),
    ("name: test", "name: registry", STAGES, "", "stages are registry, registry, production", "in this order"),
    ("custom-tf-env", '"custom tf env"', "deployment.environment_name", "custom tf env", "match pattern", "Azure ML asset"),
    ("features: [temperature, ", "features: [temp erature, ", "data.features[0]", "temp erature", "match pattern", "letter first"),
    ("    test: cpu-cluster\n", "    test: '-'\n", "deployment.compute.test", "-", "match pattern", "compute cluster"),
    (ENDPOINT, '"batch-endpoint"', "deployment.endpoint_name", "batch-endpoint", "{plant_id} once", "{plant_id}"),
    (ENDPOINT, '"e-{plant_id}-{circuit_id}"', "deployment.endpoint_name", "e-{plant_id}-{circuit_id}", "{plant_id} once", "{plant_id}"),
    (ENDPOINT, '"batch-endpoint-of-the-plant-{plant_id}"', "deployment.endpoint_name", "batch-endpoint-of-the-plant-{plant_id}", "which Azure ML refuses", "3 to 32"),
    (ENDPOINT, '"batch--{plant_id}"', "deployment.endpoint_name", "batch--{plant_id}", "which Azure ML refuses", "single dashes"),
    (DEPLOYMENT, '"deployment-{circuit_id!r}"', "deployment.deployment_name", "deployment-{circuit_id!r}", "{circuit_id} once", "{circuit_id}"),
    (DEPLOYMENT, '"deployment-{circuit_id"', "deployment.deployment_name", "deployment-{circuit_id", "cannot be read", "{circuit_id}"),
    (MODEL, '"sensor_model_{plant_id}"', "deployment.registry_model_name", "sensor_model_{plant_id}", "{circuit_id} and {plant_id}", "at most 255"),
    ("pipelines/scoring", "../scoring", "deployment.scoring_code", "../scoring", "inside the repository", "pipelines/scoring"),
    ("score.py", "score.sh", "deployment.scoring_script", "score.sh", "match pattern", "score.py"),
    ('"azureml://', '"https://', "deployment.input_uri", "https://datastores/sensor_lake/paths/processed/sensor_data/", "match pattern", "azureml://datastores/"),
    ("deployment:\n", "notes: none\ndeployment:\n", "notes", "none", "unknown key", "known here: version"),
    ("rule: scheduledQueryRules/scoring-errors", "rule: scoring-errors", "alerts.rules[1].rule", "scoring-errors", "match pattern", "scheduledQueryRules/<name>"),
    ("rule: scheduledQueryRules/scoring-errors", "rule: scheduledQueryRules/a/b", "alerts.rules[1].rule", "scheduledQueryRules/a/b", "match pattern", "metricAlerts/<name>"),
    ("rule: scheduledQueryRules/scoring-errors", "rule: scheduledqueryRules/x", "alerts.rules[1].rule", "scheduledqueryRules/x", "match pattern", "metricAlerts/<name>"),
    ("rule: scheduledQueryRules/scoring-errors", "rule: scheduledQueryRules/Batch-Job-Failure", "alerts.rules", "", "more than once: scheduledqueryrules/batch-job-failure", "different rules"),
    ("kind: scoring_errors", "kind: errors", "alerts.rules[1].kind", "errors", "'batch_failures'", "other counts for the alert spike only"),
    ("severity: Sev3", "severity: 3", "alerts.rules[3].severity", "3", "'Sev0'", "Sev0 to Sev4"),
    ("kind: other, severity: Sev3", "kind: other", "alerts.rules[3]", "", "severity is missing", "at most 100"),
    ("measure: excess", "measure: ratio", "alerts.rules[2].measure", "ratio", "'percent' or 'excess'", "percent"),
    ("circuits_min: 2", "circuits_min: 1", "alerts.thresholds.circuits_min", "1", "greater than", "2 to 1000"),
    ("alerts_per_hour: 10", "alerts_per_day: 10", "alerts.thresholds.alerts_per_day", "10", "unknown key", "alerts_per_hour"),
    ("window_s: 3600", "window_s: 59", "alerts.window_s", "59", "greater than", "60 to 86400"),
    ("recent_change_s: 86400", "recent_change_s: 604801", "alerts.recent_change_s", "604801", "less than", "a week"),
    ("kinds:\n", "kinds:\n  batch: {}\n", "kinds.batch", "", "unknown key", "known here: model"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "field", "value", "reason", "fix"), REFUSED)
def test_a_wrong_policy_is_told_with_file_field_value_and_fix(
    tree: ConfigTree, old: str, new: str, field: str, value: str, reason: str, fix: str
) -> None:
    """One mistake gives one problem at its field that says everything needed to correct it."""
    tree.edit(POLICIES, old, new)
    problem = {problem.field: problem for problem in tree.problems()}[field]
    assert (problem.file, problem.value) == (f"config/{POLICIES}", value)
    assert reason in problem.reason
    assert fix in problem.fix


@pytest.mark.parametrize("stage", ["registry", "production"])
def test_no_stage_that_needs_people_is_left_open(tree: ConfigTree, stage: str) -> None:
    """R-INV-2: nothing reaches the registry or production without an approval, but what a comparison found better."""
    text = (tree.root / POLICIES).read_text(encoding="utf-8")
    lines, skipping = [], False
    for line in text.splitlines():
        if line.startswith("      - name:"):
            skipping = f"name: {stage}" in line
            lines.append(line)
        elif not (skipping and line.startswith("        ")):
            skipping = False
            lines.append(line)
    tree.write(POLICIES, "\n".join(lines) + "\n")
    problems = tree.problems()
    online = ["kinds.online.stages"] if stage == "production" else []
    assert [problem.field for problem in problems] == [STAGES, "kinds.environment.stages", *online]
    assert {problem.file for problem in problems} == {f"config/{POLICIES}"}
    assert {problem.reason for problem in problems} == {f"without a gate: {stage}; these stages need an approval"}
