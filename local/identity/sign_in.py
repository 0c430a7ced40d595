"""Signing a person in to a page: authorization code with PKCE, as Entra ID does it for single-page applications.

`/authorize` shows the demo people instead of asking for a password. Everything after it is the protocol: a code that is
good once and for a minute, a token endpoint that pages of the registered address may call, refresh tokens that change
with each use, and an end of the session. Codes and refresh tokens are forgotten when this part ends.
"""

from __future__ import annotations

import base64
import hashlib
import secrets
import time
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from urllib.parse import urlencode, urlsplit

from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from local.identity.device import GRANT_TYPE, DeviceCodes
from local.identity.forms import API_SCOPE, Grant, Refused, audience_of, form_of, html, refusal
from local.identity.page import people_page, refusal_page
from local.identity.people import BOARD_CLIENT_ID
from local.identity.tokens import PERSON_LIFETIME_S, TokenIssuer, TokenRequest

CODE_LIFETIME_S = 60
REFRESH_LIFETIME_S = 24 * 3600  # what Entra gives a single-page application
RETURN_PATH = "/signed-in"
_LOOPBACK = ("127.0.0.1", "localhost")


@dataclass
class SignIn:
    """The endpoints by which the board signs people in, and the command with a code of `devices`. The one registered
    client is both."""

    tokens: TokenIssuer
    devices: DeviceCodes
    _codes: dict[str, Grant] = field(default_factory=dict)
    _refreshes: dict[str, Grant] = field(default_factory=dict)

    def routes(self) -> list[Route]:
        """Where Entra has them."""
        return [
            Route("/{tenant:uuid}/oauth2/v2.0/authorize", self.authorize, methods=["GET"]),
            Route("/{tenant:uuid}/oauth2/v2.0/authorize", self.choose, methods=["POST"]),
            Route("/{tenant:uuid}/oauth2/v2.0/token", self.token, methods=["POST", "OPTIONS"]),
            Route("/{tenant:uuid}/oauth2/v2.0/logout", self.logout, methods=["GET"]),
            Route("/control/end-sessions", self.end_sessions, methods=["POST"]),
            *self.devices.routes(),
        ]

    async def authorize(self, request: Request) -> Response:
        """The page on which a person says who they are. It changes nothing."""
        asked = dict(request.query_params)
        try:
            _check(asked)
        except Refused as problem:
            return html(refusal_page(str(problem)), HTTPStatus.BAD_REQUEST)
        return html(people_page(self.tokens.directory, asked))

    async def choose(self, request: Request) -> Response:
        """A person was chosen: back to the application with a code."""
        form = await form_of(request)
        person = form.pop("person", "")
        try:
            _check(form)
            if person not in self.tokens.directory.people:
                raise Refused("invalid_request", f"There is nobody called {person!r} here.")
        except Refused as problem:
            return html(refusal_page(str(problem)), HTTPStatus.BAD_REQUEST)
        code = secrets.token_urlsafe(32)
        self._codes[code] = Grant(
            person=person,
            audience=audience_of(form["scope"]),
            scope=form["scope"],
            nonce=form.get("nonce", ""),
            redirect=form["redirect_uri"],
            challenge=form["code_challenge"],
            until=time.time() + CODE_LIFETIME_S,
        )
        back = urlencode({"code": code, "state": form.get("state", "")})
        return RedirectResponse(f"{form['redirect_uri']}?{back}", HTTPStatus.SEE_OTHER)

    async def token(self, request: Request) -> Response:
        """Tokens for a code or for a refresh token. Pages may call it, and each is good once."""
        if request.method == "OPTIONS":
            return Response(headers=readable_by_pages())
        form = await form_of(request)
        try:
            grant = self._granted(form)
        except Refused as problem:
            return refusal(problem, readable_by_pages())
        return JSONResponse(self._issued(grant), headers={**readable_by_pages(), "Cache-Control": "no-store"})

    async def logout(self, request: Request) -> Response:
        """There is no session here that could go on: back to the application."""
        back = request.query_params.get("post_logout_redirect_uri", "")
        if not _is_of_the_board(back, path="/"):
            return html(refusal_page("You are signed out."))
        return RedirectResponse(back, HTTPStatus.SEE_OTHER)

    async def end_sessions(self, _: Request) -> Response:
        """What an administrator does who revokes the sessions of everybody: refresh tokens are worth nothing."""
        ended = len(self._refreshes)
        self._refreshes.clear()
        return JSONResponse({"ended": ended})

    def _granted(self, form: dict[str, str]) -> Grant:
        if form.get("client_id") != BOARD_CLIENT_ID:
            raise Refused("invalid_client", f"client_id must be {BOARD_CLIENT_ID}.")
        kind = form.get("grant_type")
        if kind == GRANT_TYPE:
            return self.devices.granted(form)
        if kind == "refresh_token":
            return self._taken(self._refreshes, form.get("refresh_token", ""), "refresh token")
        if kind != "authorization_code":
            raise Refused("unsupported_grant_type", f"There is no grant_type {kind!r} here.")
        grant = self._taken(self._codes, form.get("code", ""), "code")
        if form.get("redirect_uri") != grant.redirect:
            raise Refused("invalid_grant", "The redirect_uri is not that for which the code was given.")
        verifier = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        if base64.urlsafe_b64encode(verifier).decode().rstrip("=") != grant.challenge:
            raise Refused("invalid_grant", "The code_verifier does not fit the code_challenge.")
        return grant

    def _taken(self, grants: dict[str, Grant], key: str, what: str) -> Grant:
        grant = grants.pop(key, None)
        if grant is None or grant.until < time.time():
            raise Refused("invalid_grant", f"This {what} was used before, has ended, or was never given.")
        return grant

    def _issued(self, grant: Grant) -> dict[str, object]:
        refresh = secrets.token_urlsafe(48)
        until = time.time() + REFRESH_LIFETIME_S
        self._refreshes[refresh] = replace(grant, challenge="", nonce="", until=until)
        asked = TokenRequest(person=grant.person, audience=grant.audience)
        return {
            "token_type": "Bearer",  # nosec B105 # a kind of token
            "scope": grant.scope,
            "expires_in": PERSON_LIFETIME_S,
            "access_token": self.tokens.for_person(asked, BOARD_CLIENT_ID),
            "id_token": self.tokens.identifying(grant.person, BOARD_CLIENT_ID, grant.nonce),
            "refresh_token": refresh,
            "client_info": self.tokens.client_info(grant.person),
        }


