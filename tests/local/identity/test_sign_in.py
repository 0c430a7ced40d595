"""A page signs a person in by authorization code with PKCE, and nothing less is accepted."""

from __future__ import annotations

import base64
import hashlib
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import jwt
import pytest

from local.identity.people import BOARD_CLIENT_ID
from tests.local.identity.test_identity import TENANT, validated
from tests.support.processes import Part

BACK = "http://127.0.0.1:7071/signed-in"
VERIFIER = "v" * 43
SCOPE = "openid profile offline_access api://switchyard/access_as_user"


def asked(**changes: str) -> dict[str, str]:
    """What the board asks the authorization endpoint."""
    challenge = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).decode().rstrip("=")
    return {
        "client_id": BOARD_CLIENT_ID,
        "redirect_uri": BACK,
        "response_type": "code",
        "scope": SCOPE,
        "state": "state-1",
        "nonce": "nonce-1",
        "code_challenge": challenge,
        "code_challenge_method": "S256",
        **changes,
    }


def code_of(part: Part, person: str = "engineer-1") -> str:
    """Chooses a person on the page, as its form does."""
    answer = httpx.post(f"{part.url}/{TENANT}/oauth2/v2.0/authorize", data={**asked(), "person": person})
    back = urlsplit(answer.headers["location"])
    fields = parse_qs(back.query)
    assert (answer.status_code, f"{back.scheme}://{back.netloc}{back.path}", fields["state"]) == (
        303,
        BACK,
        ["state-1"],
    )
    return fields["code"][0]


def exchanged(part: Part, **fields: str) -> httpx.Response:
    """The answer of the token endpoint, which a page of another origin asks."""
    url = f"{part.url}/{TENANT}/oauth2/v2.0/token"
    answer = httpx.post(url, data={"client_id": BOARD_CLIENT_ID, **fields}, headers={"Origin": "http://127.0.0.1:7071"})
    assert answer.headers["access-control-allow-origin"] == "*"
    return answer


def tokens_of(part: Part, person: str = "engineer-1") -> dict[str, Any]:
    answer = exchanged(
        part,
        grant_type="authorization_code",
        code=code_of(part, person),
        redirect_uri=BACK,
        code_verifier=VERIFIER,
    )
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def test_the_page_offers_every_demo_person(identity: Part) -> None:
    page = httpx.get(f"{identity.url}/{TENANT}/oauth2/v2.0/authorize", params=asked())

    assert page.status_code == 200
    for name in ("Engineer One", "Engineer Two", "Manager One", "Viewer One", "Trainer"):
        assert name in page.text


def test_a_chosen_person_gets_a_token_of_the_api_and_one_that_names_them(identity: Part) -> None:
    """The access token is what the API takes from anybody; the other is for the page only."""
    tokens = tokens_of(identity)

    access = validated(identity, tokens["access_token"])
    named = validated(identity, tokens["id_token"], audience=BOARD_CLIENT_ID)
    assert (access["scp"], access["azp"], access["name"]) == ("access_as_user", BOARD_CLIENT_ID, "Engineer One")
    assert (named["nonce"], named["name"]) == ("nonce-1", "Engineer One")


@pytest.mark.parametrize(
    "changes",
    [
        {"client_id": "other"},
        {"redirect_uri": "http://elsewhere.example/signed-in"},
        {"redirect_uri": "http://127.0.0.1:7071/elsewhere"},
        {"response_type": "token"},
        {"code_challenge_method": "plain"},
        {"code_challenge": ""},
        {"scope": "openid"},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_a_request_that_entra_refuses_is_refused_before_anybody_is_chosen(
    identity: Part, changes: dict[str, str]
) -> None:
    """Nobody is sent anywhere: the address could be somebody else's."""
    answer = httpx.get(f"{identity.url}/{TENANT}/oauth2/v2.0/authorize", params=asked(**changes))
    chosen = httpx.post(
        f"{identity.url}/{TENANT}/oauth2/v2.0/authorize", data={**asked(**changes), "person": "engineer-1"}
    )

    assert (answer.status_code, chosen.status_code) == (400, 400)


def test_a_code_is_good_once(identity: Part) -> None:
    code = code_of(identity)
    fields = {"grant_type": "authorization_code", "redirect_uri": BACK, "code_verifier": VERIFIER, "code": code}

    first, second = exchanged(identity, **fields), exchanged(identity, **fields)

    assert first.status_code == 200
    assert (second.status_code, second.json()["error"]) == (400, "invalid_grant")


@pytest.mark.parametrize("wrong", [{"code_verifier": "w" * 43}, {"redirect_uri": "http://localhost:7071/signed-in"}])
def test_a_code_is_worth_nothing_to_whoever_did_not_ask_for_it(identity: Part, wrong: dict[str, str]) -> None:
    """That is what PKCE is for."""
    fields = {"grant_type": "authorization_code", "redirect_uri": BACK, "code_verifier": VERIFIER, **wrong}

    answer = exchanged(identity, code=code_of(identity), **fields)

    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")


def test_a_refresh_token_gives_the_same_persons_tokens_once(identity: Part) -> None:
    first = tokens_of(identity, "manager-1")
    fields = {"grant_type": "refresh_token", "refresh_token": first["refresh_token"]}

    again, stolen = exchanged(identity, **fields), exchanged(identity, **fields)

    assert jwt.decode(again.json()["access_token"], options={"verify_signature": False})["name"] == "Manager One"
    assert again.json()["refresh_token"] != first["refresh_token"]
    assert (stolen.status_code, stolen.json()["error"]) == (400, "invalid_grant")


def test_signing_out_leads_back_to_the_board_and_nowhere_else(identity: Part) -> None:
    url = f"{identity.url}/{TENANT}/oauth2/v2.0/logout"

    home = httpx.get(url, params={"post_logout_redirect_uri": "http://127.0.0.1:7071/"})
    elsewhere = httpx.get(url, params={"post_logout_redirect_uri": "http://elsewhere.example/"})

    assert (home.status_code, home.headers["location"]) == (303, "http://127.0.0.1:7071/")
    assert elsewhere.status_code == 200
