"""Service Bus and timer triggers of merged changes: looked at one at a time, and the safety net."""

import logging

import azure.functions as func

from shared import bootstrap
from shared.application.changes import take as changes
from shared.application.changes.sweep import sweep_changes as sweep
from shared.contracts.messages import MessageError
from shared.contracts.stored.changes import decode_take

log = logging.getLogger(__name__)


async def take_change(message: func.ServiceBusMessage) -> None:
    """Reads the repository and asks for what follows. A malformed body is dead-lettered."""
    take = decode_take(message.get_body())
    await changes.take_change(take.change_id, take.tries, bootstrap.change_ports())


async def dead_changes(message: func.ServiceBusMessage) -> None:
    """A change that could not be processed has failed, and says so."""
    try:
        take = decode_take(message.get_body())
    except MessageError as error:
        log.error("message %s of the queue of changes cannot be read: %s", message.message_id, error)
        return
    reason = "it could not be processed, see the app's log; send its webhook again once the cause is mended"
    await changes.give_up(take.change_id, reason, bootstrap.change_ports())


async def sweep_changes(timer: func.TimerRequest) -> None:
    """Accepted changes that nobody looks at any more."""
    await sweep(bootstrap.change_ports())
