"""Timers that take up what was missed. They are stateless: a sweep that is missed or runs twice does no harm."""

import logging
from collections.abc import Sequence
from typing import Any

import azure.functions as func

from shared import bootstrap
from shared.application.alerts import looked_after as alerts
from shared.application.changes import looked_after as changes
from shared.application.fleet.running import read_endpoints
from shared.application.notifications import looked_after as notifications
from shared.application.release.sweep import release_nets
from shared.application.release.telling import tell_gates
from shared.application.routines import looked_after as routines
from shared.application.training import looked_after as training
from shared.application.work.sweep import Net, sweep
from shared.measures import Metric, measured

log = logging.getLogger(__name__)


async def sweeper(timer: func.TimerRequest) -> None:
    """Sends late outboxes, looks and deadlines of releases, frees unused locks, and takes up missed alerts; then reads
    what production runs, for whoever looks at the fleet."""
    ports = await bootstrap.ports()
    await _sweep("releases and alerts", [*release_nets(ports), *alerts.nets(await bootstrap.alert_ports())])
    await tell_gates(ports)
    await read_endpoints(ports)


async def sweep_changes(timer: func.TimerRequest) -> None:
    """Accepted changes whose message was lost."""
    await _sweep("changes", changes.nets(await bootstrap.change_ports()))


async def sweep_trainings(timer: func.TimerRequest) -> None:
    """Sends late looks, frees slots of ended runs, and raises an alert when too many trainings failed."""
    await _sweep("trainings", training.nets(await bootstrap.training_ports()))


async def routine_sweeper(timer: func.TimerRequest) -> None:
    """Sends late looks, and makes the missing tasks of a period."""
    await _sweep("routines", routines.nets(await bootstrap.routine_ports()))


async def sweep_notifications(timer: func.TimerRequest) -> None:
    """Facts that nobody took care of, and messages whose time has come."""
    await _sweep("notifications", notifications.nets(await bootstrap.notification_ports()))


async def _sweep(what: str, nets: Sequence[Net[Any]]) -> None:
    log.info("swept %s: %s", what, await sweep(nets), extra=measured(Metric.SWEEPS, sweep=what))
