"""Timer: every three hours the sensor table is loaded."""

import logging

import azure.functions as func

from shared import bootstrap
from shared.application.etl.load import run_window

log = logging.getLogger(__name__)


async def sensor_etl(timer: func.TimerRequest) -> None:
    """Raises when the load could not be submitted or nobody could be told, so that the host tries again."""
    if timer.past_due:
        log.warning("the timer of the load fires late: the window it is now gets its load")
    await run_window(bootstrap.load_ports())
