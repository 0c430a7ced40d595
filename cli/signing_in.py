"""Commands for who you are: login, logout, whoami."""

import base64
import binascii
import json
from datetime import UTC, datetime
from typing import Any

import typer

from cli import entra
from cli.api import ApiError, ReleaseApi
from cli.kept import Kept
from cli.printing import say
from cli.reading import AsJson, print_json
from cli.session import TOKEN_VARIABLE, Session, errors, telling
from cli.show import clock
from cli.typed import COMMAND
from cli.views import printable


def login(context: typer.Context) -> None:
    """Sign in with a code that you type in a browser. It is renewed by itself, and kept on this machine for you."""
    session: Session = context.obj
    with telling():
        url = session.address()
        with ReleaseApi(url, "") as api:
            settings = api.sign_in_settings()
        if settings.client_id is None:
            raise ApiError(f"nobody can sign in at {url}: its setting BOARD_CLIENT_ID is not set")
        kept = Kept(authority=settings.authority, client_id=settings.client_id, scope=settings.scope, cache="")
        who = entra.sign_in(url, kept, session.keeper, lambda text: say(text))
        say(f"Signed in as {_name(who)} at {url}.")
        if session.token or session.token_file:
            given = TOKEN_VARIABLE if session.token else "--token-file"
            errors.print(f"{given} is set and goes before: unset it to be who you signed in as.", style="yellow")


def logout(context: typer.Context) -> None:
    """Forget the sign-in on this machine. Your browser's own session goes on."""
    session: Session = context.obj
    with telling():
        url = session.address()
        forgotten = session.keeper.forget(url)
        say(f"Signed out of {url}." if forgotten else f"Nobody was signed in at {url}.")


def whoami(context: typer.Context, as_json: AsJson = False) -> None:
    """Show who you are to the app, by your token: your name, roles and groups, and until when."""
    session: Session = context.obj
    with telling():
        url, claims = session.address(), _claims(session.current_token())
        if as_json:
            print_json({"url": url, **claims})
            return
        say(f"{_name(claims)} at {url}")
        for name in ("roles", "groups"):
            if held := claims.get(name):
                say(f"{name}: {', '.join(map(printable, map(str, held)))}")
        if isinstance(until := claims.get("exp"), int):
            renewed = "" if session.gives_a_token else ", renewed by itself"
            say(f"until {clock(datetime.fromtimestamp(until, UTC))}{renewed}")


def _name(claims: dict[str, Any]) -> str:
    name, account = (printable(str(claims.get(each, ""))) for each in ("name", "preferred_username"))
    return f"{name} ({account})" if name and account else name or account or "somebody without a name"


def _claims(token: str) -> dict[str, Any]:
    """What the token says. Whether it is true is the app's to check."""
    try:
        part = token.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
        if not isinstance(claims, dict):
            raise ValueError("no claims")
    except (IndexError, ValueError, binascii.Error) as error:
        raise ApiError(f"the token cannot be read: get a new one, or use `{COMMAND} login`") from error
    return claims
