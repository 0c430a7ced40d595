"""`config/online/<model>.yml`: where a model is served by online endpoints, how its traffic moves, what its slots show.

Names and ranges are those of managed online endpoints of Azure ML.
"""

from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, field_validator, model_validator
from pydantic_core import PydanticCustomError

from shared.contracts.config.circuits import ConfigModel, InstanceType, SemanticVersionText
from shared.contracts.config.policies import AssetName, ComputeName, RelativePath

PythonFile = Annotated[
    str,
    StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,60}\.py$"),
    Field(description="Python file, for example score.py"),
]
OnlineName = Annotated[
    str,
    StringConstraints(pattern=r"^[a-z](-?[a-z0-9]){2,31}$"),
    Field(description="name of an endpoint or slot: 3 to 32 small letters, digits and single dashes, letter first"),
]
VariableName = Annotated[str, StringConstraints(pattern=r"^[A-Z][A-Z0-9_]{0,62}$")]
BranchName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._/-]{0,99}$")]

SHARE_S_MAX = 86_400
PARTS_MAX = 10


class ServedModel(ConfigModel):
    """The model's names."""

    name: AssetName = Field(description="as it is registered in the dev workspace")
    registry_name: AssetName = Field(description="as the registry has it")


class ServedEnvironment(ConfigModel):
    """What the model runs in."""

    name: AssetName
    version: SemanticVersionText


class Scoring(ConfigModel):
    """How requests are answered."""

    code: RelativePath
    script: PythonFile
    request_timeout_ms: int = Field(default=5000, ge=1, le=180_000, description="longest answer, 1 to 180000 ms")
    concurrent_max: int = Field(default=1, ge=1, le=500, description="requests at once on each instance, 1 to 500")
    variables: dict[VariableName, str] = Field(
        default_factory=dict, max_length=50, description="environment variables of the scoring script, at most 50"
    )


class Endpoint(ConfigModel):
    """One of the model's two endpoints."""

    endpoint_name: OnlineName
    slot: OnlineName | None = Field(
        default=None, description="the slot to prefer; without it the first that serves nothing"
    )
    instance_type: InstanceType
    instance_count: int = Field(ge=1, le=50, description="instances of a slot, 1 to 50")


class Traffic(ConfigModel):
    """How a new slot gets its traffic where another one serves."""

    steps_pct: tuple[Annotated[int, Field(ge=1, le=99)], ...] = Field(
        default=(30,), strict=False, max_length=PARTS_MAX, description="rising shares before all of it, 1 to 99 %"
    )
    mirror_pct: int = Field(default=0, ge=0, le=50, description="share of the requests that is copied first, 0 to 50 %")
    share_s: int = Field(default=300, ge=0, le=SHARE_S_MAX, description="seconds each share is kept, 0 to 86400")

    @field_validator("steps_pct")
    @classmethod
    def _shares_rise(cls, steps: tuple[int, ...]) -> tuple[int, ...]:
        if list(steps) != sorted(set(steps)):
            raise PydanticCustomError("shares_rise", "each share must be larger than the one before it")
        return steps


class Latency(ConfigModel):
    """Longest answers, in milliseconds, as the app sees them: of every second request, of 95 and of 99 in 100."""

    p50_ms: float = Field(strict=False, gt=0, le=180_000, description="of every second request, at most 180000 ms")
    p95_ms: float = Field(strict=False, gt=0, le=180_000, description="of 95 requests in 100, at most 180000 ms")
    p99_ms: float = Field(strict=False, gt=0, le=180_000, description="of 99 requests in 100, at most 180000 ms")

    @model_validator(mode="after")
    def _rise(self) -> Self:
        if not self.p50_ms <= self.p95_ms <= self.p99_ms:
            raise PydanticCustomError("latencies_rise", "p50_ms, p95_ms and p99_ms must rise")
        return self


class Answers(ConfigModel):
    """What an answer may be: a JSON list with a number for each row of the request."""

    lowest: float = Field(strict=False, description="the lowest number that makes sense")
    highest: float = Field(strict=False, description="the highest number that makes sense")

    @model_validator(mode="after")
    def _rise(self) -> Self:
        if not self.lowest < self.highest:
            raise PydanticCustomError("answers_rise", "lowest must be below highest")
        return self


class SlotTests(ConfigModel):
    """What a slot must show before it gets more traffic."""

    held_set: RelativePath
    samples_max: int = Field(default=50, ge=1, le=500, description="requests of the held set that are sent, 1 to 500")
    latency: Latency
    error_max: float = Field(strict=False, gt=0, description="largest mean absolute error on the held set")
    failures_max_pct: float = Field(strict=False, ge=0, le=100, description="requests that may fail, 0 to 100 %")
    answers: Answers


class ComparisonJobConfig(ConfigModel):
    """The job in dev that compares a new version with the one that production serves."""

    code: RelativePath
    script: PythonFile
    compute: ComputeName
    data_uri: str = Field(
        pattern=r"^azureml://datastores/[a-zA-Z0-9_]{1,255}/paths/[A-Za-z0-9_./=-]{1,500}$",
        description="what it is compared on: azureml://datastores/<datastore>/paths/<folder>/",
    )


class OnlineConfig(ConfigModel):
    """One model: `config/online/<model>.yml`."""

    version: Literal[1] = Field(description="version of this format: 1")
    model: ServedModel
    environment: ServedEnvironment
    scoring: Scoring
    slots: tuple[OnlineName, ...] = Field(
        strict=False, min_length=1, max_length=PARTS_MAX, description="1 to 10 different slots of an endpoint"
    )
    dev: Endpoint
    production: Endpoint
    traffic: Traffic = Field(default_factory=Traffic, description="how a new slot gets its traffic")
    tests: SlotTests
    comparison: ComparisonJobConfig
    branches: tuple[BranchName, ...] = Field(
        default=("integration",),
        strict=False,
        max_length=20,
        description="branches whose models go further than their comparison; none means any",
    )

    @model_validator(mode="after")
    def _slots_are_known(self) -> Self:
        twice = sorted({slot for slot in self.slots if self.slots.count(slot) > 1})
        if twice:
            raise PydanticCustomError("slot_twice", "listed more than once: {names}", {"names": ", ".join(twice)})
        for side in (self.dev, self.production):
            if side.slot is not None and side.slot not in self.slots:
                raise PydanticCustomError("slot_unknown", "{name} is not one of slots", {"name": side.slot})
        return self
