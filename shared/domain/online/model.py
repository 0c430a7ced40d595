"""What only a release to online endpoints has: its plan, its comparison, and what it does to each of its endpoints."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from shared.domain.records import replace
from shared.domain.release.phases import Verdict

Shares = dict[str, int]
"""Per cent of the requests by slot. Live ones sum to 0 or to 100."""

RELEASE_TAG = "release_id"
"""Which release brought a slot; a deployment without it is a stranger's."""


class Side(StrEnum):
    """Which of a model's two endpoints."""

    DEV = "dev"
    PRODUCTION = "production"


@dataclass(frozen=True, kw_only=True)
class Distribution:
    """Who gets the requests of an endpoint: `traffic` is live, `mirror` are copies of live requests, whose answers
    nobody gets."""

    traffic: Shares
    mirror: Shares = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class SlotSpec:
    """An online deployment in full: what can be brought up again exactly as it was."""

    endpoint_name: str
    slot: str
    model: str
    environment: str
    code: str
    scoring_script: str
    instance_type: str
    instance_count: int = 1
    request_timeout_ms: int = 5000
    concurrent_max: int = 1
    environment_variables: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class SlotFound:
    """An online deployment as it was read back; `provisioning` is Azure ML's word for it."""

    spec: SlotSpec
    provisioning: str

    @property
    def is_changing(self) -> bool:
        """Whether an operation on it is under way, whoever asked for that."""
        return self.provisioning.lower() in ("creating", "updating", "scaling", "deleting")

    @property
    def is_up(self) -> bool:
        """Whether the last operation on it succeeded."""
        return self.provisioning.lower() == "succeeded"

    @property
    def brought_by(self) -> str:
        """The release that brought it; empty for a stranger's."""
        return self.spec.tags.get(RELEASE_TAG, "")


@dataclass(frozen=True, kw_only=True)
class EndpointFound:
    """An online endpoint with everything on it, as it was read back."""

    provisioning: str
    traffic: Shares = field(default_factory=dict)
    mirror: Shares = field(default_factory=dict)
    slots: tuple[SlotFound, ...] = ()

    @property
    def now(self) -> Distribution:
        """Who gets its requests."""
        return Distribution(traffic=self.traffic, mirror=self.mirror)

    @property
    def is_changing(self) -> bool:
        """Whether an operation on the endpoint itself is under way."""
        return self.provisioning.lower() in ("creating", "updating", "deleting")

    def slot(self, name: str) -> SlotFound | None:
        """The deployment of this name; Azure ML makes no difference between small and capital letters."""
        return next((each for each in self.slots if each.spec.slot.lower() == name.lower()), None)


@dataclass(frozen=True, kw_only=True)
class SidePlan:
    """One endpoint of the model. `slot` is the one to prefer; empty prefers none."""

    endpoint_name: str
    slot: str
    instance_type: str
    instance_count: int


@dataclass(frozen=True, kw_only=True)
class TrafficPlan:
    """How a new slot gets its traffic where another one serves: copies of `mirror_pct` of the requests first, if any,
    then each of `steps_pct`, then everything. Each step but the last is kept for `share_s` seconds and tested."""

    steps_pct: tuple[int, ...] = (30,)
    mirror_pct: int = 0
    share_s: int = 300


@dataclass(frozen=True, kw_only=True)
class SlotLimits:
    """What a slot must show. `held_set` is a file of the app with requests and their expected answers, of which
    `samples_max` are asked. Latencies are in milliseconds, as the app sees them; `error_max` is the largest allowed
    mean absolute error; answers lie between `answer_min` and `answer_max`."""

    held_set: str
    samples_max: int
    p50_ms: float
    p95_ms: float
    p99_ms: float
    error_max: float
    failures_max_pct: float
    answer_min: float
    answer_max: float


@dataclass(frozen=True, kw_only=True)
class ComparisonPlan:
    """The job that compares the candidate with what production serves: `script` of the folder `code`, on the table
    `data_uri`, in the dev workspace."""

    code: str
    script: str
    compute: str
    data_uri: str


@dataclass(frozen=True, kw_only=True)
class OnlinePlan:
    """Where and how a model is served: resolved from the configuration when the release is verified, and kept.

    `model_name` is the model's in dev. `branches` are those whose models may go further than their comparison; none
    of them named means any.
    """

    name: str
    model_name: str
    registry_model_name: str
    environment_name: str
    environment_version: str
    code: str
    scoring_script: str
    slots: tuple[str, ...]
    dev: SidePlan
    production: SidePlan
    traffic: TrafficPlan
    tests: SlotLimits
    comparison: ComparisonPlan
    request_timeout_ms: int = 5000
    concurrent_max: int = 1
    environment_variables: dict[str, str] = field(default_factory=dict)
    branches: tuple[str, ...] = ()

    def of(self, side: Side) -> SidePlan:
        """The endpoint of this side."""
        return self.dev if side is Side.DEV else self.production


