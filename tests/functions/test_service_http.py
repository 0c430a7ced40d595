"""Whether the app lives and which release it is: for whoever looks after it, without a token."""

import asyncio
import platform
import tomllib

import azure.functions as func
import pytest

from shared.bootstrap import connections
from shared.version import VERSION
from tests.functions.callers import answered, function
from tests.support.processes import REPOSITORY

pytestmark = pytest.mark.usefixtures("bench")


def asked(name: str) -> func.HttpResponse:
    request = func.HttpRequest(method="GET", url="http://127.0.0.1/api/x", body=b"")
    answer: func.HttpResponse = asyncio.run(function(name)(request))
    return answer


def test_an_app_that_was_loaded_is_healthy() -> None:
    assert answered(asked("read_health"), 200) == {"status": "ok"}


def test_settings_that_cannot_be_used_are_no_health_and_are_not_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is wrong stands in the log only."""
    monkeypatch.setenv("DEV_WORKSPACE", "not a name!")
    connections.settings.cache_clear()

    body = answered(asked("read_health"), 503)

    assert "DEV_WORKSPACE" not in str(body)
    connections.settings.cache_clear()


def test_the_version_is_that_of_the_project() -> None:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]

    assert answered(asked("read_version"), 200) == {"version": VERSION, "python": platform.python_version()}
    assert project["version"] == VERSION
