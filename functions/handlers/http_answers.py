"""How use cases and their errors become HTTP answers, in one place (problem details of RFC 9457)."""

import logging
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from enum import StrEnum
from functools import wraps
from http import HTTPStatus
from typing import TypeVar

import azure.functions as func
from pydantic import BaseModel, ValidationError

from shared import bootstrap
from shared.application.configuration import ConfigurationUnreadable
from shared.application.errors import NotFound, PlatformErrored, PlatformRefused, TransientFault, Unreadable
from shared.application.release.people import Answer, Decided
from shared.contracts.auth_errors import Forbidden, KeysUnavailable, Unauthenticated
from shared.contracts.base import read_request
from shared.contracts.http.paging import LISTED_DEFAULT, LISTED_MAX, place_of
from shared.contracts.http.releases import Accepted, Problem
from shared.domain.errors import Conflict, InvalidRequest, NotEligible
from shared.domain.release.model import Actor

log = logging.getLogger(__name__)

BODY_BYTES_MAX = 64_000


class BodyTooLarge(Exception):
    """The file that was sent is above its limit; the text says the limit."""


ModelT = TypeVar("ModelT", bound=BaseModel)
ChoiceT = TypeVar("ChoiceT", bound=StrEnum)
HttpHandler = Callable[[func.HttpRequest, Actor], Awaitable[func.HttpResponse]]

_STATUS: dict[type[Exception], HTTPStatus] = {
    Unauthenticated: HTTPStatus.UNAUTHORIZED,
    Forbidden: HTTPStatus.FORBIDDEN,
    KeysUnavailable: HTTPStatus.SERVICE_UNAVAILABLE,
    NotEligible: HTTPStatus.FORBIDDEN,
    NotFound: HTTPStatus.NOT_FOUND,
    BodyTooLarge: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    Conflict: HTTPStatus.CONFLICT,
    InvalidRequest: HTTPStatus.BAD_REQUEST,
    ValidationError: HTTPStatus.BAD_REQUEST,
    TransientFault: HTTPStatus.SERVICE_UNAVAILABLE,
    Unreadable: HTTPStatus.SERVICE_UNAVAILABLE,
    ConfigurationUnreadable: HTTPStatus.SERVICE_UNAVAILABLE,
    PlatformErrored: HTTPStatus.SERVICE_UNAVAILABLE,
    PlatformRefused: HTTPStatus.BAD_GATEWAY,
}


def authenticated(handler: HttpHandler) -> Callable[[func.HttpRequest], Awaitable[func.HttpResponse]]:
    """Verifies who calls, calls `handler`, and turns the errors that are meant for the caller into problems."""

    return _answering(handler, lambda header: bootstrap.token_verifier().verify(header))


def with_role(
    role: Callable[[], str],
) -> Callable[[HttpHandler], Callable[[func.HttpRequest], Awaitable[func.HttpResponse]]]:
    """The same for requests that only applications with this app role may make."""

    def decorate(handler: HttpHandler) -> Callable[[func.HttpRequest], Awaitable[func.HttpResponse]]:
        return _answering(handler, lambda header: bootstrap.token_verifier().verify_application(header, role()))

    return decorate


def _answering(
    handler: HttpHandler, identify: Callable[[str | None], Awaitable[Actor]]
) -> Callable[[func.HttpRequest], Awaitable[func.HttpResponse]]:
    @wraps(handler)
    async def answer(req: func.HttpRequest) -> func.HttpResponse:
        try:
            actor = await identify(req.headers.get("authorization"))
            return await handler(req, actor)
        except tuple(_STATUS) as error:
            if isinstance(error, Unreadable | ConfigurationUnreadable):
                log.error("request refused: %s", error)
            status = next(status for kind, status in _STATUS.items() if isinstance(error, kind))
            return problem(status, _detail(error))

    return answer


def body_of(request: func.HttpRequest, model: type[ModelT]) -> ModelT:
    """The request's JSON as `model`. Raises InvalidRequest or pydantic's ValidationError."""
    if content_type_of(request) != "application/json":
        raise InvalidRequest("send JSON: set the header Content-Type: application/json")
    body = request.get_body()
    if len(body) > BODY_BYTES_MAX:
        raise InvalidRequest(f"the body is larger than {BODY_BYTES_MAX} bytes")
    return read_request(body, model)


