"""The board over HTTP: its files, how long a browser keeps them, what it may do, and how people sign in."""

import asyncio
import gzip
from pathlib import Path

import azure.functions as func
import pytest

from functions.handlers.board import page_of
from shared.adapters.board_files import BoardFiles
from tests.functions.callers import answered, function

pytestmark = pytest.mark.usefixtures("bench")


@pytest.fixture
def built(tmp_path: Path) -> BoardFiles:
    """What a build leaves."""
    (tmp_path / "assets").mkdir()
    (tmp_path / "index.html").write_text("<!doctype html><title>Switchyard</title>")
    (tmp_path / "assets" / "index-a1b2c3.js").write_text("export {};")
    (tmp_path / "assets" / "index-a1b2c3.js.map").write_text("{}")
    return BoardFiles(tmp_path)


def asked(path: str, **headers: str) -> func.HttpRequest:
    """What a browser asks."""
    return func.HttpRequest(
        method="GET",
        url=f"http://127.0.0.1/{path}",
        headers={name.replace("_", "-"): value for name, value in headers.items()},
        route_params={"path": path} if path else {},
        body=b"",
    )


@pytest.mark.parametrize("address", ["", "/", "releases", "releases/sensor-model-1", "circuits/P001/C001"])
def test_every_address_without_a_suffix_is_the_page(built: BoardFiles, address: str) -> None:
    """Addresses hold the state of the page, so that a link shows what the sender saw."""
    file = built.at(address)

    assert file is not None
    assert b"Switchyard" in file.content


@pytest.mark.parametrize(
    "address",
    [
        "api",
        "api/nothing",
        "API/releases/x",
        "favicon.ico",
        "assets/other.js",
        "assets/index-a1b2c3.js.map",
        "../x.html",
    ],
)
def test_what_is_no_page_and_no_file_is_not_there(built: BoardFiles, address: str) -> None:
    """A call of the API that is not there stays a 404, and no file outside of the build has an address."""
    assert built.at(address) is None


def test_a_file_with_a_hash_in_its_name_is_kept_and_the_page_is_asked_for_again(built: BoardFiles) -> None:
    script, index = built.at("assets/index-a1b2c3.js"), built.at("")

    assert script
    assert index
    assert (script.kept, index.kept) == (True, False)
    assert gzip.decompress(script.gzipped) == script.content


def test_a_folder_without_a_build_is_no_board(tmp_path: Path) -> None:
    assert not BoardFiles(tmp_path).is_built


def test_the_page_may_load_nothing_from_another_host_and_run_nothing_inline(built: BoardFiles) -> None:
    """Only the app and whoever signs people in may be called."""
    policy = page_of(built, asked("")).headers["Content-Security-Policy"]
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))

    assert rules["default-src"] == "'none'"
    assert (rules["script-src"], rules["style-src"]) == ("'self'", "'self'")
    assert rules["connect-src"] == "'self' https://login.microsoftonline.com"
    assert (rules["frame-ancestors"], rules["base-uri"], rules["form-action"]) == ("'none'", "'none'", "'none'")
    assert "unsafe" not in policy


def test_a_browser_that_has_the_page_is_told_that_it_is_the_same(built: BoardFiles) -> None:
    first = page_of(built, asked(""))
    again = page_of(built, asked("releases", if_none_match=first.headers["ETag"]))

    assert (first.status_code, first.headers["Cache-Control"]) == (200, "no-cache")
    assert (again.status_code, again.get_body()) == (304, b"")


def test_a_browser_that_unpacks_gets_it_packed(built: BoardFiles) -> None:
    plain = page_of(built, asked("assets/index-a1b2c3.js"))
    packed = page_of(built, asked("assets/index-a1b2c3.js", accept_encoding="gzip, br"))

    assert "immutable" in packed.headers["Cache-Control"]
    assert (packed.headers["Content-Encoding"], packed.headers["Content-Type"]) == (
        "gzip",
        "text/javascript; charset=utf-8",
    )
    assert gzip.decompress(packed.get_body()) == plain.get_body()


def test_a_board_that_was_not_built_says_what_to_run(tmp_path: Path) -> None:
    answer = page_of(BoardFiles(tmp_path), asked(""))

    assert answer.status_code == 503
    assert b"make board" in answer.get_body()


def test_the_settings_of_the_board_are_public_and_hold_no_secret() -> None:
    request = func.HttpRequest(method="GET", url="http://127.0.0.1/api/board-settings", body=b"")

    body = answered(asyncio.run(function("read_board_settings")(request)), 200)

    assert body == {
        "authority": "https://login.microsoftonline.com/11111111-1111-1111-1111-111111111111/v2.0",
        "client_id": None,
        "scope": "openid profile offline_access api://switchyard/access_as_user",
    }
