"""HTTP, writing: decide on a gate, abort, retry. POST only; the caller's identity comes from the verified token."""

import azure.functions as func

from functions.handlers.http_answers import authenticated, body_of, decided_answer
from shared import bootstrap
from shared.application.release import people
from shared.contracts.http.releases import DecisionRequest, ReasonRequest
from shared.domain.errors import InvalidRequest
from shared.domain.release.model import Actor
from shared.domain.release.policy import Stage


@authenticated
async def decide_on_gate(req: func.HttpRequest, actor: Actor) -> func.HttpResponse:
    """Approve or reject the open gate."""
    wish = body_of(req, DecisionRequest)
    decided = await people.submit_approval(
        req.route_params["release_id"],
        _stage(req.route_params["stage"]),
        actor,
        approved=wish.decision == "approve",
        digest=wish.digest,
        reason=wish.reason,
        ports=bootstrap.ports(),
    )
    return decided_answer(decided)


@authenticated
async def abort_release(req: func.HttpRequest, actor: Actor) -> func.HttpResponse:
    """End the release; production is put back if it was touched."""
    wish = body_of(req, ReasonRequest)
    return decided_answer(await people.abort(req.route_params["release_id"], actor, wish.reason, bootstrap.ports()))


@authenticated
async def retry_release(req: func.HttpRequest, actor: Actor) -> func.HttpResponse:
    """Try the held step again."""
    wish = body_of(req, ReasonRequest)
    return decided_answer(await people.retry(req.route_params["release_id"], actor, wish.reason, bootstrap.ports()))


def _stage(text: str) -> Stage:
    try:
        return Stage(text)
    except ValueError as error:
        raise InvalidRequest(f"there is no stage {text}: use {', '.join(Stage)}") from error