def raw_body_of(request: func.HttpRequest, content_types: Sequence[str], bytes_max: int, fix: str) -> bytes:
    """The body as it came. Raises InvalidRequest and, before anybody looks into it, BodyTooLarge with `fix`."""
    if content_type_of(request) not in content_types:
        raise InvalidRequest(f"set the header Content-Type: {' or '.join(content_types)}")
    body: bytes = request.get_body()
    if len(body) > bytes_max:
        raise BodyTooLarge(f"the file has {len(body):,} bytes; {fix}")
    return body


def limit_of(request: func.HttpRequest) -> int:
    """How many the caller wants listed, by the parameter `limit`. Raises InvalidRequest."""
    text = request.params.get("limit")
    if text is None:
        return LISTED_DEFAULT
    if not text.isascii() or not text.isdecimal() or not 1 <= int(text[:9]) <= LISTED_MAX or len(text) > 9:
        raise InvalidRequest(f"limit is a number from 1 to {LISTED_MAX}")
    return int(text)


def page_asked(request: func.HttpRequest, name: str) -> tuple[int, str]:
    """How many the caller wants of the list of this name, and from behind which place on, by the parameters `limit` and
    `after`. Raises InvalidRequest."""
    return limit_of(request), place_of(name, request.params.get("after", ""))


def choice_of(request: func.HttpRequest, name: str, choices: type[ChoiceT]) -> ChoiceT | None:
    """The parameter of this name as one of `choices`; None where it is left out. Raises InvalidRequest."""
    text = request.params.get(name)
    try:
        return choices(text) if text is not None else None
    except ValueError as error:
        raise InvalidRequest(f"there is no {name} {text!r}: use one of {', '.join(choices)}") from error


def time_of(request: func.HttpRequest, name: str) -> datetime | None:
    """The parameter of this name as a time; None where it is left out. Raises InvalidRequest."""
    text = request.params.get(name)
    if text is None:
        return None
    try:
        time = datetime.fromisoformat(text.replace(" ", "+"))  # what a plus sign in an address means
    except ValueError as error:
        raise InvalidRequest(f"{name} is a time such as 2026-01-31T08:00:00Z") from error
    if time.tzinfo is None:
        raise InvalidRequest(f"{name} needs a time zone, such as 2026-01-31T08:00:00Z")
    return time


def content_type_of(request: func.HttpRequest) -> str:
    """The content type in small letters, without parameters."""
    return str(request.headers.get("content-type", "")).split(";")[0].strip().lower()


def json_answer(model: BaseModel, status: HTTPStatus = HTTPStatus.OK, *, file_name: str = "") -> func.HttpResponse:
    """`model` as JSON; with `file_name`, a browser saves it under that name."""
    headers = {"Cache-Control": "no-store"}
    if file_name:
        headers["Content-Disposition"] = f'attachment; filename="{file_name}"'
    return func.HttpResponse(model.model_dump_json(), status_code=status, mimetype="application/json", headers=headers)


def decided_answer(decided: Decided) -> func.HttpResponse:
    """202 for what was accepted, 200 for what had been done already."""
    accepted = decided.answer is Answer.ACCEPTED
    release = decided.release
    body = Accepted(
        release_id=release.release_id,
        answer=decided.answer.value,
        phase=release.phase.value,
        follow=f"/api/releases/{release.release_id}",
    )
    return json_answer(body, HTTPStatus.ACCEPTED if accepted else HTTPStatus.OK)


def problem(status: HTTPStatus, detail: str) -> func.HttpResponse:
    """A problem the caller can act on."""
    said = detail.encode(errors="replace").decode()  # it repeats what was asked for, which need not be text
    body = Problem(title=status.phrase, status=status.value, detail=said)
    headers = {"WWW-Authenticate": "Bearer"} if status is HTTPStatus.UNAUTHORIZED else {}
    return func.HttpResponse(
        body.model_dump_json(), status_code=status, mimetype="application/problem+json", headers=headers
    )


def _detail(error: Exception) -> str:
    if isinstance(error, ValidationError):
        problems = [f"{'.'.join(str(p) for p in e['loc']) or 'body'}: {e['msg']}" for e in error.errors()]
        return "; ".join(problems)
    return str(error)
