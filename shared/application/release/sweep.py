"""The safety net of releases: what an outbox still holds is sent, looks and deadlines that did not come are brought
back, and locks whose holder has ended are freed.

Releases that rest (`resting.py`) are passed over by what the index says, some hundreds at a time.
"""

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from zlib import crc32

from shared.application.listed import Listed
from shared.application.release.dispatch import dispatch
from shared.application.release.lists import open_entries
from shared.application.release.ports import Lock, Ports
from shared.application.release.resting import OpenEntry
from shared.application.work.sweep import Net
from shared.domain.release.steps import deadline_passed, look_due

log = logging.getLogger(__name__)

AUDIT_EVERY = timedelta(hours=12)
"""How often a release that rests is compared with its entry, each in its own minute. Nothing but older code, running
beside this one or put back, can make them differ."""


def release_nets(ports: Ports) -> list[Net[Any]]:
    """What is made good of releases. The cost is one read for all that rest, and two for each release that is awake."""

    async def late() -> list[OpenEntry]:
        now = ports.clock.now()
        return [each async for each in open_entries(ports) if each.is_due(now) or _is_audited(each, now)]

    async def held() -> Listed[tuple[str, list[Lock]]]:
        found = await ports.locks.held()
        locks: dict[str, list[Lock]] = {}
        for lock in found:
            for holder in filter(None, (lock.holder, lock.environment)):
                locks.setdefault(holder, []).append(lock)
        goes_on = {each.release_id async for each in open_entries(ports) if each.resting} if locks else set()
        return Listed((each for each in locks.items() if each[0] not in goes_on), found.unreadable)

    return [
        Net(
            name="releases",
            late=late,
            look=lambda each: _bring_back(each, ports),
            id_of=lambda each: each.release_id,
        ),
        Net(
            name="locks", late=held, look=lambda each: _free_locks(each[0], each[1], ports), id_of=lambda each: each[0]
        ),
    ]


async def _bring_back(entry: OpenEntry, ports: Ports) -> int:
    """Sends what the outbox holds, and again a look or deadline that is late by a whole look interval. The message id
    carries the minute, so that duplicate detection does not swallow it; the event id does not, so it acts once."""
    release_id = entry.release_id
    stored = await ports.store.load(release_id)
    if stored is None:  # listed, but the crash came before it opened: the event will come again
        return 0
    if entry.resting and entry.resting.number < stored.number:  # older code made a commit, which wakes nothing
        await ports.store.wake(release_id, stored.number - 1)
    release, now = stored.release, ports.clock.now()
    made_good = await dispatch(stored, ports)
    grace = timedelta(seconds=release.policy.limits.look_interval_s)
    late = [look_due(release)] if release.look_at and release.look_at + grace < now else []
    overdue = [deadline_passed(release)] if release.deadline_at and release.deadline_at + grace < now else []
    for event in (*late, *overdue):
        log.warning("event %s is late: sent again", event.event_id, extra={"release_id": release_id})
        await ports.events.publish(event, message_id=f"{event.event_id}-sweep-{int(now.timestamp()) // 60}")
        made_good += 1
    return made_good


def _is_audited(entry: OpenEntry, now: datetime) -> bool:
    """Whether it is this release's minute; they spread over the whole period by their ids."""
    minutes = int(AUDIT_EVERY.total_seconds()) // 60
    return crc32(entry.release_id.encode()) % minutes == int(now.timestamp()) // 60 % minutes


async def _free_locks(holder: str, locks: Sequence[Lock], ports: Ports) -> int:
    """No ended release holds a circuit (L2), even when a crash fell between taking the lock and noticing.

    An environment release holds every circuit of the fleet, and is read once for all of them.
    """
    stored = await ports.store.load(holder)
    if stored is None or not stored.release.phase.is_terminal:
        return 0
    limits = stored.release.policy.limits
    cool_down_s = limits.settle_quiet_s if stored.release.production_touched else 0
    for lock in locks:
        free_from = ports.clock.now() + timedelta(seconds=cool_down_s)  # read late: a slow sweep must not shorten it
        await ports.locks.free(lock.key, holder, free_from)
        log.warning("freed the lock of circuit %s: its release has ended", lock.key, extra={"release_id": holder})
    return len(locks)
