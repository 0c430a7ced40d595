"""HTTP, releases to online endpoints: request one, download what it recorded."""

import azure.functions as func

from functions.handlers.http_answers import authenticated, body_of, decided_answer, json_answer
from shared import bootstrap
from shared.application.release import attempts, queries
from shared.contracts.http.online import OnlineReleaseRequest, deployment_state_of, wish_of
from shared.domain.release.model import Actor


@authenticated
async def request_online_release(req: func.HttpRequest, actor: Actor) -> func.HttpResponse:
    """Have a model version compared and, if it is better, served."""
    asked, ports = body_of(req, OnlineReleaseRequest), await bootstrap.ports()
    workspace = bootstrap.settings().dev_workspace
    decided = await attempts.request_online_release(
        workspace, asked.version, wish_of(asked), actor, asked.reason, ports
    )
    return decided_answer(decided)


@authenticated
async def download_deployment_state(req: func.HttpRequest, actor: Actor) -> func.HttpResponse:
    """What its endpoints served before, what was done to them, and what became of it, as a file."""
    release = await queries.read_release(req.route_params["release_id"], await bootstrap.ports())
    return json_answer(deployment_state_of(release), file_name=f"deployment_state-{release.release_id}.json")
