"""Routines: what their timers start, and the HTTP API of inference and monitoring."""

from http import HTTPStatus

import azure.functions as func

from functions.handlers.http_answers import authenticated, body_of, json_answer
from shared import bootstrap
from shared.application.routines.queries import read_period, read_proposals
from shared.application.routines.start import start_by_hand, start_due
from shared.contracts.http.inference import InferenceRequest, RoutineAccepted, inference_view_of
from shared.contracts.http.monitoring import MonitoringRequest, monitoring_view_of
from shared.domain.release.model import Actor
from shared.domain.routines.task import Routine


@authenticated
async def read_inference(req: func.HttpRequest, actor: Actor) -> func.HttpResponse:
    """A day's inference; the last day unless `date` names one."""
    report = await read_period(Routine.INFERENCE, req.params.get("date", ""), await bootstrap.routine_ports())
    return json_answer(inference_view_of(report))


@authenticated
async def start_inference(req: func.HttpRequest, actor: Actor) -> func.HttpResponse:
    """202: circuits that were not started yet are started in a moment."""
    wish, ports = body_of(req, InferenceRequest), await bootstrap.routine_ports()
    period = await start_by_hand(Routine.INFERENCE, wish.date, actor, ports, again=wish.again)
    body = RoutineAccepted(routine="inference", period=period, follow=f"/api/inference?date={period}")
    return json_answer(body, HTTPStatus.ACCEPTED)


@authenticated
async def read_monitoring(req: func.HttpRequest, actor: Actor) -> func.HttpResponse:
    """The last month and quarter, unless `month` and `quarter` name others."""
    ports = await bootstrap.routine_ports()
    performance = await read_period(Routine.PERFORMANCE, req.params.get("month", ""), ports)
    drift = await read_period(Routine.DRIFT, req.params.get("quarter", ""), ports)
    return json_answer(monitoring_view_of(performance, drift, await read_proposals([drift.period], ports)))


@authenticated
async def start_monitoring(req: func.HttpRequest, actor: Actor) -> func.HttpResponse:
    """202: circuits that were not started yet are started in a moment."""
    wish, ports = body_of(req, MonitoringRequest), await bootstrap.routine_ports()
    period = await start_by_hand(Routine(wish.check), wish.period, actor, ports, again=wish.again)
    name = "month" if wish.check == "performance" else "quarter"
    body = RoutineAccepted(routine=wish.check, period=period, follow=f"/api/monitoring?{name}={period}")
    return json_answer(body, HTTPStatus.ACCEPTED)


async def daily_inference(timer: func.TimerRequest) -> None:
    """A fault before anything was noted is raised: the host tries again. What one leaves unmade, the sweeper makes."""
    await start_due(Routine.INFERENCE, await bootstrap.routine_ports())


async def monthly_performance(timer: func.TimerRequest) -> None:
    """As `daily_inference`, for the month before."""
    await start_due(Routine.PERFORMANCE, await bootstrap.routine_ports())


async def quarterly_drift(timer: func.TimerRequest) -> None:
    """As `daily_inference`, for the quarter before."""
    await start_due(Routine.DRIFT, await bootstrap.routine_ports())
