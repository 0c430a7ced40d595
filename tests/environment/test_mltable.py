"""The data asset as Azure ML's own library loads it; `make test-mltable` installs that in an environment of its own."""

import json
import os
import subprocess
from datetime import date, datetime
from pathlib import Path

import numpy as np
import pytest
from sensor_model.data import FEATURES
from sensor_model.table import open_table, read_sensor
from sensor_model.training_data import read_mltable

from shared.domain.training.lineage import data_asset_of
from shared.domain.training.model import TrainingPhase
from tests.domain.training.test_steps import NOW, a_run
from tests.environment.lake import Lake, at, hours_of, row

PYTHON = os.environ.get("MLTABLE_PYTHON", "")
LOAD = """
import json, sys, warnings
warnings.filterwarnings("ignore")
import mltable
rows = mltable.load(sys.argv[1]).to_pandas_dataframe().sort_values("timestamp")
rows["timestamp"] = rows["timestamp"].astype(str)
print(json.dumps({name: rows[name].tolist() for name in rows if name != "date"}))
"""

pytestmark = pytest.mark.skipif(not PYTHON, reason="MLTABLE_PYTHON names no Python with the package mltable")


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    """Days of several loads, around the cutoff date; NaN, and another sensor."""
    lake = Lake(tmp_path_factory.mktemp("lake"))
    for day in (7, 8, 9, 10):
        rows = hours_of(date(2025, 12, day), day / 7)
        rows[3]["pressure"] = None
        lake.land(f"{day}.parquet", [*rows, row(at(day, 1), 99.0, "SENSOR_P001_C002")])
        lake.run(at(day, 23))
    return lake


@pytest.mark.parametrize("zone", ["UTC", "America/New_York", "Asia/Tokyo"])
def test_the_library_of_azure_ml_loads_the_rows_that_training_reads(lake: Lake, tmp_path: Path, zone: str) -> None:
    """The last day is in it and the next is not, wherever it is loaded, and every value is the same."""
    asset = data_asset_of(a_run(TrainingPhase.REGISTERING_DATA), lake.table, NOW)
    (tmp_path / "MLTable").write_text(asset.mltable)
    command = [PYTHON, "-c", LOAD, str(tmp_path)]
    done = subprocess.run(command, env={**os.environ, "TZ": zone}, capture_output=True, text=True, timeout=110)
    assert done.returncode == 0, done.stderr[-2000:]
    loaded = json.loads(done.stdout.splitlines()[-1])
    wanted = read_mltable(tmp_path)
    readings = read_sensor(open_table(lake.table), wanted.sensor_id, FEATURES, last=wanted.last)
    assert set(loaded["sensor_id"]) == {wanted.sensor_id}
    assert [datetime.fromisoformat(each) for each in loaded["timestamp"]] == readings.times.tolist()
    for number, name in enumerate(FEATURES):
        values = np.array([np.nan if each is None else each for each in loaded[name]], dtype=float)
        np.testing.assert_array_equal(values, readings.values[:, number])
    assert len(readings) == 72
