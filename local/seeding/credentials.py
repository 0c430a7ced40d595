"""Tokens of the demo people, from the identity part of a running local cloud."""

from __future__ import annotations

import time
from typing import Any

import httpx
from azure.core.credentials import AccessToken

from local.supervisor.cloud import CloudError
from local.supervisor.settings import API_AUDIENCE

LIFETIME_S = 3600


def token_of(identity: str, person: str, audience: str = API_AUDIENCE) -> str:
    """An access token of one of the demo people (local/identity/people.json). Raises `CloudError`."""
    body = {"person": person, "audience": audience, "expires_in": LIFETIME_S}
    try:
        answer = httpx.post(f"{identity}/demo/token", json=body, trust_env=False)
    except httpx.TransportError as problem:
        raise CloudError("The identity part does not answer: start the local cloud with `make up`.") from problem
    if answer.is_error:
        raise CloudError(str(answer.json()["error"]["message"]))
    return str(answer.json()["access_token"])


class PersonCredential:
    """One of the demo people as a credential of the Azure SDKs."""

    def __init__(self, identity: str, person: str) -> None:
        self._identity = identity
        self._person = person

    def get_token(self, *scopes: str, **_: Any) -> AccessToken:
        """The SDKs name an audience as `<audience>/.default`."""
        token = token_of(self._identity, self._person, scopes[0].removesuffix("/.default"))
        return AccessToken(token, int(time.time()) + LIFETIME_S)
