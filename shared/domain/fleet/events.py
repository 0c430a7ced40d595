"""Facts about releases of an environment to the whole fleet."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from shared.domain.batch_jobs import BatchJobs
from shared.domain.event import Event, StepEvent
from shared.domain.evidence_model import Quality, Reason
from shared.domain.meter import AlertSeen
from shared.domain.model import Actor, Candidate, FleetTarget, Verdict


@dataclass(frozen=True, kw_only=True)
class EnvironmentReleaseRequested(Event):
    """A person wants an environment version released to the fleet; Azure ML raises no event for environments."""

    workspace: str
    environment_name: str
    environment_version: str
    actor: Actor
    reason: str


@dataclass(frozen=True, kw_only=True)
class EvidenceSubmitted(Event):
    """A person handed in an executed notebook, and it was read: its hash, its size, and what it is worth.

    The file is stored before the event is sent; `reasons` has one entry per rule about the notebook.
    """

    actor: Actor
    sha256: str
    size_bytes: int
    quality: Quality
    reasons: tuple[Reason, ...]


@dataclass(frozen=True, kw_only=True)
class EnvironmentVerified(StepEvent):
    """The version exists and may be released alone; `endpoints` and `circuits` are the fleet's."""

    candidate: Candidate
    endpoints: tuple[str, ...]
    circuits: tuple[str, ...]


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


class Outcome(StrEnum):
    """What became of one try of a check or a change."""

    DONE = "done"  # judged, or read back as wanted
    PENDING = "pending"  # under way, or nobody knows: look again
    TAKEN = "taken"  # nothing was sent: `detail` names who has the circuit now
    FROZEN = "frozen"  # nothing was sent: a freeze, which `detail` names, stands before the change
    ERRORED = "errored"  # a technical fault: try again
    REFUSED = "refused"  # trying again cannot help


@dataclass(frozen=True, kw_only=True)
class TargetAnswered(StepEvent):
    """The answer to one look at one target; `verdict` is what a check said."""

    target_key: str
    attempt: int
    look: int
    outcome: Outcome
    verdict: Verdict | None = None
    detail: str = ""


@dataclass(frozen=True, kw_only=True)
class BatchJobsCounted(StepEvent):
    """How production's batch jobs went since the watch began."""

    jobs: BatchJobs


@dataclass(frozen=True, kw_only=True)
class ChecksCancelled(Event):
    """What became of compatibility jobs that nobody waits for any more. It changes nothing; the history tells it."""

    detail: str


@dataclass(frozen=True, kw_only=True)
class RollbackRequested(Event):
    """What this release changed shall go back. `critical` asks for it at once; an alert has no other person to ask."""

    actor: Actor
    reason: str
    critical: bool = False
    alert: AlertSeen | None = None


@dataclass(frozen=True, kw_only=True)
class RollbackOpened(RollbackRequested):
    """A release that has ended shall be undone: by a release of its own, which this opens."""

    undoes: str
    workspace: str
    asset_name: str
    asset_version: str
    endpoints: tuple[str, ...]
    circuits: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class CircuitTaken(Event):
    """A rollback took this circuit's lock from the release, which may not change production any more."""

    target_key: str
    by: str
