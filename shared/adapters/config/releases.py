"""ReleaseConfig from the configuration files: what a release needs of policies and fleet, in the domain's words."""

from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any

from shared.application.configuration import PUBLISHED
from shared.application.release.ports import CircuitPlace, Criticality, Fleet
from shared.contracts.config import files
from shared.domain.alerts.decision_model import RollbackThresholds
from shared.domain.alerts.model import OWN_RULES, AlertKind, AlertPolicy, AllowedRule, Measure
from shared.domain.makers import People
from shared.domain.online.model import OnlinePlan
from shared.domain.release.model import DeploymentPlan, Kind
from shared.domain.release.policy import (
    ApprovalRule,
    Fact,
    GatePolicy,
    Limits,
    MissingFacts,
    Policy,
    Stage,
    UnknownMakers,
    WatchPolicy,
)

HOUR_S = 3600


class FileReleaseConfig:
    """Policies and fleet of one configuration. `resource_group_id` is the ARM id of the group that holds the alert
    rules; `origin` says which configuration it is. `people` are never of a commit that is judged by them; without them
    nobody is known."""

    def __init__(
        self,
        policies: files.Policies,
        fleet: files.FleetConfig,
        resource_group_id: str = "",
        *,
        people: People | None = None,
        origin: str = PUBLISHED,
        online: Mapping[str, OnlinePlan] | None = None,
    ) -> None:
        self._online = dict(online or {})
        self._policies, self._fleet, self._people, self._origin = policies, fleet, people or People(), origin
        self._alerts = _alerts(policies.alerts, resource_group_id)
        kinds = self._policies.kinds
        environment = replace(_of_environments(_policy(kinds.environment), kinds.environment), **_asked(policies))
        self._by_kind = {
            Kind.MODEL: replace(_policy(kinds.model), **_asked(policies)),
            Kind.ENVIRONMENT: _with_rollback(environment, kinds.rollback),
            Kind.ROLLBACK: _with_rollback(replace(_policy(kinds.environment), gates={}), kinds.rollback),
            Kind.ONLINE: replace(_of_online(kinds), **_asked(policies)),
        }

    @property
    def origin(self) -> str:
        """What people are told of where it comes from."""
        return self._origin

    def policy(self, kind: Kind = Kind.MODEL) -> Policy:
        """The policy of releases of this kind."""
        return self._by_kind[kind]

    def fleet(self) -> Fleet:
        """All plants and circuits."""
        deployment = self._policies.deployment
        circuits = [(circuit.plant_id, circuit.circuit_id) for circuit in self._fleet.circuits]
        return Fleet(
            environment_name=deployment.environment_name,
            circuits=tuple(f"{plant_id}-{circuit_id}" for plant_id, circuit_id in circuits),
            endpoints=tuple(dict.fromkeys(deployment.endpoint_of(plant_id) for plant_id, _ in circuits)),
            test_compute=deployment.compute.test,
            input_uri=deployment.input_uri,
            places={
                f"{plant.plant_id}-{entry.circuit_id}": CircuitPlace(
                    plant_name=plant.plant_name,
                    circuit_name=entry.circuit_name,
                    endpoint_name=deployment.endpoint_of(plant.plant_id),
                    criticality=Criticality(plant.criticality),
                )
                for plant in self._fleet.plants
                for entry in plant.circuits
            },
        )

    def people(self) -> People:
        """Whose accounts are whose."""
        return self._people

    def freeze_groups(self) -> tuple[str, ...]:
        """The groups whose members may freeze production and lift freezes."""
        return self._policies.freeze_groups

    def alerts(self) -> AlertPolicy:
        """Which alert rules count, and from when on."""
        return self._alerts

    def plan(self, plant_id: str, circuit_id: str) -> DeploymentPlan | None:
        """Where and how the circuit's model is deployed; None when the fleet has no such circuit."""
        if (plant_id, circuit_id) not in self._fleet:
            return None
        circuit, deployment = self._fleet.circuit(plant_id, circuit_id), self._policies.deployment
        clusters = deployment.compute.of(circuit.deployment.compute_instance_type)
        return DeploymentPlan(
            endpoint_name=deployment.endpoint_of(plant_id),
            deployment_name=deployment.deployment_of(circuit_id),
            registry_model_name=deployment.registry_model_of(plant_id, circuit_id),
            environment_name=deployment.environment_name,
            environment_version=circuit.training.environment_version,
            test_compute=clusters.test,
            production_compute=clusters.production,
            mini_batch_size=circuit.deployment.mini_batch_size,
            scoring_code=deployment.scoring_code,
            scoring_script=deployment.scoring_script,
            input_uri=deployment.input_uri,
            known_as=self._fleet.name_of(plant_id, circuit_id),
        )

    def online(self, name: str) -> OnlinePlan | None:
        """Where and how a model is served; None where no file of `config/online/` has its name."""
        return self._online.get(name)

    def online_names(self) -> tuple[str, ...]:
        """The models that are served."""
        return tuple(sorted(self._online))


