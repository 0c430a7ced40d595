"""ReleaseConfig from the configuration files: what a release needs of policies and fleet, in the domain's words."""

from dataclasses import fields
from pathlib import Path

from shared.adapters.config_files import load_fleet, load_policies
from shared.application.ports import Fleet
from shared.contracts import configuration as files
from shared.domain.model import DeploymentPlan, Kind
from shared.domain.policy import ApprovalRule, GatePolicy, Limits, Policy, Stage

HOUR_S = 3600


class FileReleaseConfig:
    """Reads everything once, when it is built, so that a mistake shows before any release meets it.

    Raises ConfigError with every mistake in every file.
    """

    def __init__(self, config_dir: Path, policies_file: Path) -> None:
        self._policies = load_policies(policies_file)
        self._fleet = load_fleet(config_dir)
        kinds = self._policies.kinds
        self._by_kind = {Kind.MODEL: _policy(kinds.model), Kind.ENVIRONMENT: _policy(kinds.environment)}

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
        )

    def plan(self, plant_id: str, circuit_id: str) -> DeploymentPlan | None:
        """Where and how the circuit's model is deployed; None when the fleet has no such circuit."""
        if (plant_id, circuit_id) not in self._fleet:
            return None
        circuit, deployment = self._fleet.circuit(plant_id, circuit_id), self._policies.deployment
        return DeploymentPlan(
            endpoint_name=deployment.endpoint_of(plant_id),
            deployment_name=deployment.deployment_of(circuit_id),
            registry_model_name=deployment.registry_model_of(plant_id, circuit_id),
            environment_name=deployment.environment_name,
            environment_version=circuit.training.environment_version,
            test_compute=deployment.compute.test,
            production_compute=deployment.compute.production,
            mini_batch_size=circuit.deployment.mini_batch_size,
            scoring_code=deployment.scoring_code,
            scoring_script=deployment.scoring_script,
            input_uri=deployment.input_uri,
        )


def _policy(kind: files.KindPolicy | files.EnvironmentPolicy) -> Policy:
    gates = {Stage(stage.name): _gate(stage.gate) for stage in kind.stages if stage.gate}
    return Policy(gates=gates, limits=_limits(kind.limits))


def _gate(gate: files.Gate) -> GatePolicy:
    rules = tuple(ApprovalRule(group=each.group, count=each.count) for each in gate.approvals)
    return GatePolicy(approvals=rules, deadline_s=gate.deadline_h * HOUR_S, instructions=gate.instructions)


def _limits(limits: files.Limits | files.FleetLimits) -> Limits:
    """The limits of the file by name; one that the file's format does not have keeps the domain's default."""
    given = limits.model_dump()
    return Limits(**{field.name: given[field.name] for field in fields(Limits) if field.name in given})
