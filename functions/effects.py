"""Service Bus trigger: carries out commands (promote, deploy, invoke, look, publish) and answers with events."""

import azure.functions as func

blueprint = func.Blueprint()


@blueprint.service_bus_queue_trigger(arg_name="message", queue_name="%EFFECTS_QUEUE%", connection="SERVICEBUS")
async def effects(message: func.ServiceBusMessage) -> None:
    """Every command is safe to carry out twice. A malformed body is dead-lettered."""
    from functions.handlers import effects as handlers

    await handlers.effects(message)
