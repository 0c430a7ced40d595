"""The release policy: `config/policies.yml` with stages, gates, groups, limits and names of deployments.

Stages and gates: R-REL-2 to R-REL-16; names: R-FLEET-3, R-FLEET-4. Every duration carries its unit in its name.
"""

from collections.abc import Sequence
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, field_validator, model_validator
from pydantic_core import PydanticCustomError

from shared.contracts.config.alerts import AlertsPolicy
from shared.contracts.config.circuits import ConfigModel, InstanceType
from shared.contracts.config.data import DataPolicy
from shared.contracts.config.makers import FactsPolicy, MakersPolicy
from shared.contracts.config.name_templates import DeploymentTemplate, EndpointTemplate, RegistryModelTemplate
from shared.contracts.config.training import TrainingPolicy

DAY_S = 86_400

MODEL_STAGES = ("registry", "test", "production")
"""Stages of a model release, in order (R-REL-2)."""

STAGES_BEHIND_PEOPLE = ("registry", "production")
"""Stages no release enters without an approval (R-REL-3, R-REL-16)."""

GroupName = Annotated[
    str,
    Field(
        pattern=r"^[A-Za-z][A-Za-z0-9-]{0,62}$",
        description="name of an app role: letters, digits and -, letter first, at most 63 characters",
    ),
]
AssetName = Annotated[
    str,
    Field(
        pattern=r"^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,254}$",
        description="name of an Azure ML asset: letters, digits, _ . and -, at most 255 characters",
    ),
]
ComputeName = Annotated[
    str,
    Field(
        pattern=r"^[a-zA-Z][a-zA-Z0-9-]{1,31}$",
        description="name of a compute cluster: 2 to 32 letters, digits and -, letter first",
    ),
]


def _relative_inside(path: str) -> str:
    if path.startswith("/") or "\\" in path or any(part in ("", ".", "..") for part in path.split("/")):
        raise PydanticCustomError("path_outside", "must be a path inside the repository, written with /")
    return path


RelativePath = Annotated[
    str,
    Field(min_length=1, max_length=200, description="path inside the repository, for example pipelines/scoring"),
    AfterValidator(_relative_inside),
]


def _refuse_repeats(groups: Sequence[str]) -> None:
    twice = sorted({group for group in groups if groups.count(group) > 1})
    if twice:
        raise PydanticCustomError("group_twice", "listed more than once: {names}", {"names": ", ".join(twice)})


# The watch: alerts and success rates of batch jobs for 24 hours (R-ENVREL-17 to R-ENVREL-19).
class WatchConfig(ConfigModel):
    """How the batch jobs of the fleet are judged while an environment is watched."""

    success_rate_min_pct: int = Field(
        ge=1, le=100, description="lowest healthy percentage of ended batch jobs that succeeded, 1 to 100"
    )
    jobs_min: int = Field(ge=1, le=100_000, description="ended batch jobs, fewer of which say nothing, 1 to 100000")
    look_interval_s: int = Field(ge=1, le=3600, description="seconds between two counts of the jobs, 1 to 3600")
    extension_s: int = Field(
        default=21_600,
        ge=1,
        le=DAY_S,
        description="seconds a watch goes on when a circuit has no predictions at its end, 1 to 86400 (a day)",
    )
    extensions_max: int = Field(
        default=4, ge=0, le=28, description="how often it goes on before people are asked, 0 to 28"
    )


class Approvals(ConfigModel):
    """How many different people of a group have to say yes."""

    group: GroupName
    count: int = Field(ge=1, le=10, description="different people of the group, 1 to 10")


class Gate(ConfigModel):
    """What must hold before a stage starts."""

    approvals: tuple[Approvals, ...] = Field(
        strict=False, min_length=1, max_length=10, description="approvals needed, 1 to 10 groups"
    )
    deadline_h: int = Field(ge=1, le=168, description="hours until the gate expires, 1 to 168 (a week)")
    instructions: str = Field(
        min_length=1, max_length=2000, description="what the approver should check, 1 to 2000 characters"
    )

    @field_validator("approvals")
    @classmethod
    def _each_group_once(cls, approvals: tuple[Approvals, ...]) -> tuple[Approvals, ...]:
        _refuse_repeats([approval.group for approval in approvals])
        return approvals


class StageConfig(ConfigModel):
    """One step of a release; without a gate it starts as soon as the stage before it is done."""

    name: Literal["registry", "test", "production"] = Field(description="registry, test or production")
    gate: Gate | None = Field(default=None, description="what must hold before the stage starts")


