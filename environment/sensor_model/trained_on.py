"""What a model was trained on, in training_data.json beside it: enough to see that a retraining has the same rows.

A file of its own, since the code of earlier environment versions reads metadata.json strictly, and may run this model.
"""

import hashlib
import json
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path

import numpy as np
from deltalake import DeltaTable

from sensor_model.closing import closed_through
from sensor_model.table import Readings

TRAINED_ON_FILE = "training_data.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainedOn:
    """Version of the sensor table, number and SHA-256 of the rows that were read, and whether all their days were
    closed: only those never change."""

    table_version: int
    rows: int
    sha256: str
    closed: bool

    def write(self, folder: Path) -> None:
        """Write training_data.json into the model's folder."""
        (folder / TRAINED_ON_FILE).write_text(json.dumps(asdict(self), indent=2) + "\n", encoding="utf-8")


def trained_on(table: DeltaTable, readings: Readings, last: date) -> TrainedOn:
    """Of the rows up to `last`. The digest is over times in microseconds and values with one NaN for no value, however
    the table stores them."""
    digest = hashlib.sha256(readings.times.astype("datetime64[us]").astype(np.int64).tobytes())
    digest.update(np.where(np.isnan(readings.values), np.nan, readings.values).tobytes())
    closed = closed_through(table)
    return TrainedOn(
        table_version=table.version(),
        rows=len(readings),
        sha256=digest.hexdigest(),
        closed=closed is not None and last <= closed,
    )
