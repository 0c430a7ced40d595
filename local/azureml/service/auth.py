"""Who is calling: the bearer token of a request.

With a key set the signature, the expiry and the audience are checked (audiences the client asks for:
docs/azure-facts.md#tokens); without one, the token only has to be a well-formed JWT.
"""

from __future__ import annotations

import asyncio

import jwt

from local.azureml.service.documents import Application
from local.azureml.service.errors import ArmError

AUDIENCES = [
    "https://management.azure.com",
    "https://management.azure.com/",
    "https://ml.azure.com",
    "https://ml.azure.com/",
]
_NAME_CLAIMS = ("upn", "preferred_username", "name", "oid", "appid")
_ANYONE = "unknown"


class Authenticator:
    """Reads the caller's name from a token."""

    def __init__(self, jwks_url: str | None) -> None:
        self._keys = jwt.PyJWKClient(jwks_url, cache_keys=True) if jwks_url else None

    async def caller(self, authorization: str | None) -> str:
        """The name in an `Authorization` header. Raises `ArmError` 401, or 503 if the keys cannot be fetched."""
        scheme, _, token = (authorization or "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise _refused("The request has no bearer token.")
        try:
            claims = await self._claims(token)
        except jwt.PyJWKClientConnectionError as problem:
            raise ArmError(503, "AuthenticationUnavailable", f"The signing keys cannot be read: {problem}") from problem
        except jwt.PyJWTError as problem:
            raise _refused(f"The access token is not valid: {problem}") from problem
        name = next((str(claims[name]) for name in _NAME_CLAIMS if claims.get(name)), _ANYONE)
        return Application(name) if claims.get("idtyp") == "app" else name

    async def _claims(self, token: str) -> dict[str, object]:
        if self._keys is None:
            return jwt.decode(token, options={"verify_signature": False})
        key = await asyncio.to_thread(self._keys.get_signing_key_from_jwt, token)
        return jwt.decode(
            token,
            key.key,
            algorithms=["RS256"],
            audience=AUDIENCES,
            options={"require": ["exp", "aud"]},
        )


def _refused(message: str) -> ArmError:
    return ArmError(401, "AuthenticationFailed", message, headers={"WWW-Authenticate": "Bearer"})
