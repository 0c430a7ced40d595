"""Monitoring: the timers that start the monthly check of performance and the quarterly check of drift."""

import azure.functions as func

from shared import bootstrap
from shared.application.routines.start import start_due
from shared.domain.routines.task import Routine


async def monthly_performance(timer: func.TimerRequest) -> None:
    """A fault before anything was noted is raised: the host tries again. What one leaves unmade, the sweeper makes."""
    await start_due(Routine.PERFORMANCE, bootstrap.routine_ports())


async def quarterly_drift(timer: func.TimerRequest) -> None:
    """A fault before anything was noted is raised: the host tries again. What one leaves unmade, the sweeper makes."""
    await start_due(Routine.DRIFT, bootstrap.routine_ports())
