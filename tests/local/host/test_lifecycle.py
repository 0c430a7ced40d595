"""How a host ends: in order on SIGTERM, and with its own exit code when a function makes that necessary."""

from __future__ import annotations

import threading
from pathlib import Path

import httpx
import pytest

from local.host.invoker import EXIT_FUNCTION_TIMEOUT, EXIT_WORKER_DIED
from tests.local.host.conftest import APPS, StartHost, write_app
from tests.support.processes import until


def test_a_request_in_flight_is_answered_before_the_host_ends(start_host: StartHost, tmp_path: Path) -> None:
    """And new connections are refused meanwhile."""
    host = start_host(APPS / "web")
    answers: list[httpx.Response] = []
    caller = threading.Thread(target=lambda: answers.append(httpx.get(f"{host.url}/api/slow/1.2", timeout=10)))
    caller.start()
    until(lambda: "Executing function=slow" in (tmp_path / "host.log").read_text())
    assert host.terminate() == 0
    caller.join()
    assert (answers[0].status_code, answers[0].text) == (200, "done")


@pytest.mark.parametrize("path", ["stuck", "blocking"])
def test_a_function_beyond_its_timeout_ends_the_host(start_host: StartHost, tmp_path: Path, path: str) -> None:
    """A stuck thread cannot be stopped, and a blocked loop cannot even notice. The platform restarts its worker."""
    host = start_host(APPS / "web", settings={"AzureFunctionsJobHost__functionTimeout": "00:00:01"})
    try:
        status = httpx.get(f"{host.url}/api/{path}", timeout=15).status_code
    except httpx.RemoteProtocolError:
        status = None  # the loop was blocked: nobody could answer any more
    assert host.process.wait(timeout=10) == EXIT_FUNCTION_TIMEOUT
    assert status == (500 if path == "stuck" else None)
    assert f"function '{path}'" in (tmp_path / "host.log").read_text()


def test_a_function_that_exits_ends_the_host(start_host: StartHost, tmp_path: Path) -> None:
    """In Azure the worker process would be gone."""
    source = """
import sys
import azure.functions as func
app = func.FunctionApp()
@app.route(route="leave", auth_level=func.AuthLevel.ANONYMOUS)
def leave(req: func.HttpRequest) -> str:
    sys.exit(3)
"""
    host = start_host(write_app(tmp_path / "app", source))
    assert httpx.get(f"{host.url}/api/leave").status_code == 500
    assert host.process.wait(timeout=10) == EXIT_WORKER_DIED


def test_a_disabled_function_is_not_found(start_host: StartHost) -> None:
    """The app setting AzureWebJobs.<name>.Disabled switches it off."""
    host = start_host(APPS / "web", settings={"AzureWebJobs.fixed.Disabled": "true"})
    assert httpx.get(f"{host.url}/api/echo/acme/fixed").status_code == 404
    assert httpx.get(f"{host.url}/api/echo/acme").status_code == 201


def test_a_timer_due_at_startup_runs_with_the_real_clock(start_host: StartHost, tmp_path: Path) -> None:
    """Its status is kept in the data directory of the host."""
    source = """
import logging
import azure.functions as func
app = func.FunctionApp()
@app.timer_trigger(schedule="%WHEN%", arg_name="timer", run_on_startup=True)
def hourly(timer: func.TimerRequest) -> None:
    logging.info("ran, past due: %s", timer.past_due)
"""
    host = start_host(write_app(tmp_path / "app", source), settings={"WHEN": "0 0 * * * *"})
    until(lambda: "root" in (log := (tmp_path / "host.log").read_text()) and "ran, past due: False" in log)
    until((tmp_path / "host" / "timers" / "hourly.json").exists)
    assert host.terminate() == 0


def test_a_host_whose_timer_cannot_go_on_ends_itself(start_host: StartHost, tmp_path: Path) -> None:
    """A host that went on without it would look healthy, and nobody would start it again."""
    source = """
import azure.functions as func
app = func.FunctionApp()
@app.timer_trigger(schedule="0 0 * * * *", arg_name="timer", run_on_startup=True)
def hourly(timer: func.TimerRequest) -> None:
    pass
"""
    (tmp_path / "host").mkdir()
    (tmp_path / "host" / "timers").write_text("a file where the directory of the timers should be")
    host = start_host(write_app(tmp_path / "app", source))
    assert host.process.wait(timeout=10) == 1
    assert "timer hourly failed" in (tmp_path / "host.log").read_text()
