"""Looked-after work: its queues. Alerts ride the queue of the releases' commands (`functions/handlers/releases.py`)."""

import azure.functions as func

from shared import bootstrap
from shared.application.work.look import look_at
from shared.contracts.looks import decode_look


async def look(message: func.ServiceBusMessage) -> None:
    """Looks at one piece of work and does the next missing thing. A malformed body is dead-lettered."""
    found = decode_look(message.get_body())
    await look_at(found, message.message_id, bootstrap.looked_after(found.kind))


take_change = trainings = routine_tasks = notifications = look
"""The function of each queue; one handler is all of them."""
