"""A command signs a person in by the device authorization grant, and is told what Entra tells."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette

from local.identity.device import CODE_LIFETIME_S, GRANT_TYPE, INTERVAL_S, DeviceCodes
from local.identity.keys import KeyStore
from local.identity.people import BOARD_CLIENT_ID, load_directory
from local.identity.sign_in import SignIn
from local.identity.tokens import TokenIssuer
from local.serving import REFUSALS
from tests.local.identity.test_identity import TENANT

SCOPE = "api://switchyard/access_as_user offline_access openid profile"


class Clock:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def entra(tmp_path: Path, clock: Clock) -> AsyncIterator[httpx.AsyncClient]:
    """The part, in this process, whose seconds the test counts."""
    tokens = TokenIssuer(KeyStore(tmp_path), load_directory(), "http://127.0.0.1:1")
    served = Starlette(routes=SignIn(tokens, DeviceCodes(tokens, clock)).routes(), exception_handlers=REFUSALS)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(served), base_url="http://127.0.0.1:1") as client:
        yield client


async def begun(entra: httpx.AsyncClient, **changes: str) -> dict[str, Any]:
    """The answer to a command that begins."""
    asked = {"client_id": BOARD_CLIENT_ID, "scope": SCOPE, **changes}
    answer: dict[str, Any] = (await entra.post(f"/{TENANT}/oauth2/v2.0/devicecode", data=asked)).json()
    return answer


async def polled(entra: httpx.AsyncClient, code: str) -> dict[str, Any]:
    """The answer to a command that asks whether there are tokens."""
    asked = {"client_id": BOARD_CLIENT_ID, "grant_type": GRANT_TYPE, "device_code": code}
    answer: dict[str, Any] = (await entra.post(f"/{TENANT}/oauth2/v2.0/token", data=asked)).json()
    return answer


async def chosen(entra: httpx.AsyncClient, code: str, person: str) -> int:
    """A person at the page; the status of what it shows then."""
    return (await entra.post("/devicelogin", data={"code": code, "person": person})).status_code


async def test_a_command_asks_until_a_person_was_chosen_and_the_code_is_good_once(
    entra: httpx.AsyncClient, clock: Clock
) -> None:
    flow = await begun(entra)
    assert (await polled(entra, flow["device_code"]))["error"] == "authorization_pending"

    clock.now += INTERVAL_S
    assert await chosen(entra, flow["user_code"].lower(), "engineer-1") == 200
    tokens = await polled(entra, flow["device_code"])

    assert {"access_token", "id_token", "refresh_token", "client_info"} <= tokens.keys()
    assert (await polled(entra, flow["device_code"]))["error"] == "bad_verification_code"
    assert await chosen(entra, flow["user_code"], "engineer-2") == 400


async def test_a_command_that_asks_too_often_is_told_to_slow_down(entra: httpx.AsyncClient, clock: Clock) -> None:
    code = (await begun(entra))["device_code"]
    answers = []
    for seconds in (0.0, INTERVAL_S / 2, INTERVAL_S):
        clock.now += seconds
        answers.append((await polled(entra, code))["error"])

    assert answers == ["authorization_pending", "slow_down", "authorization_pending"]


async def test_a_code_that_nobody_typed_in_time_has_expired(entra: httpx.AsyncClient, clock: Clock) -> None:
    """Also at the page."""
    flow = await begun(entra)
    clock.now += CODE_LIFETIME_S + 1

    assert await chosen(entra, flow["user_code"], "engineer-1") == 400
    assert (await polled(entra, flow["device_code"]))["error"] == "expired_token"


async def test_who_declines_gives_nobody_tokens(entra: httpx.AsyncClient) -> None:
    flow = await begun(entra)
    await chosen(entra, flow["user_code"], "")

    assert (await polled(entra, flow["device_code"]))["error"] == "authorization_declined"


@pytest.mark.parametrize(
    ("changes", "error"), [({"client_id": "x"}, "unauthorized_client"), ({"scope": "openid"}, "invalid_scope")]
)
async def test_an_unknown_application_and_a_scope_of_no_api_are_refused(
    entra: httpx.AsyncClient, changes: dict[str, str], error: str
) -> None:
    assert (await begun(entra, **changes))["error"] == error


async def test_somebody_unknown_cannot_be_chosen(entra: httpx.AsyncClient) -> None:
    flow = await begun(entra)

    assert await chosen(entra, flow["user_code"], "nobody") == 400
    assert await chosen(entra, flow["user_code"], "engineer-1") == 200
