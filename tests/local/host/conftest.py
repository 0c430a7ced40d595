"""Hosts and a broker as separate processes, for tests that talk to them as their real users do."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.processes import REPOSITORY, Part, start

APPS = Path(__file__).parent / "apps"

MASTER, EVENT_GRID, HOST_KEY, SECRET_KEY = "master-key", "eventgrid-key", "host-key", "key-of-secret"
KEYS = {
    "master": MASTER,
    "host": {"default": HOST_KEY},
    "system": {"eventgrid_extension": EVENT_GRID, "other_extension": "other-key"},
    "functions": {"secret": {"default": SECRET_KEY}},
}

StartHost = Callable[..., Part]


def write_app(directory: Path, source: str, host_json: dict[str, Any] | None = None) -> Path:
    """An app of one file."""
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "function_app.py").write_text(source)
    (directory / "host.json").write_text(json.dumps(host_json or {"version": "2.0"}))
    return directory


def write_settings(path: Path, **values: str) -> Path:
    """A settings file."""
    path.write_text(json.dumps({"Values": values}))
    return path


@pytest.fixture
def start_host(tmp_path: Path) -> Iterator[StartHost]:
    """Starts hosts; all that still run at the end are ended."""
    parts: list[Part] = []

    def begin(app: Path, *options: str, name: str = "host", settings: dict[str, str] | None = None) -> Part:
        settings_file = write_settings(tmp_path / f"{name}.settings.json", **(settings or {}))
        part = start(
            "local.host",
            *("--app", str(app), "--data", str(tmp_path / name), "--settings", str(settings_file), *options),
            log=tmp_path / f"{name}.log",
        )
        parts.append(part)
        return part

    yield begin
    for part in parts:
        if part.process.poll() is None:
            part.terminate()


@pytest.fixture(scope="session")
def web_host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Part]:
    """The web app with known keys, shared by the tests that leave it as it was."""
    directory = tmp_path_factory.mktemp("web")
    keys = directory / "preset.json"
    keys.write_text(json.dumps(KEYS))
    part = start(
        "local.host",
        *("--app", str(APPS / "web"), "--data", str(directory / "data"), "--keys", str(keys)),
        log=directory / "host.log",
    )
    yield part
    assert part.terminate() == 0, "a host ends with status 0 on SIGTERM"


@pytest.fixture
def client(web_host: Part) -> Iterator[httpx.Client]:
    """An HTTP client of the shared host."""
    with httpx.Client(base_url=web_host.url, timeout=10) as http:
        yield http


def run_to_announcement(app: Path, data: Path, *options: str) -> tuple[subprocess.Popen[str], dict[str, Any]]:
    """Start a host and return the process with its readiness line, whatever that says."""
    data.mkdir(parents=True, exist_ok=True)
    with (data / "log").open("w") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "local.host", "--port", "0", "--app", str(app), "--data", str(data), *options],
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            cwd=REPOSITORY,
        )
    assert process.stdout is not None
    return process, json.loads(process.stdout.readline())
