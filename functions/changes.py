"""Service Bus and timer triggers of merged changes: looked at one at a time, and the safety net."""

import azure.functions as func

blueprint = func.Blueprint()


@blueprint.service_bus_queue_trigger(
    arg_name="message", queue_name="%CHANGES_QUEUE%", connection="SERVICEBUS", is_sessions_enabled=True
)
async def take_change(message: func.ServiceBusMessage) -> None:
    """Reads the repository and asks for what follows. A malformed body is dead-lettered."""
    from functions.handlers import changes as handlers

    await handlers.take_change(message)


@blueprint.service_bus_queue_trigger(
    arg_name="message", queue_name="%CHANGES_QUEUE%/$DeadLetterQueue", connection="SERVICEBUS"
)
async def dead_changes(message: func.ServiceBusMessage) -> None:
    """A change that could not be processed has failed, and says so."""
    from functions.handlers import changes as handlers

    await handlers.dead_changes(message)


@blueprint.timer_trigger(arg_name="timer", schedule="%SWEEP_SCHEDULE%")
async def sweep_changes(timer: func.TimerRequest) -> None:
    """Stateless: a sweep that is missed or runs twice does no harm."""
    from functions.handlers import changes as handlers

    await handlers.sweep_changes(timer)
