"""The safety net of training: runs whose look is late are looked at, slots of runs that ended are given back."""

import logging
from dataclasses import dataclass
from datetime import timedelta

from shared.application.errors import PortError
from shared.application.training.ending import free_slot, watch_failures
from shared.application.training.ports import Slot, TrainingPorts

log = logging.getLogger(__name__)


@dataclass
class SweepReport:
    """What one sweep found; counts."""

    open: int = 0
    late: int = 0
    slots: int = 0
    failures: int = 0


async def sweep(ports: TrainingPorts) -> SweepReport:
    """One pass over the open runs and the slots. Doing it twice does no harm. Raises TransientFault."""
    report, now = SweepReport(), ports.clock.now()
    grace = timedelta(seconds=ports.config.plan().limits.look_interval_s)
    for each in await ports.runs.open_runs():
        report.open += 1
        if each.look_at + grace < now:
            message_id = f"{each.run_id}-{each.serial}-sweep-{int(now.timestamp()) // 60}"
            await ports.queue.look(each.run_id, message_id)
            report.late += 1
    for slot in await ports.slots.taken():
        report.slots += 1
        try:
            await _repair(slot, ports)
        except PortError as error:  # one slot that cannot be judged now must not keep the others
            log.warning("the slot of %s is looked at again later: %s", slot.run_id, error)
    report.failures = await watch_failures(ports)
    return report


async def _repair(slot: Slot, ports: TrainingPorts) -> None:
    stored = await ports.runs.load(slot.run_id)
    if stored is None:
        log.error("slot freed: its run %s does not exist", slot.run_id)
        await free_slot(slot.run_id, ports)
    elif stored.run.settled:
        log.error("slot freed: its run %s has ended", slot.run_id)
        await free_slot(slot.run_id, ports)
