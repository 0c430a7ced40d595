"""What the API's description says about training; put into the whole by `shared.contracts.http.openapi.document`."""

from collections.abc import Callable
from typing import Any

from shared.contracts.http import training as http_training

MODELS = (
    http_training.TrainingWish,
    http_training.TrainingView,
    http_training.TrainingList,
    http_training.LineageView,
)
Part = dict[str, Any]


def _named(name: str) -> Part:
    return {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}


def paths(read: Callable[..., Part], write: Callable[..., Part], answer: Callable[[str, str], Part]) -> Part:
    """The paths by address; `read`, `write` and `answer` make their parts as for every other path."""

    def asked(summary: str, body: str, *parameters: Part) -> Part:
        made = write(summary, body, *parameters)
        answers = {"200": answer("TrainingView", "Done already"), "202": answer("TrainingView", "Accepted; follow it")}
        return {**made, "responses": {**made["responses"], **answers}}

    run_id, version = _named("run_id"), _named("version")
    circuit = (_named("plant_id"), _named("circuit_id"))
    return {
        "/api/trainings": {
            "get": read("List trainings", "TrainingList"),
            "post": asked("Train a circuit", "TrainingWish"),
        },
        "/api/trainings/{run_id}": {"get": read("Read a training", "TrainingView", run_id)},
        "/api/trainings/{run_id}/abort": {"post": asked("Abort a training", "ReasonRequest", run_id)},
        "/api/models/{name}/{version}/lineage": {
            "get": read("Read where a model comes from", "LineageView", _named("name"), version)
        },
        "/api/circuits/{plant_id}/{circuit_id}/models/{version}/lineage": {
            "get": read("Read where a circuit's model comes from", "LineageView", *circuit, version)
        },
    }
