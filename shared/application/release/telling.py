"""What a committed release means to whoever watches over many: held, and how quick a rollback was."""

import logging
from datetime import datetime

from shared.application.release.lists import open_entries
from shared.application.release.ports import Ports
from shared.domain.release.model import GATE_OF_PHASE, Phase, Release
from shared.measures import Metric, measured

log = logging.getLogger(__name__)

SOON_S = 2 * 3600
"""A gate that ends within this time is about to end."""


def tell(before: Release | None, after: Release) -> None:
    """Logs what is worth a number in a commit; a commit that is made again is told again."""
    was = before.phase if before else None
    circuit = f"{after.candidate.plant_id}/{after.candidate.circuit_id}" if after.candidate else ""
    if after.phase is Phase.HELD and was is not Phase.HELD:
        extra = measured(Metric.HELD, circuit=circuit, release_kind=after.kind.value)
        log.warning("release %s is held: %s", after.release_id, after.reason, extra=extra)
    if after.meter is None:
        return
    old = before.meter if before else None
    begun = after.meter.first_write_at
    if begun and not (old and old.first_write_at):
        since = after.meter.alert.fired_at if after.meter.alert else after.meter.requested_at
        _seconds(Metric.ROLLBACK_BEGUN, since, begun, after)
    done = after.meter.last_restored_at
    if done and not (old and old.last_restored_at):
        _seconds(Metric.ROLLBACK_DONE, after.meter.requested_at, done, after)


async def tell_gates(ports: Ports) -> int:
    """How many gates are about to end; a line for all of them, where there are any."""
    now = ports.clock.now()
    ending = [
        each.release_id
        async for each in open_entries(ports)
        if each.summary
        and each.summary.phase in GATE_OF_PHASE
        and each.summary.waiting
        and each.summary.waiting.until
        and 0 <= (each.summary.waiting.until - now).total_seconds() <= SOON_S
    ]
    if ending:
        extra = measured(Metric.GATES_ENDING, len(ending))
        log.warning("gates that end within %d s: %s", SOON_S, ", ".join(ending), extra=extra)
    return len(ending)


def _seconds(measure: Metric, since: datetime, until: datetime, release: Release) -> None:
    took = max(0.0, (until - since).total_seconds())
    extra = measured(measure, took, release_kind=release.kind.value)
    log.info("%s of release %s: %.1f", measure.value, release.release_id, took, extra=extra)
