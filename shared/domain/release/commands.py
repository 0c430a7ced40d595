"""Instructions out, imperative. Each leaves through the outbox, after the commit that justifies it.

`command_id` is derived from release, serial and verb: it is the message id, so sending twice acts once. A command with
an older serial than its release's is stale and must not be carried out.
"""

from dataclasses import dataclass
from datetime import datetime

from shared.domain.online.model import Distribution, Side, SlotLimits, SlotSpec
from shared.domain.release.events import Event
from shared.domain.release.model import Candidate, DeploymentPlan, DeploymentSpec, Dimension, Phase


@dataclass(frozen=True, kw_only=True)
class Command:
    """`not_before` delays the command (back-off between attempts); None sends it at once."""

    command_id: str
    release_id: str
    serial: int
    not_before: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class VerifyCandidate(Command):
    """Read the model by id and find its circuit's configuration."""

    workspace: str
    model_name: str
    model_version: str


@dataclass(frozen=True, kw_only=True)
class PromoteCandidate(Command):
    """Share the model, and its environment where missing, to the registry."""

    candidate: Candidate
    plan: DeploymentPlan


@dataclass(frozen=True, kw_only=True)
class AcquireCircuit(Command):
    """Take the lock of the circuit."""

    target_key: str


@dataclass(frozen=True, kw_only=True)
class FreeCircuit(Command):
    """Give the lock back; it can be taken again after the cool-down."""

    target_key: str
    cool_down_s: int


@dataclass(frozen=True, kw_only=True)
class RecordPrevious(Command):
    """Read what production runs, in full."""

    spec: DeploymentSpec


@dataclass(frozen=True, kw_only=True)
class Deploy(Command):
    """Bring a deployment to `spec`. `phase` says which step wants it; production needs the lock's `epoch`."""

    phase: Phase
    spec: DeploymentSpec
    target_key: str
    epoch: int


@dataclass(frozen=True, kw_only=True)
class ObserveDeployment(Command):
    """Read a deployment back and compare it with `spec`."""

    phase: Phase
    spec: DeploymentSpec


@dataclass(frozen=True, kw_only=True)
class StartTest(Command):
    """Invoke the test deployment on the latest data."""

    spec: DeploymentSpec
    input_uri: str


@dataclass(frozen=True, kw_only=True)
class ObserveTest(Command):
    """Look at the test inference job."""

    spec: DeploymentSpec
    job_name: str


@dataclass(frozen=True, kw_only=True)
class CancelTest(Command):
    """Cancel a job of the test workspace, or of the dev workspace, whose result is not needed any more."""

    job_name: str
    in_dev: bool = False


@dataclass(frozen=True, kw_only=True)
class VerifyEnvironment(Command):
    """Read the environment version, review its version and tags, and find the fleet's endpoints and circuits."""

    workspace: str
    environment_name: str
    environment_version: str


@dataclass(frozen=True, kw_only=True)
class PromoteEnvironment(Command):
    """Share the environment version to the registry."""

    candidate: Candidate


@dataclass(frozen=True, kw_only=True)
class AcquireFleet(Command):
    """Take the locks of all circuits, in the order of their keys; those already taken stay taken.

    With `preempt`, also from a release that brings something new: nothing forward stands in the way of a rollback.
    """

    target_keys: tuple[str, ...]
    preempt: bool = False


@dataclass(frozen=True, kw_only=True)
class FreeFleet(Command):
    """Give the locks back; they can be taken again after the cool-down."""

    target_keys: tuple[str, ...]
    cool_down_s: int


@dataclass(frozen=True, kw_only=True)
class ListTargets(Command):
    """Read everything a production endpoint runs; with `undoes`, only what that release changed."""

    endpoint_name: str
    undoes: str = ""


@dataclass(frozen=True, kw_only=True)
class CheckTarget(Command):
    """Have the target's model tested in `environment` (look 0), or look how the test is doing."""

    target_key: str
    attempt: int
    look: int
    previous: DeploymentSpec
    environment: str


@dataclass(frozen=True, kw_only=True)
class CancelChecks(Command):
    """Cancel compatibility jobs whose results are not needed any more; some may not exist, or have ended."""

    job_names: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class ChangeTarget(Command):
    """Bring the target's deployment to `spec` (look 0), or read it back. Its lock has this `epoch`.

    What the release `undoes` put there may be changed as if it were our own. With `dimensions`, only these are as in
    `spec`, and the others stay as they run; the first is what the change is about.
    """

    target_key: str
    attempt: int
    look: int
    spec: DeploymentSpec
    previous: DeploymentSpec
    epoch: int
    undoes: str = ""
    dimensions: tuple[Dimension, ...] = ()


@dataclass(frozen=True, kw_only=True)
class ProbeTarget(Command):
    """Run a sample inference on the restored deployment (look 0), or look how it is doing."""

    target_key: str
    attempt: int
    look: int
    spec: DeploymentSpec


