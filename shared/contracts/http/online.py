"""What crosses our HTTP border about releases to online endpoints, version 1. Times are ISO 8601 in UTC."""

from datetime import datetime
from typing import Literal

from pydantic import Field

from shared.contracts.base import Contract
from shared.domain.errors import Conflict
from shared.domain.online.model import Comparison, OnlineWish, Rollout, SlotSpec, SlotTest
from shared.domain.online.specs import compared_by, online_of
from shared.domain.online.traffic import told
from shared.domain.release.model import Kind, Release

REASON_MAX = 2000


class OnlineReleaseRequest(Contract):
    """Which model version to compare and, if it is better, to serve; and what is known of where it comes from."""

    model: str = Field(pattern=r"^[a-z](-?[a-z0-9]){1,39}$", description="The name of a file of config/online.")
    version: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$", description="As it is registered in dev.")
    branch: str = Field(default="", max_length=100, description="Else that of the model's tag git_branch.")
    commit: str = Field(default="", pattern=r"^([0-9a-f]{7,64})?$", description="Else that of its tag git_commit_sha.")
    comparison_run: str = Field(
        default="",
        pattern=r"^([a-zA-Z0-9][a-zA-Z0-9_-]{0,254})?$",
        description="A job of dev that compared it already.",
    )
    compare_only: bool = Field(default=False, description="Compare it, and register and serve nothing.")
    slots: dict[Literal["dev", "production"], str] = Field(
        default_factory=dict, description="The slot to take, by endpoint; else one that serves nothing."
    )
    reason: str = Field(default="", max_length=REASON_MAX, description="Why; required for a version that was tried.")


def wish_of(request: OnlineReleaseRequest) -> OnlineWish:
    """The request in the domain's words."""
    return OnlineWish(
        config=request.model,
        branch=request.branch,
        commit=request.commit,
        comparison_run=request.comparison_run,
        compare_only=request.compare_only,
        slots={str(side): slot for side, slot in request.slots.items()},
    )


class EndpointLine(Contract):
    """What a release does to one endpoint, in short."""

    side: str
    endpoint: str
    slot: str
    before: str = Field(description="Who got the requests before, in words.")
    now: str = Field(description="Who got them when this release changed that last, in words.")
    state: str = Field(description="under way, done, or back")
    last_test: str


def endpoint_lines(release: Release) -> list[EndpointLine]:
    """Of each endpoint that it has begun to change."""
    return [
        EndpointLine(
            side=each.side.value,
            endpoint=each.endpoint_name,
            slot=each.slot,
            before=told(each.traffic_before),
            now=told(each.moves[-1].traffic if each.moves else each.traffic_before),
            state="done" if each.done else "back" if each.back else "under way",
            last_test=each.tests[-1].detail if each.tests else "",
        )
        for each in (release.online.rollouts if release.online else ())
    ]


class SlotState(Contract):
    """An online deployment in full, as it was: what can be brought up again."""

    slot: str
    model: str
    environment: str
    code: str
    scoring_script: str
    instance_type: str
    instance_count: int
    request_timeout_ms: int
    concurrent_max: int
    environment_variables: dict[str, str]
    tags: dict[str, str]


class TrafficState(Contract):
    """Who gets the requests, in per cent by slot; copies go to `mirror`."""

    traffic: dict[str, int]
    mirror: dict[str, int]


class TrafficMoved(TrafficState):
    """The same as it was read back after a change."""

    at: datetime


class TrafficPlanned(TrafficState):
    """The same as a step wants it, for so many seconds."""

    share_s: int


class TestState(Contract):
    """One test of the slot."""

    at: datetime
    share_pct: int
    verdict: str
    detail: str


class EndpointState(Contract):
    """What was recorded before the first change of an endpoint, and what was done since."""

    side: str
    endpoint: str
    slot: str
    endpoint_existed: bool
    recorded_at: datetime
    prior: TrafficState
    prior_slots: list[SlotState]
    steps: list[TrafficPlanned]
    moves: list[TrafficMoved]
    tests: list[TestState]
    removed: list[str]
    done: bool
    back: bool


class ComparisonState(Contract):
    """What the comparison said; `job` is empty before it passed."""

    job: str
    improved: bool
    candidate: dict[str, float]
    baseline: dict[str, float]
    baseline_model: str


class OnlineState(Contract):
    """`deployment_state.json`: everything that the way back needs, and what became of it."""

    format: Literal[1] = 1
    release_id: str
    phase: str
    model: str
    registry_model_id: str
    branch: str
    commit: str
    comparison: ComparisonState | None
    endpoints: list[EndpointState]


def deployment_state_of(release: Release) -> OnlineState:
    """Raises Conflict for a release of another kind."""
    if release.kind is not Kind.ONLINE:
        raise Conflict(f"{release.release_id} is no release to online endpoints: it has no deployment state")
    online = online_of(release)
    return OnlineState(
        release_id=release.release_id,
        phase=release.phase.value,
        model=release.asset,
        registry_model_id=release.registry_model_id,
        branch=online.wish.branch,
        commit=online.wish.commit,
        comparison=_comparison(release, online.comparison) if online.comparison else None,
        endpoints=[_endpoint(each) for each in online.rollouts],
    )


def _comparison(release: Release, found: Comparison) -> ComparisonState:
    return ComparisonState(
        job=compared_by(release),
        improved=found.improved,
        candidate=found.candidate,
        baseline=found.baseline,
        baseline_model=found.baseline_model,
    )


def _endpoint(rollout: Rollout) -> EndpointState:
    return EndpointState(
        side=rollout.side.value,
        endpoint=rollout.endpoint_name,
        slot=rollout.slot,
        endpoint_existed=rollout.existed,
        recorded_at=rollout.recorded_at,
        prior=TrafficState(traffic=rollout.traffic_before, mirror=rollout.mirror_before),
        prior_slots=[_slot(each) for each in rollout.slots_before],
        steps=[
            TrafficPlanned(traffic=each.traffic, mirror=each.mirror, share_s=each.share_s) for each in rollout.steps
        ],
        moves=[TrafficMoved(at=each.at, traffic=each.traffic, mirror=each.mirror) for each in rollout.moves],
        tests=[_test(each) for each in rollout.tests],
        removed=list(rollout.removed),
        done=rollout.done,
        back=rollout.back,
    )


def _slot(spec: SlotSpec) -> SlotState:
    return SlotState(**{name: value for name, value in vars(spec).items() if name != "endpoint_name"})


def _test(test: SlotTest) -> TestState:
    return TestState(at=test.at, share_pct=test.share_pct, verdict=test.verdict.value, detail=test.detail)
