"""Facts in, past tense. Answers of a step carry the step's `serial`; anything from outside is a hint."""

from dataclasses import dataclass, field
from datetime import datetime

from shared.domain.evidence.model import Quality, Reason
from shared.domain.fleet.batch_jobs import BatchJobs
from shared.domain.fleet.meter import AlertSeen
from shared.domain.online import events as online
from shared.domain.release.earlier import EarlierAttempt
from shared.domain.release.event_base import Event as Event
from shared.domain.release.event_base import StepEvent as StepEvent
from shared.domain.release.model import (
    Actor,
    Candidate,
    DeploymentPlan,
    DeploymentSpec,
    FleetTarget,
    InProduction,
    Kind,
    Verdict,
)
from shared.domain.release.outcomes import Outcome as Outcome
from shared.domain.release.outcomes import Running as Running
from shared.domain.release.policy import Stage


@dataclass(frozen=True, kw_only=True)
class ModelRegistered(Event):
    """Azure ML says a model version was registered."""

    workspace: str
    model_name: str
    model_version: str


@dataclass(frozen=True, kw_only=True)
class CandidateVerified(StepEvent):
    """The candidate exists and belongs to a circuit of the fleet. `configuration` says which configuration that and
    the plan are by; it is empty in messages of earlier versions of the app."""

    candidate: Candidate
    plan: DeploymentPlan
    configuration: str = ""


@dataclass(frozen=True, kw_only=True)
class CandidatePromoted(StepEvent):
    """The model (and its environment) can be read from the shared registry."""

    registry_model_id: str
    registry_environment_id: str


@dataclass(frozen=True, kw_only=True)
class CircuitAcquired(StepEvent):
    """This release holds the circuit; every earlier epoch is void. `found` is what production runs there."""

    epoch: int
    found: InProduction | None = None


@dataclass(frozen=True, kw_only=True)
class CircuitBusy(StepEvent):
    """Another release holds the circuit, its cool-down is not over, or, with `frozen`, a freeze stands before it.
    `newer` is what the holder brings, where that is a newer version of the same: `custom-tf-env:1.5.2`."""

    holder: str
    frozen: bool = False
    newer: str = ""


@dataclass(frozen=True, kw_only=True)
class PreviousRecorded(StepEvent):
    """What production runs now; None when nothing runs."""

    previous: DeploymentSpec | None


@dataclass(frozen=True, kw_only=True)
class DeploymentSubmitted(StepEvent):
    """Azure ML accepted the change; its outcome is looked up later."""


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
    """The test inference job ended, or cannot be judged; `output` says what a completed one predicted."""

    job_name: str
    verdict: Verdict
    detail: str
    output: str = ""


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
class StepBusy(StepEvent):
    """Not yet: what the step wants is under way, or other work stands before it; nothing is wrong."""

    detail: str


@dataclass(frozen=True, kw_only=True)
class StepFailed(StepEvent):
    """A definite no: trying again cannot help."""

    reason: str


@dataclass(frozen=True, kw_only=True)
class StepBlocked(StepEvent):
    """A no until people give back what is missing: a right, quota, a cluster, an endpoint, a version."""

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
    """A message of this release could not be processed, and people must look. `rounds` counts how often this news
    itself could not be processed, from 1 on."""

    queue: str
    message_id: str
    reason: str
    rounds: int = 1


# Releases of an environment to the whole fleet, and rollbacks.


@dataclass(frozen=True, kw_only=True)
class EnvironmentReleaseRequested(Event):
    """A person wants an environment version released to the fleet; Azure ML raises no event for environments."""

    workspace: str
    environment_name: str
    environment_version: str
    actor: Actor
    reason: str


@dataclass(frozen=True, kw_only=True)
class AttemptRequested(Event):
    """A person wants a version released: a model's whose event did not come, or one whose attempts so far have ended.
    `requested_before` are the identifiers of who asked for those."""

    kind: Kind
    workspace: str
    asset_name: str
    asset_version: str
    actor: Actor
    reason: str
    earlier: tuple[EarlierAttempt, ...] = ()
    requested_before: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class EvidenceSubmitted(Event):
    """A person handed in an executed notebook, and it was read: its hash, its size, and what it is worth. The file is
    stored before the event is sent; `reasons` has one entry per rule about the notebook."""

    actor: Actor
    sha256: str
    size_bytes: int
    quality: Quality
    reasons: tuple[Reason, ...]


