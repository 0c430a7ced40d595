"""Answers requests for taxi fares: `{"data": [{"distance_km": 3.2, "minutes": 11, "hour": 23}]}` gives `[12.4]`.

A model is `model.json`: the features it looks at and a weight for each, the first weight stands alone. Training and
comparing use the same functions, so that what was compared is what answers.
"""

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

MODEL_FILE = "model.json"
NIGHT_FROM, NIGHT_UNTIL = 22, 6

Model = Mapping[str, Any]


def init() -> None:
    """Called once, before the first request."""
    global model
    model = read_model(Path(os.environ["AZUREML_MODEL_DIR"]))


def run(data: str) -> list[float]:
    """Called for each request."""
    return fares(model, json.loads(data)["data"])


def read_model(folder: Path) -> Model:
    """The model in a folder or below it: Azure ML keeps the name of the folder that was registered."""
    (file,) = folder.rglob(MODEL_FILE)
    found: Model = json.loads(file.read_text(encoding="utf-8"))
    return found


def fares(model: Model, rides: Sequence[Mapping[str, float]]) -> list[float]:
    """A fare in dollars for each ride."""
    first, *weights = model["weights"]
    return [
        round(first + sum(w * feature(ride, name) for w, name in zip(weights, model["features"], strict=True)), 2)
        for ride in rides
    ]


def feature(ride: Mapping[str, float], name: str) -> float:
    """A feature of a ride; `night` is 1 from 22 to 6 o'clock."""
    if name == "night":
        return float(ride["hour"] >= NIGHT_FROM or ride["hour"] < NIGHT_UNTIL)
    return float(ride[name])
