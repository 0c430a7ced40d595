"""Timer: every three hours the sensor table is loaded."""

import logging

import azure.functions as func

from shared import bootstrap
from shared.application.etl.load import run_window

log = logging.getLogger(__name__)


async def sensor_etl(timer: func.TimerRequest) -> None:
    """Submits the load of the current window and publishes how the last one ended. Raises when either failed."""
    if timer.past_due:
        log.warning("the timer fired late: the load of the current window is submitted")
    await run_window(await bootstrap.load_ports())