@dataclass(frozen=True, kw_only=True)
class EnvironmentVerified(StepEvent):
    """The version exists and may be released alone; `endpoints` and `circuits` are the fleet's, which `configuration`
    says more about."""

    candidate: Candidate
    endpoints: tuple[str, ...]
    circuits: tuple[str, ...]
    configuration: str = ""


@dataclass(frozen=True, kw_only=True)
class EnvironmentPromoted(StepEvent):
    """The environment can be read from the shared registry, by every workspace."""

    registry_environment_id: str


@dataclass(frozen=True, kw_only=True)
class FleetAcquired(StepEvent):
    """This release holds every circuit of the fleet; the epoch of each lock, by circuit.

    Until `quiet_until`, a change of somebody who lost a lock may still be in flight.
    """

    epochs: dict[str, int]
    quiet_until: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class TargetsListed(StepEvent):
    """Everything one production endpoint runs now."""

    endpoint_name: str
    targets: tuple[FleetTarget, ...]


@dataclass(frozen=True, kw_only=True)
class TargetAnswered(StepEvent):
    """The answer to one look at one target; `verdict` is what a check said. A circuit that is the release's own again
    has this `epoch`; until `quiet_until` a change of whom it was taken from may still be in flight. A change that was
    accepted and over was done `at_once`."""

    target_key: str
    attempt: int
    look: int
    outcome: Outcome
    verdict: Verdict | None = None
    detail: str = ""
    epoch: int = 0
    quiet_until: datetime | None = None
    at_once: bool = False


@dataclass(frozen=True, kw_only=True)
class BatchJobsCounted(StepEvent):
    """How production's batch jobs went since the watch began."""

    jobs: BatchJobs


@dataclass(frozen=True, kw_only=True)
class RestoredRead(StepEvent):
    """What was put back was read once more; `broken` are the circuits whose deployment has failed or is gone."""

    broken: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class ChecksCancelled(Event):
    """What became of compatibility jobs that nobody waits for any more. It changes nothing; the history tells it."""

    detail: str


@dataclass(frozen=True, kw_only=True)
class RollbackRequested(Event):
    """What this release changed shall go back. `critical` asks for it at once; an alert has no other person to ask.

    `models` are releases of models that go back with an environment, by circuit.
    """

    actor: Actor
    reason: str
    critical: bool = False
    alert: AlertSeen | None = None
    models: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class RollbackOpened(RollbackRequested):
    """A release that has ended shall be undone: by a release of its own, which this opens. `to` is the version that it
    goes back to; without one it is what ran before."""

    undoes: str
    workspace: str
    asset_name: str
    asset_version: str
    endpoints: tuple[str, ...]
    circuits: tuple[str, ...]
    to: str = ""


@dataclass(frozen=True, kw_only=True)
class Undone(Event):
    """Production went back from what this release had brought, by the rollback `by`, for this reason."""

    by: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class EnvironmentProposed(Event):
    """What became of the change by which the configuration agrees with production again; `url` is that of its pull
    request, empty where there is none."""

    url: str
    detail: str


@dataclass(frozen=True, kw_only=True)
class CircuitTaken(Event):
    """A rollback took this circuit's lock from the release, which may not change production any more."""

    target_key: str
    by: str


PERSON_EVENTS = (
    EnvironmentReleaseRequested,
    AttemptRequested,
    EvidenceSubmitted,
    ApprovalSubmitted,
    AbortRequested,
    RetryRequested,
    RollbackRequested,
    RollbackOpened,
    online.OnlineReleaseRequested,
)

_KINDS = [each for each in (*vars().values(), *vars(online).values()) if isinstance(each, type)]
EVENT_TYPES: tuple[type[Event], ...] = tuple(
    dict.fromkeys(each for each in _KINDS if issubclass(each, Event) and each not in (Event, StepEvent))
)
