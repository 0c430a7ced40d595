"""Training: train a circuit by hand, see what trains, abort it, read where a model comes from; the queue of runs."""

import logging
from datetime import timedelta
from http import HTTPStatus

import azure.functions as func

from functions.handlers.dead_letters import reason_of
from functions.handlers.http_answers import authenticated, body_of, json_answer
from shared import bootstrap
from shared.application.errors import TransientFault
from shared.application.release.dead_letters import dead_lettered
from shared.application.training import people
from shared.application.training.advance import advance
from shared.application.training.start import train_by_hand
from shared.application.training.sweep import sweep
from shared.contracts.http.releases import ReasonRequest
from shared.contracts.http.training import TrainingWish, lineage_view_of, training_list_of, training_view_of
from shared.contracts.stored.training import decode_look
from shared.domain.release.model import Actor

log = logging.getLogger(__name__)

LATER_S = 20


@authenticated
async def train_circuit(req: func.HttpRequest, actor: Actor) -> func.HttpResponse:
    """202 for a new run; 200 with the run that is there already."""
    wish, ports = body_of(req, TrainingWish), bootstrap.training_ports()
    run, is_new = await train_by_hand(wish.plant_id, wish.circuit_id, wish.cutoff_date, actor, ports)
    view = training_view_of(run, ports.config.plan().dev_workspace)
    return json_answer(view, HTTPStatus.ACCEPTED if is_new else HTTPStatus.OK)


@authenticated
async def list_trainings(req: func.HttpRequest, actor: Actor) -> func.HttpResponse:
    """Open runs, then the latest ended ones."""
    ports = bootstrap.training_ports()
    return json_answer(training_list_of(await people.list_trainings(ports), ports.config.plan().dev_workspace))


@authenticated
async def read_training(req: func.HttpRequest, actor: Actor) -> func.HttpResponse:
    """One run."""
    ports = bootstrap.training_ports()
    run = await people.read_training(req.route_params["run_id"], ports)
    return json_answer(training_view_of(run, ports.config.plan().dev_workspace))


@authenticated
async def abort_training(req: func.HttpRequest, actor: Actor) -> func.HttpResponse:
    """202 while its job ends; 200 for one that was aborted before."""
    wish, ports = body_of(req, ReasonRequest), bootstrap.training_ports()
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


async def trainings(message: func.ServiceBusMessage) -> None:
    """One session is one run. A fault makes room for a look of its own, so that no delivery is burnt."""
    ports = bootstrap.training_ports()
    run_id, serial = decode_look(message.get_body())
    try:
        await advance(run_id, ports, serial)
    except TransientFault as error:
        at = ports.clock.now() + timedelta(seconds=LATER_S)
        log.warning("looked at later: %s", error, extra={"run_id": run_id})
        await ports.queue.look(run_id, f"{run_id}-later-{int(at.timestamp()) // LATER_S}", at)


async def dead_trainings(message: func.ServiceBusMessage) -> None:
    """Kept with its reason; nothing else depends on it."""
    body, reason = message.get_body().decode(errors="replace"), reason_of(message)
    log.error("a message about training %s was dead-lettered: %s", message.session_id, reason)
    await dead_lettered("trainings", message.message_id, None, reason, body, bootstrap.ports())


async def sweep_trainings(timer: func.TimerRequest) -> None:
    """Late looks, slots nobody uses, too many failures."""
    report = await sweep(bootstrap.training_ports())
    log.info("swept trainings %s", report)


async def _lineage(name: str, version: str) -> func.HttpResponse:
    lineage = await people.lineage_of(name, version, bootstrap.training_ports())
    return json_answer(lineage_view_of(lineage))
