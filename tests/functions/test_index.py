"""What the official worker library finds in the app: functions, triggers, routes. And what importing it loads."""

import asyncio
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import azure.functions as func
import pytest

from benchmarks.import_cost import heavy, loaded_modules
from tests.functions.callers import function

ROOT = Path(__file__).parents[2]

ROUTES = {
    "read_board_settings": ("board-settings", ["GET"]),
    "read_health": ("health", ["GET"]),
    "read_version": ("version", ["GET"]),
    "list_releases": ("releases", ["GET"]),
    "read_release": ("releases/{release_id}", ["GET"]),
    "read_history": ("releases/{release_id}/history", ["GET"]),
    "describe_api": ("openapi.json", ["GET"]),
    "decide_on_gate": ("releases/{release_id}/gates/{stage}/decisions", ["POST"]),
    "read_fleet": ("fleet", ["GET"]),
    "list_gates": ("gates", ["GET"]),
    "decide_on_gates": ("gates/decisions", ["POST"]),
    "abort_release": ("releases/{release_id}/abort", ["POST"]),
    "retry_release": ("releases/{release_id}/retry", ["POST"]),
    "release_again": ("releases/{release_id}/again", ["POST"]),
    "request_model_release": ("model-releases", ["POST"]),
    "request_environment_release": ("environment-releases", ["POST"]),
    "request_online_release": ("online-releases", ["POST"]),
    "download_deployment_state": ("releases/{release_id}/deployment-state", ["GET"]),
    "list_environment_versions": ("environment-versions", ["GET"]),
    "roll_back_release": ("releases/{release_id}/rollback", ["POST"]),
    "submit_evidence": ("releases/{release_id}/evidence", ["POST"]),
    "read_evidence": ("releases/{release_id}/evidence", ["GET"]),
    "read_targets": ("releases/{release_id}/targets", ["GET"]),
    "read_rollback_report": ("releases/{release_id}/rollback-report", ["GET"]),
    "accept_alert": ("alerts", ["POST"]),
    "list_alerts": ("alerts", ["GET"]),
    "set_freeze": ("freezes", ["POST"]),
    "list_freezes": ("freezes", ["GET"]),
    "lift_freeze": ("freezes/{freeze_id}/lift", ["POST"]),
    "accept_github_change": ("changes/github", ["POST"]),
    "accept_azure_devops_change": ("changes/azure-devops", ["POST"]),
    "list_changes": ("changes", ["GET"]),
    "read_change": ("changes/{change_id}", ["GET"]),
    "train_circuit": ("trainings", ["POST"]),
    "list_trainings": ("trainings", ["GET"]),
    "read_training": ("trainings/{run_id}", ["GET"]),
    "abort_training": ("trainings/{run_id}/abort", ["POST"]),
    "read_lineage": ("models/{name}/{version}/lineage", ["GET"]),
    "read_circuit_lineage": ("circuits/{plant_id}/{circuit_id}/models/{version}/lineage", ["GET"]),
    "read_inference": ("inference", ["GET"]),
    "start_inference": ("inference", ["POST"]),
    "read_monitoring": ("monitoring", ["GET"]),
    "start_monitoring": ("monitoring", ["POST"]),
    "read_notifications": ("releases/{release_id}/notifications", ["GET"]),
    "read_contacts": ("contacts", ["GET"]),
    "download_rollback_metadata": ("releases/{release_id}/rollback-metadata", ["GET"]),
}
QUEUES = {
    "release_events": ("%RELEASE_EVENTS_QUEUE%", True),
    "effects": ("%EFFECTS_QUEUE%", False),
    "dead_release_events": ("%RELEASE_EVENTS_QUEUE%/$DeadLetterQueue", False),
    "take_change": ("%CHANGES_QUEUE%", True),
    "dead_changes": ("%CHANGES_QUEUE%/$DeadLetterQueue", False),
    "trainings": ("%TRAININGS_QUEUE%", True),
    "dead_trainings": ("%TRAININGS_QUEUE%/$DeadLetterQueue", False),
    "routine_tasks": ("%ROUTINES_QUEUE%", False),
    "dead_routines": ("%ROUTINES_QUEUE%/$DeadLetterQueue", False),
    "notifications": ("%NOTIFICATIONS_QUEUE%", False),
    "dead_notifications": ("%NOTIFICATIONS_QUEUE%/$DeadLetterQueue", False),
    "dead_effects": ("%EFFECTS_QUEUE%/$DeadLetterQueue", False),
}
BOARD = "web_page"
OTHERS = {
    "model_events": "eventGridTrigger",
    "run_events": "eventGridTrigger",
    "alert_events": "eventGridTrigger",
    "fact_events": "eventGridTrigger",
    "sweeper": "timerTrigger",
    "sensor_etl": "timerTrigger",
    "sweep_trainings": "timerTrigger",
    "sweep_changes": "timerTrigger",
    "sweep_notifications": "timerTrigger",
    "routine_sweeper": "timerTrigger",
    "daily_inference": "timerTrigger",
    "monthly_performance": "timerTrigger",
    "quarterly_drift": "timerTrigger",
}
SCHEDULES = {
    "sensor_etl": "%ETL_SCHEDULE%",
    "routine_sweeper": "%ROUTINE_SWEEP_SCHEDULE%",
    "daily_inference": "%INFERENCE_SCHEDULE%",
    "monthly_performance": "%PERFORMANCE_SCHEDULE%",
    "quarterly_drift": "%DRIFT_SCHEDULE%",
}
"""Of timers that do not sweep."""

_INDEX = """
import asyncio, json
from pathlib import Path
from local.host.worker import Worker
functions = asyncio.run(Worker(Path.cwd()).load())
triggers = {
    each.name: {**each.trigger, "retries": each.retry.max_retry_count if each.retry else 0} for each in functions
}
print("INDEX" + json.dumps(triggers))
"""


