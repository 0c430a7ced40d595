"""Alerts in, and read. Nothing is decided here: an alert is made durable, and a message says to look at it."""

import hashlib
import json
import logging
from http import HTTPStatus

import azure.functions as func

from functions.handlers.grid_events import read_event
from functions.handlers.http_answers import authenticated, json_answer, page_asked, raw_body_of, with_role
from shared import bootstrap
from shared.application.alerts import assess, queries
from shared.application.alerts.ports import AlertPorts
from shared.application.ports import IntakeResult
from shared.application.release import intake
from shared.contracts.http.alerts import ALERTS, AlertAccepted, alert_list_of
from shared.contracts.inbound.alert_facts import claimed_facts
from shared.contracts.inbound.alerts import BODY_BYTES_MAX, AlertError, parse_alert
from shared.domain.errors import InvalidRequest
from shared.domain.release.model import Actor

log = logging.getLogger(__name__)


@with_role(lambda: bootstrap.settings().alert_sender_role)
async def accept_alert(req: func.HttpRequest, sender: Actor) -> func.HttpResponse:
    """202 for a new alert, 200 for a repetition; a body that is no alert is recorded and refused."""
    ports = bootstrap.alert_ports.started()
    body = raw_body_of(req, ("application/json",), BODY_BYTES_MAX, f"an alert has {BODY_BYTES_MAX:,} bytes at most")
    try:
        claim = claimed_facts(parse_alert(body))
    except AlertError as error:
        intake_id = f"alert-body-{hashlib.sha256(body).hexdigest()}"
        await _refuse(intake_id, sender.name, str(error), ports)
        raise InvalidRequest(f"this is no alert in the common alert schema: {error}") from error
    key, is_new = await assess.accept_alert(claim, "webhook", f"{sender.name} ({sender.object_id})", ports)
    answer = AlertAccepted(key=key, answer="accepted" if is_new else "already_accepted", follow="/api/alerts")
    return json_answer(answer, HTTPStatus.ACCEPTED if is_new else HTTPStatus.OK)


@authenticated
async def list_alerts(req: func.HttpRequest, actor: Actor) -> func.HttpResponse:
    """The latest first, 50 unless `limit` says otherwise."""
    found = await queries.list_alerts(bootstrap.alert_ports.started(), *page_asked(req, ALERTS))
    return json_answer(alert_list_of(found))


async def alert_events(event: func.EventGridEvent) -> None:
    """What comes from another topic, or is no alert, is recorded: failing would have it delivered again."""
    grid, ports = read_event(event), bootstrap.alert_ports.started()
    if not bootstrap.settings().is_alert_topic(grid.topic):
        await _refuse(grid.id, grid.subject, f"topic {grid.topic} is not configured for alerts", ports)
        return
    try:
        claim = claimed_facts(parse_alert(json.dumps(grid.data).encode()))
    except AlertError as error:
        await _refuse(grid.id, grid.subject, str(error), ports)
        return
    await assess.accept_alert(claim, "event grid", grid.topic, ports)


async def _refuse(intake_id: str, subject: str, reason: str, ports: AlertPorts) -> None:
    log.warning("alert %s refused: %s", intake_id, reason)
    await intake.record_unused(intake_id, IntakeResult.REFUSED, subject, reason, ports.releases)
