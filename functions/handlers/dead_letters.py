"""Service Bus triggers on the dead-letter queues: the release is held and says so."""

import json

import azure.functions as func

from shared import bootstrap
from shared.application.release.dead_letters import dead_lettered
from shared.contracts.messages import MessageError, decode_command, decode_event
from shared.domain.release.commands import Command
from shared.domain.release.events import Event


async def dead_release_events(message: func.ServiceBusMessage) -> None:
    """An event that could not be processed."""
    await _hold("release-events", message)


async def dead_effects(message: func.ServiceBusMessage) -> None:
    """A command that could not be carried out."""
    await _hold("effects", message)


async def _hold(queue: str, message: func.ServiceBusMessage) -> None:
    body = message.get_body().decode(errors="replace")
    reason = reason_of(message)
    await dead_lettered(queue, message.message_id, _read(queue, body), reason, body, bootstrap.ports())


def _read(queue: str, body: str) -> Event | Command | None:
    """None when the body cannot be read: then nobody knows which release it belonged to."""
    try:
        return decode_command(body) if queue == "effects" else decode_event(body)
    except MessageError:
        return None


def reason_of(message: func.ServiceBusMessage) -> str:
    """Why the message is on the dead-letter queue, by the host's or the bus's own words."""
    properties = message.application_properties or {}
    keys = ("DeadLetterReason", "DeadLetterErrorDescription")
    told = {key: str(properties[key]) for key in keys if key in properties}
    return json.dumps(told) if told else "no reason was given"
