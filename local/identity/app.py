"""HTTP face of the identity part: managed-identity endpoint, key set, demo tokens, key rotation.

Sources: App Service "REST endpoint reference" of managed identities (2019-08-01); OpenID Connect
Discovery 1.0; docs/local-cloud-contract.md for /health and /control.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TypeVar

from pydantic import ValidationError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from local.identity.device import DeviceCodes
from local.identity.sign_in import SignIn, readable_by_pages
from local.identity.tokens import ServiceTokenRequest, TokenIssuer, TokenRequest, UnknownPerson
from local.serving import REFUSALS, error, health, json_body

Asked = TypeVar("Asked", TokenRequest, ServiceTokenRequest)
MSI_API_VERSION = "2019-08-01"


@dataclass(frozen=True)
class IdentityApi:
    tokens: TokenIssuer
    identity_header: str = field(repr=False)  # what a process presents to get managed-identity tokens

    def app(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/health", health),
                Route("/msi/token", self.msi_token),
                Route("/{tenant:uuid}/v2.0/.well-known/openid-configuration", self.configuration),
                Route("/{tenant:uuid}/discovery/v2.0/keys", self.key_set),
                *SignIn(self.tokens, DeviceCodes(self.tokens)).routes(),
                Route("/demo/token", self.demo_token, methods=["POST"]),
                Route("/demo/service-token", self.service_token, methods=["POST"]),
                Route("/demo/people", self.demo_people),
                Route("/control/rotate", self.rotate, methods=["POST"]),
                Route("/control/retire", self.retire, methods=["POST"]),
            ],
            exception_handlers=REFUSALS,
        )

    async def msi_token(self, request: Request) -> Response:
        query = request.query_params
        if not secrets.compare_digest(request.headers.get("x-identity-header", ""), self.identity_header):
            return _msi_error(401, "The X-IDENTITY-HEADER header is missing or wrong: pass IDENTITY_HEADER on.")
        if query.get("api-version") != MSI_API_VERSION:
            return _msi_error(400, f"The api-version must be {MSI_API_VERSION}.")
        if not query.get("resource"):
            return _msi_error(400, "The query parameter 'resource' is missing.")
        identity = self.tokens.directory.managed_identity
        asked = query.get("client_id") or query.get("object_id") or query.get("principal_id")
        if "mi_res_id" in query or asked not in (None, str(identity.client_id), str(identity.oid)):
            return _msi_error(400, "No such identity is assigned to this app: only its own one exists locally.")
        token, expires_on = self.tokens.for_managed_identity(query["resource"])
        return JSONResponse(
            {
                "access_token": token,
                "expires_on": str(expires_on),
                "resource": query["resource"],
                "token_type": "Bearer",  # nosec B105 # a kind of token
                "client_id": str(identity.client_id),
            }
        )

    async def configuration(self, request: Request) -> Response:
        tenant = request.path_params["tenant"]
        base = f"{self.tokens.base}/{tenant}"
        if request.headers.get("x-forwarded-proto") == "https":  # the client speaks TLS, to whoever passed this on
            base = base.replace("http:", "https:", 1)
        return JSONResponse(
            {
                "issuer": self.tokens.issuer(tenant),
                "jwks_uri": f"{base}/discovery/v2.0/keys",
                "authorization_endpoint": f"{base}/oauth2/v2.0/authorize",
                "token_endpoint": f"{base}/oauth2/v2.0/token",
                "device_authorization_endpoint": f"{base}/oauth2/v2.0/devicecode",
                "end_session_endpoint": f"{base}/oauth2/v2.0/logout",
                "response_types_supported": ["code"],
                "code_challenge_methods_supported": ["S256"],
                "scopes_supported": ["openid", "profile", "offline_access"],
                "subject_types_supported": ["pairwise"],
                "id_token_signing_alg_values_supported": ["RS256"],
            },
            headers=readable_by_pages(),
        )

    async def key_set(self, request: Request) -> Response:
        issuer = self.tokens.issuer(request.path_params["tenant"])
        return JSONResponse(
            {"keys": [key.public_jwk(issuer) for key in self.tokens.keys.published]}, headers=readable_by_pages()
        )

    async def demo_token(self, request: Request) -> Response:
        return await self._issued(request, TokenRequest, self.tokens.for_person)

    async def service_token(self, request: Request) -> Response:
        return await self._issued(request, ServiceTokenRequest, self.tokens.for_service)

    async def _issued(self, request: Request, form: type[Asked], issue: Callable[[Asked], str]) -> Response:
        try:
            asked = form.model_validate(await json_body(request))
            token = issue(asked)
        except ValidationError as problem:
            return error(HTTPStatus.BAD_REQUEST, "InvalidTokenRequest", str(problem))
        except UnknownPerson as problem:
            return error(HTTPStatus.NOT_FOUND, "UnknownPerson", str(problem))
        answer = {"access_token": token, "token_type": "Bearer", "expires_in": asked.expires_in}  # nosec B105 # a kind
        return JSONResponse(answer)

    async def demo_people(self, _: Request) -> Response:
        return JSONResponse(self.tokens.directory.model_dump(mode="json"))

    async def rotate(self, _: Request) -> Response:
        return JSONResponse({"kid": self.tokens.keys.rotate().kid})

    async def retire(self, _: Request) -> Response:
        return JSONResponse({"retired": self.tokens.keys.retire()})


def _msi_error(status: int, message: str) -> Response:
    """The form of App Service, which MSAL reads: a flat object with statusCode and message."""
    return JSONResponse({"statusCode": status, "message": message}, status_code=status)
