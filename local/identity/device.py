"""Signing a person in to a command: the device authorization grant (RFC 8628), as Entra ID does it.

The command asks for a code and shows it; the person types it on a page in a browser and is chosen there; meanwhile the
command asks for tokens until there are some. Codes are forgotten when this part ends.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from local.identity.forms import API_SCOPE, Grant, Refused, audience_of, form_of, html, refusal
from local.identity.page import device_page, refusal_page, said_page
from local.identity.people import BOARD_CLIENT_ID
from local.identity.tokens import TokenIssuer

CODE_LIFETIME_S = 900
INTERVAL_S = 1
"""Entra says 5; whoever asks sooner than told is asked to slow down."""

GRANT_TYPE = "urn:ietf:params:oauth:grant-type:device_code"
_LETTERS = "BCDFGHJKLMNPQRSTVWXZ23456789"  # none that is read as another, and no words
_CODE_LENGTH = 9


@dataclass(frozen=True)
class _Waiting:
    """A command that waits; `person` once somebody was chosen, empty where the sign-in was declined."""

    user_code: str
    scope: str
    until: float
    person: str | None = None
    asked_at: float = float("-inf")


@dataclass
class DeviceCodes:
    """The endpoints of the grant. `clock` counts seconds and never goes back."""

    tokens: TokenIssuer
    clock: Callable[[], float] = time.monotonic
    _waiting: dict[str, _Waiting] = field(default_factory=dict)

    def routes(self) -> list[Route]:
        """Where Entra has them; its page is at another host, microsoft.com/devicelogin."""
        return [
            Route("/{tenant:uuid}/oauth2/v2.0/devicecode", self.begin, methods=["POST"]),
            Route("/devicelogin", self.ask, methods=["GET"]),
            Route("/devicelogin", self.choose, methods=["POST"]),
            Route("/control/device-codes", self.waiting, methods=["GET"]),
        ]

    async def begin(self, request: Request) -> Response:
        """A code for the command, and one for the person."""
        form = await form_of(request)
        try:
            if form.get("client_id") != BOARD_CLIENT_ID:
                raise Refused("unauthorized_client", f"client_id must be {BOARD_CLIENT_ID}.")
            if not audience_of(form.get("scope", "")):
                raise Refused("invalid_scope", f"The scope must name an API: <its address>{API_SCOPE}.")
        except Refused as problem:
            return refusal(problem)
        code, user_code = secrets.token_urlsafe(32), "".join(secrets.choice(_LETTERS) for _ in range(_CODE_LENGTH))
        self._waiting[code] = _Waiting(user_code, form["scope"], self.clock() + CODE_LIFETIME_S)
        page = f"{self.tokens.base}/devicelogin"
        return JSONResponse(
            {
                "device_code": code,
                "user_code": user_code,
                "verification_uri": page,
                "expires_in": CODE_LIFETIME_S,
                "interval": INTERVAL_S,
                "message": f"To sign in, open {page}?{urlencode({'code': user_code})} in a browser, compare the code "
                f"{user_code}, and choose a person.",
            }
        )

    async def ask(self, request: Request) -> HTMLResponse:
        """The page: the code, and who one is. It changes nothing."""
        return html(device_page(self.tokens.directory, request.query_params.get("code", "")))

    async def choose(self, request: Request) -> HTMLResponse:
        """A person was chosen, or the sign-in was declined."""
        form = await form_of(request)
        user_code, person = form.get("code", "").strip().upper(), form.get("person", "")
        code = next((key for key, each in self._waiting.items() if self._is_open(each, user_code)), None)
        if code is None:
            text = (
                "No command waits with this code: it was used, or its quarter of an hour is over. Sign in again there."
            )
            return html(refusal_page(text), HTTPStatus.BAD_REQUEST)
        if person and person not in self.tokens.directory.people:
            return html(refusal_page(f"There is nobody called {person!r} here."), HTTPStatus.BAD_REQUEST)
        self._waiting[code] = replace(self._waiting[code], person=person)
        if not person:
            return html(said_page("Nobody was signed in. You may close this page."))
        return html(
            said_page(f"You are signed in as {self.tokens.directory.people[person].name}. Back to the command.")
        )

    async def waiting(self, _: Request) -> Response:
        """The codes that are shown somewhere now, for programs that act as the person."""
        shown = [each.user_code for each in self._waiting.values() if self._is_open(each, each.user_code)]
        return JSONResponse({"waiting": shown})

    def granted(self, form: dict[str, str]) -> Grant:
        """What the person agreed to; the code is good once. Raises Refused while there is nothing yet, or no more."""
        code = form.get("device_code", "")
        waiting = self._waiting.get(code)
        if waiting is None:
            raise Refused("bad_verification_code", "This device code was used before, or was never given.")
        now = self.clock()
        if now > waiting.until:
            del self._waiting[code]
            raise Refused("expired_token", "Nobody typed the code in time: sign in again.")
        if waiting.person is None:
            self._waiting[code] = replace(waiting, asked_at=now)
            if now - waiting.asked_at < INTERVAL_S * 0.9:  # clients count whole seconds, not quite exactly
                raise Refused("slow_down", "Ask less often.")
            raise Refused("authorization_pending", "Nobody has typed the code yet.")
        del self._waiting[code]
        if not waiting.person:
            raise Refused("authorization_declined", "The person at the page declined.")
        return Grant(waiting.person, audience_of(waiting.scope), waiting.scope)

    def _is_open(self, waiting: _Waiting, user_code: str) -> bool:
        return waiting.user_code == user_code and waiting.person is None and self.clock() <= waiting.until
