"""Lists of releases, read from the indexes: what rests or has ended is shown as they say, the rest is read."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from shared.application.errors import Unreadable
from shared.application.listed import AT_ONCE, Listed, or_unreadable
from shared.application.paging import Page
from shared.application.release.ports import EndedEntry, Ports
from shared.application.release.resting import OpenEntry
from shared.application.release.summary import Summary, summary_of
from shared.domain.errors import InvalidRequest
from shared.domain.release.model import Actor, Kind, Phase

ENTRIES_PER_READ = 999
"""One less than the table hands over in one answer: with one more it tells whether there is another page."""

SCANNED_MAX = 250
"""Entries that one page looks through for those that are wanted: it is quick even where few are."""

_OPEN, _ENDED = "open", "ended"


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """Which releases to list; what is None or empty leaves out none. `circuit` is a key (`P001-C001`), `since` when the
    phase began at the earliest, `waits_for` who has to be able to move the release on."""

    phase: Phase | None = None
    kind: Kind | None = None
    circuit: str = ""
    since: datetime | None = None
    waits_for: Actor | None = None

    @property
    def is_all(self) -> bool:
        """True when it leaves out none."""
        return self == Wanted()

    def takes(self, summary: Summary) -> bool:
        """Whether a release is among them. An environment whose targets are not known yet is for every circuit."""
        return (
            self.phase in (None, summary.phase)
            and self.kind in (None, summary.kind)
            and (not self.circuit or self.circuit in summary.circuits or _is_for_all(summary))
            and (self.since is None or summary.phase_since >= self.since)
            and (self.waits_for is None or summary.waits_for(self.waits_for))
        )


def _is_for_all(summary: Summary) -> bool:
    return summary.kind is Kind.ENVIRONMENT and not summary.circuits


async def list_releases(ports: Ports, limit: int, after: str = "", wanted: Wanted | None = None) -> Page[Summary]:
    """Open releases in the order of their ids, then ended ones, the latest end first; those of `wanted` only.

    A release that ends between two pages may be on both; none is left out. Raises InvalidRequest for an `after` that no
    page had.
    """
    wanted = wanted or Wanted()
    section, _, key = after.partition("|") if after else (_OPEN, "", "")
    if section not in (_OPEN, _ENDED):
        raise InvalidRequest("after is none that this list gave: begin again without it")
    shown, scanned = Listed[Summary](), 0
    while scanned < SCANNED_MAX:
        missing = limit - len(shown) - len(shown.unreadable)
        size = missing if wanted.is_all else SCANNED_MAX - scanned
        page = await (ports.store.open(size, key) if section == _OPEN else ports.store.ended(size, key))
        entries: list[OpenEntry | EndedEntry] = list(page.records)
        for entry, summary in zip(entries, await summaries(entries, ports), strict=True):
            if wanted.since and isinstance(entry, EndedEntry) and entry.ended_at < wanted.since:
                return Page(records=shown)  # all that follow have ended earlier
            if isinstance(summary, Unreadable):
                shown.unreadable += (summary,)
            elif summary is not None and wanted.takes(summary):
                shown.append(summary)
            if len(shown) + len(shown.unreadable) >= limit:
                is_last = section == _ENDED and not page.after and entry is entries[-1]
                return Page(records=shown, after="" if is_last else f"{section}|{entry.place}")
        scanned += len(entries)
        if not page.after and section == _ENDED:
            return Page(records=shown)
        section, key = (section, page.after) if page.after else (_ENDED, "")
    return Page(records=shown, after=f"{section}|{key}")


async def open_entries(ports: Ports) -> AsyncIterator[OpenEntry]:
    """The index of open releases, whole: one read for a thousand."""
    page = await ports.store.open(ENTRIES_PER_READ)
    while True:
        for each in page.records:
            yield each
        if not page.after:
            return
        page = await ports.store.open(ENTRIES_PER_READ, page.after)


async def summaries(entries: Sequence[OpenEntry | EndedEntry], ports: Ports) -> list[Summary | Unreadable | None]:
    """Of each entry; None for one whose release never opened. Those that rest are not read."""
    found: list[Summary | Unreadable | None] = []
    for start in range(0, len(entries), AT_ONCE):
        found += await asyncio.gather(*(_summary(each, ports) for each in entries[start : start + AT_ONCE]))
    return found


async def _summary(entry: OpenEntry | EndedEntry, ports: Ports) -> Summary | Unreadable | None:
    if entry.summary is not None:
        return entry.summary
    loaded = await or_unreadable(ports.store.load)(entry.release_id)
    return loaded if loaded is None or isinstance(loaded, Unreadable) else summary_of(loaded.release)
