"""The configuration directory of a fleet of any size: small models that train in half a second.

One circuit in the middle has two features, as P003/C004 of the sample fleet; all others have three.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from local.conventions import write_atomically
from local.seeding.model_factory import LAST_DAY, Circuit

CIRCUITS_MAX = 1000
CIRCUITS_PER_PLANT = 10  # one endpoint per plant (R-FLEET-3), and an endpoint takes 20 deployments
ENVIRONMENT_VERSION = "1.5.0"
FEATURES = ("temperature", "pressure", "vibration")

_HYPERPARAMETERS = {
    "sequence_length": 6,
    "lstm_units": 8,
    "dropout": 0.1,
    "learning_rate": 0.01,
    "batch_size": 256,
    "epochs": 1,
}


def fleet_of(count: int) -> list[Circuit]:
    """Circuits P001/C001, P001/C002 and so on, ten per plant. Raises `ValueError` unless there are 1 to 1000."""
    if not 1 <= count <= CIRCUITS_MAX:
        raise ValueError(f"A fleet has 1 to {CIRCUITS_MAX} circuits, not {count}.")
    places = (divmod(number, CIRCUITS_PER_PLANT) for number in range(count))
    return [Circuit(f"P{plant + 1:03}", f"C{circuit + 1:03}") for plant, circuit in places]


def with_two_features(circuits: Sequence[Circuit]) -> Circuit:
    """The circuit whose model sees temperature and pressure only."""
    return circuits[len(circuits) // 2]


def write_config(folder: Path, circuits: Sequence[Circuit]) -> None:
    """Write `plants_circuits.yml` and one file per circuit into a folder that has no configuration yet."""
    by_plant: dict[str, list[Circuit]] = {}
    for circuit in circuits:
        by_plant.setdefault(circuit.plant_id, []).append(circuit)
        features = FEATURES[:2] if circuit == with_two_features(circuits) else FEATURES
        file = folder / "plants" / circuit.plant_id / f"{circuit.circuit_id}.yml"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(yaml.safe_dump(_circuit(circuit, features), sort_keys=False))
    plants = [_plant(plant_id, members) for plant_id, members in by_plant.items()]
    # Last and at once: the list is how a directory is known to hold a configuration.
    write_atomically(folder / "plants_circuits.yml", yaml.safe_dump({"plants": plants}, sort_keys=False))


def _plant(plant_id: str, circuits: Sequence[Circuit]) -> dict[str, Any]:
    listed = [{"circuit_id": each.circuit_id, "circuit_name": f"Sensor {each}"} for each in circuits]
    return {"plant_id": plant_id, "plant_name": f"Plant {int(plant_id[1:])}", "circuits": listed}


def _circuit(circuit: Circuit, features: Sequence[str]) -> dict[str, Any]:
    return {
        "plant_id": circuit.plant_id,
        "circuit_id": circuit.circuit_id,
        "training": {
            "cutoff_date": LAST_DAY,
            "environment_version": ENVIRONMENT_VERSION,
            "hyperparameters": dict(_HYPERPARAMETERS),
            "data_filters": {
                "sensor_id": f"SENSOR_{circuit.plant_id}_{circuit.circuit_id}",
                "feature_columns": list(features),
            },
        },
        "deployment": {"compute_instance_type": "Standard_DS3_v2", "mini_batch_size": 100},
    }
