"""Service Bus trigger: carries out commands (promote, deploy, invoke, look, publish) and answers with events."""

import azure.functions as func

from shared import bootstrap
from shared.application.errors import TransientFault
from shared.application.release.effects.carry_out import carry_out
from shared.application.release.try_later import try_later
from shared.contracts.messages import decode_command


async def effects(message: func.ServiceBusMessage) -> None:
    """Every command is safe to carry out twice. A malformed body is dead-lettered."""
    ports = bootstrap.ports()
    command = decode_command(message.get_body())
    try:
        await carry_out(command, ports)
    except TransientFault as error:
        await try_later(command, message.message_id, error, ports)
