"""Tokens of the local identity part pass the checks that tokens of Entra pass, and fail where those fail."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import jwt
import pytest
from azure.identity import DefaultAzureCredential, ManagedIdentityCredential
from azure.identity.aio import DefaultAzureCredential as AsyncDefaultAzureCredential

from local.identity.people import load_directory
from tests.support.processes import Part, running

TENANT = "11111111-1111-1111-1111-111111111111"
AUDIENCE = "api://switchyard"


@pytest.fixture
def environment(identity: Part, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IDENTITY_ENDPOINT", f"{identity.url}/msi/token")
    monkeypatch.setenv("IDENTITY_HEADER", "local")


def demo_token(part: Part, person: str, **overrides: Any) -> str:
    answer = httpx.post(f"{part.url}/demo/token", json={"person": person, **overrides})
    assert answer.status_code == 200, answer.text
    return str(answer.json()["access_token"])


def validated(part: Part, token: str, *, audience: str = AUDIENCE) -> dict[str, Any]:
    """What an API does with a token in production; only the two addresses differ."""
    keys = jwt.PyJWKClient(f"{part.url}/{TENANT}/discovery/v2.0/keys")
    return jwt.decode(
        token,
        keys.get_signing_key_from_jwt(token).key,
        algorithms=["RS256"],
        audience=audience,
        issuer=f"{part.url}/{TENANT}/v2.0",
        options={"require": ["exp", "iat", "nbf", "iss", "aud", "tid", "oid"]},
    )


def test_a_persons_token_carries_the_claims_of_entra(identity: Part) -> None:
    """Identity, tenant, scope and group object ids, as in a v2.0 access token."""
    claims = validated(identity, demo_token(identity, "engineer-1"))
    directory = load_directory()
    assert claims["oid"] == str(directory.people["engineer-1"].oid)
    assert claims["groups"] == [str(directory.groups["ML-Engineers"])]
    assert (claims["tid"], claims["scp"], claims["ver"]) == (TENANT, "access_as_user", "2.0")
    assert claims["preferred_username"] == "engineer-1@switchyard.example"
    assert claims["nbf"] <= claims["iat"] < claims["exp"]
    assert {"sub", "name", "uti"} <= claims.keys()


def test_the_pairwise_subject_differs_between_apis(identity: Part) -> None:
    """`sub` is not an identity across APIs; only (tid, oid) is."""
    here = jwt.decode(demo_token(identity, "engineer-1"), options={"verify_signature": False})
    there = jwt.decode(demo_token(identity, "engineer-1", audience="api://other"), options={"verify_signature": False})
    assert here["oid"] == there["oid"]
    assert here["sub"] != there["sub"]


def test_somebody_without_groups_has_no_groups_claim(identity: Part) -> None:
    """Entra leaves the claim out; a reader must not depend on an empty list."""
    assert "groups" not in validated(identity, demo_token(identity, "viewer-1"))


def test_too_many_groups_become_a_pointer(identity: Part) -> None:
    """Overage: the groups are unknown from the token, which is not the same as none."""
    claims = validated(identity, demo_token(identity, "engineer-1", overage=True))
    assert "groups" not in claims
    assert claims["_claim_names"] == {"groups": "src1"}


def test_overrides_reach_the_token(identity: Part) -> None:
    """Tests ask for the token they need: groups by name or id, and app roles."""
    claims = validated(
        identity, demo_token(identity, "viewer-1", groups=["Engineering-Managers", "x"], roles=["Operator"])
    )
    assert claims["groups"] == [str(load_directory().groups["Engineering-Managers"]), "x"]
    assert claims["roles"] == ["Operator"]


@pytest.mark.parametrize(
    ("overrides", "refusal"),
    [
        ({"expires_in": -10}, jwt.ExpiredSignatureError),
        ({"audience": "api://other"}, jwt.InvalidAudienceError),
        ({"tenant": "99999999-9999-9999-9999-999999999999"}, jwt.InvalidIssuerError),
    ],
)
def test_a_wrong_token_is_well_signed_and_still_refused(
    identity: Part, overrides: dict[str, Any], refusal: type[Exception]
) -> None:
    """Expired, for another API, or from another tenant: only the checks of the claims can tell."""
    with pytest.raises(refusal):
        validated(identity, demo_token(identity, "engineer-1", **overrides))


def test_an_unknown_person_is_refused_with_the_known_ones(identity: Part) -> None:
    """The answer says whom one can ask for."""
    answer = httpx.post(f"{identity.url}/demo/token", json={"person": "nobody"})
    assert answer.status_code == 404
    assert "engineer-1" in answer.json()["error"]["message"]


def test_a_misspelt_override_is_refused(identity: Part) -> None:
    """Otherwise a test would run with a token it did not mean."""
    answer = httpx.post(f"{identity.url}/demo/token", json={"person": "trainer", "group": ["x"]})
    assert answer.status_code == 400


@pytest.mark.usefixtures("environment")
@pytest.mark.parametrize("credential_type", [ManagedIdentityCredential, DefaultAzureCredential])
def test_the_real_credentials_get_an_app_token(identity: Part, credential_type: type) -> None:
    """The audience is the bare resource, as azure-ai-ml demands for pipeline jobs."""
    with credential_type() as credential:
        token = credential.get_token("https://ml.azure.com/.default")
    claims = validated(identity, token.token, audience="https://ml.azure.com")
    assert claims["idtyp"] == "app"
    assert claims["oid"] == str(load_directory().managed_identity.oid)
    assert token.expires_on == claims["exp"]


@pytest.mark.usefixtures("environment")
async def test_the_async_credential_gets_an_app_token(identity: Part) -> None:
    """The aio client takes another transport."""
    async with AsyncDefaultAzureCredential() as credential:
        token = await credential.get_token("https://management.azure.com/.default")
    assert validated(identity, token.token, audience="https://management.azure.com")["idtyp"] == "app"


@pytest.mark.parametrize(
    ("headers", "query", "status"),
    [
        ({}, "api-version=2019-08-01&resource=r", 401),
        ({"x-identity-header": "wrong"}, "api-version=2019-08-01&resource=r", 401),
        ({"x-identity-header": "local"}, "api-version=2018-02-01&resource=r", 400),
        ({"x-identity-header": "local"}, "api-version=2019-08-01", 400),
        ({"x-identity-header": "local"}, "api-version=2019-08-01&resource=r&client_id=other", 400),
    ],
)
def test_the_managed_identity_endpoint_guards_itself(
    identity: Part, headers: dict[str, str], query: str, status: int
) -> None:
    """Without the header any web page or neighbour process could fetch the app's token (SSRF)."""
    answer = httpx.get(f"{identity.url}/msi/token?{query}", headers=headers)
    assert (answer.status_code, answer.json()["statusCode"]) == (status, status)


