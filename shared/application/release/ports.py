"""What releases need from the outside, each port as narrow as its callers. All times are UTC and aware.

Every method that talks to the outside may raise TransientFault, those of ModelPlatform the Platform* errors instead.
Adapters are in `shared/adapters`, fakes in `tests/fakes`; one contract suite runs on both.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from shared.application.configuration import Configurations
from shared.application.freezes.ports import FreezeLog
from shared.application.listed import Listed
from shared.application.online_platform import HeldSets, OnlinePlatform
from shared.application.paging import Page
from shared.application.platform_ports import (
    EnvironmentPlatform,
    ModelPlatform,
)
from shared.application.ports import Clock, FactPublisher, IntakeLog, SourceControl
from shared.application.release.production import EndpointLog
from shared.application.release.resting import OpenEntry, ReleaseRest
from shared.application.release.summary import Summary
from shared.domain.evidence.matrix import NotebookFacts
from shared.domain.makers import Account, People
from shared.domain.online.model import OnlinePlan
from shared.domain.release.commands import Command
from shared.domain.release.events import Event
from shared.domain.release.history import HistoryEntry
from shared.domain.release.lock import Lock as Lock
from shared.domain.release.model import DeploymentPlan, FleetTarget, Kind, Release
from shared.domain.release.policy import Policy


@dataclass(frozen=True, kw_only=True)
class CommittedRelease:
    """A release as of one commit. The `number` of a commit is never lower than that of the one before. `may_rest` says
    that the index may have it at rest: whoever commits next wakes it first. `unsent` holds every command that is not
    known to be sent, oldest first: no other can be in the outbox until the next commit."""

    release: Release
    number: int
    may_rest: bool
    unsent: tuple[Command, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Stored(CommittedRelease):
    """A release as it was read. `version` is opaque (the ETag); `seen` are the asked event ids already applied."""

    version: str
    seen: frozenset[str]


@dataclass(frozen=True, kw_only=True)
class ReleaseCommit:
    """One atomic commit: release and targets, inbox, history, outbox. `version` None creates the release. `may_rest`
    says that the release may be laid to rest as of this commit (`resting.py`).

    At most 90 rows in all, so that it fits one entity-group transaction of 100 (I24).
    """

    release: Release
    version: str | None
    may_rest: bool = False
    event_ids: tuple[str, ...] = ()
    entries: tuple[HistoryEntry, ...] = ()
    commands: tuple[Command, ...] = ()


@dataclass(frozen=True, kw_only=True)
class EndedEntry:
    """A release in the index of ended ones, and its `place` there; without a summary where older code listed it."""

    release_id: str
    place: str
    ended_at: datetime
    summary: Summary | None


class ReleaseStore(Protocol):
    """Releases, one partition each, and the indexes of open and ended ones.

    Reading a release or its history raises Unreadable where this version cannot."""

    async def load(self, release_id: str, event_ids: Sequence[str] = ()) -> Stored | None:
        """The release and which of `event_ids` its inbox holds; None when there is no such release."""

    async def recall(self, release_id: str) -> Stored | None:
        """The release as this process has read or written it last, without asking anybody; None when it does not
        remember. It may be out of date, and `seen` says nothing: only a commit on it tells (`commit`)."""

    async def without_fleet(self, release_id: str) -> Release | None:
        """The release as `load` finds it, but with an empty `fleet`: it costs the same however large the fleet is."""

    async def fleet_target(self, release_id: str, key: str) -> FleetTarget | None:
        """One of the release's `fleet`, as it is now; None when there is no such target."""

    async def commit(self, change: ReleaseCommit) -> int:
        """All or nothing; returns the commit's number. Raises ConcurrentUpdate when the release changed since
        `change.version`, or exists already when it is None, and when one of its events was applied before. An unknown
        outcome is resolved by reading back, so that the own success is never an error."""

    async def mark_sent(self, release_id: str, command_ids: Sequence[str]) -> None:
        """Removes commands from the outbox; removing them twice is fine."""

    async def history(self, release_id: str) -> list[HistoryEntry]:
        """Oldest first."""

    async def add_open(self, release_id: str, at: datetime, woken: int = -1) -> None:
        """Lists the release as open, awake up to commit `woken`, unless it is listed. It is written before the release
        opens, or before one that has ended is told something, so a stale entry is possible and harmless."""

    async def wake(self, release_id: str, number: int) -> None:
        """Ends every rest as of commit `number` or an earlier one, for good. Nothing where it is not listed."""

    async def rest(self, rest: ReleaseRest) -> None:
        """Notes the rest unless a later one is noted. Nothing where the release is not listed as open."""

    async def open(self, limit: int, after: str = "") -> Page[OpenEntry]:
        """At most `limit` of the releases listed as open, in the order of their ids, from behind `after` on."""

    async def close(self, summary: Summary, at: datetime, number: int) -> None:
        """Moves the release, which ended at `at`, from the open to the ended index, as it is as of commit `number`;
        repeating it is fine, also with an earlier one, which changes nothing."""

    async def drop(self, release_id: str) -> None:
        """Takes a release off the list of open ones that never opened; repeating it is fine."""

    async def ended(self, limit: int, after: str = "") -> Page[EndedEntry]:
        """At most `limit` of the ended releases, the latest end first, from behind `after` on."""


