"""A small sensor table and one trained model, made once for all tests; `environment/` as the root of `sensor_model`."""

import sys
from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
ENVIRONMENT = REPOSITORY / "environment"
sys.path.insert(0, str(ENVIRONMENT))

from sensor_model.circuit import Circuit, read_circuit  # noqa: E402 - needs the path above
from sensor_model.data import write_days  # noqa: E402
from sensor_model.train import train  # noqa: E402

LAST_DAY = date(2025, 12, 9)
SENSORS = ("SENSOR_P001_C001", "SENSOR_P001_C002", "SENSOR_P002_C001")
SEED = 7


def days_up_to(last: date, count: int) -> Sequence[date]:
    """`count` days, the last one included."""
    return [last - timedelta(days=back) for back in reversed(range(count))]


@pytest.fixture(scope="session")
def circuit() -> Circuit:
    """P001/C001 of the sample fleet."""
    return read_circuit(REPOSITORY / "config" / "plants" / "P001" / "C001.yml")


@pytest.fixture(scope="session")
def table_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """30 days of three sensors; tests that change it copy it first."""
    path = tmp_path_factory.mktemp("lake") / "processed" / "sensor_data"
    write_days(path, SENSORS, days_up_to(LAST_DAY, 30), SEED)
    return path


@pytest.fixture(scope="session")
def model_dir(circuit: Circuit, table_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The model of P001/C001, trained with the sample fleet's hyperparameters."""
    path = tmp_path_factory.mktemp("model") / "model"
    train(circuit, table_dir, path, SEED)
    return path