class LimitsConfig(ConfigModel):
    """Bounds of every wait and every repetition of a release."""

    attempts_max: int = Field(ge=1, le=10, description="tries of one effect or check, 1 to 10")
    look_interval_s: int = Field(ge=1, le=600, description="seconds between two looks at a job, 1 to 600")
    promote_deadline_s: int = Field(ge=1, le=DAY_S, description="seconds for a promotion, 1 to 86400 (a day)")
    deploy_deadline_s: int = Field(ge=1, le=DAY_S, description="seconds for a deployment, 1 to 86400 (a day)")
    test_deadline_s: int = Field(ge=1, le=DAY_S, description="seconds for a test, 1 to 86400 (a day)")
    circuit_wait_deadline_s: int = Field(
        ge=1, le=14 * DAY_S, description="seconds behind another release, 1 to 1209600 (two weeks)"
    )
    hold_deadline_s: int = Field(ge=1, le=14 * DAY_S, description="seconds a hold may last, 1 to 1209600 (two weeks)")
    settle_quiet_s: int = Field(
        ge=1, le=3600, description="quiet seconds before an unknown outcome is read back, 1 to 3600"
    )
    retry_backoff_s: int = Field(ge=1, le=3600, description="seconds before the first retry, 1 to 3600")

    @model_validator(mode="after")
    def _looks_happen_before_deadlines(self) -> Self:
        for name in ("promote_deadline_s", "deploy_deadline_s", "test_deadline_s"):
            if self.look_interval_s > getattr(self, name):
                raise PydanticCustomError(
                    "look_after_deadline",
                    "look_interval_s {look_s} is longer than {name} {deadline_s}",
                    {"look_s": self.look_interval_s, "name": name, "deadline_s": getattr(self, name)},
                )
        return self


class FleetLimits(LimitsConfig):
    """The bounds of environment releases, which work on every circuit of the fleet."""

    watch_s: int = Field(ge=1, le=7 * DAY_S, description="seconds production is watched, 1 to 604800 (a week)")
    rollback_deadline_s: int = Field(ge=1, le=DAY_S, description="seconds for rolling back, 1 to 86400 (a day)")
    target_look_s: int = Field(
        ge=1,
        le=600,
        description="seconds before the first look at a check, or at a change while none has ended, 1 to 600",
    )
    checks_parallel_max: int = Field(ge=1, le=30, description="compatibility checks at once, 1 to 30")
    updates_parallel_max: int = Field(ge=1, le=30, description="endpoints changed at once, 1 to 30")
    check_s: int = Field(
        default=480, ge=1, le=DAY_S, description="seconds for one check; their deadline grows with the fleet by it"
    )
    update_s: int = Field(
        default=180, ge=1, le=DAY_S, description="seconds for one change; their deadline grows with the fleet by it"
    )


class RoadPolicy(ConfigModel):
    """The stages of one kind of release."""

    stages: tuple[StageConfig, ...] = Field(
        strict=False, description="the stages registry, test, production in this order"
    )

    @field_validator("stages")
    @classmethod
    def _the_road_to_production(cls, stages: tuple[StageConfig, ...]) -> tuple[StageConfig, ...]:
        return _checked_stages(stages, STAGES_BEHIND_PEOPLE)


def _checked_stages(stages: tuple[StageConfig, ...], behind_people: Sequence[str]) -> tuple[StageConfig, ...]:
    names = tuple(stage.name for stage in stages)
    if names != MODEL_STAGES:
        raise PydanticCustomError(
            "stage_order",
            "stages are {names}, not registry, test, production",
            {"names": ", ".join(names) or "none"},
        )
    open_stages = [stage.name for stage in stages if stage.name in behind_people and not stage.gate]
    if open_stages:
        raise PydanticCustomError(
            "stage_without_gate",
            "without a gate: {names}; these stages need an approval",
            {"names": ", ".join(open_stages)},
        )
    return stages


class KindPolicy(RoadPolicy):
    """Stages and limits of model releases."""

    limits: LimitsConfig


class EnvironmentPolicy(RoadPolicy):
    """Stages and limits of environment releases."""

    evidence_required: bool = Field(
        description="whether the registry gate asks for an executed notebook: true or false"
    )
    limits: FleetLimits
    watch: WatchConfig = Field(description="what production's batch jobs must show while the environment is watched")


class OnlineLimits(LimitsConfig):
    """The bounds of releases to online endpoints."""

    watch_s: int = Field(ge=1, le=7 * DAY_S, description="seconds production is watched, 1 to 604800 (a week)")
    watch_look_s: int = Field(ge=1, le=3600, description="seconds between two looks of the watch, 1 to 3600")


