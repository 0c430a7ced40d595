"""Gates that wait for people: list them, and decide on many at once."""

import azure.functions as func

from functions.handlers.http_answers import authenticated, body_of, json_answer, limit_of
from shared import bootstrap
from shared.application.release import gates
from shared.contracts.http.gates import GateDecisions, answers_of, gate_list_of, wishes_of
from shared.domain.errors import InvalidRequest
from shared.domain.release.model import Actor


@authenticated
async def list_gates(req: func.HttpRequest, actor: Actor) -> func.HttpResponse:
    """Critical plants first, then what ends first."""
    mine = req.params.get("mine", "false")
    if mine not in ("true", "false"):
        raise InvalidRequest("mine is true or false: true for those that you may decide on")
    found, total = await gates.open_gates(actor, await bootstrap.ports(), mine=mine == "true", limit=limit_of(req))
    return json_answer(gate_list_of(found, total))


@authenticated
async def decide_on_gates(req: func.HttpRequest, actor: Actor) -> func.HttpResponse:
    """Each decision is answered by itself."""
    wish = body_of(req, GateDecisions)
    items = await gates.decide_many(wishes_of(wish), wish.reason, actor, await bootstrap.ports())
    return json_answer(answers_of(items))
