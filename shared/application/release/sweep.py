"""The safety net: scheduled messages and events make a release quick, the sweeper makes it certain.

It decides nothing. It sends what an outbox still holds, brings back looks and deadlines that did not come, and frees
locks whose holder has ended. Everything it sends has a derived id, so doing it twice does no harm.
"""

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.application.alerts.assess import resend_undecided
from shared.application.release.dispatch import dispatch
from shared.application.release.ports import Ports
from shared.domain.release.model import Release
from shared.domain.release.steps import deadline_passed, look_due

log = logging.getLogger(__name__)


@dataclass
class SweepReport:
    """What one sweep found; counts."""

    open: int = 0
    sent: int = 0
    looks: int = 0
    deadlines: int = 0
    locks_freed: int = 0
    alerts: int = 0


async def sweep(ports: Ports) -> SweepReport:
    """One pass over the open index and the held locks. Its cost is two reads per open release."""
    report = SweepReport()
    for release_id in await ports.store.open_ids():
        stored = await ports.store.load(release_id)
        if stored is None:  # listed, but the crash came before it opened: the event will come again
            continue
        report.open += 1
        report.sent += await dispatch(stored.release, ports)
        await _bring_back(stored.release, ports, report)
    await _free_locks(ports, report)
    report.alerts = await resend_undecided(ports)
    return report


async def _bring_back(release: Release, ports: Ports, report: SweepReport) -> None:
    """A look or deadline that is late by a whole look interval is sent again. The message id carries the minute, so
    that duplicate detection does not swallow it; the event id does not, so that it acts once."""
    now = ports.clock.now()
    grace = timedelta(seconds=release.policy.limits.look_interval_s)
    suffix = f"-sweep-{_minute(now)}"
    if release.look_at and release.look_at + grace < now:
        event = look_due(release)
        await ports.events.publish(event, message_id=event.event_id + suffix)
        report.looks += 1
        log.warning("look %s is late, sent again", event.event_id, extra={"release_id": release.release_id})
    if release.deadline_at and release.deadline_at + grace < now:
        deadline = deadline_passed(release)
        await ports.events.publish(deadline, message_id=deadline.event_id + suffix)
        report.deadlines += 1


def _minute(now: datetime) -> int:
    return int(now.timestamp()) // 60


async def _free_locks(ports: Ports, report: SweepReport) -> None:
    """No ended release holds a circuit (L2), even when a crash fell between taking the lock and noticing.

    An environment release holds every circuit of the fleet, and is read once for all of them.
    """
    held = await ports.locks.held()
    holders = {holder: await ports.store.load(holder) for holder in dict.fromkeys(lock.holder for lock in held)}
    for lock in held:
        stored = holders[lock.holder]
        if stored is None or not stored.release.phase.is_terminal:
            continue
        limits = stored.release.policy.limits
        cool_down_s = limits.settle_quiet_s if stored.release.production_touched else 0
        free_from = ports.clock.now() + timedelta(seconds=cool_down_s)  # read late: a slow sweep must not shorten it
        await ports.locks.free(lock.key, lock.holder, free_from)
        report.locks_freed += 1
        log.warning("freed circuit %s of ended release", lock.key, extra={"release_id": lock.holder})