def _of_online(kinds: files.Kinds) -> Policy:
    """Gates and limits, with the watch of the new slot; those of models where the file has none of its own."""
    if kinds.online is None:
        return _policy(kinds.model)
    return replace(_policy(kinds.online), watch=WatchPolicy(look_interval_s=kinds.online.limits.watch_look_s))


def _asked(policies: files.Policies) -> dict[str, Any]:
    """What any gate asks for where a maker or a fact is missing."""
    return {
        "unknown_makers": UnknownMakers(policies.makers.unknown),
        "required_facts": tuple(Fact(name) for name in policies.facts.required),
        "missing_facts": MissingFacts(policies.facts.missing),
    }


def _policy(kind: files.KindPolicy | files.EnvironmentPolicy | files.OnlinePolicy) -> Policy:
    gates = {Stage(stage.name): _gate(stage.gate) for stage in kind.stages if stage.gate}
    return Policy(gates=gates, limits=_limits(kind.limits))


def _of_environments(policy: Policy, kind: files.EnvironmentPolicy) -> Policy:
    """The policy with what only environments have: evidence at the registry gate, where the file asks for it, and the
    watch."""
    gate = replace(policy.gates[Stage.REGISTRY], evidence_required=kind.evidence_required)
    watch = WatchPolicy(**kind.watch.model_dump())
    return replace(policy, gates={**policy.gates, Stage.REGISTRY: gate}, watch=watch)


def _with_rollback(policy: Policy, rollback: files.RollbackPolicy) -> Policy:
    """The policy with the gate of rollbacks beside its own."""
    return replace(
        policy,
        gates={**policy.gates, Stage.ROLLBACK: _gate(rollback.gate)},
        limits=replace(policy.limits, rollback_samples_max=rollback.samples_max),
        critical_at_once=rollback.critical == "at_once",
    )


def _alerts(alerts: files.AlertsPolicy, resource_group_id: str) -> AlertPolicy:
    """Rules by their full ARM ids, which are made here and never taken from an alert; the app's own by their names."""
    provider = f"{resource_group_id}/providers/microsoft.insights"
    return AlertPolicy(
        rules=tuple(
            AllowedRule(
                rule_id=(each.rule if each.rule.startswith(OWN_RULES) else f"{provider}/{each.rule}").lower(),
                kind=AlertKind(each.kind),
                severity=each.severity or "",
                measure=Measure(each.measure),
            )
            for each in alerts.rules
        ),
        thresholds=RollbackThresholds(**alerts.thresholds.model_dump()),
        window_s=alerts.window_s,
        recent_change_s=alerts.recent_change_s,
    )


def _gate(gate: files.Gate) -> GatePolicy:
    rules = tuple(ApprovalRule(group=each.group, count=each.count) for each in gate.approvals)
    return GatePolicy(approvals=rules, deadline_s=gate.deadline_h * HOUR_S, instructions=gate.instructions)


def _limits(limits: files.LimitsConfig | files.FleetLimits) -> Limits:
    """The limits of the file by name; one that the file's format does not have keeps the domain's default."""
    given = limits.model_dump()
    return Limits(**{field.name: given[field.name] for field in fields(Limits) if field.name in given})
