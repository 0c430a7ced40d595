"""Timer: makes good whatever was missed."""

import logging

import azure.functions as func

from shared import bootstrap
from shared.application.release.sweep import sweep

log = logging.getLogger(__name__)


async def sweeper(timer: func.TimerRequest) -> None:
    """Stateless: a sweep that is missed or runs twice does no harm."""
    report = await sweep(bootstrap.ports())
    log.info("swept %s", report)
