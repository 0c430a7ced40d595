"""The tokens clients put on ``$cbs``.

Source: Azure, "Generate a Shared Access Signature token" and RFC 7519. A token must have the right form and not be
expired. Its signature counts as far as the broker knows what to check it with: the keys of shared access signatures,
the key set of identity tokens. Without those the form is enough, so that a test needs no secrets.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

from local.servicebus.errors import ServiceBusError, server_busy, unauthorized

if TYPE_CHECKING:
    import jwt

TOKEN_TYPES = ("servicebus.windows.net:sastoken", "jwt")
_SAS_PREFIX = "SharedAccessSignature "
_SAS_FIELDS = ("sr", "sig", "se", "skn")


AUDIENCES = ["https://servicebus.azure.net", "https://servicebus.azure.net/"]


class TokenChecker:
    """Checks tokens. ``keys`` are those of shared access signatures, by name."""

    def __init__(self, keys: Mapping[str, str] | None = None, jwks_url: str | None = None) -> None:
        self._keys = dict(keys or {})
        self._jwks_url = jwks_url
        self._key_set: jwt.PyJWKClient | None = None

    def check(self, kind: str, token: Any, now: float) -> str | None:
        """The identity token whose signature ``verify`` still has to check, if there is one. Raises ServiceBusError."""
        text = check_form(kind, token, now)
        if not text.startswith(_SAS_PREFIX):
            return text if self._jwks_url else None
        if self._keys:
            _check_signature(text, self._keys)
        return None

    async def verify(self, token: str) -> None:
        """Check the signature and the audience of an identity token. Raises ServiceBusError."""
        import jwt  # with its cryptography a third of the broker's memory; most clients send signatures

        if self._key_set is None:
            self._key_set = jwt.PyJWKClient(str(self._jwks_url), lifespan=3600, timeout=5)
        try:
            signing = await asyncio.to_thread(self._key_set.get_signing_key_from_jwt, token)
            jwt.decode(token, signing.key, algorithms=["RS256"], audience=AUDIENCES)
        except jwt.PyJWKClientConnectionError as error:
            raise server_busy(f"The signing keys cannot be read: {error}") from error
        except jwt.PyJWTError as error:
            raise unauthorized(f"InvalidSignature: {error}.") from error


def check_form(kind: str, token: Any, now: float) -> str:
    """The token as text. Raises ServiceBusError when it is of no known kind, malformed, or expired at ``now``."""
    text = token.decode("ascii", "replace") if isinstance(token, bytes) else token
    if not isinstance(text, str):
        raise unauthorized("The body of a put-token request must be the token as a string.")
    if kind not in TOKEN_TYPES:
        raise unauthorized(f"The token type {kind!r} is not known; use one of {', '.join(TOKEN_TYPES)}.")
    # By its look, not by its type: the client calls a shared access signature "jwt" as well.
    expires_at = _sas_expiry(text) if text.startswith(_SAS_PREFIX) else _jwt_expiry(text)
    if expires_at <= now:
        raise unauthorized("ExpiredToken: the token has expired; put a new one.")
    return text


def _check_signature(token: str, keys: Mapping[str, str]) -> None:
    fields = dict(part.partition("=")[::2] for part in token.removeprefix(_SAS_PREFIX).split("&"))
    decoded = {name: values[0] for name, values in parse_qs(token.removeprefix(_SAS_PREFIX)).items()}
    key = keys.get(decoded["skn"])
    if key is None:
        raise unauthorized(f"InvalidSignature: there is no key named {decoded['skn']!r}.")
    signed = f"{fields['sr']}\n{fields['se']}"  # as they stand in the token, still encoded
    expected = base64.b64encode(hmac.new(key.encode(), signed.encode(), hashlib.sha256).digest()).decode()
    if not hmac.compare_digest(expected, decoded["sig"]):
        raise unauthorized("InvalidSignature: the token is not signed with the key it names.")


def _sas_expiry(token: str) -> float:
    fields = parse_qs(token.removeprefix(_SAS_PREFIX))
    missing = [name for name in _SAS_FIELDS if name not in fields]
    if missing:
        raise _malformed(f"a shared access signature needs the fields {', '.join(_SAS_FIELDS)}")
    try:
        return float(fields["se"][0])
    except ValueError as error:
        raise _malformed("the field 'se' is not a time in seconds") from error


def _jwt_expiry(token: str) -> float:
    parts = token.split(".")
    if len(parts) != 3:
        raise _malformed("a JSON web token has three parts")
    try:
        claims = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
        return float(claims["exp"])
    except (binascii.Error, ValueError, KeyError, TypeError) as error:
        raise _malformed("the claims of the JSON web token cannot be read or have no 'exp'") from error


def _malformed(what: str) -> ServiceBusError:
    return unauthorized(f"MalformedToken: {what}.")