@dataclass(frozen=True, kw_only=True)
class OnlineWish:
    """What was asked for beside the version. `config` names the file of `config/online/`; `comparison_run` is a job
    that compared it already; `slots` names a slot by side where somebody chose one."""

    config: str
    branch: str = ""
    commit: str = ""
    comparison_run: str = ""
    compare_only: bool = False
    slots: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """What the comparison measured. `baseline_model` is the model that production served; empty where none did, and
    then nothing was measured for it."""

    improved: bool
    candidate: dict[str, float]
    baseline: dict[str, float] = field(default_factory=dict)
    baseline_model: str = ""


@dataclass(frozen=True, kw_only=True)
class Measures:
    """What asking a slot showed. `asked` requests were sent, `failed` of them got no answer that could be used, for the
    reasons in `failures`; latencies in milliseconds and the mean absolute error are of the others, None where there
    are none. `foreign` answers came from other slots and are in none of the latencies."""

    asked: int
    failed: int
    failures: tuple[str, ...] = ()
    foreign: int = 0
    p50_ms: float | None = None
    p95_ms: float | None = None
    p99_ms: float | None = None
    error: float | None = None


@dataclass(frozen=True, kw_only=True)
class SlotTest:
    """One test of a slot: under its own name, or as one of those that share the traffic (`share_pct`)."""

    at: datetime
    share_pct: int
    verdict: Verdict
    detail: str
    measures: Measures | None = None


@dataclass(frozen=True, kw_only=True)
class TrafficStep:
    """A distribution of the traffic on the way to the new slot, and how long it is kept, in seconds."""

    traffic: Shares
    mirror: Shares
    share_s: int


@dataclass(frozen=True, kw_only=True)
class TrafficMove:
    """The traffic of an endpoint as it was read back after a change by this release."""

    at: datetime
    traffic: Shares
    mirror: Shares


@dataclass(frozen=True, kw_only=True)
class Rollout:
    """What a release does to one endpoint.

    Everything up to `steps` is recorded before the first change: what served before, and what will be done. `existed`
    is false where the endpoint has to be made. `step` is the place in `steps`; `shared_since` is when its traffic was
    read back. `done` is true once the slot has all the traffic and has passed, `back` once what served before serves
    again.
    """

    side: Side
    endpoint_name: str
    slot: str
    recorded_at: datetime
    existed: bool
    traffic_before: Shares
    mirror_before: Shares
    slots_before: tuple[SlotSpec, ...]
    steps: tuple[TrafficStep, ...]
    step: int = 0
    shared_since: datetime | None = None
    tests: tuple[SlotTest, ...] = ()
    moves: tuple[TrafficMove, ...] = ()
    removed: tuple[str, ...] = ()
    done: bool = False
    back: bool = False

    @property
    def served_before(self) -> bool:
        """Whether anybody got answers from the endpoint before this release."""
        return any(self.traffic_before.values())


@dataclass(frozen=True, kw_only=True)
class Online:
    """What only a release to online endpoints has. `plan` comes with the verification. `quiet_until` is set while
    traffic goes back: until then a change forward may still be in flight. `by_hand` is true while people are asked
    about traffic that somebody changed by hand; with `overwrite`, a person has it overwritten on the way back."""

    wish: OnlineWish
    plan: OnlinePlan | None = None
    baseline_model: str = ""
    comparison: Comparison | None = None
    rollouts: tuple[Rollout, ...] = ()
    quiet_until: datetime | None = None
    by_hand: bool = False
    overwrite: bool = False

    def rollout(self, side: Side) -> Rollout | None:
        """What it does to the endpoint of this side; None before that was recorded."""
        return next((each for each in self.rollouts if each.side is side), None)

    @property
    def production_touched(self) -> bool:
        """Whether a change to the endpoint in production may have been sent."""
        return self.rollout(Side.PRODUCTION) is not None

    @property
    def production_shares(self) -> bool:
        """Whether production's traffic is as the current step wants it."""
        rollout = self.rollout(Side.PRODUCTION)
        return rollout is not None and rollout.shared_since is not None

    @property
    def under_way(self) -> Rollout | None:
        """The rollout that has to go back if the release ends now: one that has begun and is neither done nor back."""
        return next((each for each in self.rollouts if not each.done and not each.back), None)

    def with_rollout(self, rollout: Rollout) -> "Online":
        """With this one in the place of its side's."""
        others = tuple(each for each in self.rollouts if each.side is not rollout.side)
        return replace(self, rollouts=(*others, rollout))
