"""Daily inference: the timer that starts it, the queue that looks at tasks of every routine, and the safety net."""

import logging

import azure.functions as func

from functions.handlers.dead_letters import reason_of
from shared import bootstrap
from shared.application.errors import PortError
from shared.application.release.dead_letters import dead_lettered
from shared.application.routines.look import look, look_later, sweep_routines
from shared.application.routines.start import make, make_later, start_due
from shared.contracts.stored.routines import decode
from shared.domain.routines.task import PeriodWish, Routine

log = logging.getLogger(__name__)


async def daily_inference(timer: func.TimerRequest) -> None:
    """A fault before anything was noted is raised: the host tries again. What one leaves unmade, the sweeper makes."""
    await start_due(Routine.INFERENCE, bootstrap.routine_ports())


async def routine_tasks(message: func.ServiceBusMessage) -> None:
    """Whatever does not answer is asked again later, by a message of its own: deliveries are not burned."""
    what, ports = decode(message.get_body()), bootstrap.routine_ports()
    if isinstance(what, PeriodWish):
        try:
            await make(what, ports)
        except PortError as error:
            await make_later(what, error, ports)
        return
    try:
        await look(what, ports)
    except PortError as error:
        await look_later(what, error, ports)


async def dead_routines(message: func.ServiceBusMessage) -> None:
    """Kept with its reason; nothing else depends on it."""
    body, reason = message.get_body().decode(errors="replace"), reason_of(message)
    log.error("message %s about a task was dead-lettered: %s", message.message_id, reason)
    await dead_lettered("routines", message.message_id, None, reason, body, bootstrap.ports())


async def routine_sweeper(timer: func.TimerRequest) -> None:
    """Stateless: a sweep that is missed or runs twice does no harm."""
    sent = await sweep_routines(bootstrap.routine_ports())
    log.info("swept routines: %d looks were late", sent)
