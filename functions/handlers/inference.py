"""Daily inference: the timer that starts it, the queue that looks at tasks of every routine, and the safety net."""

import logging

import azure.functions as func

from shared import bootstrap
from shared.application.errors import PortError
from shared.application.ids import content_digest
from shared.application.ports import IntakeResult
from shared.application.routine_start import make, make_later, start_due
from shared.application.routines import look, look_later, sweep_routines
from shared.contracts.routine_json import decode
from shared.domain.routine import PeriodWish, Routine

log = logging.getLogger(__name__)

_BODY_CHARS_MAX = 1000


async def daily_inference(timer: func.TimerRequest) -> None:
    """What a fault leaves unmade is made by the sweeper."""
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
    ports = bootstrap.ports()
    body = message.get_body().decode(errors="replace")[:_BODY_CHARS_MAX]
    intake_id = f"dead-letter-{content_digest('routines', message.message_id)}"
    log.error("message %s about a task was dead-lettered", message.message_id)
    await ports.intake.record(intake_id, IntakeResult.QUARANTINED, "routines", body, ports.clock.now())


async def routine_sweeper(timer: func.TimerRequest) -> None:
    """Stateless: a sweep that is missed or runs twice does no harm."""
    sent = await sweep_routines(bootstrap.routine_ports())
    log.info("swept routines: %d looks were late", sent)
