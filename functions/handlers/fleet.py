"""The fleet, for whoever looks at it."""

import azure.functions as func

from functions.handlers.http_answers import authenticated, json_answer
from shared import bootstrap
from shared.application.fleet.running import fleet_state
from shared.contracts.http.fleet_state import fleet_view_of
from shared.domain.release.model import Actor


@authenticated
async def read_fleet(req: func.HttpRequest, actor: Actor) -> func.HttpResponse:
    """Every circuit with what it runs, who holds it and what waits."""
    return json_answer(fleet_view_of(await fleet_state(await bootstrap.ports())))
