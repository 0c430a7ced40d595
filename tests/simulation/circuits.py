"""The fleet of one simulated world: its plants and circuits, policies and people."""

import random
from dataclasses import dataclass, field, replace

from shared.application.release.ports import Fleet
from shared.domain.alerts.model import AlertPolicy
from shared.domain.makers import AccountKind, EntraPerson, People
from shared.domain.online.model import OnlinePlan
from shared.domain.release.model import Actor, DeploymentPlan, Kind
from shared.domain.release.policy import (
    ApprovalRule,
    GatePolicy,
    Limits,
    Policy,
    Stage,
    UnknownMakers,
    WatchPolicy,
)
from tests.fakes.config import FakeReleaseConfig, alert_policy

TENANT = "11111111-1111-1111-1111-111111111111"
ENVIRONMENT = "custom-tf-env"
ENGINEERS, MANAGERS = "ML-Engineers", "Engineering-Managers"


def _person(object_id: str, name: str, *groups: str) -> Actor:
    return Actor(object_id=object_id, tenant_id=TENANT, name=name, groups=groups)


ENGINEER, SECOND = _person("engineer-1", "Engineer 1", ENGINEERS), _person("engineer-2", "Engineer 2", ENGINEERS)
MANAGER, BOTH = _person("manager-1", "Manager 1", MANAGERS), _person("lead-1", "Lead 1", ENGINEERS, MANAGERS)
REQUESTER = replace(_person("trainer", "Trainer", ENGINEERS, MANAGERS), username="trainer@example.com")
OUTSIDER = _person("viewer-1", "Viewer")
ROBOT = replace(_person("robot", "Robot", ENGINEERS, MANAGERS), is_person=False)
PEOPLE = (ENGINEER, ENGINEER, ENGINEER, SECOND, SECOND, MANAGER, MANAGER, BOTH, REQUESTER, OUTSIDER, ROBOT)

#: Under which names models and environments are registered, and whose they are: most worlds know most of them.
ACCOUNTS = {
    (AccountKind.ENTRA_NAME, "trainer@example.com"): EntraPerson(object_id=REQUESTER.object_id, name=REQUESTER.name),
    (AccountKind.ENTRA_NAME, "engineer@example.com"): EntraPerson(object_id=SECOND.object_id, name=SECOND.name),
    (AccountKind.GIT_EMAIL, "author@example.com"): EntraPerson(object_id=ENGINEER.object_id, name=ENGINEER.name),
    (AccountKind.GIT_EMAIL, "maker@example.com"): EntraPerson(object_id=MANAGER.object_id, name=MANAGER.name),
}

#: As in production, but with waits of an hour instead of days, so that a schedule ends after few looks.
LIMITS = Limits(
    promote_deadline_s=900,
    deploy_deadline_s=900,
    test_deadline_s=900,
    circuit_wait_deadline_s=7200,
    hold_deadline_s=1800,
    watch_s=900,
    rollback_deadline_s=900,
)
GATE_DEADLINE_S = 1800
WATCH = WatchPolicy(success_rate_min_pct=90, jobs_min=6, look_interval_s=120, extension_s=600, extensions_max=2)


_NAMES = FakeReleaseConfig()


