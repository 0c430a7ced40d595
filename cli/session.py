"""What every command shares: where the app is, who is asking, and how things are printed."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import typer
from rich.console import Console

from cli.api import ApiError, ReleaseApi

console = Console(highlight=False)
errors = Console(stderr=True, highlight=False)


@dataclass(frozen=True)
class Session:
    """Options given before the command."""

    url: str
    token: str = field(repr=False)
    token_file: Path | None

    def api(self) -> ReleaseApi:
        """A client; the caller closes it. Raises ApiError when address or token are missing."""
        if not self.url:
            raise ApiError("no address: set SWITCHYARD_URL, or give --url https://<function app>")
        return ReleaseApi(self.url, self._token())

    def _token(self) -> str:
        if self.token_file is None:
            token = self.token
        else:
            try:
                token = self.token_file.read_text(encoding="utf-8")
            except (OSError, UnicodeDecodeError) as error:
                raise ApiError(f"{self.token_file} cannot be read: {error}") from error
        token = token.strip()
        if not token:
            raise ApiError("no token: set SWITCHYARD_TOKEN, or give --token-file FILE")
        if not token.isascii() or any(character.isspace() for character in token):
            raise ApiError("the token is not one: give the access token alone, without quotes or line breaks")
        return token


@contextmanager
def talking(context: typer.Context) -> Iterator[ReleaseApi]:
    """The API for one command; an ApiError is printed and ends the command with status 1."""
    session: Session = context.obj
    try:
        with session.api() as api:
            yield api
    except ApiError as error:
        errors.print("Error:", style="bold red", end=" ")
        errors.print(str(error), markup=False, soft_wrap=True)
        raise typer.Exit(1) from error
