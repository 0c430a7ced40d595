"""What validators and clients rely on, at the local part and, where a tenant is given, at Microsoft Entra ID."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass

import httpx
import jwt
import pytest
from azure.identity import DefaultAzureCredential

from tests.support.processes import Part

TENANT = "11111111-1111-1111-1111-111111111111"
AZURE_TENANT = "SWITCHYARD_CONTRACT_TENANT"


@dataclass(frozen=True)
class Authority:
    base: str
    tenant: str


@pytest.fixture(params=["local", "azure"])
def authority(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Authority:
    if request.param == "azure":
        tenant = os.environ.get(AZURE_TENANT)
        if not tenant:
            pytest.skip(f"set {AZURE_TENANT} to run this against Microsoft Entra ID (docs/local-identity.md)")
        return Authority("https://login.microsoftonline.com", tenant)
    part: Part = request.getfixturevalue("identity")
    monkeypatch.setenv("IDENTITY_ENDPOINT", f"{part.url}/msi/token")
    monkeypatch.setenv("IDENTITY_HEADER", "local")
    return Authority(part.url, TENANT)


def test_discovery_leads_to_keys_that_validators_can_read(authority: Authority) -> None:
    """Issuer of version 2.0 for the tenant, RSA keys with ids."""
    url = f"{authority.base}/{authority.tenant}/v2.0/.well-known/openid-configuration"
    found = httpx.get(url, timeout=10).raise_for_status().json()
    assert found["issuer"] == f"{authority.base}/{authority.tenant}/v2.0"
    assert "RS256" in found["id_token_signing_alg_values_supported"]
    keys = httpx.get(found["jwks_uri"], timeout=10).raise_for_status().json()["keys"]
    assert all({"kty", "use", "kid", "n", "e"} <= key.keys() for key in keys)
    assert jwt.PyJWKSet.from_dict({"keys": keys}).keys


def test_the_default_credential_gets_a_token_of_the_tenant(authority: Authority) -> None:
    """Signed with a published key; for the asked audience; of an object in the tenant; not for ever."""
    with DefaultAzureCredential() as credential:
        token = credential.get_token("https://management.azure.com/.default")
    keys = jwt.PyJWKClient(f"{authority.base}/{authority.tenant}/discovery/v2.0/keys")
    claims = jwt.decode(
        token.token,
        keys.get_signing_key_from_jwt(token.token).key,
        algorithms=["RS256"],
        audience=["https://management.azure.com", "https://management.azure.com/"],
    )
    assert claims["tid"] == authority.tenant
    assert claims["oid"]
    assert time.time() < token.expires_on == claims["exp"] <= time.time() + 25 * 3600
