"""An app that cannot be served leaves the host up in state Error, and everyone who asks learns why."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import httpx
import pytest

from local.host.functions import AppLoadError, FunctionDef, select
from local.host.hostjson import HostConfig
from local.host.http import build_routes
from local.host.invoker import Invoker
from local.host.timers import SystemClock
from local.host.triggers import Triggers
from local.host.worker import Worker
from tests.local.host.conftest import run_to_announcement, write_app

HTTP = """
import azure.functions as func
app = func.FunctionApp()
@app.route(route="hello", auth_level=func.AuthLevel.ANONYMOUS)
def hello(req: func.HttpRequest) -> str:
    return "hello"
"""
OUTPUT = (
    HTTP
    + """
@app.timer_trigger(schedule="0 0 * * * *", arg_name="timer")
@app.queue_output(arg_name="out", connection="STORAGE", queue_name="q")
def tick(timer: func.TimerRequest, out: func.Out[str]) -> None:
    out.set("x")
"""
)


def end(process: subprocess.Popen[str]) -> int:
    process.terminate()
    status = process.wait(timeout=15)
    assert process.stdout is not None
    process.stdout.close()
    return status


def test_an_app_that_does_not_import_leaves_the_host_in_error(tmp_path: Path) -> None:
    """The readiness line, the admin API and the log carry the reason; functions answer 503."""
    app = write_app(tmp_path / "app", "import not_installed_anywhere\n")
    process, announced = run_to_announcement(app, tmp_path / "data")
    try:
        assert announced["ready"] is False
        assert "not_installed_anywhere" in announced["error"]
        master = json.loads((tmp_path / "data" / "keys.json").read_text())["master"]
        with httpx.Client(base_url=f"http://127.0.0.1:{announced['port']}") as client:
            status = client.get("/admin/host/status", params={"code": master}).json()
            assert status["state"] == "Error"
            assert "not_installed_anywhere" in status["errors"][0]
            assert client.get("/api/hello").status_code == 503
            assert client.get("/health").status_code == 200
    finally:
        assert end(process) == 0
    assert "Traceback" in (tmp_path / "data" / "log").read_text()


@pytest.mark.parametrize(
    ("source", "said"),
    [
        pytest.param(OUTPUT, "function 'tick': binding 'out' of type 'queue' is not supported", id="output"),
        pytest.param(HTTP.replace("-> str", "-> dict"), "hello", id="type the runtime refuses"),
        pytest.param("import sys; sys.exit(3)\n", "sys.exit(3)", id="exit"),
    ],
)
def test_what_cannot_be_loaded_is_announced_by_name(tmp_path: Path, source: str, said: str) -> None:
    """One such function takes the whole app down, as a load error does in Azure."""
    process, announced = run_to_announcement(write_app(tmp_path / "app", source), tmp_path / "data")
    end(process)
    assert announced["ready"] is False
    assert said in announced["error"]


def test_the_function_filter_leaves_the_others_out(tmp_path: Path) -> None:
    """Even one that could not be served."""
    app = write_app(tmp_path / "app", OUTPUT)
    process, announced = run_to_announcement(app, tmp_path / "data", "--functions", "hello")
    try:
        assert announced["ready"] is True
        assert httpx.get(f"http://127.0.0.1:{announced['port']}/api/hello").text == "hello"
    finally:
        end(process)


def function(name: str = "work", **trigger: Any) -> FunctionDef:
    """A function with one trigger, as the runtime reports it."""
    return FunctionDef(name=name, function_id=name, bindings=({"direction": "IN", "name": "x", **trigger},))


def triggers_of(tmp_path: Path, *functions: FunctionDef) -> Triggers:
    invoker = Invoker(Worker(tmp_path), None, lambda code: None)
    return Triggers(functions, HostConfig(), invoker, tmp_path, SystemClock())


@pytest.mark.parametrize(
    ("trigger", "said"),
    [
        ({"type": "timerTrigger", "schedule": "@hourly"}, "function 'work': schedule '@hourly'"),
        ({"type": "timerTrigger", "schedule": "%NOT_SET%"}, "function 'work': '%NOT_SET%' does not resolve"),
        ({"type": "serviceBusTrigger", "queueName": "%NOT_SET%"}, "function 'work': '%NOT_SET%' does not resolve"),
        ({"type": "serviceBusTrigger", "queueName": "q", "connection": "NOT_SET"}, "set the app setting NOT_SET"),
        ({"type": "serviceBusTrigger", "topicName": "t", "subscriptionName": "s"}, "topics are not supported"),
        ({"type": "serviceBusTrigger", "queueName": "q", "cardinality": "MANY"}, "'many' is not supported"),
    ],
)
async def test_a_trigger_that_cannot_start_is_refused_by_name(
    tmp_path: Path, trigger: dict[str, Any], said: str
) -> None:
    """Before anything of the app starts."""
    with pytest.raises(AppLoadError, match=re.escape(said)):
        triggers_of(tmp_path, function(**trigger))


@pytest.mark.parametrize(
    ("route", "said"), [("{x:file}", "constraint 'file'"), ("{x=1}", "not supported by the local host")]
)
def test_a_route_that_cannot_be_mirrored_is_refused_by_name(route: str, said: str) -> None:
    """It would match something else than in Azure."""
    with pytest.raises(AppLoadError, match=f"function 'work'.*{said}"):
        build_routes([function(type="httpTrigger", route=route)], "api")


def test_the_routes_of_the_host_cannot_be_taken() -> None:
    """Without a prefix an app could hide the admin API."""
    with pytest.raises(AppLoadError, match="route 'admin/x' is reserved"):
        build_routes([function(type="httpTrigger", route="admin/x")], "")


def test_a_filter_for_an_unknown_function_is_an_error() -> None:
    """An empty host would look healthy."""
    with pytest.raises(AppLoadError, match="no such function: helo"):
        select([function("hello", type="httpTrigger")], ["helo"])
    assert [found.name for found in select([function("hello"), function("other")], ["HELLO"])] == ["hello"]
