"""What change detection needs, in memory. The repository is none of it: tests make real ones."""

import hashlib
import itertools
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from shared.application.changes.ports import Registration, StoredChange
from shared.application.configuration import ConfigFiles
from shared.application.errors import ConcurrentUpdate, PortError, TransientFault
from shared.application.paging import Page
from shared.application.platform_ports import RegisteredEnvironment
from shared.domain.changes.record import ChangeRecord
from tests.fakes.pages import page_of


class MemoryChangeLog:
    """ChangeLog in memory; the next calls of `save` raise `faults`."""

    def __init__(self) -> None:
        self.records: dict[str, StoredChange] = {}
        self.branches: dict[str, str] = {}
        self.configured: dict[str, str] = {}
        self.faults: list[PortError] = []
        self._versions = itertools.count(1)

    async def accept(self, record: ChangeRecord) -> StoredChange:
        return self.records.setdefault(record.change_id, self._stored(record))

    async def load(self, change_id: str) -> StoredChange | None:
        return self.records.get(change_id)

    async def save(
        self, record: ChangeRecord, version: str, *, moves: str = "", since: str = "", configures: bool = False
    ) -> None:
        if self.faults:
            raise self.faults.pop(0)
        if self.records[record.change_id].version != version:
            raise ConcurrentUpdate(f"change {record.change_id} changed since it was read")
        if moves and self.branches.get(moves, "") != since:
            raise ConcurrentUpdate(f"branch {moves} was moved since it was taken up to {since}")
        self.records[record.change_id] = self._stored(record)
        if moves:
            self.branches[moves] = record.change_id
        if moves and configures:
            self.configured[moves] = record.change_id

    async def latest(self, limit: int, after: str = "") -> Page[ChangeRecord]:
        records = [stored.record for stored in self.records.values()]
        latest_first = sorted(records, key=lambda each: (each.accepted_at, each.change_id), reverse=True)
        return page_of(latest_first, limit, after, lambda each: each.change_id)

    async def taken(self, branch: str) -> str:
        return self.branches.get(branch, "")

    async def in_force(self, branch: str) -> str:
        return self.configured.get(branch, "")

    async def begin(self, branch: str, commit: str) -> None:
        if self.branches.setdefault(branch, commit) != commit:
            raise ConcurrentUpdate(f"branch {branch} has begun elsewhere")

    def _stored(self, record: ChangeRecord) -> StoredChange:
        return StoredChange(record=record, version=str(next(self._versions)))


@dataclass
class MemoryEnvironmentRegistry:
    """EnvironmentRegistry in memory; the next calls of `register` raise `faults`."""

    versions: dict[tuple[str, str], RegisteredEnvironment] = field(default_factory=dict)
    registrations: list[Registration] = field(default_factory=list)
    faults: list[PortError] = field(default_factory=list)

    async def get(self, name: str, version: str) -> RegisteredEnvironment | None:
        return self.versions.get((name, version))

    async def register(self, registration: Registration) -> RegisteredEnvironment:
        if self.faults:
            raise self.faults.pop(0)
        key = (registration.name, registration.version)
        if key not in self.versions:
            self.registrations.append(registration)
            self.add(*key, dict(registration.tags))
        return self.versions[key]

    def add(self, name: str, version: str, tags: dict[str, str] | None = None) -> None:
        """A version that somebody registered."""
        self.versions[name, version] = RegisteredEnvironment(
            asset_id=f"azureml:{name}:{version}",
            fingerprint=hashlib.sha256(f"{name}:{version}".encode()).hexdigest(),
            tags=tags or {},
            created_by=(),
        )


class MemoryKeptConfigurations:
    """KeptConfigurations in memory; while `silent`, nothing answers."""

    def __init__(self) -> None:
        self.files: dict[str, ConfigFiles] = {}
        self.silent = False

    async def put(self, commit: str, files: ConfigFiles) -> None:
        self._answer()
        self.files[commit] = dict(files)

    async def get(self, commit: str) -> ConfigFiles | None:
        self._answer()
        return self.files.get(commit)

    def _answer(self) -> None:
        if self.silent:
            raise TransientFault("the storage does not answer")


class MemoryRunning:
    """RunningEnvironments in memory: `versions` by circuit."""

    def __init__(self) -> None:
        self.versions: dict[str, str] = {}

    async def running(self, circuits: Collection[str]) -> Mapping[str, str]:
        return {key: version for key, version in self.versions.items() if key in circuits}
