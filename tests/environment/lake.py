"""A data lake on disk for tests of the load: raw files with times of landing, runs of the real command, the table."""

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from sensor_model.etl import REPORT_FILE, main
from sensor_model.ledger import Entry, read_ledger
from sensor_model.table import open_table, query

SENSOR = "SENSOR_P001_C001"
OTHER = "SENSOR_P001_C002"
LANDED = datetime(2025, 12, 1, tzinfo=UTC)
FEATURES = ("temperature", "pressure", "vibration")


def at(day: int, hour: int = 0) -> datetime:
    """An hour of December 2025."""
    return datetime(2025, 12, day, hour, tzinfo=UTC)


def row(moment: datetime, value: float = 1.0, sensor_id: str = SENSOR, **more: float | None) -> dict[str, Any]:
    """A raw row whose features all say `value`."""
    return {"timestamp": moment, "sensor_id": sensor_id, **dict.fromkeys(FEATURES, value), **more}


def hours_of(day: date, value: float = 1.0, sensor_id: str = SENSOR) -> list[dict[str, Any]]:
    """The 24 rows of a day."""
    midnight = datetime(day.year, day.month, day.day, tzinfo=UTC)
    return [row(midnight + timedelta(hours=hour), value, sensor_id) for hour in range(24)]


@dataclass
class Lake:
    """One lake. Files land in the order they are written, unless a test says otherwise."""

    root: Path
    _landed: int = 0

    @property
    def raw(self) -> Path:
        return self.root / "raw"

    @property
    def table(self) -> str:
        return str(self.root / "processed" / "sensor_data")

    def land(self, path: str, rows: Iterable[Mapping[str, Any]], *, minute: int | None = None) -> Path:
        """Write a raw file; `minute` says when it landed."""
        return self.land_table(path, pa.Table.from_pylist([dict(each) for each in rows]), minute=minute)

    def land_table(self, path: str, table: pa.Table, *, minute: int | None = None) -> Path:
        """The same with a table as it is."""
        file = self.raw / path
        file.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(table, file)
        self._landed += 1
        moment = (LANDED + timedelta(minutes=self._landed if minute is None else minute)).timestamp()
        os.utime(file, (moment, moment))
        return file

    def run(self, now: datetime, *options: str, status: int = 0) -> dict[str, Any]:
        """Run the load as Azure ML does and return its report."""
        self.raw.mkdir(parents=True, exist_ok=True)
        output = self.root / "output"
        arguments = ["--raw", str(self.raw), "--table", self.table, "--output", str(output), "--run", "test"]
        assert main([*arguments, "--now", now.isoformat(), *options]) == status
        report: dict[str, Any] = json.loads((output / REPORT_FILE).read_text())
        return report

    def rows(self) -> list[dict[str, Any]]:
        """Every row of the table, in the order of its key."""
        found: list[dict[str, Any]] = query(
            open_table(self.table), "SELECT * FROM readings ORDER BY sensor_id, timestamp"
        ).to_pylist()
        return found

    def values(self, sensor_id: str = SENSOR) -> dict[datetime, float]:
        """Temperature by time."""
        return {each["timestamp"]: each["temperature"] for each in self.rows() if each["sensor_id"] == sensor_id}

    def ledger(self) -> dict[str, Entry]:
        """What is known of each file."""
        return read_ledger(self.table)