@pytest.fixture(scope="module")
def triggers() -> dict[str, dict[str, Any]]:
    """Each function's trigger, as the worker library hands it to the host; one app per process, hence another one."""
    done = subprocess.run([sys.executable, "-c", _INDEX], cwd=ROOT, capture_output=True, text=True, timeout=60)
    lines = [line for line in done.stdout.splitlines() if line.startswith("INDEX")]
    assert lines, done.stderr
    found: dict[str, dict[str, Any]] = json.loads(lines[0].removeprefix("INDEX"))
    return found


def test_the_app_has_exactly_these_functions(triggers: dict[str, dict[str, Any]]) -> None:
    """A function nobody expects is a way in nobody watches."""
    assert set(triggers) == {*ROUTES, *QUEUES, *OTHERS, BOARD}


@pytest.mark.parametrize("name", ROUTES)
def test_a_route_has_its_methods_and_leaves_authority_to_the_token(
    triggers: dict[str, dict[str, Any]], name: str
) -> None:
    """No function keys: a key says nothing about who decides."""
    trigger = triggers[name]

    assert trigger["type"] == "httpTrigger"
    path, methods = ROUTES[name]
    assert (trigger["route"], trigger["methods"]) == (f"api/{path}", methods)
    assert trigger["authLevel"].lower() == "anonymous"


def test_the_pages_of_the_board_are_tried_after_every_route_of_the_api(triggers: dict[str, dict[str, Any]]) -> None:
    """Azure tries routes in the order of their functions' names, in small letters (docs/azure-facts.md)."""
    called_by_get = [name for name, trigger in triggers.items() if trigger.get("methods") == ["GET"]]

    assert (triggers[BOARD]["route"], triggers[BOARD]["authLevel"].lower()) == ("{*path}", "anonymous")
    assert max(called_by_get, key=str.lower) == BOARD


def test_nothing_is_decided_by_get(triggers: dict[str, dict[str, Any]]) -> None:
    """A link in a mail, or a browser that loads ahead, must not decide."""
    decisions = {
        "decide_on_gate",
        "decide_on_gates",
        "abort_release",
        "retry_release",
        "release_again",
        "request_model_release",
    }
    fleet_decisions = {"request_environment_release", "roll_back_release", "submit_evidence"}
    posts = {name for name, trigger in triggers.items() if trigger.get("methods") == ["POST"]}
    freezes = {"set_freeze", "lift_freeze"}
    webhooks = {"accept_github_change", "accept_azure_devops_change"}
    trainings = {"train_circuit", "abort_training"}
    routines = {"start_inference", "start_monitoring", "request_online_release"}
    assert posts == decisions | fleet_decisions | freezes | {"accept_alert"} | webhooks | trainings | routines
    assert all(trigger["methods"] in (["GET"], ["POST"]) for trigger in triggers.values() if "route" in trigger)


@pytest.mark.parametrize("name", QUEUES)
def test_a_queue_function_has_its_queue_and_session_flag(triggers: dict[str, dict[str, Any]], name: str) -> None:
    """Sessions where messages about one thing must come in order; a dead-letter queue never has them."""
    trigger = triggers[name]

    assert trigger["type"] == "serviceBusTrigger"
    assert (trigger["queueName"], bool(trigger.get("isSessionsEnabled"))) == QUEUES[name]
    assert trigger["connection"] == "SERVICEBUS"


@pytest.mark.parametrize("name", OTHERS)
def test_the_other_triggers_are_event_grid_and_timer(triggers: dict[str, dict[str, Any]], name: str) -> None:
    """The schedules are settings."""
    trigger = triggers[name]

    assert trigger["type"] == OTHERS[name]
    assert trigger.get("schedule", "%SWEEP_SCHEDULE%") == SCHEDULES.get(name, "%SWEEP_SCHEDULE%")


@pytest.mark.parametrize("name", sorted(SCHEDULES.keys() - {"routine_sweeper"}))
def test_a_timer_that_begins_something_is_tried_again_by_the_host(
    triggers: dict[str, dict[str, Any]], name: str
) -> None:
    """A sweep comes again by itself; a day that was not even noted would be forgotten."""
    assert triggers[name]["retries"] == 5


def test_the_committed_description_covers_exactly_the_routes(triggers: dict[str, dict[str, Any]]) -> None:
    """Every route with its method, its path parameters, and nothing that is not there."""
    document = json.loads((ROOT / "docs/openapi.json").read_text())
    described = {(path, method.upper()) for path, methods in document["paths"].items() for method in methods}
    served = {
        (f"/{trigger['route']}", method)
        for name, trigger in triggers.items()
        if trigger["type"] == "httpTrigger" and name != BOARD
        for method in trigger["methods"]
    }
    assert described == served


def test_importing_the_app_loads_no_client_library() -> None:
    """A cold start of every function pays for the import (R-SPEED-7)."""
    assert heavy(loaded_modules()) == []


def test_importing_the_app_loads_no_handler_and_no_model() -> None:
    """The table names both; a function's first call loads its own."""
    loaded = {".".join(name.split(".")[:2]) for name in loaded_modules()}

    assert "functions.triggers" in loaded
    assert loaded & {"functions.handlers", "pydantic", "shared.bootstrap", "shared.application"} == set()


def test_the_description_is_served_without_a_token() -> None:
    """It holds no data."""
    call = function("describe_api")(func.HttpRequest(method="GET", url="/api/openapi.json", body=b""))
    answer = asyncio.run(call)

    assert json.loads(answer.get_body()) == json.loads((ROOT / "docs/openapi.json").read_text())
