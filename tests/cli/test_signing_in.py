"""Signing in with a code, by the real MSAL client against the local identity part: kept, renewed, forgotten."""

from __future__ import annotations

import json
import re
import stat
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from cli import entra
from cli.api import ApiError
from cli.kept import Keeper, Kept
from local.identity.people import BOARD_CLIENT_ID
from shared.contracts.http.board import BoardSettings
from shared.contracts.http.releases import ReleaseList
from tests.cli.conftest import TOKEN, App, Run, summary, view
from tests.support.processes import Part, running, until

TENANT = "11111111-1111-1111-1111-111111111111"
SCOPE = "openid profile offline_access api://switchyard/access_as_user"
NO_TOKEN = {"SWITCHYARD_TOKEN": None}


@pytest.fixture(scope="module")
def identity(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Part]:
    data = tmp_path_factory.mktemp("identity")
    with running("local.identity", "--data", str(data / "keys"), log=data / "log") as part:
        yield part


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the command keeps its file; nothing of whoever runs the tests."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    return tmp_path / "switchyard" / "sign-in.json"


@pytest.fixture
def app(server: App, identity: Part) -> App:
    """An app whose people sign in at the local identity part."""
    authority = f"{identity.url}/{TENANT}/v2.0"
    server.on("GET /api/board-settings", BoardSettings(authority=authority, client_id=BOARD_CLIENT_ID, scope=SCOPE))
    server.on("GET /api/releases", ReleaseList(releases=[summary(view())]))
    return server


class AtTheBrowser:
    """A person who opens the page that the command names, and chooses somebody there."""

    def __init__(self, person: str) -> None:
        self.person, self.answer, self.message = person, 0, ""

    def __call__(self, message: str) -> None:
        """Called by what signs in, once it says what to do."""
        self.message = message
        page = httpx.URL(re.findall(r"http://\S+", message)[0])
        assert httpx.get(page).text.count(page.params["code"]) == 1
        form = {"code": page.params["code"], "person": self.person}
        self.answer = httpx.post(page.copy_with(query=None), data=form).status_code


def kept_at(identity: Part) -> Kept:
    return Kept(authority=f"{identity.url}/{TENANT}/v2.0", client_id=BOARD_CLIENT_ID, scope=SCOPE, cache="")


def signed_in_as(person: str, identity: Part, keeper: Keeper, url: str = "http://127.0.0.1:7071") -> dict[str, Any]:
    return entra.sign_in(url, kept_at(identity), keeper, AtTheBrowser(person))


def test_whoever_signs_in_is_known_to_the_app_and_needs_no_address_any_more(
    app: App, run: Run, home: Path, identity: Part
) -> None:
    """Through the command: the code is read from its output, typed elsewhere, and every later command has a token."""
    url = {"SWITCHYARD_URL": app.url, **NO_TOKEN}
    person = threading.Thread(target=_choose_when_asked, args=(identity, "engineer-1"))
    person.start()
    signed_in = run("login", env=url)
    person.join()

    assert signed_in.exit_code == 0, signed_in.output
    assert "Signed in as Engineer One (engineer-1@switchyard.example)" in signed_in.output
    nothing_given = {"SWITCHYARD_URL": None, **NO_TOKEN}
    assert "Engineer One" in run("whoami", env=nothing_given).output
    assert json.loads(run("whoami", "--json", env=nothing_given).stdout)["scp"] == "access_as_user"
    assert run("releases", env=nothing_given).exit_code == 0
    assert any(each.startswith("Bearer ey") for each in app.tokens)
    assert stat.S_IMODE(home.stat().st_mode) == 0o600
    assert stat.S_IMODE(home.parent.stat().st_mode) == 0o700


def test_a_token_that_was_given_goes_before_a_sign_in(app: App, run: Run, home: Path, identity: Part) -> None:
    """What a script sets is what it gets."""
    signed_in_as("engineer-1", identity, Keeper(), app.url)
    run("releases")

    assert app.tokens == {f"Bearer {TOKEN}"}