class EventQueue(Protocol):
    """The session queue `release-events`: events of one release in order, one at a time."""

    async def publish(self, event: Event, *, at: datetime | None = None, message_id: str | None = None) -> None:
        """Puts `event` in its release's session, not before `at`. `message_id` defaults to the event's id; within the
        duplicate-detection window the same id is dropped."""


class CommandQueue(Protocol):
    """The queue `effects`."""

    async def send(self, command: Command, *, message_id: str | None = None, at: datetime | None = None) -> None:
        """Sends `command`, not before `at` (default: its own `not_before`), under its id unless told otherwise."""


class CircuitLocks(Protocol):
    """One release at a time changes a circuit; epochs only grow (I7, I8): `lock.py` of the domain."""

    async def acquire(self, key: str, release_id: str, now: datetime, beside: str = "") -> Lock:
        """Takes the lock if it is free at `now`; holding it already returns the same epoch. Where only `beside` has it,
        that one keeps the environment. The answer's `holder` says who has it: somebody else, who may have nothing but
        the environment, or "cool-down" while `free_from` lies ahead."""

    async def free(self, key: str, release_id: str, free_from: datetime) -> None:
        """Gives back what `release_id` has of the lock; otherwise nothing. It is free from `free_from` on, or later,
        while changes of the one it was taken from may be in flight."""

    async def preempt(self, key: str, holder: str, release_id: str, quiet_until: datetime | None) -> Lock:
        """Takes the lock from `holder` if that still has it, under a new epoch unless it is `release_id` itself;
        `quiet_until` becomes the lock's `free_from`, `holder` its `taken_from`. Returns the lock as it is then."""

    async def get(self, key: str) -> Lock | None:
        """The lock as it is."""

    async def held(self) -> Listed[Lock]:
        """Every lock whose seat or environment is held."""


@dataclass(frozen=True, kw_only=True)
class TestClaim:
    """The right to start the one test job of (release, serial). `job_name` is empty until it is known."""

    is_new: bool
    claimed_at: datetime
    job_name: str = ""


class TestJobs(Protocol):
    """Which test job belongs to which release; a claim is durable before the job is started (I14)."""

    async def claim(self, release_id: str, serial: int, now: datetime, part: str = "") -> TestClaim:
        """Claims the start, or returns the claim that is there; `part` tells the jobs of one step apart."""

    async def record(self, release_id: str, serial: int, job_name: str, part: str = "") -> None:
        """Completes the claim and makes `release_of(job_name)` answer."""

    async def give_back(self, release_id: str, serial: int, claim: TestClaim, part: str = "") -> None:
        """Ends a claim under which no job was started; one that is somebody else's by now, or has its job, stays."""

    async def release_of(self, job_name: str) -> str | None:
        """The release a job belongs to; None when it is not one of ours."""


@dataclass(frozen=True, kw_only=True)
class Outcomes:
    """How many production batch jobs of one circuit ended with predictions of use, how many failed or predicted
    nothing of use, and of how many nobody can tell, because what they should have predicted is not there."""

    succeeded: int = 0
    failed: int = 0
    unclear: int = 0


class BatchOutcomes(Protocol):
    """How production's batch jobs went, from the recorded daily inference."""

    async def since(self, circuits: Collection[str], since: datetime) -> Mapping[str, Outcomes]:
        """The jobs that ended at `since` or later, by circuit key ("P001-C001"); a try that was repeated counts by
        itself. Every asked circuit has an entry, one without any ended job an empty one."""


