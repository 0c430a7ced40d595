"""The sample fleet, looking circuits up, and telling all mistakes at once."""

import os
import subprocess
import sys
from datetime import date

import pytest
from pydantic import ValidationError

from shared.adapters.config.files import load_circuit, load_fleet
from shared.contracts.config.files import ConfigError, UnknownCircuitError
from tests.config.conftest import CIRCUIT, REPOSITORY, ConfigTree


def test_the_sample_fleet_is_three_plants_with_four_circuits_each() -> None:
    """The repository's own configuration loads, in the order of the master list."""
    fleet = load_fleet(REPOSITORY / "config")
    ids = [(circuit.plant_id, circuit.circuit_id) for circuit in fleet.circuits]
    assert ids == [(f"P00{p}", f"C00{c}") for p in (1, 2, 3) for c in (1, 2, 3, 4)]
    assert [plant.plant_name for plant in fleet.plants] == [
        "Manufacturing Plant 1",
        "Distribution Center 2",
        "Bottling Plant 3",
    ]
    assert len(fleet) == 12


def test_a_circuit_is_found_by_its_two_ids() -> None:
    """The same circuit id exists in several plants; the pair decides."""
    fleet = load_fleet(REPOSITORY / "config")
    circuit = fleet.circuit("P003", "C004")
    assert circuit.training.data_filters.sensor_id == "SENSOR_P003_C004"
    assert circuit.training.data_filters.feature_columns == ("temperature", "pressure")
    assert circuit.training.cutoff_date == date(2025, 12, 9)
    assert ("P003", "C004") in fleet


def test_an_unknown_circuit_is_a_clear_error() -> None:
    """The message says which files would make it known."""
    fleet = load_fleet(REPOSITORY / "config")
    assert ("P009", "C001") not in fleet
    with pytest.raises(UnknownCircuitError, match=r"no circuit P009/C001 .* config/plants/P009/C001\.yml"):
        fleet.circuit("P009", "C001")


def test_a_loaded_configuration_cannot_be_changed() -> None:
    """A release that holds a configuration can rely on it."""
    fleet = load_fleet(REPOSITORY / "config")
    with pytest.raises(ValidationError, match="frozen"):
        fleet.circuits[0].training.hyperparameters.epochs = 9
    with pytest.raises(AttributeError):
        fleet.circuits = ()  # type: ignore[misc]


def test_one_circuit_can_be_read_alone() -> None:
    """A training job needs one file, not the fleet."""
    circuit = load_circuit(REPOSITORY / "config" / CIRCUIT)
    assert (circuit.plant_id, circuit.circuit_id) == ("P001", "C001")


def test_all_mistakes_of_all_files_are_told_at_once(tree: ConfigTree) -> None:
    """Nobody corrects one mistake only to meet the next."""
    tree.edit(CIRCUIT, "epochs: 3", "epochs: 0")
    tree.edit(CIRCUIT, "dropout: 0.1", "dropout: 2.0")
    tree.edit("plants/P002/C003.yml", 'circuit_id: "C003"', "circuit_id: NO")
    (tree.root / "plants/P003/C004.yml").unlink()
    with pytest.raises(ConfigError) as caught:
        load_fleet(tree.root)
    message = str(caught.value)
    assert message.splitlines()[0] == "4 problems in the configuration:"
    for part in ("hyperparameters.epochs = 0", "hyperparameters.dropout = 2.0", "circuit_id = NO", "P003/C004.yml"):
        assert part in message


def test_the_configuration_loads_without_heavy_libraries() -> None:
    """The function app reads it at start; neither Azure's ML client nor numeric libraries may come along."""
    code = (
        "import sys; from shared.adapters.config.files import load_fleet, load_policies; "
        "load_fleet('config'); load_policies('config/policies.yml'); "
        "print(sorted({m.split('.')[0] for m in sys.modules} & "
        "{'azure', 'numpy', 'pandas', 'pyarrow', 'deltalake', 'tensorflow', 'aiohttp'}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=REPOSITORY,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )
    assert done.stdout.strip() == "[]"
