"""Training: train a circuit by hand, see what trains, abort it, read where a model comes from."""

from http import HTTPStatus

import azure.functions as func

from functions.handlers.http_answers import authenticated, body_of, json_answer, page_asked
from shared import bootstrap
from shared.application.training import people
from shared.application.training.start import train_by_hand
from shared.contracts.http.releases import ReasonRequest
from shared.contracts.http.training import TRAININGS, TrainingWish, lineage_view_of, training_list_of, training_view_of
from shared.domain.release.model import Actor


@authenticated
async def train_circuit(req: func.HttpRequest, actor: Actor) -> func.HttpResponse:
    """202 for a new run; 200 with the run that is there already."""
    wish, ports = body_of(req, TrainingWish), await bootstrap.training_ports()
    run, is_new = await train_by_hand(wish.plant_id, wish.circuit_id, wish.cutoff_date, actor, ports)
    view = training_view_of(run, ports.config.plan().dev_workspace)
    return json_answer(view, HTTPStatus.ACCEPTED if is_new else HTTPStatus.OK)


@authenticated
async def list_trainings(req: func.HttpRequest, actor: Actor) -> func.HttpResponse:
    """Open runs, then the latest ended ones."""
    ports = await bootstrap.training_ports()
    found = await people.list_trainings(ports, *page_asked(req, TRAININGS))
    return json_answer(training_list_of(found, ports.config.plan().dev_workspace))


@authenticated
async def read_training(req: func.HttpRequest, actor: Actor) -> func.HttpResponse:
    """One run."""
    ports = await bootstrap.training_ports()
    run = await people.read_training(req.route_params["run_id"], ports)
    return json_answer(training_view_of(run, ports.config.plan().dev_workspace))


@authenticated
async def abort_training(req: func.HttpRequest, actor: Actor) -> func.HttpResponse:
    """202 while its job ends; 200 for one that was aborted before."""
    wish, ports = body_of(req, ReasonRequest), await bootstrap.training_ports()
    run = await people.abort_training(req.route_params["run_id"], actor, wish.reason, ports)
    view = training_view_of(run, ports.config.plan().dev_workspace)
    return json_answer(view, HTTPStatus.OK if run.phase.is_terminal else HTTPStatus.ACCEPTED)


@authenticated
async def read_lineage(req: func.HttpRequest, actor: Actor) -> func.HttpResponse:
    """By the model's name."""
    return await _lineage(req.route_params["name"], req.route_params["version"])


@authenticated
async def read_circuit_lineage(req: func.HttpRequest, actor: Actor) -> func.HttpResponse:
    """By the circuit."""
    return await _lineage(
        f"{req.route_params['plant_id']}/{req.route_params['circuit_id']}", req.route_params["version"]
    )


async def _lineage(name: str, version: str) -> func.HttpResponse:
    lineage = await people.lineage_of(name, version, await bootstrap.training_ports())
    return json_answer(lineage_view_of(lineage))
