"""Access tokens with the claims of Entra ID, signed by a local key.

Claims and their meaning: Microsoft identity platform, "access token claims reference". In Azure the issuer is
`https://login.microsoftonline.com/{tid}/v2.0`; here it is `http://127.0.0.1:PORT/{tid}/v2.0`.
"""

from __future__ import annotations

import base64
import hashlib
import json
import time
import uuid
from dataclasses import dataclass
from typing import Any

import jwt
from pydantic import BaseModel, ConfigDict

from local.identity.keys import KeyStore
from local.identity.people import Directory, Person, user_name

PERSON_LIFETIME_S = 3600
MANAGED_IDENTITY_LIFETIME_S = 24 * 3600  # what Azure hands out to a managed identity
CLOCK_SKEW_S = 300  # Entra dates nbf and iat back a little
CLI_CLIENT_ID = "55555555-0000-4000-8000-000000000001"


class UnknownPerson(LookupError):
    """people.json has no person and no service of that name."""


class TokenRequest(BaseModel):
    """Who asks for which API; the rest is for tests that need a token Entra would issue to somebody else."""

    model_config = ConfigDict(extra="forbid")

    person: str
    audience: str = "api://switchyard"
    groups: list[str] | None = None  # names from people.json or object ids
    roles: list[str] | None = None
    expires_in: int = PERSON_LIFETIME_S  # seconds; negative for a token that has expired
    tenant: uuid.UUID | None = None
    overage: bool = False  # too many groups for a token: Entra sends a pointer to Graph instead


class ServiceTokenRequest(BaseModel):
    """Which service asks for which API; `roles` replaces what people.json says."""

    model_config = ConfigDict(extra="forbid")

    service: str
    audience: str = "api://switchyard"
    roles: list[str] | None = None
    expires_in: int = PERSON_LIFETIME_S


@dataclass(frozen=True)
class TokenIssuer:
    keys: KeyStore
    directory: Directory
    base: str  # http://127.0.0.1:PORT

    def issuer(self, tenant: uuid.UUID | str) -> str:
        return f"{self.base}/{tenant}/v2.0"

    def for_person(self, request: TokenRequest, client_id: str = CLI_CLIENT_ID) -> str:
        """A delegated token, for whoever signs in with this application. Raises `UnknownPerson`."""
        person = self._person(request.person)
        tenant = request.tenant or self.directory.tenant
        claims: dict[str, Any] = {
            **self._frame(request.audience, str(person.oid), tenant, request.expires_in),
            "name": person.name,
            "preferred_username": user_name(request.person),
            "scp": "access_as_user",
            "azp": client_id,
            "azpacr": "0",
            **self._memberships(person, request),
        }
        return self._sign(claims)

    def identifying(self, person: str, client_id: str, nonce: str) -> str:
        """An ID token: it tells the application who signed in, and is good for no API. Raises `UnknownPerson`."""
        known = self._person(person)
        claims = {
            **self._frame(client_id, str(known.oid), self.directory.tenant, PERSON_LIFETIME_S),
            "name": known.name,
            "preferred_username": user_name(person),
            **({"nonce": nonce} if nonce else {}),
        }
        return self._sign(claims)

    def client_info(self, person: str) -> str:
        """Which account it is, for the client's own list of accounts: base64 without padding, as Entra sends it."""
        account = {"uid": str(self._person(person).oid), "utid": str(self.directory.tenant)}
        return base64.urlsafe_b64encode(json.dumps(account).encode()).decode().rstrip("=")

    def for_managed_identity(self, resource: str) -> tuple[str, int]:
        """An app-only token and when it ends, in seconds since 1970."""
        identity = self.directory.managed_identity
        claims = {
            **self._frame(resource, str(identity.oid), self.directory.tenant, MANAGED_IDENTITY_LIFETIME_S),
            "idtyp": "app",
            "azp": str(identity.client_id),
            "appid": str(identity.client_id),
            "app_displayname": identity.name,
        }
        return self._sign(claims), claims["exp"]

    def for_service(self, request: ServiceTokenRequest) -> str:
        """An app-only token with app roles. Raises `UnknownPerson`."""
        service = self.directory.services.get(request.service)
        if service is None:
            known = ", ".join(sorted(self.directory.services))
            raise UnknownPerson(f"There is no {request.service!r}; the services are {known}.")
        claims: dict[str, Any] = {
            **self._frame(request.audience, str(service.oid), self.directory.tenant, request.expires_in),
            "idtyp": "app",
            "azp": str(service.client_id),
            "azpacr": "2",
            "app_displayname": service.name,
        }
        roles = list(service.roles if request.roles is None else request.roles)
        return self._sign({**claims, "roles": roles} if roles else claims)

    def _person(self, name: str) -> Person:
        person = self.directory.people.get(name)
        if person is None:
            known = ", ".join(sorted(self.directory.people))
            raise UnknownPerson(f"There is no {name!r}; the demo people are {known}.")
        return person

    def _memberships(self, person: Person, request: TokenRequest) -> dict[str, Any]:
        """Entra leaves a claim out rather than sending it empty."""
        claims: dict[str, Any] = {}
        groups = self.directory.group_ids(person.groups if request.groups is None else request.groups)
        roles = list(person.roles if request.roles is None else request.roles)
        if request.overage:
            graph = f"https://graph.microsoft.com/v1.0/users/{person.oid}/getMemberObjects"
            claims["_claim_names"] = {"groups": "src1"}
            claims["_claim_sources"] = {"src1": {"endpoint": graph}}
        elif groups:
            claims["groups"] = groups
        if roles:
            claims["roles"] = roles
        return claims

    def _frame(self, audience: str, oid: str, tenant: uuid.UUID, lifetime_s: int) -> dict[str, Any]:
        now = int(time.time())
        pairwise = hashlib.sha256(f"{oid}|{audience}".encode()).hexdigest()[:43]
        return {
            "aud": audience,
            "iss": self.issuer(tenant),
            "tid": str(tenant),
            "oid": oid,
            "sub": pairwise,
            "iat": now - CLOCK_SKEW_S,
            "nbf": now - CLOCK_SKEW_S,
            "exp": now + lifetime_s,
            "uti": uuid.uuid4().hex[:22],
            "ver": "2.0",
        }

    def _sign(self, claims: dict[str, Any]) -> str:
        key = self.keys.signing
        return jwt.encode(claims, key.private, algorithm="RS256", headers={"kid": key.kid})
