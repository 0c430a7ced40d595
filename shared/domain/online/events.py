"""Facts about a release to online endpoints. Those of all releases are in `shared/domain/release/events.py`."""

from dataclasses import dataclass, field

from shared.domain.online.model import Comparison, EndpointFound, Measures, OnlinePlan, OnlineWish, Shares
from shared.domain.release.earlier import EarlierAttempt
from shared.domain.release.event_base import Event, StepEvent
from shared.domain.release.model import Actor, Candidate
from shared.domain.release.phases import Verdict


@dataclass(frozen=True, kw_only=True)
class OnlineReleaseRequested(Event):
    """A person or a pipeline wants a model version compared, and served if it is better. `earlier` are the attempts of
    the version that have ended, `requested_before` the identifiers of who asked for those."""

    workspace: str
    asset_name: str
    asset_version: str
    wish: OnlineWish
    actor: Actor
    reason: str
    earlier: tuple[EarlierAttempt, ...] = ()
    requested_before: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class OnlineVerified(StepEvent):
    """The version exists, and `plan` of the configuration says where it is served. `baseline_model` is the model that
    production serves most requests with; empty where nothing serves."""

    candidate: Candidate
    plan: OnlinePlan
    configuration: str
    branch: str
    baseline_model: str = ""


@dataclass(frozen=True, kw_only=True)
class Compared(StepEvent):
    """The comparison's job ended, or cannot be judged; `comparison` is what its report says, if it can be read."""

    job_name: str
    verdict: Verdict
    detail: str
    comparison: Comparison | None = None


@dataclass(frozen=True, kw_only=True)
class EndpointRecorded(StepEvent):
    """What the endpoint serves now, in full; None when there is no such endpoint."""

    found: EndpointFound | None


@dataclass(frozen=True, kw_only=True)
class SlotTested(StepEvent):
    """The slot was asked, under its name or by the traffic; `look` is the look that asked for it."""

    look: int
    verdict: Verdict
    detail: str
    measures: Measures | None = None


@dataclass(frozen=True, kw_only=True)
class TrafficObserved(StepEvent):
    """The traffic was read back, and is what the step wants."""


@dataclass(frozen=True, kw_only=True)
class TrafficChanged(StepEvent):
    """The traffic is neither what the step wants nor what this release left: somebody changed it by hand."""

    traffic: Shares
    mirror: Shares = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class EndpointBack(StepEvent):
    """What served before serves again, read back, and the failed slot is gone where it had to go. `removed` is its name
    then; `detail` tells what was found."""

    traffic: Shares
    mirror: Shares
    detail: str
    removed: str = ""


@dataclass(frozen=True, kw_only=True)
class SlotsRemoved(StepEvent):
    """Of the slots that served before, by side, those that are gone and those that stay, with the reason."""

    removed: dict[str, tuple[str, ...]]
    left: tuple[str, ...] = ()
