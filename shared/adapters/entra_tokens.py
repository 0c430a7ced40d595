"""Who is calling: verifies an Entra access token and turns it into an Actor.

Validation in code is what counts (R-SEC-8, R-SEC-12, R-SEC-13; docs/azure-facts.md#tokens-of-entra). Authority rests
on tenant and object id; groups count by object id and app roles by value, never names of people.
"""

import asyncio
import json
from collections.abc import Mapping, Sequence
from typing import Any

import jwt

from shared.contracts.auth_errors import Forbidden, KeysUnavailable, Unauthenticated
from shared.domain.release.model import Actor

SCOPE = "access_as_user"
"""The delegated permission of the API: a person signed in to a client that may call it."""

APP_ROLE = "Api.Call"
"""The application permission of the API: an application calls as itself. It never decides on a gate."""

LEEWAY_S = 60
"""How far the clocks of Entra and of this machine may be apart."""

KEYS_LIFESPAN_S = 3600
KEYS_TIMEOUT_S = 5
KEYS_COOLDOWN_S = 30
"""An unknown key id makes the keys be read again, at most this often: a forged id costs no request."""

TOKEN_CHARS_MAX = 16_384
"""Entra's tokens stay below: 200 groups of 36 characters and the claims around them."""

NAME_CHARS_MAX = 256

_REQUIRED = ["exp", "iat", "nbf", "iss", "aud", "tid", "oid"]
_SIGN_IN = "Sign in again and send the access token of this API as 'Authorization: Bearer <token>'."


class TokenVerifier:
    """Verifies tokens of one tenant for one API; `groups` gives the names of groups whose object ids may appear."""

    def __init__(
        self,
        *,
        issuers: Sequence[str],
        audiences: Sequence[str],
        tenant_id: str,
        jwks_uri: str,
        groups: Mapping[str, str],
    ) -> None:
        self._issuers = list(issuers)
        self._audiences = list(audiences)
        self._tenant_id = tenant_id.lower()
        self._group_names = {object_id.lower(): name for name, object_id in groups.items()}
        self._keys = jwt.PyJWKClient(
            jwks_uri,
            cache_keys=False,  # that cache never expires; the key set's own one does
            lifespan=KEYS_LIFESPAN_S,
            timeout=KEYS_TIMEOUT_S,
            cooldown_duration=KEYS_COOLDOWN_S,
        )

    async def verify(self, authorization_header: str | None) -> Actor:
        """The caller of a request. Raises Unauthenticated, Forbidden or KeysUnavailable."""
        claims = await self._verified(authorization_header)
        return self._actor(claims, is_person=_may_call(claims))

    async def verify_application(self, authorization_header: str | None, role: str) -> Actor:
        """An application with this app role, which is good for one thing only. Raises what `verify` raises."""
        claims = await self._verified(authorization_header)
        if _is_person(claims) or role not in _several(claims, "roles"):
            raise Forbidden(f"Only an application with the app role {role} may do this.")
        return self._actor(claims, is_person=False)

    async def _verified(self, authorization_header: str | None) -> dict[str, Any]:
        token = _bearer(authorization_header)
        key = await asyncio.to_thread(self._signing_key, token)
        return self._claims(token, key)

    def _actor(self, claims: Mapping[str, Any], *, is_person: bool) -> Actor:
        return Actor(
            object_id=str(claims["oid"]).lower(),
            tenant_id=self._tenant_id,
            name=_text(claims, "name", "app_displayname", "azp", "appid") or str(claims["oid"]),
            username=_text(claims, "preferred_username", "upn"),
            groups=self._groups(claims),
            is_person=is_person,
        )

    def _signing_key(self, token: str) -> Any:
        """The key that the token says it is signed with; reading the key set blocks, so this runs in a thread."""
        try:
            if jwt.get_unverified_header(token).get("alg") != "RS256":
                raise Unauthenticated(f"The access token is not signed with RS256. {_SIGN_IN}")
            return self._keys.get_signing_key_from_jwt(token).key
        except (jwt.PyJWKClientConnectionError, json.JSONDecodeError) as error:
            raise KeysUnavailable("The keys that sign access tokens cannot be read now: try again later.") from error
        except jwt.PyJWTError as error:
            raise Unauthenticated(f"The access token is malformed or its signing key is unknown. {_SIGN_IN}") from error

    def _claims(self, token: str, key: Any) -> dict[str, Any]:
        try:
            claims: dict[str, Any] = jwt.decode(
                token,
                key,
                algorithms=["RS256"],
                audience=self._audiences,
                issuer=self._issuers,
                leeway=LEEWAY_S,
                options={"require": _REQUIRED},
            )
        except jwt.ExpiredSignatureError as error:
            raise Unauthenticated(f"The access token has expired. {_SIGN_IN}") from error
        except jwt.InvalidAudienceError as error:
            raise Unauthenticated(
                f"The access token is for another API: ask for one for {self._audiences[0]}."
            ) from error
        except jwt.PyJWTError as error:
            raise Unauthenticated(f"The access token is not valid ({type(error).__name__}). {_SIGN_IN}") from error
        if str(claims["tid"]).lower() != self._tenant_id:
            raise Unauthenticated(f"The access token is of another tenant: sign in to tenant {self._tenant_id}.")
        return claims

    def _groups(self, claims: Mapping[str, Any]) -> tuple[str, ...]:
        """Names of groups and app roles, sorted; ids of groups that are not configured count for nothing.

        Where Entra left the groups out because they are too many, only app roles can say what the caller may do.
        """
        roles = {str(each) for each in _several(claims, "roles")} - {APP_ROLE}
        left_out = "groups" in (claims.get("_claim_names") or {}) or bool(claims.get("hasgroups"))
        if left_out and not roles:
            raise Forbidden(
                "You are in too many groups for a token to list them, so your rights cannot be seen. "
                "Ask an administrator to assign you the app role of your group in this API's enterprise application."
            )
        ids = [str(each).lower() for each in _several(claims, "groups")]
        return tuple(sorted(roles | {self._group_names[each] for each in ids if each in self._group_names}))


