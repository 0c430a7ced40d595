"""Service Bus and timer triggers of training: the queue of runs to look at, and its safety net."""

import logging
from datetime import timedelta

import azure.functions as func

from functions.handlers.dead_letters import reason_of
from shared import bootstrap
from shared.application.errors import TransientFault
from shared.application.release.dead_letters import dead_lettered
from shared.application.training.advance import advance
from shared.application.training.sweep import sweep
from shared.contracts.stored.training import decode_look

log = logging.getLogger(__name__)

LATER_S = 20


async def trainings(message: func.ServiceBusMessage) -> None:
    """One session is one run. A fault makes room for a look of its own, so that no delivery is burnt."""
    ports = bootstrap.training_ports()
    run_id, serial = decode_look(message.get_body())
    try:
        await advance(run_id, ports, serial)
    except TransientFault as error:
        at = ports.clock.now() + timedelta(seconds=LATER_S)
        log.warning("looked at later: %s", error, extra={"run_id": run_id})
        await ports.queue.look(run_id, f"{run_id}-later-{int(at.timestamp()) // LATER_S}", at)


async def dead_trainings(message: func.ServiceBusMessage) -> None:
    """Kept with its reason; nothing else depends on it."""
    body, reason = message.get_body().decode(errors="replace"), reason_of(message)
    log.error("a message about training %s was dead-lettered: %s", message.session_id, reason)
    await dead_lettered("trainings", message.message_id, None, reason, body, bootstrap.ports())


async def sweep_trainings(timer: func.TimerRequest) -> None:
    """Late looks, slots nobody uses, too many failures."""
    report = await sweep(bootstrap.training_ports())
    log.info("swept trainings %s", report)
