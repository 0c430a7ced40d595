"""What crosses our HTTP border for the board, version 1."""

from pydantic import Field

from shared.contracts.base import Contract


class BoardSettings(Contract):
    """How people sign in: authorization code with PKCE, by a public client. There is no secret in it."""

    authority: str = Field(description="Where OpenID Connect begins: its description is below /.well-known/.")
    client_id: str | None = Field(description="null while BOARD_CLIENT_ID is not set: nobody can sign in then.")
    scope: str
