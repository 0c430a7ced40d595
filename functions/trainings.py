"""Service Bus and timer triggers of training: the queue of runs to look at, and its safety net."""

import azure.functions as func

blueprint = func.Blueprint()


@blueprint.service_bus_queue_trigger(
    arg_name="message", queue_name="%TRAININGS_QUEUE%", connection="SERVICEBUS", is_sessions_enabled=True
)
async def trainings(message: func.ServiceBusMessage) -> None:
    """Looks at one run and does the next missing thing. A malformed body is dead-lettered."""
    from functions.handlers import trainings as handlers

    await handlers.trainings(message)


@blueprint.service_bus_queue_trigger(
    arg_name="message", queue_name="%TRAININGS_QUEUE%/$DeadLetterQueue", connection="SERVICEBUS"
)
async def dead_trainings(message: func.ServiceBusMessage) -> None:
    """A message nobody could process; its run is looked at again by the sweep."""
    from functions.handlers import trainings as handlers

    await handlers.dead_trainings(message)


@blueprint.timer_trigger(arg_name="timer", schedule="%SWEEP_SCHEDULE%")
async def sweep_trainings(timer: func.TimerRequest) -> None:
    """Stateless: a sweep that is missed or runs twice does no harm."""
    from functions.handlers import trainings as handlers

    await handlers.sweep_trainings(timer)