class EvidenceStore(Protocol):
    """The files of evidence as they were uploaded. A file is named by its hash, so it never changes."""

    async def put(self, release_id: str, sha256: str, content: bytes) -> None:
        """Keeps the file; `sha256` is its hash, 64 hexadecimal digits. Putting it again is fine."""

    async def get(self, release_id: str, sha256: str) -> bytes | None:
        """The file, or None when there is none."""


class NotebookReader(Protocol):
    """Reads what an executed notebook shows; it takes up to seconds, and is no coroutine: call it in a thread."""

    def __call__(self, raw: bytes) -> NotebookFacts:
        """Raises InvalidRequest, with the reason, for a file that is no notebook or above a limit."""


class MakerRecords(Protocol):
    """Who made what the app itself registered, by the app's own record, which nobody else can write."""

    async def makers_of(self, name: str, version: str, tags: Mapping[str, str]) -> tuple[Account, ...] | None:
        """The accounts that had a part in the version, with any other that its tags name; None when the app's record
        does not say that it made exactly this. `tags` are a hint where to look. Raises PlatformBusy while the record is
        not written yet."""


class Criticality(StrEnum):
    """How much depends on a plant, the most first: gates of critical plants are shown first."""

    HIGH = "high"
    NORMAL = "normal"
    LOW = "low"


@dataclass(frozen=True, kw_only=True)
class CircuitPlace:
    """Where a circuit is, as people say it, and the endpoint that serves its plant."""

    plant_name: str
    circuit_name: str
    endpoint_name: str
    criticality: Criticality = Criticality.NORMAL


@dataclass(frozen=True, kw_only=True)
class Fleet:
    """What every circuit has in common, and the keys of all circuits and endpoints."""

    environment_name: str
    circuits: tuple[str, ...]
    endpoints: tuple[str, ...]
    test_compute: str
    input_uri: str
    places: Mapping[str, CircuitPlace] = field(default_factory=dict)


class ReleaseConfig(Protocol):
    """Policies and the fleet, of one commit."""

    @property
    def origin(self) -> str:
        """What people are told of where it comes from: its commit."""

    def policy(self, kind: Kind = Kind.MODEL) -> Policy:
        """The policy of releases of this kind."""

    def fleet(self) -> Fleet:
        """All plants and circuits."""

    def people(self) -> People:
        """Whose accounts are whose."""

    def freeze_groups(self) -> tuple[str, ...]:
        """The groups whose members may freeze production and lift freezes."""

    def plan(self, plant_id: str, circuit_id: str) -> DeploymentPlan | None:
        """Where and how the circuit's model is deployed; None when the fleet has no such circuit."""

    def online(self, name: str) -> OnlinePlan | None:
        """Where and how the model of `config/online/<name>.yml` is served; None when there is no such file."""

    def online_names(self) -> tuple[str, ...]:
        """The names of those files."""


class EnvironmentRaiser(Protocol):
    """Has a circuit's file name an environment."""

    def __call__(self, text: str, version: str, file: str, /) -> str:
        """The text with this version; as it is where it names that or a later one. Raises ValueError, which says why,
        for a file that only people can change."""


@dataclass(frozen=True, kw_only=True)
class Ports:
    """Everything the use cases need; built by `shared.bootstrap`, and by tests from fakes.

    `config` is what is in force when the ports are asked for, once for each message and request; `configurations` has
    those of earlier commits. Without `source_control` changes of the configuration are told and nothing is sent (a dry
    run); `local_files` reads the configuration in force then.
    """

    clock: Clock
    store: ReleaseStore
    events: EventQueue
    commands: CommandQueue
    locks: CircuitLocks
    freezes: FreezeLog
    test_jobs: TestJobs
    endpoint_log: EndpointLog
    intake: IntakeLog
    facts: FactPublisher
    platform: ModelPlatform
    environments: EnvironmentPlatform
    online: OnlinePlatform
    held_sets: HeldSets
    batch_outcomes: BatchOutcomes
    model_makers: MakerRecords
    environment_makers: MakerRecords
    config: ReleaseConfig
    configurations: Configurations[ReleaseConfig]
    evidence: EvidenceStore
    read_notebook: NotebookReader
    local_files: SourceControl
    raise_environment: EnvironmentRaiser
    source_control: SourceControl | None = None
