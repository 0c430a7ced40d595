"""How training runs are looked after: their looks, slots of runs that have ended, failures that become too many."""

import logging
from typing import Any

from shared.application.training.advance import advance
from shared.application.training.ending import free_slot, watch_failures
from shared.application.training.ports import OpenRun, Slot, TrainingPorts, look_of
from shared.application.work.look import LookedAfter
from shared.application.work.pause import pause_s
from shared.application.work.sweep import LateLook, Net, resend
from shared.domain.training.steps import given_up

log = logging.getLogger(__name__)


def looked_after(ports: TrainingPorts) -> LookedAfter:
    """A run that is given up says why; once its deadline has passed, it fails."""
    return LookedAfter(
        look=lambda look: advance(look.key, ports, look.serial),
        give_up=lambda key, reason: give_up(key, reason, ports),
        queue=ports.queue,
        clock=ports.clock,
    )


async def give_up(run_id: str, reason: str, ports: TrainingPorts) -> None:
    """Holds the run with the reason until its deadline, and ends it when that has passed. Raises TransientFault."""
    stored = await ports.runs.load(run_id)
    if stored is None or stored.run.settled:
        return
    now, limits = ports.clock.now(), ports.config.plan().limits
    run = given_up(stored.run, reason, now, limits, pause_s(stored.run.faults + 1))
    await ports.runs.save(run, stored.version)
    log.error("%s: %s", run.phase.value, reason, extra={"run_id": run_id})
    await ports.queue.send(look_of(run_id, run.serial), f"{run_id}-{run.serial}", at=run.look_at)


def nets(ports: TrainingPorts) -> list[Net[Any]]:
    """Runs whose look is late by a look interval, slots, and the count of failures."""

    async def look(run: OpenRun) -> int:
        late = LateLook(
            look=look_of(run.run_id, run.serial), message_id=f"{run.run_id}-{run.serial}", since=run.look_at
        )
        grace_s = ports.config.plan().limits.look_interval_s
        return await resend(late, ports.queue, ports.clock.now(), grace_s=grace_s)

    async def repair(slot: Slot) -> int:
        stored = await ports.runs.load(slot.run_id)
        if stored is not None and not stored.run.settled:
            return 0
        log.error("a training slot was freed: its run %s %s", slot.run_id, "has ended" if stored else "does not exist")
        await free_slot(slot.run_id, ports)
        return 1

    async def once() -> list[str]:
        return ["within the window"]

    async def count(_: str) -> int:
        await watch_failures(ports)
        return 0

    return [
        Net(name="trainings", late=ports.runs.open_runs, look=look, id_of=lambda run: run.run_id),
        Net(name="slots", late=ports.slots.taken, look=repair, id_of=lambda slot: slot.run_id),
        Net(name="failures", late=once, look=count),
    ]