@dataclass(frozen=True)
class SimulatedConfig:
    """ReleaseConfig of `circuits`, pairs of plant and circuit; one endpoint per plant. Models name `environment`."""

    circuits: tuple[tuple[str, str], ...]
    policies: dict[Kind, Policy]
    environment: str = "1.5.0"
    origin: str = "the fleet of the world"
    known: People = field(default_factory=People)

    @classmethod
    def of(cls, rng: random.Random, circuits: tuple[tuple[str, str], ...]) -> "SimulatedConfig":
        """Gates of one or two approvals for models, of two groups for environments; wide and narrow lanes."""
        patience = rng.choice((2, 6, 6)) if len(circuits) > 2 else 1
        limits = replace(
            LIMITS,
            attempts_max=rng.choice((1, 3, 3)) if len(circuits) > 2 else 3,
            checks_parallel_max=rng.choice((1, 2, 8)),
            updates_parallel_max=rng.choice((1, 2, 20)),
            rollback_samples_max=rng.choice((1, 3)),
            test_deadline_s=LIMITS.test_deadline_s * patience,
            deploy_deadline_s=LIMITS.deploy_deadline_s * patience,
            rollback_deadline_s=LIMITS.rollback_deadline_s * patience,
        )
        engineers = ApprovalRule(group=ENGINEERS, count=rng.choice((1, 1, 2)))
        managers = ApprovalRule(group=MANAGERS)
        model = {Stage.REGISTRY: gate(engineers), Stage.PRODUCTION: gate(engineers)}
        evidence = replace(gate(engineers), evidence_required=rng.random() < 0.3)
        environment = {Stage.REGISTRY: evidence, Stage.PRODUCTION: gate(engineers, managers)}
        rollback = {Stage.ROLLBACK: gate(ApprovalRule(group=ENGINEERS))}
        if rng.random() < 0.5:
            environment |= rollback
        aside = _aside(rng)
        unknown = aside.choice((UnknownMakers.TWO, UnknownMakers.TWO, UnknownMakers.ONE, UnknownMakers.REFUSE))
        return cls(
            circuits=circuits,
            environment=rng.choice(("1.5.0", "1.5.0", "1.5.1")) if len(circuits) > 2 else "1.5.0",
            policies={
                Kind.MODEL: Policy(gates=model, limits=limits, unknown_makers=unknown),
                Kind.ENVIRONMENT: Policy(gates=environment, limits=limits, watch=WATCH, unknown_makers=unknown),
                Kind.ROLLBACK: Policy(gates=rollback, limits=limits, critical_at_once=rng.random() < 0.9),
            },
            known=People({key: who for key, who in ACCOUNTS.items() if aside.random() < 0.8}),
        )

    def policy(self, kind: Kind = Kind.MODEL) -> Policy:
        return self.policies[kind]

    def fleet(self) -> Fleet:
        plants = sorted({plant for plant, _ in self.circuits})
        return Fleet(
            environment_name=ENVIRONMENT,
            circuits=tuple(f"{plant}-{circuit}" for plant, circuit in self.circuits),
            endpoints=tuple(f"batch-endpoint-plant-{plant}".lower() for plant in plants),
            test_compute="cpu-cluster",
            input_uri="azureml://datastores/sensor_lake/paths/processed/sensor_data/",
        )

    def people(self) -> People:
        return self.known

    def freeze_groups(self) -> tuple[str, ...]:
        return (MANAGERS,)

    def alerts(self) -> AlertPolicy:
        return alert_policy()

    def online(self, name: str) -> OnlinePlan | None:
        return None

    def online_names(self) -> tuple[str, ...]:
        return ()

    def plan(self, plant_id: str, circuit_id: str) -> DeploymentPlan | None:
        """Names are in lower case, as Azure ML gives them back."""
        if (plant_id, circuit_id) not in self.circuits:
            return None
        plan = _NAMES.plan("P001", circuit_id)
        if plan is None:
            return None
        return replace(
            plan,
            endpoint_name=f"batch-endpoint-plant-{plant_id}".lower(),
            deployment_name=f"deployment-circuit-{circuit_id}".lower(),
            registry_model_name=f"sensor_model_{plant_id}_{circuit_id}",
            environment_version=self.environment,
        )


def _aside(rng: random.Random) -> random.Random:
    """Draws of its own, so that those that follow stay what they were."""
    aside = random.Random()
    aside.setstate(rng.getstate())
    return aside


def gate(*rules: ApprovalRule) -> GatePolicy:
    """Half an hour for these people."""
    return GatePolicy(approvals=rules, deadline_s=GATE_DEADLINE_S, instructions="Review.")
