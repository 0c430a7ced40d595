"""HTTP, reading: the list of releases, one release, its history, and the API's description. Nothing is decided here."""

import json

import azure.functions as func

from functions.handlers.http_answers import authenticated, json_answer
from shared import bootstrap
from shared.application.freezes.freezes import read_freezes
from shared.application.release import queries
from shared.contracts.http.openapi.document import openapi
from shared.contracts.http.releases import ReleaseList, history_of, summary_of, view_of
from shared.domain.release.model import Actor


async def describe_api(req: func.HttpRequest) -> func.HttpResponse:
    """The description of this API; public, it holds no data."""
    return func.HttpResponse(json.dumps(openapi()), mimetype="application/json")


@authenticated
async def list_releases(req: func.HttpRequest, actor: Actor) -> func.HttpResponse:
    """Open releases, then the latest ended ones."""
    releases, freezes = await queries.list_releases(bootstrap.ports()), await read_freezes(bootstrap.ports())
    return json_answer(ReleaseList(releases=[summary_of(release, freezes) for release in releases]))


@authenticated
async def read_release(req: func.HttpRequest, actor: Actor) -> func.HttpResponse:
    """One release, with its open gate and what it waits for."""
    release = await queries.read_release(req.route_params["release_id"], bootstrap.ports())
    return json_answer(view_of(release, await read_freezes(bootstrap.ports())))


@authenticated
async def read_history(req: func.HttpRequest, actor: Actor) -> func.HttpResponse:
    """Who, what, when; with the verdict on the hash chain."""
    release_id = req.route_params["release_id"]
    entries, verified = await queries.read_history(release_id, bootstrap.ports())
    return json_answer(history_of(release_id, entries, verified=verified))
