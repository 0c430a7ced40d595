"""What goes wrong on the way to the app is said in words, with status 1 and without a traceback."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from shared.contracts.http.releases import ReleaseList
from tests.cli.conftest import TOKEN, App, Run, problem

REPOSITORY = Path(__file__).resolve().parents[2]


def test_a_missing_address_or_token_says_what_to_set(run: Run) -> None:
    """Both are set by environment or option."""
    assert "SWITCHYARD_URL" in run("releases", env={"SWITCHYARD_URL": None}).stderr
    assert "SWITCHYARD_TOKEN" in run("releases", env={"SWITCHYARD_TOKEN": None}).stderr


def test_a_token_file_goes_before_the_environment(server: App, run: Run, tmp_path: Path) -> None:
    """Its surrounding line breaks do not matter."""
    server.on("GET /api/releases", ReleaseList(releases=[]))
    file = tmp_path / "token"
    file.write_text("from.the.file\n")
    assert run("--token-file", str(file), "releases").exit_code == 0
    assert server.tokens == {"Bearer from.the.file"}


def test_a_token_file_that_is_not_there_is_named(run: Run, tmp_path: Path) -> None:
    """With its path."""
    shown = run("--token-file", str(tmp_path / "none"), "releases")
    assert (shown.exit_code, "none" in shown.stderr) == (1, True)


def test_the_address_may_end_in_api(server: App, run: Run) -> None:
    """With or without a slash."""
    server.on("GET /api/releases", ReleaseList(releases=[]))
    assert run("--url", f"{server.url}/api/", "releases").exit_code == 0


@pytest.mark.parametrize("url", ["ftp://host", "localhost:7071", "http://switchyard.example"])
def test_an_address_that_would_not_work_or_leak_the_token_is_refused(run: Run, url: str) -> None:
    """Plain http is for this machine only."""
    shown = run("--url", url, "releases")
    assert shown.exit_code == 1
    assert "https://" in shown.stderr


def test_an_app_that_does_not_answer_is_named(run: Run) -> None:
    """No traceback."""
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{closed.getsockname()[1]}"
        shown = run("--url", url, "releases")
    assert shown.exit_code == 1
    assert "does not answer" in shown.stderr


def test_a_refused_token_says_to_get_a_new_one(server: App, run: Run) -> None:
    """The app's words come first."""
    server.on("GET /api/releases", problem(401, "the token has expired"))
    shown = run("releases")
    assert shown.exit_code == 1
    assert shown.stderr.index("the token has expired") < shown.stderr.index("SWITCHYARD_TOKEN")


def test_an_unknown_release_is_the_apps_to_explain(server: App, run: Run) -> None:
    """404 with its detail; an id is one part of the path whatever is in it."""
    server.on("GET /api/releases/..%2Fx", problem(404, "there is no release ../x"))
    server.on("GET /api/releases", ReleaseList(releases=[]))
    shown = run("show", "../x")
    assert shown.exit_code == 1
    assert "there is no release ../x" in shown.stderr


@pytest.mark.parametrize("page", ["<html>gateway</html>", '{"other": 1}', '"text"', "[1]"])
def test_an_answer_of_something_else_says_to_check_the_address(server: App, run: Run, page: str) -> None:
    """A login page or another service, with status 200."""
    server.on("GET /api/releases", (200, page))
    shown = run("releases")
    assert shown.exit_code == 1
    assert "check SWITCHYARD_URL" in shown.stderr


@pytest.mark.parametrize("page", ["<html>gateway</html>", '"text"', '{"detail": 7}'])
def test_an_error_page_that_is_no_problem_document_is_reported_by_its_status(server: App, run: Run, page: str) -> None:
    """Proxies have pages of their own."""
    server.on("GET /api/releases", (500, page))
    shown = run("releases")
    assert shown.exit_code == 1
    assert "500" in shown.stderr


def test_the_module_is_the_command_and_the_local_cloud_is_run_as_a_process(tmp_path: Path) -> None:
    """`switchyard local status` passes its options and the exit status on."""
    command = [sys.executable, "-m", "cli", "local", "status", "--data", str(tmp_path)]
    environment = {**os.environ, "SWITCHYARD_TOKEN": TOKEN}
    ended = subprocess.run(command, cwd=REPOSITORY, env=environment, capture_output=True, text=True, timeout=60)
    assert ended.returncode == 1
    assert "There is no local cloud" in ended.stderr


def test_without_the_local_package_it_is_said_where_to_run_it(tmp_path: Path) -> None:
    """The command may be installed without the source checkout."""
    (tmp_path / "cli").symlink_to(REPOSITORY / "cli")
    command = [sys.executable, "-m", "cli", "local", "up"]
    ended = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert ended.returncode == 1
    assert "source checkout" in ended.stderr


def test_the_command_of_a_checkout_runs_from_anywhere_and_lists_the_options_of_the_local_cloud(tmp_path: Path) -> None:
    """As `make install` writes it; what it tells people to type leads to it again."""
    command, installed = tmp_path / "switchyard", tmp_path / "installed"
    installed.touch()
    made = ["make", "-s", "-C", str(REPOSITORY), f"COMMAND={command}", f"INSTALLED={installed}", str(command)]
    subprocess.run(made, check=True, timeout=60)

    helped = subprocess.run(
        [command, "local", "up", "--help"], cwd=tmp_path, capture_output=True, text=True, timeout=60
    )

    assert helped.returncode == 0, helped.stderr
    assert "Usage: switchyard local up" in helped.stdout
    assert "--setting" in helped.stdout
