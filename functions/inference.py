"""Daily inference: the timer that starts it, the queue that looks at tasks of every routine, and the safety net."""

import azure.functions as func

blueprint = func.Blueprint()


@blueprint.timer_trigger(arg_name="timer", schedule="%INFERENCE_SCHEDULE%")
@blueprint.retry(strategy="fixed_delay", max_retry_count="5", delay_interval="00:01:00")
async def daily_inference(timer: func.TimerRequest) -> None:
    """Starts yesterday's inference for every deployment of production; twice does no harm."""
    from functions.handlers import inference as handlers

    await handlers.daily_inference(timer)


@blueprint.service_bus_queue_trigger(arg_name="message", queue_name="%ROUTINES_QUEUE%", connection="SERVICEBUS")
async def routine_tasks(message: func.ServiceBusMessage) -> None:
    """Looks at one task, or makes a period's tasks. A malformed body is dead-lettered."""
    from functions.handlers import inference as handlers

    await handlers.routine_tasks(message)


@blueprint.service_bus_queue_trigger(
    arg_name="message", queue_name="%ROUTINES_QUEUE%/$DeadLetterQueue", connection="SERVICEBUS"
)
async def dead_routines(message: func.ServiceBusMessage) -> None:
    """A message nobody could process; its task is looked at again by the sweep."""
    from functions.handlers import inference as handlers

    await handlers.dead_routines(message)


@blueprint.timer_trigger(arg_name="timer", schedule="%ROUTINE_SWEEP_SCHEDULE%")
async def routine_sweeper(timer: func.TimerRequest) -> None:
    """Stateless: a sweep that is missed or runs twice does no harm."""
    from functions.handlers import inference as handlers

    await handlers.routine_sweeper(timer)
