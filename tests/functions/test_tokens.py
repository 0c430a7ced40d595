"""Who is let in: every claim of a token that is looked at, one at a time."""

import time
from typing import Any

import jwt
import pytest

from shared import bootstrap
from tests.functions.callers import GROUP_ID, ISSUER, Signer, answered, function, request
from tests.functions.conftest import forget_settings
from tests.support.benches.release import Bench

ANOTHER_TENANT = "99999999-9999-9999-9999-999999999999"
OVERAGE = {"_claim_names": {"groups": "src1"}, "_claim_sources": {"src1": {"endpoint": "https://127.0.0.1/x"}}}


async def listed(token: str, status: int) -> dict[str, Any]:
    """The answer to a caller with this token who asks for the list."""
    return answered(await function("list_releases")(request(token)), status)


async def test_a_good_token_gets_in(bench: Bench, signer: Signer) -> None:
    """What the refusals below differ from by one claim."""
    assert await listed(signer.token(), 200) == {"releases": [], "unreadable": [], "next": None}


@pytest.mark.parametrize(
    ("claims", "said"),
    [
        ({"iss": ISSUER.replace("/v2.0", "/v1.0")}, "InvalidIssuerError"),
        ({"iss": "https://example.com/"}, "InvalidIssuerError"),
        ({"aud": "api://another"}, "for another API"),
        ({"tid": ANOTHER_TENANT}, "another tenant"),
        ({"exp": int(time.time()) - 120}, "has expired"),
        ({"nbf": int(time.time()) + 86_400}, "ImmatureSignatureError"),  # read when the tests are collected
    ],
)
async def test_a_token_of_somebody_elses_world_is_refused(
    bench: Bench, signer: Signer, claims: dict[str, Any], said: str
) -> None:
    """401 for issuer, audience, tenant and time."""
    assert said in (await listed(signer.token(**claims), 401))["detail"]


@pytest.mark.parametrize("claim", ["iss", "aud", "tid", "oid", "exp", "nbf", "iat"])
async def test_a_token_without_a_claim_that_counts_is_refused(bench: Bench, signer: Signer, claim: str) -> None:
    """A claim that is not there cannot be right."""
    await listed(signer.token(without=(claim,)), 401)


async def test_a_token_signed_by_somebody_else_is_refused(bench: Bench) -> None:
    """With an unknown key id, and with the id of a known key."""
    await listed(Signer("unknown-key").token(), 401)
    await listed(Signer("known-key").token(), 401)


async def test_an_altered_token_is_refused(bench: Bench, signer: Signer) -> None:
    """The signature covers every claim."""
    head, _, signature = signer.token().split(".")
    other = signer.token(groups=[], name="Somebody").split(".")[1]

    await listed(f"{head}.{other}.{signature}", 401)


async def test_unsigned_and_symmetric_tokens_are_refused(bench: Bench, signer: Signer) -> None:
    """The token does not choose how it is checked."""
    claims = jwt.decode(signer.token(), options={"verify_signature": False})
    public = str(signer.public_jwk()["n"])

    await listed(jwt.encode(claims, None, algorithm="none", headers={"kid": "known-key"}), 401)
    await listed(jwt.encode(claims, public, algorithm="HS256", headers={"kid": "known-key"}), 401)


@pytest.mark.parametrize("token", ["", "x", "a.b.c", "x" * 20_000])
async def test_what_is_no_token_is_refused(bench: Bench, token: str) -> None:
    """And repeated to nobody."""
    detail = (await listed(token, 401))["detail"]

    assert len(detail) < 300


async def test_a_token_without_the_apis_scope_is_forbidden(bench: Bench, signer: Signer) -> None:
    """Known and not allowed: 403."""
    assert "access_as_user" in (await listed(signer.token(scp="openid profile"), 403))["detail"]


async def test_an_application_needs_the_apis_role(bench: Bench, signer: Signer) -> None:
    """Being of the tenant is not enough."""
    application = {"idtyp": "app", "without": ("scp", "groups", "name")}

    assert "Api.Call" in (await listed(signer.token(**application), 403))["detail"]
    await listed(signer.token(roles=["Api.Call"], **application), 200)


@pytest.mark.parametrize("mark", [OVERAGE, {"hasgroups": True}], ids=["pointer to Graph", "hasgroups"])
async def test_groups_that_were_left_out_mean_no(bench: Bench, signer: Signer, mark: dict[str, Any]) -> None:
    """Overage: rights that cannot be seen are not there; an app role says what to do instead."""
    told = await listed(signer.token(without=("groups",), **mark), 403)

    assert "app role" in told["detail"]
    await listed(signer.token(without=("groups",), roles=["ML-Engineers"], **mark), 200)


@pytest.mark.parametrize(
    ("claims", "groups"),
    [
        ({}, ("ML-Engineers",)),
        ({"groups": [GROUP_ID.upper()]}, ("ML-Engineers",)),
        ({"groups": ["44444444-0000-4000-8000-000000000009"]}, ()),
        ({"groups": ["ML-Engineers"]}, ()),
        ({"groups": "ML-Engineers"}, ()),
        ({"groups": [], "roles": ["ML-Engineers"]}, ("ML-Engineers",)),
        ({"groups": [], "roles": "ML-Engineers"}, ()),
    ],
    ids=["by id", "id in capitals", "another id", "by name", "a text", "app role", "app role as text"],
)
async def test_groups_count_by_object_id_and_roles_by_value(
    bench: Bench, signer: Signer, claims: dict[str, Any], groups: tuple[str, ...]
) -> None:
    """A group named like ours in another place is not ours."""
    actor = await bootstrap.token_verifier().verify(f"Bearer {signer.token(**claims)}")

    assert actor.groups == groups


async def test_keys_that_cannot_be_read_are_our_trouble_not_the_callers(
    bench: Bench, signer: Signer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """503: nobody is called a forger, nobody is let in."""
    monkeypatch.setenv("JWKS_URI", "http://127.0.0.1:1/keys")
    forget_settings()

    assert "try again later" in (await listed(signer.token(), 503))["detail"]