def _bearer(header: str | None) -> str:
    scheme, _, token = (header or "").partition(" ")
    token = token.strip()
    if scheme.lower() != "bearer" or not token:
        raise Unauthenticated(f"The request has no bearer token. {_SIGN_IN}")
    if len(token) > TOKEN_CHARS_MAX:
        raise Unauthenticated(f"The access token is longer than {TOKEN_CHARS_MAX} characters. {_SIGN_IN}")
    return token


def _may_call(claims: Mapping[str, Any]) -> bool:
    """True for a person, false for an application. Raises Forbidden for a caller without the API's permission."""
    is_person = _is_person(claims)
    if is_person and SCOPE not in str(claims["scp"]).split():
        raise Forbidden(f"The access token lacks the scope {SCOPE}: have the client ask for it and sign in again.")
    if not is_person and APP_ROLE not in _several(claims, "roles"):
        raise Forbidden(f"The application lacks the app role {APP_ROLE}: ask an administrator to assign it.")
    return is_person


def _is_person(claims: Mapping[str, Any]) -> bool:
    """A delegated token has scopes; one that an application got for itself has none."""
    return claims.get("idtyp") != "app" and bool(str(claims.get("scp") or "").split())


def _several(claims: Mapping[str, Any], name: str) -> list[Any]:
    """A claim that is a list; anything else counts as absent."""
    value = claims.get(name)
    return value if isinstance(value, list) else []


def _text(claims: Mapping[str, Any], *names: str) -> str:
    """The first of these claims that says something, as one line of at most NAME_CHARS_MAX printable characters.

    What is not printable includes control characters and the marks that turn the direction of text.
    """
    found = next((str(claims[name]) for name in names if claims.get(name)), "")
    return "".join(each for each in found if each.isprintable())[:NAME_CHARS_MAX]
