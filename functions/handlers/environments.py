"""HTTP, environment releases: request one, roll it back, read its targets and what they ran before;
versions of the environment."""

from typing import get_args

import azure.functions as func

from functions.handlers.http_answers import authenticated, body_of, decided_answer, json_answer
from shared import bootstrap
from shared.application.alerts.queries import alerts_firing
from shared.application.fleet.rollback_requests import check_pair, request_rollback
from shared.application.release import attempts, queries
from shared.contracts.http.environments import environment_versions_of
from shared.contracts.http.fleet import RollbackFormat, rollback_metadata_of, targets_of
from shared.contracts.http.releases import EnvironmentReleaseRequest, RollbackRequest
from shared.contracts.http.rollback import rollback_report_of
from shared.domain.errors import InvalidRequest
from shared.domain.release.model import Actor


@authenticated
async def request_environment_release(req: func.HttpRequest, actor: Actor) -> func.HttpResponse:
    """Open the release of a registered environment version."""
    wish, ports = body_of(req, EnvironmentReleaseRequest), await bootstrap.ports()
    workspace, name = bootstrap.settings().dev_workspace, ports.config.fleet().environment_name
    decided = await attempts.request_environment_release(workspace, name, wish.version, actor, wish.reason, ports)
    return decided_answer(decided)


@authenticated
async def roll_back_release(req: func.HttpRequest, actor: Actor) -> func.HttpResponse:
    """Put what the release changed back to what ran before; answers with the release that does it."""
    wish, release_id = body_of(req, RollbackRequest), req.route_params["release_id"]
    ports = await bootstrap.ports()
    if wish.models:
        await check_pair(release_id, wish.models, ports)
    return decided_answer(
        await request_rollback(
            release_id, actor, wish.reason, ports, critical=wish.critical, models=wish.models, to=wish.to
        )
    )


@authenticated
async def read_targets(req: func.HttpRequest, actor: Actor) -> func.HttpResponse:
    """How far each deployment is, and what its check said."""
    return json_answer(targets_of(await queries.read_release(req.route_params["release_id"], await bootstrap.ports())))


@authenticated
async def read_rollback_report(req: func.HttpRequest, actor: Actor) -> func.HttpResponse:
    """The result of every target, the times, and what is left to look at; of what was undone, its rollback's."""
    release = await queries.read_rollback(req.route_params["release_id"], await bootstrap.ports())
    return json_answer(rollback_report_of(release, await alerts_firing(release, await bootstrap.alert_ports())))


@authenticated
async def download_rollback_metadata(req: func.HttpRequest, actor: Actor) -> func.HttpResponse:
    """What every deployment ran before, as a file."""
    form, ports = _format(req.params.get("format", "release")), await bootstrap.ports()
    release = await queries.read_release(req.route_params["release_id"], ports)
    entries, _ = await queries.read_history(release.release_id, ports)
    file_name = f"rollback-{release.release_id}-{form}.json"
    return json_answer(rollback_metadata_of(release, entries, form), file_name=file_name)


@authenticated
async def list_environment_versions(req: func.HttpRequest, actor: Actor) -> func.HttpResponse:
    """The versions that models keep working in; with `running`, those that can take its place."""
    ports, running = await bootstrap.ports(), req.params.get("running")
    found = await queries.compatible_environments(running, ports)
    return json_answer(environment_versions_of(ports.config.fleet().environment_name, running, found))


def _format(text: str) -> RollbackFormat:
    known: dict[str, RollbackFormat] = {each: each for each in get_args(RollbackFormat)}
    if text not in known:
        raise InvalidRequest(f"there is no format {text}: use {' or '.join(known)}")
    return known[text]
