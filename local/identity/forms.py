"""What the ways to sign in share: forms, refusals of OAuth, pages, and what a person agreed to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from urllib.parse import parse_qs

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse

API_SCOPE = "/access_as_user"


@dataclass(frozen=True)
class Grant:
    """What somebody agreed to, until it is taken. `redirect` and `challenge` (of PKCE) are those of a page's code."""

    person: str
    audience: str
    scope: str
    nonce: str = ""
    redirect: str = ""
    challenge: str = ""
    until: float = 0.0


class Refused(Exception):
    """The request breaks a rule of OAuth; `code` is its name for that."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code


def refusal(problem: Refused, headers: Mapping[str, str] | None = None) -> JSONResponse:
    """As OAuth tells it."""
    answer = {"error": problem.code, "error_description": str(problem)}
    return JSONResponse(answer, HTTPStatus.BAD_REQUEST, headers=headers)


def audience_of(scope: str) -> str:
    """The API that the scope names; empty where it names none."""
    return next((each.removesuffix(API_SCOPE) for each in scope.split() if each.endswith(API_SCOPE)), "")


async def form_of(request: Request) -> dict[str, str]:
    """The fields of a form, each once."""
    return {name: values[-1] for name, values in parse_qs((await request.body()).decode()).items()}


def html(text: str, status: HTTPStatus = HTTPStatus.OK) -> HTMLResponse:
    """A page that nobody keeps."""
    return HTMLResponse(text, status, headers={"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"})
