"""Monitoring: the timers that start the monthly check of performance and the quarterly check of drift."""

import azure.functions as func

blueprint = func.Blueprint()


@blueprint.timer_trigger(arg_name="timer", schedule="%PERFORMANCE_SCHEDULE%")
@blueprint.retry(strategy="fixed_delay", max_retry_count="5", delay_interval="00:01:00")
async def monthly_performance(timer: func.TimerRequest) -> None:
    """Starts the check of the month before; twice does no harm."""
    from functions.handlers import monitoring as handlers

    await handlers.monthly_performance(timer)


@blueprint.timer_trigger(arg_name="timer", schedule="%DRIFT_SCHEDULE%")
@blueprint.retry(strategy="fixed_delay", max_retry_count="5", delay_interval="00:01:00")
async def quarterly_drift(timer: func.TimerRequest) -> None:
    """Starts the check of the quarter before; twice does no harm."""
    from functions.handlers import monitoring as handlers

    await handlers.quarterly_drift(timer)