def readable_by_pages() -> dict[str, str]:
    """Pages of other origins may read the answer; it needs no cookie, so none is let in."""
    return {
        "Access-Control-Allow-Origin": "*",
        "Access-Control-Allow-Methods": "GET, POST, OPTIONS",
        "Access-Control-Allow-Headers": "content-type",
    }


def _check(asked: dict[str, str]) -> None:
    if asked.get("client_id") != BOARD_CLIENT_ID:
        raise Refused("invalid_request", f"There is no application {asked.get('client_id', '')!r} here.")
    if not _is_of_the_board(asked.get("redirect_uri", ""), path=RETURN_PATH):
        raise Refused("invalid_request", f"The redirect_uri must be {RETURN_PATH} on this machine.")
    if asked.get("response_type") != "code":
        raise Refused("unsupported_response_type", "The response_type must be code.")
    if asked.get("code_challenge_method") != "S256" or not asked.get("code_challenge"):
        raise Refused("invalid_request", "A code_challenge by S256 is needed (PKCE).")
    if not audience_of(asked.get("scope", "")):
        raise Refused("invalid_scope", f"The scope must name an API: <its address>{API_SCOPE}.")


def _is_of_the_board(address: str, *, path: str) -> bool:
    parts = urlsplit(address)
    return parts.scheme == "http" and parts.hostname in _LOOPBACK and parts.path == path and not parts.query
