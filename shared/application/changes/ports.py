"""What change detection needs from the outside: the repository, a log, a queue, the registry of environments.

Every method may raise TransientFault. All times are UTC and aware.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from shared.application.configuration import ConfigFiles, KeptConfigurations
from shared.application.errors import PortError
from shared.application.paging import Page
from shared.application.platform_ports import RegisteredEnvironment
from shared.application.ports import Clock
from shared.application.training.ports import TrainingPorts
from shared.application.work.look import LookQueue
from shared.domain.changes.circuits import CircuitChange, CircuitSettings, CommitFacts, ConfigProblem
from shared.domain.changes.environment import EnvironmentChange
from shared.domain.changes.record import ChangeClaim, ChangeRecord
from shared.domain.makers import Account


class RepositoryRefused(PortError):
    """The repository cannot be used as it is: too large, no access, no such branch. Trying again does not help."""


class UnknownCommit(PortError):
    """The branch does not have this commit: the webhook was wrong, or history was rewritten since.

    Five tries are two and a half minutes: it may reach the servers that are read from some seconds after its webhook.
    """

    tries_max = 5


@dataclass(frozen=True, kw_only=True)
class FoundCircuit:
    """A touched circuit, the commit that changed its file last, and its settings; None when the file is gone."""

    change: CircuitChange
    origin: CommitFacts
    settings: CircuitSettings | None


@dataclass(frozen=True, kw_only=True)
class Found:
    """What lies between two commits. With problems, nothing of it may be acted on.

    `environment_files` are those of `environment/`, relative to it, when its version is to be registered; `digest`
    names exactly this content, `environment_origin` is the commit that raised the version. `configurations` are the
    files of `config/` at the head, and at the commits that circuits are trained from, as far as the app could use them.
    `commits` are those that `head` has and `base` has not, each with its first parent, and `makers` all whom they name:
    claims.
    """

    head: CommitFacts
    base: str
    circuits: tuple[FoundCircuit, ...] = ()
    environment: EnvironmentChange | None = None
    environment_files: Mapping[str, bytes] = field(default_factory=dict, repr=False)
    digest: str = ""
    environment_origin: CommitFacts | None = None
    configurations: Mapping[str, ConfigFiles] = field(default_factory=dict, repr=False)
    problems: tuple[ConfigProblem, ...] = ()
    notes: tuple[str, ...] = ()
    commits: Mapping[str, str] = field(default_factory=dict, repr=False)
    makers: tuple[Account, ...] = ()

    @property
    def trained(self) -> list[CircuitSettings]:
        """Settings of the circuits that would be trained."""
        return [each.settings for each in self.circuits if each.change.trains and each.settings]

    @property
    def is_empty(self) -> bool:
        """True when nothing below config/ and environment/ differs."""
        return not (self.circuits or self.environment or self.problems or self.notes)


class ChangeSource(Protocol):
    """The one configured branch of the one configured repository, fetched anew by every call."""

    async def find(self, claim: ChangeClaim, *, taken: str, untaken: Sequence[ChangeClaim] = ()) -> Found | None:
        """What `claim.commit` brings since `taken`, the commit everything was taken up to; None when it was taken
        already. Where history was rewritten since, it is what differs from `taken`, and a note says so.

        Where nothing was taken yet, the base is what the claim names if it is an ancestor (`base`, else `since`), the
        empty tree for the first push of a branch, else the first parent. Then whatever of `untaken` lies before
        `claim.commit` is part of it, from its own base on. Raises UnknownCommit and RepositoryRefused."""


@dataclass(frozen=True, kw_only=True)
class StoredChange:
    """A record as it was read. `version` is opaque (the ETag)."""

    record: ChangeRecord
    version: str


class ChangeLog(Protocol):
    """Every change that was accepted, and up to which commit the branch was taken."""

    async def accept(self, record: ChangeRecord) -> StoredChange:
        """Makes the record durable, or returns the one that is there."""

    async def load(self, change_id: str) -> StoredChange | None:
        """The record of a commit; None when there is none."""

    async def save(
        self, record: ChangeRecord, version: str, *, moves: str = "", since: str = "", configures: bool = False
    ) -> None:
        """Replaces the record; with `moves`, the name of a branch that is taken up to `since`, this branch is taken up
        to its commit by the same write, and with `configures` its configuration is that of the commit.
        Raises ConcurrentUpdate when the record changed since `version`, or the branch was moved since. An unknown
        outcome is resolved by reading back."""

    async def latest(self, limit: int, after: str = "") -> Page[ChangeRecord]:
        """The latest accepted first."""

    async def taken(self, branch: str) -> str:
        """The commit everything was taken up to; empty before the first."""

    async def in_force(self, branch: str) -> str:
        """The commit whose configuration is in force: the last that was taken with one; empty before the first."""

    async def begin(self, branch: str, commit: str) -> None:
        """Sets where a branch begins. Raises ConcurrentUpdate when it has begun elsewhere."""


@dataclass(frozen=True, kw_only=True)
class Registration:
    """An environment version to register in the dev workspace. `tags` are all required ones and `source_digest`."""

    name: str
    version: str
    tags: Mapping[str, str]
    files: Mapping[str, bytes] = field(repr=False)


class EnvironmentRegistry(Protocol):
    """Environment versions of the dev workspace."""

    async def get(self, name: str, version: str) -> RegisteredEnvironment | None:
        """The version; None when it is not registered."""

    async def register(self, registration: Registration) -> RegisteredEnvironment:
        """Registers it, or returns the version that is there, whatever its content.

        Raises the Platform* errors; after PlatformOutcomeUnknown, `get` says what happened."""


class RunningEnvironments(Protocol):
    """What production runs, whatever the configuration says."""

    async def running(self, circuits: Collection[str]) -> Mapping[str, str]:
        """The version of the fleet's environment that each of these circuits ("P001-C001") runs; without those that run
        nothing, or another environment. Raises the Platform* errors."""


@dataclass(frozen=True, kw_only=True)
class ChangePorts:
    """Everything change detection needs. Changes of `branch` count; looks come one at a time, in order."""

    clock: Clock
    log: ChangeLog
    queue: LookQueue
    source: ChangeSource
    kept: KeptConfigurations
    environments: EnvironmentRegistry
    production: RunningEnvironments
    training: TrainingPorts
    branch: str
    environment_name: str
