"""HTTP, daily inference: what is there, missing or late on a day; start a day, or try failed circuits again."""

from http import HTTPStatus

import azure.functions as func

from functions.handlers.http_answers import authenticated, body_of, json_answer
from shared import bootstrap
from shared.application.routines.queries import read_period
from shared.application.routines.start import start_by_hand
from shared.contracts.http.inference import InferenceRequest, RoutineAccepted, inference_view_of
from shared.domain.release.model import Actor
from shared.domain.routines.task import Routine


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
