"""Service Bus trigger with sessions: the only function that advances a release."""

import azure.functions as func

from shared import bootstrap
from shared.application.errors import TransientFault
from shared.application.release.handle_events import handle_events
from shared.application.release.try_later import try_later
from shared.contracts.messages import decode_event


async def release_events(message: func.ServiceBusMessage) -> None:
    """One session is one release: its events come one at a time and in order. A malformed body is dead-lettered."""
    ports = bootstrap.ports()
    event = decode_event(message.get_body())
    try:
        await handle_events(event.release_id, [event], ports)
    except TransientFault as error:
        await try_later(event, message.message_id, error, ports)
