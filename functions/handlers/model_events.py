"""Event Grid triggers: events of Azure Machine Learning become events of releases. They decide nothing.

Unknown types, foreign topics and malformed data are recorded, not failed: failing would have Event Grid deliver them
again.
"""

import logging
from datetime import UTC, datetime

import azure.functions as func

from shared import bootstrap
from shared.application.release import intake
from shared.application.release.ports import IntakeResult, Ports
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


async def model_events(event: func.EventGridEvent) -> None:
    """ModelRegistered opens a release."""
    ports = bootstrap.ports()
    workspace = await _known_workspace(event, ports)
    if workspace is None or not await _is_type(event, (MODEL_REGISTERED,), ports):
        return
    try:
        data = parse_model_registered(event.get_json())
    except EventGridError as error:
        await _record(event, IntakeResult.REFUSED, str(error), ports)
        return
    release_id = await intake.model_registered(
        event.id, workspace, data.modelname, data.modelversion, _time(event, ports), ports
    )
    log.info("model %s:%s registered", data.modelname, data.modelversion, extra={"release_id": release_id})


async def run_events(event: func.EventGridEvent) -> None:
    """A run that changed is a hint to look at its release, or at its training, at once."""
    ports = bootstrap.ports()
    workspace = await _known_workspace(event, ports)
    if workspace is None or not await _is_type(event, (RUN_STATUS_CHANGED, RUN_COMPLETED), ports):
        return
    try:
        data = parse_run_changed(event.get_json())
    except EventGridError as error:
        await _record(event, IntakeResult.REFUSED, str(error), ports)
        return
    if run_of_job(data.runid):
        await job_changed(data.runid, event.id, bootstrap.training_ports())
        return
    await intake.run_changed(event.id, data.runid, _time(event, ports), ports)


async def _known_workspace(event: func.EventGridEvent, ports: Ports) -> str | None:
    """The workspace's name when the topic is one of ours; anything else is recorded."""
    workspace = bootstrap.settings().workspace_of_topic(event.topic or "")
    if workspace is None:
        reason = f"topic {event.topic} is not one of the configured workspaces"
        await _record(event, IntakeResult.REFUSED, reason, ports)
    return workspace


async def _is_type(event: func.EventGridEvent, known: tuple[str, ...], ports: Ports) -> bool:
    if event.event_type in known:
        return True
    await _record(event, IntakeResult.UNKNOWN_TYPE, f"type {event.event_type} is not used here", ports)
    return False


async def _record(event: func.EventGridEvent, result: IntakeResult, reason: str, ports: Ports) -> None:
    log.warning("event %s recorded as %s: %s", event.id, result.value, reason)
    await intake.record_unused(event.id, result, event.subject or "", reason, ports)


def _time(event: func.EventGridEvent, ports: Ports) -> datetime:
    """The event's own time is a claim; it is kept for the history and decides nothing."""
    return (event.event_time or ports.clock.now()).astimezone(UTC)
