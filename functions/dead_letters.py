"""Service Bus triggers on the dead-letter queues: the release is held and says so."""

import azure.functions as func

blueprint = func.Blueprint()


@blueprint.service_bus_queue_trigger(
    arg_name="message", queue_name="%RELEASE_EVENTS_QUEUE%/$DeadLetterQueue", connection="SERVICEBUS"
)
async def dead_release_events(message: func.ServiceBusMessage) -> None:
    """An event that could not be processed."""
    from functions.handlers import dead_letters as handlers

    await handlers.dead_release_events(message)


@blueprint.service_bus_queue_trigger(
    arg_name="message", queue_name="%EFFECTS_QUEUE%/$DeadLetterQueue", connection="SERVICEBUS"
)
async def dead_effects(message: func.ServiceBusMessage) -> None:
    """A command that could not be carried out."""
    from functions.handlers import dead_letters as handlers

    await handlers.dead_effects(message)
