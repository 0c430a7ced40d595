"""Event Grid triggers: events of Azure Machine Learning become events of releases. They decide nothing.

Unknown types, foreign topics and malformed data are recorded, not failed: failing would have Event Grid deliver them
again.
"""

import logging

import azure.functions as func

from functions.handlers.grid_events import GridEvent, read_event
from shared import bootstrap
from shared.application.ports import IntakeResult
from shared.application.release import intake
from shared.application.release.ports import Ports
from shared.application.training.advance import job_changed
from shared.contracts.inbound.event_grid import (
    MODEL_REGISTERED,
    RUN_COMPLETED,
    RUN_STATUS_CHANGED,
    EventGridError,
    parse_model_registered,
    parse_run_changed,
)
from shared.domain.training.model import run_of_job

log = logging.getLogger(__name__)


class _UnknownType(EventGridError):
    """An event of one of our workspaces that nothing here uses."""


async def model_events(event: func.EventGridEvent) -> None:
    """ModelRegistered opens a release."""
    grid, ports = read_event(event), bootstrap.ports.started()
    try:
        workspace = _workspace_of(grid, (MODEL_REGISTERED,))
        data = parse_model_registered(grid.data)
    except EventGridError as error:
        await _record(grid, error, ports)
        return
    at = grid.time or ports.clock.now()
    release_id = await intake.model_registered(grid.id, workspace, data.modelname, data.modelversion, at, ports)
    log.info("model %s:%s registered", data.modelname, data.modelversion, extra={"release_id": release_id})


async def run_events(event: func.EventGridEvent) -> None:
    """A run that changed is a hint to look at its release, or at its training, at once."""
    grid, ports = read_event(event), bootstrap.ports.started()
    try:
        _workspace_of(grid, (RUN_STATUS_CHANGED, RUN_COMPLETED))
        data = parse_run_changed(grid.data)
    except EventGridError as error:
        await _record(grid, error, ports)
        return
    if run_of_job(data.runid):
        await job_changed(data.runid, grid.id, bootstrap.training_ports.started())
        return
    await intake.run_changed(grid.id, data.runid, grid.time or ports.clock.now(), ports)


def _workspace_of(event: GridEvent, known: tuple[str, ...]) -> str:
    """The name of the workspace that tells of it. Raises EventGridError for a topic or a type that is not expected."""
    workspace = bootstrap.settings().workspace_of_topic(event.topic)
    if workspace is None:
        raise EventGridError(f"topic {event.topic} is not one of the configured workspaces")
    if event.type not in known:
        raise _UnknownType(f"type {event.type} is not used here")
    return workspace


async def _record(event: GridEvent, error: EventGridError, ports: Ports) -> None:
    result = IntakeResult.UNKNOWN_TYPE if isinstance(error, _UnknownType) else IntakeResult.REFUSED
    log.warning("event %s recorded as %s: %s", event.id, result.value, error)
    await intake.record_unused(event.id, result, event.subject, str(error), ports)
