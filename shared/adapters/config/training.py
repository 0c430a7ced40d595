"""TrainingConfig from the configuration files."""

from shared.adapters.config.files import ConfigTree, circuit_path
from shared.application.training.ports import TrainingPlan
from shared.contracts.config.files import FleetConfig, Policies
from shared.contracts.config.training import TrainingPolicy
from shared.domain.training.limits import HOUR_S, TrainingLimits
from shared.domain.training.model import MANUAL, TrainingRequest


class FileTrainingConfig:
    """Policies and fleet of one configuration, whose files are in `tree`; `commit` is empty where it has none."""

    def __init__(
        self, policies: Policies, fleet: FleetConfig, tree: ConfigTree, dev_workspace: str, *, commit: str = ""
    ) -> None:
        self._fleet, self._tree, self._commit = fleet, tree, commit
        self._deployment = policies.deployment
        self._plan = TrainingPlan(
            dev_workspace=dev_workspace,
            environment_name=policies.deployment.environment_name,
            compute=policies.training.compute,
            table_uri=policies.deployment.input_uri,
            groups=policies.training.groups,
            limits=limits_of(policies.training),
        )

    def plan(self) -> TrainingPlan:
        """What all trainings have in common."""
        return self._plan

    def model_name(self, plant_id: str, circuit_id: str) -> str:
        """The registry's name for it, so that a version has one name everywhere."""
        return self._deployment.registry_model_of(plant_id, circuit_id)

    def circuit(self, plant_id: str, circuit_id: str) -> TrainingRequest | None:
        """What the configuration says about a circuit."""
        if (plant_id, circuit_id) not in self._fleet:
            return None
        raw = self._tree.read(circuit_path(plant_id, circuit_id))
        training = self._fleet.circuit(plant_id, circuit_id).training
        return TrainingRequest(
            plant_id=plant_id,
            circuit_id=circuit_id,
            cutoff_date=training.cutoff_date,
            environment_version=training.environment_version,
            sensor_id=training.data_filters.sensor_id,
            features=training.data_filters.feature_columns,
            hyperparameters=training.hyperparameters.model_dump(),
            config_yaml=raw.decode(),
            pr_number=MANUAL,
            author="",
            commit=self._commit,
        )


def limits_of(policy: TrainingPolicy) -> TrainingLimits:
    """The limits of the file, in seconds."""
    return TrainingLimits(
        parallel_max=policy.parallel_max,
        attempts_max=policy.attempts_max,
        look_interval_s=policy.look_interval_s,
        register_deadline_s=_seconds(policy.register_deadline_h),
        slot_deadline_s=_seconds(policy.slot_deadline_h),
        training_deadline_s=_seconds(policy.training_deadline_h),
        job_limit_s=_seconds(policy.job_limit_h),
        failures_max=policy.failures_max,
        failures_window_s=_seconds(policy.failures_window_h),
    )


def _seconds(hours: float) -> int:
    return round(hours * HOUR_S)