def test_the_openid_configuration_leads_to_the_keys(identity: Part) -> None:
    """Issuer and key set address are found by discovery, as validators do."""
    answer = httpx.get(f"{identity.url}/{TENANT}/v2.0/.well-known/openid-configuration").json()
    assert answer["issuer"] == f"{identity.url}/{TENANT}/v2.0"
    [key] = httpx.get(answer["jwks_uri"]).json()["keys"]
    assert (key["kty"], key["alg"], key["use"]) == ("RSA", "RS256", "sig")
    assert "d" not in key


def test_rotation_keeps_old_tokens_valid_until_the_key_is_retired(tmp_path: Path) -> None:
    """Old and new key are published side by side, over a kill too; then only the new one."""
    with running("local.identity", "--data", str(tmp_path / "keys"), log=tmp_path / "log") as part:
        before = demo_token(part, "engineer-1")
        new_kid = httpx.post(f"{part.url}/control/rotate").json()["kid"]
        after = demo_token(part, "engineer-1")
        assert jwt.get_unverified_header(after)["kid"] == new_kid
        part.kill()
        part.start_again()
        assert validated(part, before)["oid"] == validated(part, after)["oid"]
        assert httpx.post(f"{part.url}/control/retire").json()["retired"] == [jwt.get_unverified_header(before)["kid"]]
        assert validated(part, after)
        with pytest.raises(jwt.PyJWKClientError):
            validated(part, before)


def test_private_keys_are_readable_by_the_owner_only(tmp_path: Path) -> None:
    """A demo key is still a key."""
    with running("local.identity", "--data", str(tmp_path / "keys"), log=tmp_path / "log"):
        assert (tmp_path / "keys" / "signing-keys.json").stat().st_mode & 0o777 == 0o600


def test_what_the_part_does_not_know_is_refused_by_name(identity: Part) -> None:
    """501 with the request in the answer, instead of a guess."""
    for method, path in (("GET", "/common/oauth2/authorize"), ("DELETE", "/demo/token")):
        answer = httpx.request(method, identity.url + path)
        assert answer.status_code == 501
        assert f"{method} {path}" in answer.json()["error"]["message"]
    assert httpx.get(f"{identity.url}/health").json() == {"status": "ok"}


def test_a_service_gets_a_token_of_its_own_with_its_app_roles(identity: Part) -> None:
    """What Entra gives an application: roles and no scopes; roles can be left out for a test."""
    url = f"{identity.url}/demo/service-token"
    claims = validated(identity, httpx.post(url, json={"service": "azure-monitor"}).json()["access_token"])
    assert (claims["idtyp"], claims["roles"]) == ("app", ["Alerts.Send"])
    assert claims["oid"] == str(load_directory().services["azure-monitor"].oid)
    assert "scp" not in claims
    bare = httpx.post(url, json={"service": "azure-monitor", "roles": []}).json()["access_token"]
    assert "roles" not in validated(identity, bare)
    assert httpx.post(url, json={"service": "nobody"}).status_code == 404
    assert httpx.post(url, json={"person": "engineer-1"}).status_code == 400