@dataclass(frozen=True, kw_only=True)
class CountBatchJobs(Command):
    """Count the batch jobs of these circuits that ended in production at `since` or later, and see whether their
    deployments on the endpoints can run any. Messages of older code name no endpoints: then only jobs are counted."""

    target_keys: tuple[str, ...]
    since: datetime
    endpoints: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class ReadRestored(Command):
    """See whether the deployments of these circuits still work, once no change can be in flight any more."""

    target_keys: tuple[str, ...]
    endpoints: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class MarkRolledBack(Command):
    """Tell the releases that were undone, and mark what they brought in the registry."""

    undone: tuple[str, ...]
    reason: str
    at: datetime


@dataclass(frozen=True, kw_only=True)
class ProposeEnvironment(Command):
    """Have the configuration name the environment `version` that the release brought to production, by a pull request
    of its own."""

    version: str


# Releases to online endpoints.


@dataclass(frozen=True, kw_only=True)
class VerifyOnline(Command):
    """Read the model by id, find in the configuration where it is served, and read what production serves."""

    workspace: str
    model_name: str
    model_version: str


@dataclass(frozen=True, kw_only=True)
class PromoteOnline(Command):
    """Share the model, with tags that lead back to its comparison, and its environment where missing."""

    candidate: Candidate
    tags: dict[str, str]


@dataclass(frozen=True, kw_only=True)
class StartComparison(Command):
    """Have the candidate compared with the model that production serves, or take the job that did."""

    job_name: str


@dataclass(frozen=True, kw_only=True)
class ObserveComparison(Command):
    """Look at the comparison's job, and judge its report."""

    job_name: str


@dataclass(frozen=True, kw_only=True)
class RecordEndpoint(Command):
    """Read what an endpoint serves, in full."""

    side: Side
    endpoint_name: str


@dataclass(frozen=True, kw_only=True)
class PutSlot(Command):
    """Bring a slot to `spec`, and its endpoint where missing; it gets no traffic. `observe` only looks."""

    side: Side
    spec: SlotSpec
    observe: bool = False


@dataclass(frozen=True, kw_only=True)
class TestSlot(Command):
    """Ask a slot for the answers of its held set: by its name or, with a `share_pct`, as one of those that share the
    traffic."""

    side: Side
    endpoint_name: str
    slot: str
    limits: SlotLimits
    look: int
    share_pct: int = 0


@dataclass(frozen=True, kw_only=True)
class MoveTraffic(Command):
    """Distribute an endpoint's traffic, if it is as this release left it `before`; None once it was read back as
    wanted: whoever sets it as it was before then is a person who wants it so."""

    side: Side
    endpoint_name: str
    spec: SlotSpec
    wanted: Distribution
    before: Distribution | None


@dataclass(frozen=True, kw_only=True)
class PutBack(Command):
    """Restore the traffic from before, if it is as this release left it at some time (`own`), or with `overwrite`
    whatever it is; then delete the slot where it is this release's and `removes` says so."""

    side: Side
    endpoint_name: str
    slot: str
    wanted: Distribution
    own: tuple[Distribution, ...]
    removes: bool
    overwrite: bool = False


@dataclass(frozen=True, kw_only=True)
class RemoveSlots(Command):
    """Delete the slots that served before, by side, as far as they serve nothing and a release brought them."""

    endpoints: dict[str, str]
    slots: dict[str, tuple[str, ...]]


@dataclass(frozen=True, kw_only=True)
class PublishFact(Command):
    """Tell the outside world that the release reached `phase`.

    `history_digest` is that of entry `history_number` of the audit trail, counted from 1, which tells of the move: a
    witness outside the table. Messages of older code have none (0 and empty).
    """

    phase: Phase
    subject: str
    reason: str
    at: datetime
    history_number: int = 0
    history_digest: str = ""


@dataclass(frozen=True, kw_only=True)
class ScheduleEvent(Command):
    """Put an event on the release's own queue at `not_before`."""

    event: Event


COMMAND_TYPES: tuple[type[Command], ...] = (
    VerifyCandidate,
    PromoteCandidate,
    AcquireCircuit,
    FreeCircuit,
    RecordPrevious,
    Deploy,
    ObserveDeployment,
    StartTest,
    ObserveTest,
    CancelTest,
    VerifyEnvironment,
    PromoteEnvironment,
    AcquireFleet,
    FreeFleet,
    ListTargets,
    CheckTarget,
    CancelChecks,
    ChangeTarget,
    ProbeTarget,
    CountBatchJobs,
    ReadRestored,
    MarkRolledBack,
    ProposeEnvironment,
    VerifyOnline,
    PromoteOnline,
    StartComparison,
    ObserveComparison,
    RecordEndpoint,
    PutSlot,
    TestSlot,
    MoveTraffic,
    PutBack,
    RemoveSlots,
    PublishFact,
    ScheduleEvent,
)
