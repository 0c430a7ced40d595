"""HTTP, monitoring: the last checks of performance and drift with what followed; start a check by hand."""

from http import HTTPStatus

import azure.functions as func

from functions.handlers.http_answers import authenticated, body_of, json_answer
from shared import bootstrap
from shared.application.routines.queries import read_period, read_proposals
from shared.application.routines.start import start_by_hand
from shared.contracts.http.inference import RoutineAccepted
from shared.contracts.http.monitoring import MonitoringRequest, monitoring_view_of
from shared.domain.release.model import Actor
from shared.domain.routines.task import Routine


@authenticated
async def read_monitoring(req: func.HttpRequest, actor: Actor) -> func.HttpResponse:
    """The last month and quarter, unless `month` and `quarter` name others."""
    ports = bootstrap.routine_ports()
    performance = await read_period(Routine.PERFORMANCE, req.params.get("month", ""), ports)
    drift = await read_period(Routine.DRIFT, req.params.get("quarter", ""), ports)
    return json_answer(monitoring_view_of(performance, drift, await read_proposals([drift.period], ports)))


@authenticated
async def start_monitoring(req: func.HttpRequest, actor: Actor) -> func.HttpResponse:
    """202: circuits that were not started yet are started in a moment."""
    wish, ports = body_of(req, MonitoringRequest), bootstrap.routine_ports()
    period = await start_by_hand(Routine(wish.check), wish.period, actor, ports, again=wish.again)
    name = "month" if wish.check == "performance" else "quarter"
    body = RoutineAccepted(routine=wish.check, period=period, follow=f"/api/monitoring?{name}={period}")
    return json_answer(body, HTTPStatus.ACCEPTED)
