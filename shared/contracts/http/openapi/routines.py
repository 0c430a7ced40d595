"""What the API's description says about daily inference and monitoring; put into the whole by `openapi`."""

from collections.abc import Callable
from typing import Any

from shared.contracts.http import inference as http_inference
from shared.contracts.http import monitoring as http_monitoring

MODELS = (
    http_inference.InferenceRequest,
    http_inference.InferenceView,
    http_inference.RoutineAccepted,
    http_monitoring.MonitoringRequest,
    http_monitoring.MonitoringView,
)
Part = dict[str, Any]


def _asked(name: str, description: str) -> Part:
    return {"name": name, "in": "query", "required": False, "schema": {"type": "string", "description": description}}


def paths(read: Callable[..., Part], write: Callable[..., Part], answer: Callable[[str, str], Part]) -> Part:
    """The paths by address; `read`, `write` and `answer` make their parts as for every other path."""

    def listed(summary: str, model: str, *parameters: Part) -> Part:
        made = read(summary, model, *parameters)
        responses = {status: each for status, each in made["responses"].items() if status != "404"}
        return {**made, "responses": {**responses, "400": made["responses"]["401"]}}

    def started(summary: str, body: str) -> Part:
        made = write(summary, body)
        responses = {status: each for status, each in made["responses"].items() if status not in ("200", "404", "409")}
        return {**made, "responses": {**responses, "202": answer("RoutineAccepted", "Accepted; follow it")}}

    return {
        "/api/inference": {
            "get": listed("Read a day's inference", "InferenceView", _asked("date", "2026-01-31; the last day")),
            "post": started("Start a day's inference", "InferenceRequest"),
        },
        "/api/monitoring": {
            "get": listed(
                "Read the checks of performance and drift",
                "MonitoringView",
                _asked("month", "2026-01; the last one"),
                _asked("quarter", "2026-q1; the last one"),
            ),
            "post": started("Start a check", "MonitoringRequest"),
        },
    }
