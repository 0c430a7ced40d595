"""Who may send: HMAC of Azure Communication Services, bearer tokens, addresses with a signature, signed webhooks.

Sources: "HMAC header signing" of Azure Communication Services; the specification of Standard Webhooks.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import hashlib
import hmac
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from urllib.parse import unquote

import jwt

AUDIENCES = ["https://communication.azure.com", "https://communication.azure.com/"]
CLOCK_APART_S = 300
"""How far a signed time may be from now."""

_SIGNED = "x-ms-date;host;x-ms-content-sha256"


class Unauthorized(Exception):
    """The credentials are not good; the text says why."""


class MailAuthenticator:
    """Checks requests to the mail service: signed with the access key, or with a token of the identity part."""

    def __init__(self, access_key: str, jwks_url: str | None = None) -> None:
        self._key = base64.b64decode(access_key)
        self._keys = jwt.PyJWKClient(jwks_url, lifespan=3600, timeout=5) if jwks_url else None

    async def check(self, method: str, host: str, path: str, headers: Mapping[str, str], body: bytes) -> None:
        """`host` as the client knows it; `path` with its query, as it was sent. Raises Unauthorized."""
        scheme, _, credential = headers.get("authorization", "").partition(" ")
        if scheme == "HMAC-SHA256":
            self._check_signature(f"{method}\n{unquote(path)}", host, headers, body, credential)
        elif scheme.lower() == "bearer" and self._keys is not None:
            await self._check_token(credential)
        else:
            raise Unauthorized("Sign the request with HMAC-SHA256, or send a bearer token.")

    def _check_signature(self, asked: str, host: str, headers: Mapping[str, str], body: bytes, credential: str) -> None:
        if _apart_s(headers.get("x-ms-date", "")) > CLOCK_APART_S:
            raise Unauthorized("x-ms-date is missing, or more than five minutes from now.")
        digest = base64.b64encode(hashlib.sha256(body).digest()).decode()
        if headers.get("x-ms-content-sha256") != digest:
            raise Unauthorized("x-ms-content-sha256 is not the hash of the body.")
        signed, _, signature = credential.partition("&Signature=")
        if signed != f"SignedHeaders={_SIGNED}":
            raise Unauthorized(f"Sign the headers {_SIGNED}.")
        text = f"{asked}\n{headers['x-ms-date']};{host};{digest}"
        expected = base64.b64encode(hmac.new(self._key, text.encode(), hashlib.sha256).digest()).decode()
        if not hmac.compare_digest(expected, signature):
            raise Unauthorized("The signature is not that of the access key.")

    async def _check_token(self, token: str) -> None:
        assert self._keys is not None  # nosec B101 # for the type checker
        try:
            signing = await asyncio.to_thread(self._keys.get_signing_key_from_jwt, token)
            jwt.decode(
                token, signing.key, algorithms=["RS256"], audience=AUDIENCES, options={"require": ["exp", "aud"]}
            )
        except jwt.PyJWTError as problem:
            raise Unauthorized(f"The bearer token is not valid: {problem}") from problem


def check_webhook(headers: Mapping[str, str], body: bytes, secret: str) -> str:
    """The id of a signed webhook. Raises Unauthorized."""
    message_id, seconds = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    if not message_id or not seconds.isdecimal():
        raise Unauthorized("webhook-id and webhook-timestamp are missing.")
    if abs(time.time() - int(seconds)) > CLOCK_APART_S:
        raise Unauthorized("webhook-timestamp is more than five minutes from now.")
    try:
        key = base64.b64decode(secret.removeprefix("whsec_"), validate=True)
    except binascii.Error as problem:
        raise Unauthorized("The secret of this webhook is not Base64.") from problem
    signed = hmac.new(key, f"{message_id}.{seconds}.".encode() + body, hashlib.sha256).digest()
    wanted = f"v1,{base64.b64encode(signed).decode()}"
    if not any(hmac.compare_digest(wanted, each) for each in headers.get("webhook-signature", "").split(" ")):
        raise Unauthorized("webhook-signature is not that of the secret.")
    return message_id


def _apart_s(text: str) -> float:
    try:
        at = parsedate_to_datetime(text)
    except ValueError:
        return CLOCK_APART_S + 1
    return abs((datetime.now(UTC) - at.replace(tzinfo=at.tzinfo or UTC)).total_seconds())
