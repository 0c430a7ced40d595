"""Facts about releases of an environment to the whole fleet."""

from dataclasses import dataclass
from enum import StrEnum

from shared.domain.event import Event, StepEvent
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
    """This release holds every circuit of the fleet; the epoch of each lock, by circuit."""

    epochs: dict[str, int]


@dataclass(frozen=True, kw_only=True)
class TargetsListed(StepEvent):
    """Everything one production endpoint runs now."""

    endpoint_name: str
    targets: tuple[FleetTarget, ...]


class Outcome(StrEnum):
    """What became of one try of a check or a change."""

    DONE = "done"  # judged, or read back as wanted
    PENDING = "pending"  # under way, or nobody knows: look again
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
