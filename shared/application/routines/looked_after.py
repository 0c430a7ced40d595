"""How routines are looked after: their tasks, and the making of a period's tasks."""

import logging
from typing import Any

from shared.application.routines.look import give_up, look
from shared.application.routines.ports import RoutinePorts
from shared.application.routines.start import look_of, make, message_id_of, start
from shared.application.work.look import LookedAfter
from shared.application.work.sweep import LateLook, Net, resend
from shared.domain.routines.task import PeriodWish, Routine, TaskRef

log = logging.getLogger(__name__)


def tasks_looked_after(ports: RoutinePorts) -> LookedAfter:
    """A task that is given up says why; once its deadline has passed, its try has failed."""
    return LookedAfter(
        look=lambda each: look(TaskRef.of(each.key), ports),
        give_up=lambda key, reason: give_up(TaskRef.of(key), reason, ports),
        queue=ports.queue,
        clock=ports.clock,
    )


def periods_looked_after(ports: RoutinePorts) -> LookedAfter:
    """A period that is given up is noted as begun, so that the sweep makes its tasks; those that were to be tried again
    are not."""

    async def hold(key: str, reason: str) -> None:
        wish = PeriodWish.of(key)
        log.error(
            "the tasks of %s %s could not be made; the sweep makes them: %s", wish.routine.value, wish.period, reason
        )
        await ports.tasks.begin(wish.routine, wish.period)

    return LookedAfter(
        look=lambda each: make(PeriodWish.of(each.key), ports), give_up=hold, queue=ports.queue, clock=ports.clock
    )


def nets(ports: RoutinePorts) -> list[Net[Any]]:
    """Periods whose tasks were begun and not completed, and tasks whose look is late by a look interval."""

    async def complete(period: tuple[Routine, str]) -> int:
        await start(*period, ports)
        return 1

    async def bring_back(ref: TaskRef) -> int:
        stored, now = await ports.tasks.load(ref), ports.clock.now()
        if stored is None:
            return 0
        task, grace_s = stored.task, ports.policy.limits[ref.routine].look_interval_s
        if task.is_done:  # the crash came before it left the list
            await ports.tasks.save(task, stored.version)
            return 1
        late = LateLook(look=look_of(ref), message_id=message_id_of(task), since=task.look_at)
        return await resend(late, ports.queue, now, grace_s=grace_s)

    return [
        Net(name="periods", late=ports.tasks.begun, look=complete, id_of=" ".join),
        Net(name="tasks", late=ports.tasks.open, look=bring_back, id_of=lambda ref: ref.key),
    ]