def test_signing_out_forgets_the_tokens_of_that_app_alone(app: App, run: Run, home: Path, identity: Part) -> None:
    other = "http://127.0.0.1:1"
    signed_in_as("engineer-1", identity, Keeper(), other)
    signed_in_as("engineer-1", identity, Keeper(), app.url)

    assert "Signed out" in run("logout", env=NO_TOKEN).output
    asked = run("releases", env=NO_TOKEN)

    assert asked.exit_code == 1
    assert "nobody has signed in" in asked.stderr
    assert "switchyard login" in asked.stderr
    assert Keeper().at(other) is not None
    assert "Nobody was signed in" in run("logout", env=NO_TOKEN).output


def test_a_token_that_ends_soon_is_renewed_without_a_person(home: Path, identity: Part, keeper: Keeper) -> None:
    """As in a watch of 24 hours: the kept token is made to end, the refresh token brings a new one, which is kept."""
    signed_in_as("engineer-2", identity, keeper)
    first = entra.signed_in("http://127.0.0.1:7071", keeper)()
    _let_end(keeper)

    second = entra.signed_in("http://127.0.0.1:7071", keeper)()

    assert second != first
    assert entra.signed_in("http://127.0.0.1:7071", keeper)() == second


def test_a_sign_in_that_an_administrator_ended_has_to_be_done_again(identity: Part, keeper: Keeper) -> None:
    signed_in_as("engineer-2", identity, keeper)
    _let_end(keeper)
    httpx.post(f"{identity.url}/control/end-sessions")

    with pytest.raises(ApiError, match="has ended: switchyard login"):
        entra.signed_in("http://127.0.0.1:7071", keeper)()


def test_whoever_declines_is_not_signed_in(identity: Part, keeper: Keeper) -> None:
    with pytest.raises(ApiError, match="declined"):
        signed_in_as("", identity, keeper)
    assert keeper.at("http://127.0.0.1:7071") is None


def test_an_app_at_which_nobody_can_sign_in_says_so(server: App, run: Run, home: Path) -> None:
    server.on(
        "GET /api/board-settings", BoardSettings(authority="https://x.example/t/v2.0", client_id=None, scope=SCOPE)
    )
    shown = run("login", env=NO_TOKEN)

    assert shown.exit_code == 1
    assert "BOARD_CLIENT_ID" in shown.stderr


def test_a_file_that_is_none_of_ours_is_not_guessed_at(run: Run, home: Path) -> None:
    home.parent.mkdir()
    home.write_text("{")
    shown = run("releases", env=NO_TOKEN)

    assert shown.exit_code == 1
    assert "delete it, and sign in again" in shown.stderr


def test_nothing_is_asked_in_plain_but_on_this_machine() -> None:
    """Whatever a description of an authority names."""
    with pytest.raises(ApiError, match="without TLS"):
        entra.PlainLoopback().get("https://login.example.com/token")


@pytest.fixture
def keeper(tmp_path: Path) -> Keeper:
    return Keeper(tmp_path / "kept")


def _let_end(keeper: Keeper) -> None:
    """The access token as it would be an hour later."""
    url = keeper.last
    kept = keeper.at(url)
    assert kept is not None
    cache = json.loads(kept.cache)
    for entry in cache["AccessToken"].values():
        entry["expires_on"] = str(int(time.time()) - 1)
    keeper.keep(url, kept.model_copy(update={"cache": json.dumps(cache)}))


def _choose_when_asked(identity: Part, person: str) -> None:
    """Reads the code from the identity part, as the person reads it from the terminal."""
    [code, *_] = until(lambda: httpx.get(f"{identity.url}/control/device-codes").json()["waiting"])
    httpx.post(f"{identity.url}/devicelogin", data={"code": code, "person": person})
