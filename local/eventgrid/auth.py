"""Who may publish on a custom topic: a client that sends its key, a token signed with the key, or a bearer token.

Sources: "Authenticate publishing clients" (Event Grid docs); the form of the signed token is that of
`azure.eventgrid.generate_sas`. With a key set, signature, end and audience of a bearer token are checked; without one
it has to be a JWT that has not ended.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping
from datetime import UTC, datetime
from urllib.parse import parse_qs, unquote

import jwt

from local.eventgrid.config import Topic

AUDIENCES = ["https://eventgrid.azure.net", "https://eventgrid.azure.net/"]


class Unauthorized(Exception):
    """The credentials are not good; the text says why."""


class KeysUnavailable(Exception):
    """The signing keys of bearer tokens cannot be read now."""


class Authenticator:
    """Checks the credentials of a publish request."""

    def __init__(self, jwks_url: str | None = None) -> None:
        self._keys = jwt.PyJWKClient(jwks_url, lifespan=3600, timeout=5) if jwks_url else None

    async def check(self, headers: Mapping[str, str], topic: Topic) -> None:
        """Return if the headers (by lower-case name) let a client publish. Raises Unauthorized, KeysUnavailable."""
        if (key := headers.get("aeg-sas-key")) is not None:
            if not hmac.compare_digest(key.encode(), topic.key.encode()):
                raise Unauthorized("The aeg-sas-key is not the key of this topic.")
            return
        if (token := headers.get("aeg-sas-token")) is not None:
            check_signed_token(token, topic.key, datetime.now(UTC))
            return
        scheme, _, token = headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            raise Unauthorized("Send an aeg-sas-key or aeg-sas-token header, or a bearer token.")
        await self._check_bearer(token)

    async def _check_bearer(self, token: str) -> None:
        try:
            if self._keys is None:
                jwt.decode(token, options={"verify_signature": False, "verify_exp": True})
                return
            signing = await asyncio.to_thread(self._keys.get_signing_key_from_jwt, token)
            jwt.decode(
                token, signing.key, algorithms=["RS256"], audience=AUDIENCES, options={"require": ["exp", "aud"]}
            )
        except jwt.PyJWKClientConnectionError as problem:
            raise KeysUnavailable(f"The signing keys cannot be read: {problem}") from problem
        except jwt.ExpiredSignatureError as problem:
            raise Unauthorized("The bearer token has expired.") from problem
        except jwt.PyJWTError as problem:
            raise Unauthorized(f"The bearer token is not valid: {problem}") from problem


def check_signed_token(token: str, key: str, now: datetime) -> None:
    """`r=<resource>&e=<end>&s=<signature>`, signed with a base64 key. Raises Unauthorized."""
    signed, separator, signature = token.rpartition("&s=")
    end = parse_qs(signed).get("e", [""])[0]
    if not separator or not end:
        raise Unauthorized("The aeg-sas-token is not of the form r=...&e=...&s=...")
    try:
        expected = hmac.new(base64.b64decode(key, validate=True), signed.encode(), hashlib.sha256).digest()
    except binascii.Error as problem:
        raise Unauthorized("The key of this topic is not base64, so that nothing can be signed with it.") from problem
    if not hmac.compare_digest(base64.b64encode(expected).decode(), unquote(signature)):
        raise Unauthorized("The aeg-sas-token is not signed with the key of this topic.")
    if _moment(end) <= now:
        raise Unauthorized("The aeg-sas-token has expired.")


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as problem:
        raise Unauthorized(f"The aeg-sas-token ends at {text!r}, which is no time.") from problem
    return moment.replace(tzinfo=moment.tzinfo or UTC)
