"""Releases: read them, decide on them, and the two queues that carry them on.

Only `release_events` advances a release. People's decisions are POST; who they are comes from the verified token.
"""

import azure.functions as func

from functions.handlers.http_answers import (
    authenticated,
    body_of,
    choice_of,
    decided_answer,
    json_answer,
    page_asked,
    time_of,
)
from shared import bootstrap
from shared.application.carry_out import carry_out
from shared.application.errors import TransientFault
from shared.application.freezes.freezes import read_freezes
from shared.application.release import attempts, lists, people, queries
from shared.application.release.handle_events import handle_events
from shared.application.release.try_later import try_later
from shared.application.work.look import look_at
from shared.contracts.http.releases import (
    RELEASES,
    DecisionRequest,
    ModelReleaseRequest,
    ReasonRequest,
    history_of,
    release_list_of,
    view_of,
)
from shared.contracts.looks import look_of
from shared.contracts.messages import decode_command, decode_event
from shared.domain.errors import InvalidRequest
from shared.domain.release.model import Actor, Kind, Phase
from shared.domain.release.policy import Stage


@authenticated
async def list_releases(req: func.HttpRequest, actor: Actor) -> func.HttpResponse:
    """Open releases, then ended ones, the latest end first: a page of those that are wanted."""
    ports = await bootstrap.ports()
    limit, after = page_asked(req, RELEASES)
    page = await lists.list_releases(ports, limit, after, _wanted(req, actor))
    return json_answer(release_list_of(page, await read_freezes(ports)))


@authenticated
async def read_release(req: func.HttpRequest, actor: Actor) -> func.HttpResponse:
    """One release, with its open gate and what it waits for."""
    ports = await bootstrap.ports()
    release = await queries.read_release(req.route_params["release_id"], ports)
    return json_answer(view_of(release, await read_freezes(ports), await attempts.next_attempt(release, ports)))


@authenticated
async def read_history(req: func.HttpRequest, actor: Actor) -> func.HttpResponse:
    """Who, what, when; with the verdict on the hash chain."""
    release_id = req.route_params["release_id"]
    entries, verified = await queries.read_history(release_id, await bootstrap.ports())
    return json_answer(history_of(release_id, entries, verified=verified))


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
        ports=await bootstrap.ports(),
    )
    return decided_answer(decided)


@authenticated
async def abort_release(req: func.HttpRequest, actor: Actor) -> func.HttpResponse:
    """End the release; production is put back if it was touched."""
    wish = body_of(req, ReasonRequest)
    return decided_answer(
        await people.abort(req.route_params["release_id"], actor, wish.reason, await bootstrap.ports())
    )


@authenticated
async def retry_release(req: func.HttpRequest, actor: Actor) -> func.HttpResponse:
    """Try the held step again."""
    wish = body_of(req, ReasonRequest)
    return decided_answer(
        await people.retry(req.route_params["release_id"], actor, wish.reason, await bootstrap.ports())
    )


@authenticated
async def release_again(req: func.HttpRequest, actor: Actor) -> func.HttpResponse:
    """Open the next attempt of the version of a release that has ended."""
    wish = body_of(req, ReasonRequest)
    release_id = req.route_params["release_id"]
    return decided_answer(await attempts.request_again(release_id, actor, wish.reason, await bootstrap.ports()))


@authenticated
async def request_model_release(req: func.HttpRequest, actor: Actor) -> func.HttpResponse:
    """Open the release of a model version by hand."""
    wish, workspace = body_of(req, ModelReleaseRequest), bootstrap.settings().dev_workspace
    return decided_answer(
        await attempts.request_model_release(
            workspace, wish.name, wish.version, actor, wish.reason, await bootstrap.ports()
        )
    )


async def release_events(message: func.ServiceBusMessage) -> None:
    """One session is one release: its events come one at a time and in order. A malformed body is dead-lettered."""
    event = decode_event(message.get_body())
    try:
        await handle_events(event.release_id, [event], await bootstrap.ports())
    except TransientFault as error:
        await try_later(event, message.message_id, error, bootstrap.ports.started())


async def effects(message: func.ServiceBusMessage) -> None:
    """Every command is safe to carry out twice. A malformed body is dead-lettered."""
    body = message.get_body()
    look = look_of(body)  # alerts ride the queue of the releases' commands
    if look is not None:
        await look_at(look, message.message_id, bootstrap.looked_after(look.kind))
        return
    command = decode_command(body)
    try:
        await carry_out(command, await bootstrap.ports())
    except TransientFault as error:
        await try_later(command, message.message_id, error, bootstrap.ports.started())


def _wanted(req: func.HttpRequest, actor: Actor) -> lists.Wanted:
    """Raises InvalidRequest."""
    waits_for = req.params.get("waiting_for")
    if waits_for not in (None, "me"):
        raise InvalidRequest("waiting_for is me: releases that you can move on")
    return lists.Wanted(
        phase=choice_of(req, "phase", Phase),
        kind=choice_of(req, "kind", Kind),
        circuit=req.params.get("circuit", "").replace("/", "-"),
        since=time_of(req, "since"),
        waits_for=actor if waits_for else None,
    )


def _stage(text: str) -> Stage:
    try:
        return Stage(text)
    except ValueError as error:
        raise InvalidRequest(f"there is no stage {text}: use {', '.join(Stage)}") from error
