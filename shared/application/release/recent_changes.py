"""Which releases changed which circuits lately, and may have to be taken back."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar

from shared.application.errors import Unreadable
from shared.application.listed import AT_ONCE, or_unreadable, parted
from shared.application.release.lists import open_entries
from shared.application.release.ports import EndedEntry, Ports
from shared.application.release.resting import OpenEntry
from shared.application.release.summary import Summary
from shared.domain.alerts.model import RecentChange
from shared.domain.release.history import HistoryEntry
from shared.domain.release.model import Kind, Phase, Release

ENDED_MAX = 500
"""Ended releases that are looked at, the latest first: with a release of every circuit a day two days' worth."""

T = TypeVar("T")
R = TypeVar("R")

#: The phases in which production is changed for the first time.
_CHANGING = (Phase.DEPLOYING_PRODUCTION, Phase.UPDATING)


@dataclass(frozen=True, kw_only=True)
class RecentChanges:
    """The last change of each kind by circuit (`P001/C001`)."""

    models: Mapping[str, RecentChange]
    environment: Mapping[str, RecentChange]


async def recent_changes(ports: Ports, recent_s: int) -> RecentChanges:
    """Changes of open releases, and of those that ended within `recent_s` seconds.

    A change is new while production runs it: not when its release put it back by itself, nor once it was rolled back.
    What is unreadable is left out: this version could not roll it back either.
    """
    releases = await _releases(ports, ports.clock.now() - timedelta(seconds=recent_s))
    back = [each for each in releases if each.phase is Phase.ROLLED_BACK]
    undone = {release_id for each in back for release_id in (each.undoes, *each.undoes_models.values())}
    touching = [each for each in releases if each.kind is not Kind.ROLLBACK and each.production_touched]
    histories = await _each([each.release_id for each in touching], or_unreadable(ports.store.history))
    models: dict[str, RecentChange] = {}
    environment: dict[str, RecentChange] = {}
    for release, history in zip(touching, histories, strict=True):
        if isinstance(history, Unreadable):
            continue
        changes = models if release.kind is Kind.MODEL else environment
        change = RecentChange(
            release_id=release.release_id,
            changed_at=_changed_at(release, history or ()),
            is_new=_is_new(release) and release.release_id not in undone,
        )
        for circuit in _circuits(release):
            if circuit not in changes or changes[circuit].changed_at < change.changed_at:
                changes[circuit] = change
    return RecentChanges(models=models, environment=environment)


def circuit_name(key: str) -> str:
    """`P001/C001` of a target's key `P001-C001`."""
    return key.replace("-", "/", 1)


def _is_new(release: Release) -> bool:
    return not release.phase.is_terminal or release.phase is Phase.RELEASED


def _circuits(release: Release) -> list[str]:
    targets = [target.key for target in release.targets if target.touched]
    return [circuit_name(key) for key in (*targets, *(target.key for target in release.fleet if target.touched))]


def _changed_at(release: Release, history: Sequence[HistoryEntry]) -> datetime:
    """When the release began to change production; what failed before that failed without it."""
    return next((entry.at for entry in history if entry.phase_after in _CHANGING), release.opened_at)


async def _releases(ports: Ports, since: datetime) -> list[Release]:
    """Open ones, and ended ones from the latest back to `since`."""
    entries: list[OpenEntry | EndedEntry] = [each async for each in open_entries(ports)]
    entries += [each for each in (await ports.store.ended(ENDED_MAX)).records if each.ended_at >= since]
    found = await _load(ports, [each.release_id for each in entries if _may_count(each.summary)])
    return list({release.release_id: release for release in found}.values())


def _may_count(summary: Summary | None) -> bool:
    """Whether the release changed production, or put back what another one had changed."""
    return summary is None or summary.touched or summary.phase is Phase.ROLLED_BACK


async def _load(ports: Ports, release_ids: Sequence[str]) -> list[Release]:
    stored = await _each(release_ids, or_unreadable(ports.store.load))
    return [each.release for each in parted(stored)]


async def _each(items: Sequence[T], call: Callable[[T], Awaitable[R]]) -> list[R]:
    """The answers in the order of the items, AT_ONCE at a time."""
    answers: list[R] = []
    for start in range(0, len(items), AT_ONCE):
        answers += await asyncio.gather(*(call(item) for item in items[start : start + AT_ONCE]))
    return answers
