"""Facts in, past tense. Answers of a step carry the step's `serial`; anything from outside is a hint."""

from dataclasses import dataclass
from enum import StrEnum

from shared.domain.event import Event as Event
from shared.domain.event import StepEvent as StepEvent
from shared.domain.fleet.events import BatchJobsCounted as BatchJobsCounted
from shared.domain.fleet.events import ChecksCancelled as ChecksCancelled
from shared.domain.fleet.events import CircuitTaken as CircuitTaken
from shared.domain.fleet.events import EnvironmentPromoted as EnvironmentPromoted
from shared.domain.fleet.events import EnvironmentReleaseRequested as EnvironmentReleaseRequested
from shared.domain.fleet.events import EnvironmentVerified as EnvironmentVerified
from shared.domain.fleet.events import EvidenceSubmitted as EvidenceSubmitted
from shared.domain.fleet.events import FleetAcquired as FleetAcquired
from shared.domain.fleet.events import Outcome as Outcome
from shared.domain.fleet.events import RollbackOpened as RollbackOpened
from shared.domain.fleet.events import RollbackRequested as RollbackRequested
from shared.domain.fleet.events import TargetAnswered as TargetAnswered
from shared.domain.fleet.events import TargetsListed as TargetsListed
from shared.domain.model import Actor, Candidate, DeploymentPlan, DeploymentSpec, Verdict
from shared.domain.policy import Stage


@dataclass(frozen=True, kw_only=True)
class ModelRegistered(Event):
    """Azure ML says a model version was registered."""

    workspace: str
    model_name: str
    model_version: str


@dataclass(frozen=True, kw_only=True)
class CandidateVerified(StepEvent):
    """The candidate exists and belongs to a circuit of the fleet."""

    candidate: Candidate
    plan: DeploymentPlan


@dataclass(frozen=True, kw_only=True)
class CandidatePromoted(StepEvent):
    """The model (and its environment) can be read from the shared registry."""

    registry_model_id: str
    registry_environment_id: str


@dataclass(frozen=True, kw_only=True)
class CircuitAcquired(StepEvent):
    """This release holds the circuit; every earlier epoch is void."""

    epoch: int


@dataclass(frozen=True, kw_only=True)
class CircuitBusy(StepEvent):
    """Another release holds the circuit, its cool-down is not over, or, with `frozen`, a freeze stands before it."""

    holder: str
    frozen: bool = False


@dataclass(frozen=True, kw_only=True)
class PreviousRecorded(StepEvent):
    """What production runs now; None when nothing runs."""

    previous: DeploymentSpec | None


@dataclass(frozen=True, kw_only=True)
class DeploymentSubmitted(StepEvent):
    """Azure ML accepted the change; its outcome is looked up later."""


class Running(StrEnum):
    """What a deployment runs, compared with what the step wants."""

    WANTED = "wanted"
    OTHER = "other"
    NOTHING = "nothing"


@dataclass(frozen=True, kw_only=True)
class DeploymentObserved(StepEvent):
    """A deployment was read back. `in_progress` and `broken` come from its provisioning state."""

    running: Running
    in_progress: bool
    broken: bool
    detail: str


@dataclass(frozen=True, kw_only=True)
class TestStarted(StepEvent):
    """The test inference job exists."""

    job_name: str


@dataclass(frozen=True, kw_only=True)
class TestFinished(StepEvent):
    """The test inference job ended, or cannot be judged."""

    job_name: str
    verdict: Verdict
    detail: str


@dataclass(frozen=True, kw_only=True)
class TestStillRunning(StepEvent):
    """The test inference job was looked at and has not ended."""

    job_name: str
    detail: str


@dataclass(frozen=True, kw_only=True)
class StepErrored(StepEvent):
    """A technical fault: trying again may help."""

    reason: str


@dataclass(frozen=True, kw_only=True)
class StepFailed(StepEvent):
    """A definite no: trying again cannot help."""

    reason: str


@dataclass(frozen=True, kw_only=True)
class OutcomeUnknown(StepEvent):
    """A change was sent and nobody knows whether it was applied."""

    reason: str


@dataclass(frozen=True, kw_only=True)
class LookDue(StepEvent):
    """It is time to look at the current step; `look` counts the looks of this serial."""

    look: int


@dataclass(frozen=True, kw_only=True)
class DeadlinePassed(StepEvent):
    """Waiting of the step with this serial ends."""


@dataclass(frozen=True, kw_only=True)
class TestRunChanged(Event):
    """Azure ML says the run changed: a hint to look at once."""

    job_name: str


@dataclass(frozen=True, kw_only=True)
class ApprovalSubmitted(Event):
    """A person decided on a gate."""

    stage: Stage
    actor: Actor
    approved: bool
    digest: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class AbortRequested(Event):
    """A person ends the release."""

    actor: Actor
    reason: str


@dataclass(frozen=True, kw_only=True)
class RetryRequested(Event):
    """A person has the held step tried again."""

    actor: Actor
    reason: str


@dataclass(frozen=True, kw_only=True)
class MessageDeadLettered(Event):
    """A message of this release could not be processed; somebody must look.

    `rounds` counts how often this news itself could not be processed, from 1 on.
    """

    queue: str
    message_id: str
    reason: str
    rounds: int = 1


PERSON_EVENTS = (
    EnvironmentReleaseRequested,
    EvidenceSubmitted,
    ApprovalSubmitted,
    AbortRequested,
    RetryRequested,
    RollbackRequested,
    RollbackOpened,
)

EVENT_TYPES: tuple[type[Event], ...] = (
    ModelRegistered,
    CandidateVerified,
    CandidatePromoted,
    CircuitAcquired,
    CircuitBusy,
    PreviousRecorded,
    DeploymentSubmitted,
    DeploymentObserved,
    TestStarted,
    TestFinished,
    TestStillRunning,
    StepErrored,
    StepFailed,
    OutcomeUnknown,
    LookDue,
    DeadlinePassed,
    TestRunChanged,
    ApprovalSubmitted,
    AbortRequested,
    RetryRequested,
    MessageDeadLettered,
    EnvironmentReleaseRequested,
    EvidenceSubmitted,
    EnvironmentVerified,
    EnvironmentPromoted,
    FleetAcquired,
    TargetsListed,
    TargetAnswered,
    RollbackRequested,
    RollbackOpened,
    CircuitTaken,
    BatchJobsCounted,
    ChecksCancelled,
)
