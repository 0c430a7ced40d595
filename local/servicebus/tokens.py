"""The form of the tokens clients put on ``$cbs``.

Source: Azure, "Generate a Shared Access Signature token" and RFC 7519. The local cloud has no secrets to
protect: a token must look right and not be expired, its signature is not checked.
"""

from __future__ import annotations

import base64
import binascii
import json
from typing import Any
from urllib.parse import parse_qs

from local.servicebus.errors import ServiceBusError, unauthorized

TOKEN_TYPES = ("servicebus.windows.net:sastoken", "jwt")
_SAS_PREFIX = "SharedAccessSignature "
_SAS_FIELDS = ("sr", "sig", "se", "skn")


def check_token(kind: str, token: Any, now: float) -> None:
    """Raises ServiceBusError when a token is of no known kind, malformed, or expired at ``now``."""
    text = token.decode("ascii", "replace") if isinstance(token, bytes) else token
    if not isinstance(text, str):
        raise unauthorized("The body of a put-token request must be the token as a string.")
    if kind not in TOKEN_TYPES:
        raise unauthorized(f"The token type {kind!r} is not known; use one of {', '.join(TOKEN_TYPES)}.")
    # By its look, not by its type: the client calls a shared access signature "jwt" as well.
    expires_at = _sas_expiry(text) if text.startswith(_SAS_PREFIX) else _jwt_expiry(text)
    if expires_at <= now:
        raise unauthorized("ExpiredToken: the token has expired; put a new one.")


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
