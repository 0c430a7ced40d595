"""Tokens as Entra makes them, and requests and messages as the Functions host hands them over."""

import json
import time
from collections.abc import Awaitable, Callable
from typing import Any

import azure.functions as func
import jwt
from azure.functions.servicebus import ServiceBusMessage
from cryptography.hazmat.primitives.asymmetric import rsa

from functions.triggers import TRIGGERS

TENANT = "11111111-1111-1111-1111-111111111111"
GROUP_ID = "22222222-0000-4000-8000-000000000001"
PERSON_ID = "33333333-0000-4000-8000-000000000002"
ISSUER = f"https://login.microsoftonline.com/{TENANT}/v2.0"
AUDIENCE = "api://switchyard"


def _functions() -> dict[str, Callable[[Any], Awaitable[Any]]]:
    app = func.FunctionApp()
    for trigger in TRIGGERS:
        trigger.register(app)
    return {each.get_function_name(): each.get_user_function() for each in app.get_functions()}


_FUNCTIONS = _functions()


def function(name: str) -> Callable[[Any], Awaitable[Any]]:
    """What the host calls as the function of this name."""
    return _FUNCTIONS[name]


class Signer:
    """A signing key and its id."""

    def __init__(self, kid: str) -> None:
        self.kid = kid
        self._key = rsa.generate_private_key(public_exponent=65537, key_size=2048)

    def public_jwk(self) -> dict[str, Any]:
        """The public half, as a key set has it."""
        jwk: dict[str, Any] = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(self._key.public_key()))
        return {**jwk, "kid": self.kid, "use": "sig", "alg": "RS256"}

    def token(self, *, without: tuple[str, ...] = (), **changes: Any) -> str:
        """An engineer's access token; `changes` are other claims, `without` those that are left out."""
        now = int(time.time())
        claims: dict[str, Any] = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "tid": TENANT,
            "oid": PERSON_ID,
            "iat": now - 60,
            "nbf": now - 60,
            "exp": now + 600,
            "name": "Person 2",
            "preferred_username": "person2@example.com",
            "scp": "access_as_user",
            "groups": [GROUP_ID],
            **changes,
        }
        kept = {name: value for name, value in claims.items() if name not in without}
        return jwt.encode(kept, self._key, algorithm="RS256", headers={"kid": self.kid})


def request(
    token: str | None,
    body: object = None,
    *,
    method: str = "GET",
    content_type: str = "application/json",
    raw: bytes | None = None,
    query: dict[str, str] | None = None,
    **route: str,
) -> func.HttpRequest:
    """A request with `body` as JSON, or `raw` as it is."""
    headers = {"content-type": content_type}
    if token is not None:
        headers["authorization"] = f"Bearer {token}"
    data = raw if raw is not None else json.dumps(body).encode() if body is not None else b""
    return func.HttpRequest(
        method=method,
        url="http://127.0.0.1/api/releases",
        headers=headers,
        params=query or {},
        route_params=route,
        body=data,
    )


def message(body: str | bytes, message_id: str = "m-1", **properties: str) -> ServiceBusMessage:
    """A message as the worker decodes it; `properties` are application properties."""
    data = body.encode() if isinstance(body, str) else body
    return ServiceBusMessage(
        body=data, message_id=message_id, application_properties=dict(properties), user_properties=dict(properties)
    )


def answered(response: func.HttpResponse, status: int) -> dict[str, Any]:
    """The JSON of an answer with this status; a problem must be one of RFC 9457 and say what to do."""
    body: dict[str, Any] = json.loads(response.get_body())
    assert response.status_code == status, body
    if status >= 400:
        assert response.mimetype == "application/problem+json"
        assert set(body) == {"type", "title", "status", "detail"}
        assert body["status"] == status
        assert body["detail"]
    else:
        assert response.mimetype == "application/json"
        assert response.headers["Cache-Control"] == "no-store"
    return body
