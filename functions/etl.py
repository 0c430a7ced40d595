"""Timer: every three hours the sensor table is loaded."""

import azure.functions as func

blueprint = func.Blueprint()


@blueprint.timer_trigger(arg_name="timer", schedule="%ETL_SCHEDULE%")
@blueprint.retry(strategy="fixed_delay", max_retry_count="5", delay_interval="00:01:00")
async def sensor_etl(timer: func.TimerRequest) -> None:
    """One load per window, however often and however late this runs; tells what became of the one before."""
    from functions.handlers import etl as handlers

    await handlers.sensor_etl(timer)
