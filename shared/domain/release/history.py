"""The audit trail: one entry per applied event that moved or told something, hash-chained (invariant I21)."""

import hashlib
import json
from dataclasses import dataclass
from datetime import datetime

from shared.domain.records import replace
from shared.domain.release.model import Phase


@dataclass(frozen=True, kw_only=True)
class HistoryEntry:
    """Who, what, when. `digest` is the SHA-256 of this entry and the digest before it."""

    number: int
    at: datetime
    event: str
    event_id: str
    actor: str
    actor_id: str
    phase_before: Phase
    phase_after: Phase
    note: str
    digest: str = ""


_in_json = json.JSONEncoder(sort_keys=True).encode


def chain(entry: HistoryEntry, previous_digest: str) -> HistoryEntry:
    """The entry with its digest, which binds it to everything before it."""
    return replace(entry, digest=_digest(entry, previous_digest))


def _digest(entry: HistoryEntry, previous_digest: str) -> str:
    body = {**vars(entry), "at": entry.at.isoformat(), "digest": ""}
    return hashlib.sha256(_in_json([previous_digest, body]).encode()).hexdigest()


def verifies(entries: list[HistoryEntry], count: int, digest: str) -> bool:
    """Whether the chain fits and its entry `count` has `digest`, as the release says; later entries may follow.

    Whoever rewrites every entry makes another digest.
    """
    return broken_at(entries) is None and len(entries) >= count > 0 and entries[count - 1].digest == digest


def broken_at(entries: list[HistoryEntry]) -> int | None:
    """The number of the first entry that is not the next one, or whose digest does not fit; None: the chain fits."""
    previous = ""
    for number, entry in enumerate(entries, start=1):
        if entry.number != number or _digest(entry, previous) != entry.digest:
            return entry.number
        previous = entry.digest
    return None
