"""Service Bus trigger with sessions: the only function that advances a release."""

import azure.functions as func

blueprint = func.Blueprint()


@blueprint.service_bus_queue_trigger(
    arg_name="message", queue_name="%RELEASE_EVENTS_QUEUE%", connection="SERVICEBUS", is_sessions_enabled=True
)
async def release_events(message: func.ServiceBusMessage) -> None:
    """One session is one release: its events come one at a time and in order. A malformed body is dead-lettered."""
    from functions.handlers import release_events as handlers

    await handlers.release_events(message)
