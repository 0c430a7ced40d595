"""A fleet in production whose models need no TensorFlow: they predict that everything stays as it was.

All else is as in any fleet: the code of the environment reads the table and writes predictions, the real client
registers, shares and deploys. Only the one file of the environment that loads TensorFlow is another one.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import yaml

from local.seeding.environment_factory import FIRST, CodeChange, write_version
from local.seeding.fleet_config import write_config
from local.seeding.fleet_factory import FleetFactory, before_the_app
from local.seeding.model_factory import LAST_DAY, Circuit
from local.seeding.uploads import quiet_uploads

NETWORK = '''\
"""The next row is as the last one."""

from types import SimpleNamespace

Floats = object


def tensorflow():
    return SimpleNamespace(keras=SimpleNamespace(backend=SimpleNamespace(clear_session=lambda free_memory: None)))


def load(path):
    return path.read_text(encoding="utf-8")


def predict(model, scaled_inputs):
    return scaled_inputs[:, -1, :]
'''


def seed_plain_fleet(data: Path, circuits: Sequence[Circuit], new: Sequence[Circuit] = ()) -> None:
    """Bring every circuit to production before the app is there; those that are `new` have a configuration only."""
    write_config(data / "config", [*circuits, *new])
    for circuit in (*circuits, *new):
        write_model(data, circuit)
    prepare_version(data, FIRST)
    with quiet_uploads(), before_the_app(data) as cloud:
        FleetFactory(cloud, list(circuits), lambda _what, _count: None).seed()


def prepare_version(data: Path, change: CodeChange) -> None:
    """The folder of a version of the environment, from where it is registered."""
    folder = data / "environments" / change.version
    definition = write_version(folder, replace(change, file="", before="", after=""))
    (folder / "sensor_model" / "network.py").write_text(NETWORK)
    content = yaml.safe_load(definition.read_text())
    content["tags"]["warm_imports"] = "numpy.ma sensor_model.score sensor_model.compatibility"
    definition.write_text(yaml.safe_dump(content, sort_keys=False))


def write_model(data: Path, circuit: Circuit) -> Path:
    """The folder that training would leave."""
    config = yaml.safe_load((data / "config" / "plants" / f"{circuit}.yml").read_text())["training"]
    features, hyperparameters = config["data_filters"]["feature_columns"], config["hyperparameters"]
    folder = data / "models" / f"{circuit}"
    folder.mkdir(parents=True)
    (folder / "model.keras").write_text("as before")
    metadata = {
        "plant_id": circuit.plant_id,
        "circuit_id": circuit.circuit_id,
        "sensor_id": config["data_filters"]["sensor_id"],
        "features": features,
        "sequence_length": hyperparameters["sequence_length"],
        "step_s": 3600,
        "scaler": {"mean": [0.0] * len(features), "std": [100.0] * len(features)},
        "cutoff_date": LAST_DAY,
        "hyperparameters": hyperparameters,
        "hyperparameters_hash": "0" * 12,
        "seed": 7,
        "training_windows": 500,
        "holdout_windows": 100,
        "metrics": {"mae": 0.5, "rmse": 0.7},
        "tensorflow_version": "2.21.0",
        "environment_version": FIRST.version,
    }
    (folder / "metadata.json").write_text(json.dumps(metadata))
    return folder
