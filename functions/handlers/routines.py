"""Routines: what their timers start, the queue of all their tasks, and the HTTP API of inference and monitoring."""

import logging
from http import HTTPStatus

import azure.functions as func

from functions.handlers.dead_letters import reason_of
from functions.handlers.http_answers import authenticated, body_of, json_answer
from shared import bootstrap
from shared.application.errors import PortError
from shared.application.release.dead_letters import dead_lettered
from shared.application.routines.look import look, look_later, sweep_routines
from shared.application.routines.queries import read_period, read_proposals
from shared.application.routines.start import make, make_later, start_by_hand, start_due
from shared.contracts.http.inference import InferenceRequest, RoutineAccepted, inference_view_of
from shared.contracts.http.monitoring import MonitoringRequest, monitoring_view_of
from shared.contracts.stored.routines import decode
from shared.domain.release.model import Actor
from shared.domain.routines.task import PeriodWish, Routine

log = logging.getLogger(__name__)


@authenticated
async def read_inference(req: func.HttpRequest, actor: Actor) -> func.HttpResponse:
    """A day's inference; the last day unless `date` names one."""
    report = await read_period(Routine.INFERENCE, req.params.get("date", ""), bootstrap.routine_ports())
    return json_answer(inference_view_of(report))


@authenticated
async def start_inference(req: func.HttpRequest, actor: Actor) -> func.HttpResponse:
    """202: circuits that were not started yet are started in a moment."""
    wish, ports = body_of(req, InferenceRequest), bootstrap.routine_ports()
    period = await start_by_hand(Routine.INFERENCE, wish.date, actor, ports, again=wish.again)
    body = RoutineAccepted(routine="inference", period=period, follow=f"/api/inference?date={period}")
    return json_answer(body, HTTPStatus.ACCEPTED)


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


async def daily_inference(timer: func.TimerRequest) -> None:
    """A fault before anything was noted is raised: the host tries again. What one leaves unmade, the sweeper makes."""
    await start_due(Routine.INFERENCE, bootstrap.routine_ports())


async def monthly_performance(timer: func.TimerRequest) -> None:
    """As `daily_inference`, for the month before."""
    await start_due(Routine.PERFORMANCE, bootstrap.routine_ports())


async def quarterly_drift(timer: func.TimerRequest) -> None:
    """As `daily_inference`, for the quarter before."""
    await start_due(Routine.DRIFT, bootstrap.routine_ports())


async def routine_tasks(message: func.ServiceBusMessage) -> None:
    """Whatever does not answer is asked again later, by a message of its own: deliveries are not burned."""
    what, ports = decode(message.get_body()), bootstrap.routine_ports()
    if isinstance(what, PeriodWish):
        try:
            await make(what, ports)
        except PortError as error:
            await make_later(what, error, ports)
        return
    try:
        await look(what, ports)
    except PortError as error:
        await look_later(what, error, ports)


async def dead_routines(message: func.ServiceBusMessage) -> None:
    """Kept with its reason; nothing else depends on it."""
    body, reason = message.get_body().decode(errors="replace"), reason_of(message)
    log.error("message %s about a task was dead-lettered: %s", message.message_id, reason)
    await dead_lettered("routines", message.message_id, None, reason, body, bootstrap.ports())


async def routine_sweeper(timer: func.TimerRequest) -> None:
    """Stateless: a sweep that is missed or runs twice does no harm."""
    sent = await sweep_routines(bootstrap.routine_ports())
    log.info("swept routines: %d looks were late", sent)
