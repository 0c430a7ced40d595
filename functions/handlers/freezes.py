"""HTTP, freezes: stop forward changes of production for a while, see what is frozen, lift a freeze."""

from http import HTTPStatus

import azure.functions as func

from functions.handlers.http_answers import authenticated, body_of, json_answer
from shared import bootstrap
from shared.application.freezes import freezes
from shared.application.release.people import Answer
from shared.contracts.http.freezes import FreezeRequest, LiftRequest, freeze_list_of, freeze_view_of
from shared.domain.release.model import Actor


@authenticated
async def set_freeze(req: func.HttpRequest, actor: Actor) -> func.HttpResponse:
    """Freeze the fleet, a plant or a circuit: 201, or 200 when this very freeze is set already."""
    wish, ports = body_of(req, FreezeRequest), await bootstrap.ports()
    decided = await freezes.set_freeze(wish.scope, actor, wish.reason, ports, until=wish.end, starts_at=wish.starts_at)
    status = HTTPStatus.CREATED if decided.answer is Answer.ACCEPTED else HTTPStatus.OK
    return json_answer(freeze_view_of(decided.freeze, ports.clock.now()), status)


@authenticated
async def list_freezes(req: func.HttpRequest, actor: Actor) -> func.HttpResponse:
    """Freezes that have neither ended nor been lifted."""
    return json_answer(freeze_list_of(await freezes.read_freezes(await bootstrap.ports())))


@authenticated
async def lift_freeze(req: func.HttpRequest, actor: Actor) -> func.HttpResponse:
    """End a freeze before its time; lifting again answers with who did it first."""
    wish, ports = body_of(req, LiftRequest), await bootstrap.ports()
    decided = await freezes.lift_freeze(req.route_params["freeze_id"], actor, wish.reason, ports)
    return json_answer(freeze_view_of(decided.freeze, ports.clock.now()))
