"""Service Bus triggers on the dead-letter queues: the message is recorded, and what it was about is given up."""

import json
from functools import partial

import azure.functions as func

from shared import bootstrap
from shared.application.release.dead_letters import dead_lettered
from shared.application.work.dead_letters import DeadLetter, bury
from shared.application.work.look import Look
from shared.contracts.looks import look_of
from shared.contracts.messages import MessageError, decode_command, decode_event
from shared.domain.release.commands import Command
from shared.domain.release.events import Event


async def dead_release_events(message: func.ServiceBusMessage) -> None:
    """An event that could not be processed."""
    await _bury("release-events", message)


async def dead_effects(message: func.ServiceBusMessage) -> None:
    """A command that could not be carried out, or an alert that could not be looked at."""
    await _bury("effects", message)


async def dead_changes(message: func.ServiceBusMessage) -> None:
    """A change that could not be taken."""
    await _bury("changes", message)


async def dead_trainings(message: func.ServiceBusMessage) -> None:
    """A training run that could not be looked at."""
    await _bury("trainings", message)


async def dead_routines(message: func.ServiceBusMessage) -> None:
    """A task that could not be looked at, or tasks that could not be made."""
    await _bury("routines", message)


async def dead_notifications(message: func.ServiceBusMessage) -> None:
    """A fact that could not be routed, or a message that could not be sent."""
    await _bury("notifications", message)


async def _bury(queue: str, message: func.ServiceBusMessage) -> None:
    """A message of the dead-letter queue of `queue`; one that cannot be read is only recorded."""
    body, ports = message.get_body().decode(errors="replace"), bootstrap.ports.started()
    dead = DeadLetter(queue=queue, message_id=message.message_id, reason=reason_of(message), body=body)
    about = _read(queue, body)
    if isinstance(about, Event | Command):
        await dead_lettered(dead, about, ports)
        return
    give_up = partial(bootstrap.looked_after(about.kind).give_up, about.key) if about else None
    await bury(dead, give_up, ports.intake, ports.clock)


def _read(queue: str, body: str) -> Event | Command | Look | None:
    """What the message is about; None when its body cannot be read."""
    try:
        if queue == "release-events":
            return decode_event(body)
        return look_of(body) or (decode_command(body) if queue == "effects" else None)
    except MessageError:
        return None


def reason_of(message: func.ServiceBusMessage) -> str:
    """Why the message is on the dead-letter queue, by the host's or the bus's own words."""
    properties = message.application_properties or {}
    keys = ("DeadLetterReason", "DeadLetterErrorDescription")
    told = {key: str(properties[key]) for key in keys if key in properties}
    return json.dumps(told) if told else "no reason was given"
