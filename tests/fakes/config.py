"""ReleaseConfig in memory: any circuit of plants P001 to P003."""

from shared.domain.model import DeploymentPlan
from shared.domain.policy import ApprovalRule, GatePolicy, Limits, Policy, Stage

PLANTS = ("P001", "P002", "P003")


def model_policy(limits: Limits | None = None, gate_deadline_s: int = 86_400) -> Policy:
    """The gates of architecture.md 4.3: ML-Engineers before registry and before production, 24 hours each."""
    gate = GatePolicy(
        approvals=(ApprovalRule(group="ML-Engineers"),), deadline_s=gate_deadline_s, instructions="Review."
    )
    return Policy(gates={Stage.REGISTRY: gate, Stage.PRODUCTION: gate}, limits=limits or Limits())


class FakeReleaseConfig:
    """One policy for everything."""

    def __init__(self, policy: Policy | None = None) -> None:
        self._policy = policy or model_policy()

    def policy(self) -> Policy:
        return self._policy

    def plan(self, plant_id: str, circuit_id: str) -> DeploymentPlan | None:
        if plant_id not in PLANTS:
            return None
        return DeploymentPlan(
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
