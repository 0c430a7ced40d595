"""ReleaseStore in memory."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from shared.application.errors import ConcurrentUpdate, Unreadable
from shared.application.listed import Listed
from shared.application.paging import Page
from shared.application.release.ports import EndedEntry, ReleaseCommit, Stored
from shared.application.release.resting import OpenEntry, ReleaseRest
from shared.application.release.summary import Summary
from shared.domain.records import replace
from shared.domain.release.commands import Command
from shared.domain.release.history import HistoryEntry
from shared.domain.release.model import FleetTarget, Release

ROWS_MAX = 90
_LAST = 10**10


@dataclass
class Partition:
    """The rows of one release."""

    release: Release
    version: int = 1
    may_rest: bool = False
    inbox: set[str] = field(default_factory=set)
    history: list[HistoryEntry] = field(default_factory=list)
    outbox: dict[str, Command] = field(default_factory=dict)
    _bare: tuple[Release, Release] | None = None

    def stored(self, seen: frozenset[str] = frozenset()) -> Stored:
        return Stored(
            release=self.release,
            number=self.version,
            may_rest=self.may_rest,
            unsent=tuple(self.outbox.values()),
            version=str(self.version),
            seen=seen,
        )

    @property
    def without_fleet(self) -> Release:
        """Made once of each version of the release."""
        if not self.release.fleet:
            return self.release
        if self._bare is None or self._bare[0] is not self.release:
            self._bare = self.release, replace(self.release, fleet=())
        return self._bare[1]


class MemoryReleaseStore:
    """Atomic because nothing is awaited inside a commit. Only one that `remembers` recalls what it has seen."""

    def __init__(self, *, remembers: bool = False) -> None:
        self.remembers = remembers
        self.partitions: dict[str, Partition] = {}
        self.entries: dict[str, OpenEntry] = {}  # of open releases
        self.closed: dict[str, EndedEntry] = {}
        self.closed_as_of: dict[str, int] = {}
        self.unreadable: dict[str, str] = {}  # ids, and why nobody can read them

    async def load(self, release_id: str, event_ids: Sequence[str] = ()) -> Stored | None:
        if release_id in self.unreadable:
            raise Unreadable(release_id, self.unreadable[release_id])
        partition = self.partitions.get(release_id)
        if partition is None:
            return None
        return partition.stored(frozenset(event_id for event_id in event_ids if event_id in partition.inbox))

    async def recall(self, release_id: str) -> Stored | None:
        """One process that forgets nothing, and whom nobody overtakes."""
        partition = self.partitions.get(release_id) if self.remembers else None
        return partition.stored() if partition and release_id not in self.unreadable else None

    async def without_fleet(self, release_id: str) -> Release | None:
        partition = self.partitions.get(release_id)
        return partition.without_fleet if partition else None

    async def fleet_target(self, release_id: str, key: str) -> FleetTarget | None:
        partition = self.partitions.get(release_id)
        return partition.release.roster.find(key) if partition else None

    async def commit(self, change: ReleaseCommit) -> int:
        rows = 2 + len(change.event_ids) + len(change.entries) + len(change.commands)
        if rows > ROWS_MAX:
            raise ValueError(f"{rows} rows in one commit; the limit is {ROWS_MAX}")
        release_id = change.release.release_id
        partition = self.partitions.get(release_id)
        if change.version is None:
            if partition is not None:
                raise ConcurrentUpdate(f"release {release_id} exists already")
            partition = self.partitions[release_id] = Partition(release=change.release)
        elif partition is None or str(partition.version) != change.version:
            raise ConcurrentUpdate(f"release {release_id} changed since version {change.version}")
        elif not partition.inbox.isdisjoint(change.event_ids):
            raise ConcurrentUpdate(f"an event of release {release_id} was applied before")
        else:
            partition.release = change.release
            partition.version += 1
        partition.may_rest = change.may_rest
        partition.inbox.update(change.event_ids)
        partition.history.extend(change.entries)
        partition.outbox.update({command.command_id: command for command in change.commands})
        return partition.version

    async def mark_sent(self, release_id: str, command_ids: Sequence[str]) -> None:
        for command_id in command_ids if release_id in self.partitions else ():
            self.partitions[release_id].outbox.pop(command_id, None)

    async def history(self, release_id: str) -> list[HistoryEntry]:
        partition = self.partitions.get(release_id)
        return list(partition.history) if partition else []

    async def add_open(self, release_id: str, at: datetime, woken: int = -1) -> None:
        self.entries.setdefault(release_id, OpenEntry(release_id=release_id, woken=woken))

    async def wake(self, release_id: str, number: int) -> None:
        if entry := self.entries.get(release_id):
            self.entries[release_id] = entry.waking(number)

    async def rest(self, rest: ReleaseRest) -> None:
        if entry := self.entries.get(rest.summary.release_id):
            self.entries[entry.release_id] = entry.laid(rest)

    async def open(self, limit: int, after: str = "") -> Page[OpenEntry]:
        found = sorted(each for each in self.entries if each > after)
        records = Listed(self.entries[each] for each in found[:limit])
        return Page(records=records, after=found[limit - 1] if len(found) > limit else "")

    async def close(self, summary: Summary, at: datetime, number: int) -> None:
        release_id = summary.release_id
        place = f"{_LAST - at.timestamp():017.3f}|{release_id}"
        entry = EndedEntry(release_id=release_id, place=place, ended_at=at, summary=summary)
        kept = self.closed.setdefault(release_id, entry)
        if self.closed_as_of.get(release_id, -1) < number:
            self.closed_as_of[release_id] = number
            self.closed[release_id] = replace(kept, summary=summary)
        self.entries.pop(release_id, None)

    async def drop(self, release_id: str) -> None:
        self.entries.pop(release_id, None)

    async def ended(self, limit: int, after: str = "") -> Page[EndedEntry]:
        places = {each.place: each for each in self.closed.values()}
        found = sorted(place for place in places if place > after)
        records = Listed(places[each] for each in found[:limit])
        return Page(records=records, after=found[limit - 1] if len(found) > limit else "")
