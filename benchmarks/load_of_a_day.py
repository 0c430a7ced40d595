"""What the load of one day costs for a small and a large fleet, and on a table that is ten times as large.

`python -m benchmarks.load_of_a_day` runs `python -m sensor_model.etl`, what Azure ML runs every three
hours, in a process of its own: over the raw files of --days days, which makes the table, then over one day more, which
is what is measured. A sensor has one file of 24 rows a day. Memory is the largest that the process ever was, as the
system counts it when the process ends. The small fleet does so once more on a table --longer times as long.

Exit status 1 when the large fleet's day costs more than LINEAR times as much per sensor, or more than LIMIT_MIB.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from benchmarks.event_load import load

ROOT = Path(__file__).resolve().parents[1]
FEATURES = ("temperature", "pressure", "vibration")
FIRST = date(2025, 1, 1)
LINEAR = 1.2
LIMIT_MIB = 512.0
PATIENCE_S = 240


@dataclass(frozen=True, kw_only=True)
class Day:
    """One load of one day."""

    sensors: int
    days_before: int
    wall_s: float
    cpu_s: float
    memory_mib: float

    @property
    def per_sensor_ms(self) -> float:
        return 1000 * self.cpu_s / self.sensors


def main() -> int:
    parser = argparse.ArgumentParser(description="Measure the load of one day.")
    parser.add_argument("--sensors", type=int, nargs=2, default=(200, 2000), help="the small and the large fleet")
    parser.add_argument("--days", type=int, default=3, help="of the table that is there before")
    parser.add_argument("--longer", type=int, default=10, help="how many times as long the small fleet's last table is")
    options = parser.parse_args()
    small, large = options.sensors
    print(f"load before: {load()}")
    days = [
        measure(small, options.days),
        measure(large, options.days),
        measure(small, options.days * options.longer),
    ]
    print(f"load after: {load()}\n")
    return report(days)


def measure(sensors: int, days_before: int) -> Day:
    """A table of so many days, then one day more."""
    with tempfile.TemporaryDirectory(prefix="load-of-a-day-") as folder:
        root = Path(folder)
        for number in range(days_before):
            _land(root / "raw", sensors, FIRST + timedelta(days=number))
        _run(root, FIRST + timedelta(days=days_before))
        _land(root / "raw", sensors, FIRST + timedelta(days=days_before))
        wall_s, cpu_s, memory_mib = _run(root, FIRST + timedelta(days=days_before + 1))
    return Day(sensors=sensors, days_before=days_before, wall_s=wall_s, cpu_s=cpu_s, memory_mib=memory_mib)


def _land(raw: Path, sensors: int, day: date) -> None:
    """One file per sensor and day, landed on the day after."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq

    midnight = datetime(day.year, day.month, day.day, tzinfo=UTC)
    stamps = pa.array([midnight + timedelta(hours=hour) for hour in range(24)], pa.timestamp("us", tz="UTC"))
    rng = np.random.default_rng(day.toordinal())
    landed = (midnight + timedelta(days=1)).timestamp()
    folder = raw / day.isoformat()
    folder.mkdir(parents=True)
    for number in range(sensors):
        sensor_id = f"SENSOR_P{number // 10 + 1:03}_C{number % 10 + 1:03}"
        values = {name: np.round(rng.normal(50, 10, 24), 4) for name in FEATURES}
        file = folder / f"{sensor_id}.parquet"
        pq.write_table(pa.table({"timestamp": stamps, "sensor_id": [sensor_id] * 24, **values}), file)
        os.utime(file, (landed, landed))


def _run(root: Path, day: date) -> tuple[float, float, float]:
    """Seconds of wall and CPU, and MiB, of the load at six in the morning of `day`."""
    now = datetime(day.year, day.month, day.day, 6, tzinfo=UTC)
    command = [sys.executable, "-m", "sensor_model.etl", "--raw", str(root / "raw"), "--table", str(root / "table")]
    command += ["--output", str(root / "output"), "--run", f"bench-{day}", "--now", now.isoformat()]
    began = time.monotonic()
    with (root / "load.log").open("w") as log:
        process = subprocess.Popen(
            command, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT / "environment")}, stdout=log, stderr=log
        )
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    wall_s = time.monotonic() - began
    if process.returncode:
        raise SystemExit(f"the load failed:\n{(root / 'load.log').read_text()[-2000:]}")
    return wall_s, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024


def report(days: list[Day]) -> int:
    """Prints the table; 1 when a limit is broken."""
    print(f"{'sensors':>8}{'days before':>13}{'wall s':>9}{'CPU s':>8}{'CPU ms/sensor':>15}{'MiB':>7}")
    for day in days:
        print(
            f"{day.sensors:>8}{day.days_before:>13}{day.wall_s:>9.1f}{day.cpu_s:>8.1f}{day.per_sensor_ms:>15.2f}"
            f"{day.memory_mib:>7.0f}"
        )
    small, large = days[0], days[1]
    growth, most = large.per_sensor_ms / small.per_sensor_ms, max(day.memory_mib for day in days)
    print(f"CPU per sensor, large to small: {growth:.2f} (at most {LINEAR})")
    print(f"memory {most:.0f} MiB (at most {LIMIT_MIB:g})")
    return 1 if growth > LINEAR or most > LIMIT_MIB else 0


if __name__ == "__main__":
    sys.exit(main())