class OnlinePolicy(ConfigModel):
    """Stages and limits of releases to online endpoints. What is better by its comparison goes to the registry and to
    dev by itself, unless the registry has a gate; production always has one."""

    stages: tuple[StageConfig, ...] = Field(
        strict=False, description="the stages registry, test, production in this order"
    )
    limits: OnlineLimits

    @field_validator("stages")
    @classmethod
    def _the_road_to_production(cls, stages: tuple[StageConfig, ...]) -> tuple[StageConfig, ...]:
        return _checked_stages(stages, ("production",))


class RollbackPolicy(ConfigModel):
    """Who decides on going back, and what shows that it worked; bounds are those of environment releases."""

    gate: Gate
    critical: Literal["at_once", "ask"] = Field(description="whether a critical rollback waits at the gate")
    samples_max: int = Field(ge=1, le=20, description="restored deployments that run a sample inference, 1 to 20")


class Kinds(ConfigModel):
    """The kinds of releases that have a policy."""

    model: KindPolicy
    environment: EnvironmentPolicy
    rollback: RollbackPolicy
    online: OnlinePolicy | None = Field(
        default=None, description="releases to online endpoints; without it they have gates and limits of models"
    )


class Clusters(ConfigModel):
    """The compute cluster of each stage."""

    test: ComputeName
    production: ComputeName


class DeploymentCompute(Clusters):
    """Where deployments run: on the cluster that has their circuit's kind of machine. Those of `instance_type`, and
    jobs that belong to no circuit, run on `test` and `production`; without it, so does any kind that has no cluster."""

    instance_type: InstanceType | None = Field(
        default=None, description="kind of machine that the clusters test and production have; without it any counts"
    )
    machines: dict[InstanceType, Clusters] = Field(
        default_factory=dict,
        max_length=50,
        description="other kinds of machine that circuits may name, and the clusters that have them, at most 50",
    )

    def of(self, instance_type: str) -> Clusters:
        """The clusters of a kind of machine."""
        return self.machines.get(instance_type, self)


class DeploymentPolicy(ConfigModel):
    """Names and addresses of everything a release deploys."""

    environment_name: AssetName
    compute: DeploymentCompute
    endpoint_name: EndpointTemplate
    deployment_name: DeploymentTemplate
    scoring_code: RelativePath
    scoring_script: str = Field(
        pattern=r"^[a-z][a-z0-9_]{0,60}\.py$", description="Python file in scoring_code, for example score.py"
    )
    input_uri: str = Field(
        pattern=r"^azureml://datastores/[a-zA-Z0-9_]{1,255}/paths/[A-Za-z0-9_./=-]{1,500}$",
        description="folder of the sensor table: azureml://datastores/<datastore>/paths/<folder>/",
    )
    registry_model_name: RegistryModelTemplate

    def endpoint_of(self, plant_id: str) -> str:
        """Name of the plant's endpoint."""
        return self.endpoint_name.format(plant_id=plant_id)

    def deployment_of(self, circuit_id: str) -> str:
        """Name of the circuit's deployment on its plant's endpoint."""
        return self.deployment_name.format(circuit_id=circuit_id)

    def registry_model_of(self, plant_id: str, circuit_id: str) -> str:
        """Name of the circuit's model in the registry."""
        return self.registry_model_name.format(plant_id=plant_id, circuit_id=circuit_id)


class Policies(ConfigModel):
    """`config/policies.yml`."""

    version: Literal[1] = Field(description="version of this format: 1")
    groups: tuple[GroupName, ...] = Field(
        strict=False, min_length=1, max_length=50, description="1 to 50 different groups that may approve"
    )
    freeze_groups: tuple[GroupName, ...] = Field(
        strict=False, min_length=1, max_length=50, description="1 to 50 different groups that may freeze production"
    )
    kinds: Kinds
    deployment: DeploymentPolicy
    makers: MakersPolicy = Field(
        default_factory=MakersPolicy, description="what a gate asks for when a maker is unknown"
    )
    facts: FactsPolicy = Field(default_factory=FactsPolicy, description="facts that a decision has to rest on")
    alerts: AlertsPolicy = Field(default_factory=AlertsPolicy, description="which alerts may lead to a rollback")
    training: TrainingPolicy = Field(default_factory=TrainingPolicy, description="how models are trained")
    data: DataPolicy = Field(default_factory=DataPolicy, description="how the sensor table is loaded")

    @field_validator("groups", "freeze_groups")
    @classmethod
    def _groups_differ(cls, groups: tuple[str, ...]) -> tuple[str, ...]:
        _refuse_repeats(groups)
        return groups
