"""What every command shares: where the app is, who is asking, and how things are printed."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import typer
from rich.console import Console

from cli import entra
from cli.api import ApiError, ReleaseApi
from cli.kept import Keeper
from cli.typed import COMMAND

TOKEN_VARIABLE = "SWITCHYARD_TOKEN"  # nosec B105 # its name

console = Console(highlight=False)
errors = Console(stderr=True, highlight=False)


@dataclass(frozen=True)
class Session:
    """Options given before the command, and what is kept on this machine."""

    url: str
    token: str = field(repr=False)
    token_file: Path | None
    keeper: Keeper = field(default_factory=Keeper)

    @property
    def gives_a_token(self) -> bool:
        """True when a token was given; it goes before a sign-in."""
        return self.token_file is not None or bool(self.token.strip())

    def address(self) -> str:
        """The app's address: as given, or where somebody signed in last. Raises ApiError."""
        if url := self.url or self.keeper.last:
            return url
        raise ApiError(
            "no address: set SWITCHYARD_URL, or give --url https://<function app>; "
            f"`{COMMAND} --url <address> login` remembers it"
        )

    def api(self) -> ReleaseApi:
        """A client; the caller closes it. Raises ApiError when address or token are missing."""
        url = self.address()
        return ReleaseApi(url, self._token(url))

    def current_token(self) -> str:
        """The token that the app would be asked with now. Raises ApiError."""
        token = self._token(self.address())
        return token if isinstance(token, str) else token()

    def _token(self, url: str) -> str | Callable[[], str]:
        if not self.gives_a_token:
            return entra.signed_in(url, self.keeper)
        token = self.token
        if self.token_file is not None:
            try:
                token = self.token_file.read_text(encoding="utf-8")
            except (OSError, UnicodeDecodeError) as error:
                raise ApiError(f"{self.token_file} cannot be read: {error}") from error
        token = token.strip()
        if not token:
            raise ApiError(f"no token: set {TOKEN_VARIABLE}, or give --token-file FILE")
        if not token.isascii() or any(character.isspace() for character in token):
            raise ApiError("the token is not one: give the access token alone, without quotes or line breaks")
        return token


@contextmanager
def telling() -> Iterator[None]:
    """An ApiError is printed and ends the command with status 1."""
    try:
        yield
    except ApiError as error:
        errors.print("Error:", style="bold red", end=" ")
        errors.print(str(error), markup=False, soft_wrap=True)
        raise typer.Exit(1) from error


@contextmanager
def talking(context: typer.Context) -> Iterator[ReleaseApi]:
    """The API for one command; an ApiError is printed and ends the command with status 1."""
    session: Session = context.obj
    with telling(), session.api() as api:
        yield api
