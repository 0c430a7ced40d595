"""What a training job needs of a circuit's configuration file (R-FLEET-7).

The release app checks these files in full before anything is trained; here only what training uses is read,
and a file that lacks it ends the job with the missing key's name.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import yaml


class CircuitFileError(ValueError):
    """The file cannot be used for training."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Circuit:
    """One circuit's training settings."""

    plant_id: str
    circuit_id: str
    sensor_id: str
    features: tuple[str, ...]
    cutoff_date: date
    environment_version: str
    hyperparameters: Mapping[str, int | float]


def read_circuit(path: Path) -> Circuit:
    """Read `config/plants/<plant_id>/<circuit_id>.yml`."""
    return circuit_of(path.read_text(encoding="utf-8"), str(path))


def circuit_of(text: str, source: str) -> Circuit:
    """The circuit that the text of its file describes; `source` names the text in messages."""
    try:
        content = yaml.safe_load(text)
        training = content["training"]
        filters = training["data_filters"]
        return Circuit(
            plant_id=content["plant_id"],
            circuit_id=content["circuit_id"],
            sensor_id=filters["sensor_id"],
            features=tuple(filters["feature_columns"]),
            cutoff_date=date.fromisoformat(training["cutoff_date"]),
            environment_version=training["environment_version"],
            hyperparameters=dict(training["hyperparameters"]),
        )
    except KeyError as error:
        raise CircuitFileError(
            f"{source}: the key {error} is missing; see config/schema/circuit.schema.json"
        ) from error
    except (TypeError, ValueError, yaml.YAMLError) as error:
        raise CircuitFileError(f"{source}: {error}; see config/schema/circuit.schema.json") from error


def read_sensor_ids(config_dir: Path) -> list[str]:
    """Sensor ids of every circuit in `plants_circuits.yml`, in its order."""
    content: Any = yaml.safe_load((config_dir / "plants_circuits.yml").read_text(encoding="utf-8"))
    return [
        f"SENSOR_{plant['plant_id']}_{circuit['circuit_id']}"
        for plant in content["plants"]
        for circuit in plant["circuits"]
    ]


def hyperparameters_hash(hyperparameters: Mapping[str, int | float]) -> str:
    """Eight hex digits that name a set of hyperparameters, as the tag of the training data (R-TRAIN-15)."""
    text = str(sorted(hyperparameters.items()))
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()[:8]
