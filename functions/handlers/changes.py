"""Changes of the configuration: the webhooks of GitHub and Azure DevOps, and what became of each change.

A webhook decides nothing: the change is made durable, and a message says to look at it.
"""

import logging
from collections.abc import Awaitable, Callable
from functools import wraps
from http import HTTPStatus

import azure.functions as func
from pydantic import SecretStr

from functions.handlers.http_answers import BodyTooLarge, authenticated, json_answer, page_asked, problem, raw_body_of
from shared import bootstrap
from shared.application.changes import take
from shared.application.changes.ignored import tell_ignored
from shared.application.errors import TransientFault
from shared.contracts.http.changes import (
    CHANGES,
    FOLLOW,
    WebhookAnswer,
    change_list_of,
    change_view_of,
)
from shared.contracts.inbound.webhooks import (
    AZURE_DEVOPS,
    BODY_BYTES_MAX,
    GITHUB,
    Ignored,
    WebhookError,
    azure_devops_claim,
    basic_secret_holds,
    github_claim,
    github_signature_holds,
)
from shared.domain.changes.record import ChangeClaim
from shared.domain.errors import InvalidRequest
from shared.domain.release.model import Actor

log = logging.getLogger(__name__)

Webhook = Callable[[func.HttpRequest], Awaitable[func.HttpResponse]]


class _NotConfigured(Exception):
    """Webhooks of this sender are not expected here."""


class _NotSigned(Exception):
    """The signature or secret is missing or wrong."""


def _answering(handler: Webhook) -> Webhook:
    @wraps(handler)
    async def answer(req: func.HttpRequest) -> func.HttpResponse:
        try:
            return await handler(req)
        except _NotConfigured as error:
            return problem(HTTPStatus.NOT_FOUND, str(error))
        except _NotSigned as error:
            return problem(HTTPStatus.UNAUTHORIZED, str(error))
        except BodyTooLarge as error:
            return problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, str(error))
        except (InvalidRequest, WebhookError) as error:
            return problem(HTTPStatus.BAD_REQUEST, str(error))
        except TransientFault as error:
            return problem(HTTPStatus.SERVICE_UNAVAILABLE, f"{error}; send it again")

    return answer


@_answering
async def accept_github_change(req: func.HttpRequest) -> func.HttpResponse:
    """202 once the change is durable and its message sent; 200 for what is known or is not ours."""
    app = bootstrap.settings()
    secret = _secret(app.changes_github_secret, "CHANGES_GITHUB_SECRET")
    body = _body(req)
    if not github_signature_holds(req.headers.get("x-hub-signature-256", ""), body, secret):
        raise _NotSigned("the signature of the webhook is missing or wrong: give GitHub the secret of this app")
    event = req.headers.get("x-github-event", "")
    return await _accepted(github_claim(event, body, branch=app.changes_branch, repository=_repository()), GITHUB)


@_answering
async def accept_azure_devops_change(req: func.HttpRequest) -> func.HttpResponse:
    """The same for service hooks of Azure DevOps."""
    app = bootstrap.settings()
    secret = _secret(app.changes_azure_devops_secret, "CHANGES_AZURE_DEVOPS_SECRET")
    body = _body(req)
    if not basic_secret_holds(req.headers.get("authorization", ""), secret):
        raise _NotSigned("the password of the service hook is missing or wrong: give Azure DevOps that of this app")
    claim = azure_devops_claim(body, branch=app.changes_branch, repository=_repository())
    return await _accepted(claim, AZURE_DEVOPS)


@authenticated
async def list_changes(req: func.HttpRequest, actor: Actor) -> func.HttpResponse:
    """The latest first, 50 unless `limit` says otherwise."""
    ports = bootstrap.change_ports.started()
    found = await take.list_changes(ports, *page_asked(req, CHANGES))
    return json_answer(change_list_of(found, await ports.log.in_force(ports.branch)))


@authenticated
async def read_change(req: func.HttpRequest, actor: Actor) -> func.HttpResponse:
    """What was found in one change, and what it led to."""
    record = await take.read_change(req.route_params["change_id"], bootstrap.change_ports.started())
    return json_answer(change_view_of(record))


async def _accepted(claim: ChangeClaim | Ignored, source: str) -> func.HttpResponse:
    if isinstance(claim, Ignored):
        log.info("a webhook was ignored: %s", claim.reason)
        if claim.lookalike:
            await tell_ignored(claim.lookalike, source, claim.reason, bootstrap.change_ports.started())
        return json_answer(WebhookAnswer(answer="ignored", reason=claim.reason))
    record, is_awaited = await take.accept_change(claim, bootstrap.change_ports.started())
    answer = WebhookAnswer(
        answer="accepted" if is_awaited else "already_taken",
        change_id=record.change_id,
        follow=FOLLOW.format(change_id=record.change_id),
    )
    return json_answer(answer, HTTPStatus.ACCEPTED if is_awaited else HTTPStatus.OK)


def _secret(secret: SecretStr | None, setting: str) -> str:
    if secret is None or not bootstrap.settings().changes_repository:
        raise _NotConfigured(f"this app takes no such webhooks: set CHANGES_REPOSITORY and {setting}")
    return secret.get_secret_value()


def _repository() -> str:
    return bootstrap.settings().changes_repository or ""


def _body(req: func.HttpRequest) -> bytes:
    return raw_body_of(req, ("application/json",), BODY_BYTES_MAX, f"a webhook has {BODY_BYTES_MAX:,} bytes at most")
