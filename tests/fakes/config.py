"""ReleaseConfig in memory: any circuit of plants P001 to P003; and the configurations of a branch."""

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any

from shared.application.configuration import NoConfiguration
from shared.application.release.ports import Fleet
from shared.domain.alerts.model import AlertKind, AlertPolicy, AllowedRule
from shared.domain.makers import AccountKind, EntraPerson, People
from shared.domain.online.model import OnlinePlan
from shared.domain.release.model import DeploymentPlan, Kind
from shared.domain.release.policy import ApprovalRule, GatePolicy, Limits, Policy, Stage
from tests.support.online_plans import NAME, an_online_plan

#: Whoever registers models and environments in the fakes, by the name that Azure ML has and by that of their commits.
PEOPLE = People(
    {
        (kind, f"{name}@example.com"): EntraPerson(object_id=f"{name}-id", name=name.capitalize())
        for name in ("trainer", "engineer", "maker")
        for kind in (AccountKind.ENTRA_NAME, AccountKind.GIT_EMAIL)
    }
)

PLANTS = ("P001", "P002", "P003")
CIRCUITS = ("C001", "C002")
_KEYS = tuple(f"{plant_id}-{circuit_id}" for plant_id in PLANTS for circuit_id in CIRCUITS)


def model_policy(limits: Limits | None = None, gate_deadline_s: int = 86_400) -> Policy:
    """The gates of R-REL-3 and R-REL-16: ML-Engineers before registry and before production, 24 hours each."""
    gate = GatePolicy(
        approvals=(ApprovalRule(group="ML-Engineers"),), deadline_s=gate_deadline_s, instructions="Review."
    )
    return Policy(gates={Stage.REGISTRY: gate, Stage.PRODUCTION: gate}, limits=limits or Limits())


def environment_gates(evidence_required: bool = False) -> dict[Stage, GatePolicy]:
    """ML-Engineers before the registry; two different people, one of them a manager, before production."""
    engineers, managers = ApprovalRule(group="ML-Engineers"), ApprovalRule(group="Engineering-Managers")
    return {
        Stage.REGISTRY: GatePolicy(
            approvals=(engineers,),
            deadline_s=86_400,
            instructions="Review the change.",
            evidence_required=evidence_required,
        ),
        Stage.PRODUCTION: GatePolicy(approvals=(engineers, managers), deadline_s=86_400, instructions="Review."),
    }


def rollback_gate() -> GatePolicy:
    """One engineer within an hour."""
    return GatePolicy(approvals=(ApprovalRule(group="ML-Engineers"),), deadline_s=3600, instructions="Look at it.")


RULES_AT = "/subscriptions/00000000-0000-0000-0000-000000000001/resourcegroups/mlops-rg/providers/microsoft.insights"


def alert_policy() -> AlertPolicy:
    """A rule of each kind with the severity of R-ALERT-1 to R-ALERT-3, and the thresholds of R-BACK-1 to R-BACK-4; some
    rules of the app's own, whose findings bring their severity."""
    rules = {
        "scheduledqueryrules/batch-job-failure": (AlertKind.BATCH_FAILURES, "Sev1"),
        "metricalerts/model-performance-degradation": (AlertKind.DEGRADATION, "Sev2"),
        "scheduledqueryrules/scoring-errors": (AlertKind.SCORING_ERRORS, "Sev1"),
        "scheduledqueryrules/data-drift": (AlertKind.OTHER, "Sev3"),
    }
    own = {
        "switchyard/batch-job-failure": AlertKind.BATCH_FAILURES,
        "switchyard/model-performance-degradation": AlertKind.DEGRADATION,
        "switchyard/predictions-missing": AlertKind.OTHER,
    }
    return AlertPolicy(
        rules=(
            *(
                AllowedRule(rule_id=f"{RULES_AT}/{name}", kind=kind, severity=severity)
                for name, (kind, severity) in rules.items()
            ),
            *(AllowedRule(rule_id=name, kind=kind, severity="") for name, kind in own.items()),
        )
    )


class FakeReleaseConfig:
    """One policy for everything. `without` are circuits that it does not have; `plan` is changed by `plans`."""

    def __init__(
        self,
        policy: Policy | None = None,
        *,
        evidence_required: bool = False,
        origin: str = "the fleet of the tests",
        without: Collection[str] = (),
        plans: Mapping[str, Any] | None = None,
        known: People | None = None,
    ) -> None:
        self._policy = policy or model_policy()
        self.evidence_required = evidence_required
        self.origin = origin
        self.without = set(without)
        self.plans = dict(plans or {})
        self.alert_policy = alert_policy()
        self.known = known or PEOPLE
        self.served = {NAME: an_online_plan()}

    def policy(self, kind: Kind = Kind.MODEL) -> Policy:
        if kind in (Kind.MODEL, Kind.ONLINE):
            return self._policy
        gates = environment_gates(self.evidence_required) if kind is Kind.ENVIRONMENT else {}
        return replace(self._policy, gates={**gates, Stage.ROLLBACK: rollback_gate()})

    def fleet(self) -> Fleet:
        return Fleet(
            environment_name="custom-tf-env",
            circuits=tuple(key for key in _KEYS if key not in self.without),
            endpoints=tuple(f"batch-endpoint-plant-{plant_id}" for plant_id in PLANTS),
            test_compute="cpu-cluster",
            input_uri="azureml://datastores/sensor_lake/paths/processed/sensor_data/",
        )

    def people(self) -> People:
        return self.known

    def freeze_groups(self) -> tuple[str, ...]:
        return "ML-Engineers", "Engineering-Managers"

    def alerts(self) -> AlertPolicy:
        return self.alert_policy

    def online(self, name: str) -> OnlinePlan | None:
        return self.served.get(name)

    def online_names(self) -> tuple[str, ...]:
        return tuple(self.served)

    def plan(self, plant_id: str, circuit_id: str) -> DeploymentPlan | None:
        if plant_id not in PLANTS or f"{plant_id}-{circuit_id}" in self.without:
            return None
        plan = DeploymentPlan(
            endpoint_name=f"batch-endpoint-plant-{plant_id}",
            deployment_name=f"deployment-circuit-{circuit_id}",
            registry_model_name=f"sensor_model_{plant_id}_{circuit_id}",
            environment_name="custom-tf-env",
            environment_version="1.5.0",
            test_compute="cpu-cluster",
            production_compute="cpu-cluster",
            mini_batch_size=100,
            scoring_code="pipelines/scoring",
            scoring_script="score.py",
            input_uri="azureml://datastores/sensor_lake/paths/processed/sensor_data/",
        )
        return replace(plan, **self.plans)


class MemoryConfigurations:
    """What is in force, and what commits hold; while `silent`, no commit can be read."""

    def __init__(self, current: FakeReleaseConfig, commits: Mapping[str, FakeReleaseConfig] | None = None) -> None:
        self.current = current
        self.commits = dict(commits or {})
        self.silent = False

    async def in_force(self) -> FakeReleaseConfig:
        return self.current

    async def of(self, commit: str) -> FakeReleaseConfig:
        if self.silent:
            raise NoConfiguration("the repository does not answer")
        if commit not in self.commits:
            raise NoConfiguration("the branch does not have it")
        return self.commits[commit]
