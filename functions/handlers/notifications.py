"""Facts in, to be told; and over HTTP who was told, and whom to ask in an emergency."""

import logging
from datetime import datetime

import azure.functions as func

from functions.handlers.grid_events import GridEvent, read_event
from functions.handlers.http_answers import authenticated, json_answer
from shared import bootstrap
from shared.application.notifications.queries import told_of
from shared.application.notifications.tell import HEARD, accept_fact
from shared.application.ports import IntakeResult
from shared.application.release import intake
from shared.contracts.http.notifications import contact_list_of, notification_list_of
from shared.domain.notifications.notice import ToldFact
from shared.domain.release.model import Actor

log = logging.getLogger(__name__)

SOURCE = "/switchyard"
"""The source of the app's own facts, as `shared/adapters/event_grid_facts.py` names it."""


async def fact_events(event: func.EventGridEvent) -> None:
    """A fact of the app itself becomes messages. What comes from elsewhere is recorded; facts that nobody hears of are
    left alone: failing would have them delivered again."""
    grid, ports = read_event(event), bootstrap.notification_ports.started()
    if grid.topic != SOURCE:
        reason = f"source {grid.topic} is not the app itself"
        log.warning("fact %s refused: %s", grid.id, reason)
        await intake.record_unused(grid.id, IntakeResult.REFUSED, grid.subject, reason, bootstrap.ports.started())
    elif grid.type in HEARD:
        await accept_fact(_fact(grid, ports.clock.now()), ports)


def _fact(grid: GridEvent, now: datetime) -> ToldFact:
    """The fact as it was published: its data are texts. The time of a release's move is in them, to the microsecond."""
    data = {str(name): str(value) for name, value in grid.data.items()} if isinstance(grid.data, dict) else {}
    at = grid.time or now
    try:
        moved = datetime.fromisoformat(data.get("at", ""))
        at = moved if moved.tzinfo else at
    except ValueError:
        pass  # other facts have none
    return ToldFact(fact_id=grid.id, kind=grid.type, subject=grid.subject, at=at, data=data)


@authenticated
async def read_notifications(req: func.HttpRequest, actor: Actor) -> func.HttpResponse:
    """The messages about a release, and what nobody was told of."""
    release_id = req.route_params["release_id"]
    return json_answer(
        notification_list_of(release_id, await told_of(release_id, bootstrap.notification_ports.started()))
    )


@authenticated
async def read_contacts(req: func.HttpRequest, actor: Actor) -> func.HttpResponse:
    """The emergency contacts of the configuration in force."""
    return json_answer(contact_list_of((await bootstrap.notification_ports()).policy.contacts))
