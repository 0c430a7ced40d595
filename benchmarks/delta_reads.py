"""What it costs to read one circuit's rows of the sensor table, beside `to_pandas()` and a filter.

`python -m benchmarks.delta_reads` makes a year of hourly rows of 200 sensors (1.75 million) as loads leave it, has the
load's upkeep sort it, and reads one sensor both ways, each time in a process of its own:

push-down  `sensor_model.table.read_sensor`, as training and scoring read
to_pandas  `DeltaTable(path).to_pandas()`, then the rows of the sensor (the plain way)

Time and memory are those of the read: before it, each process has imported what it needs and has read a table of one
day in the same way, so that loading libraries counts for neither. Memory is the peak of resident memory above what the
process had then. The table also says the peak of the whole process. Medians of --repeats.

Exit status 1 when push-down is not at least TIME_GOAL times quicker and MEMORY_GOAL times smaller.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
TIME_GOAL = 10
MEMORY_GOAL = 20

FEATURES = ("temperature", "pressure", "vibration")
FIRST_DAY = date(2025, 1, 1)
DAYS = 365
DAYS_PER_COMMIT = 7
WAYS = ("push-down", "to_pandas")
MIB = 1024


@dataclass(frozen=True, kw_only=True)
class Cost:
    """Of one read. `total` is a sum over the values, by which both ways are seen to read the same rows."""

    time_s: float
    memory_mib: float
    process_mib: float
    rows: int
    total: float


def main() -> int:
    parser = argparse.ArgumentParser(description="Measure reads of one circuit's rows.")
    parser.add_argument("--sensors", type=int, default=200, help="how many, ten per plant")
    parser.add_argument("--repeats", type=int, default=5, help="processes per way")
    parser.add_argument("--child", choices=WAYS, help=argparse.SUPPRESS)
    parser.add_argument("--tables", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        print(json.dumps(asdict(measure(options.child, options.tables, _sensors(options.sensors)))))
        return 0
    print(f"load before: {_load()}")
    with tempfile.TemporaryDirectory(prefix="delta-reads-") as folder:
        begin = time.monotonic()
        make_tables(Path(folder), _sensors(options.sensors))
        print(f"{time.monotonic() - begin:6.1f} s  the table is there")
        costs = {
            way: [_in_its_own_process(way, Path(folder), options.sensors) for _ in range(options.repeats)]
            for way in WAYS
        }
    print(f"load after: {_load()}\n")
    return report(costs, options.sensors)


def make_tables(folder: Path, sensors: list[str]) -> None:
    """`year`, sorted by the upkeep, and `day`, on which a process warms up."""
    sys.path.insert(0, str(ROOT / "environment"))
    from deltalake import DeltaTable, write_deltalake
    from sensor_model.upkeep import compact

    days = [FIRST_DAY + timedelta(days=number) for number in range(DAYS)]
    for start in range(0, DAYS, DAYS_PER_COMMIT):
        write_deltalake(str(folder / "year"), _rows(sensors, days[start : start + DAYS_PER_COMMIT]), mode="append")
    done = compact(str(folder / "year"), "benchmark")
    print(f"          upkeep made {done.files_after} sorted files of {done.files_before}")
    write_deltalake(str(folder / "day"), _rows(sensors[-1:], days[:1]))
    DeltaTable(str(folder / "day")).create_checkpoint()  # as upkeep does, so that it is opened in the same way


def measure(way: str, tables: Path, sensors: list[str]) -> Cost:
    """Read the last plant's third sensor, after a read of a table of one day."""
    read = _push_down() if way == "push-down" else _to_pandas()
    read(tables / "day", sensors[-1])
    Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
    before = _memory()["VmRSS"]
    begin = time.perf_counter()
    rows, total = read(tables / "year", sensors[-8])
    time_s = time.perf_counter() - begin
    peak = _memory()["VmHWM"]
    return Cost(time_s=time_s, memory_mib=peak - before, process_mib=peak, rows=rows, total=total)


def _push_down() -> Callable[[Path, str], tuple[int, float]]:
    from sensor_model.table import open_table, read_sensor

    def read(path: Path, sensor_id: str) -> tuple[int, float]:
        readings = read_sensor(open_table(path), sensor_id, FEATURES, last=date(2025, 12, 31))
        return len(readings), float(readings.values.sum())

    return read


def _to_pandas() -> Callable[[Path, str], tuple[int, float]]:
    import pandas  # noqa: F401 - to_pandas loads it
    from deltalake import DeltaTable

    def read(path: Path, sensor_id: str) -> tuple[int, float]:
        frame = DeltaTable(str(path)).to_pandas()
        circuit = frame[frame["sensor_id"] == sensor_id]
        return len(circuit), float(circuit[list(FEATURES)].to_numpy().sum())

    return read


def report(costs: dict[str, list[Cost]], sensors: int) -> int:
    """Prints the table; 1 when a goal is missed or the ways do not read the same."""
    print(f"one sensor of {sensors}, {DAYS} days of hourly rows, {sensors * DAYS * 24:,} rows in all")
    middle = {}
    for way, each in costs.items():
        middle[way] = (statistics.median(c.time_s for c in each), statistics.median(c.memory_mib for c in each))
        process = statistics.median(c.process_mib for c in each)
        print(
            f"{way:<10} {middle[way][0] * 1000:8.0f} ms {middle[way][1]:8.1f} MiB for the read "
            f"{process:8.0f} MiB the whole process  ({each[0].rows} rows)"
        )
    faster, smaller = (middle["to_pandas"][which] / middle["push-down"][which] for which in (0, 1))
    print(f"push-down is {faster:.1f} x quicker (goal {TIME_GOAL}) and takes {smaller:.1f} x less (goal {MEMORY_GOAL})")
    same = len({(c.rows, round(c.total, 6)) for each in costs.values() for c in each}) == 1
    if not same:
        print("the two ways read different rows")
    return 0 if same and faster >= TIME_GOAL and smaller >= MEMORY_GOAL else 1


def _rows(sensors: list[str], days: list[date]) -> object:
    """Made-up values with four decimals; what they look like matters only to compression."""
    import numpy as np
    import pyarrow as pa
    from sensor_model.table import table_schema

    rng = np.random.default_rng(days[0].toordinal())
    hours = np.datetime64(days[0], "us") + np.arange(24 * len(days)) * np.timedelta64(1, "h")
    times = np.tile(hours, len(sensors))
    values = [np.round(rng.normal(50, 10, len(times)), 4) for _ in FEATURES]
    sensor_ids = np.repeat(sensors, len(hours))
    stamps = pa.array(times).cast(pa.timestamp("us", tz="UTC"))
    return pa.table([stamps, pa.array(sensor_ids), *values, stamps.cast(pa.date32())], schema=table_schema(FEATURES))


def _sensors(count: int) -> list[str]:
    return [f"SENSOR_P{number // 10 + 1:03}_C{number % 10 + 1:03}" for number in range(count)]


def _in_its_own_process(way: str, tables: Path, sensors: int) -> Cost:
    command = [sys.executable, "-m", "benchmarks.delta_reads", "--child", way, "--tables", str(tables)]
    variables = {**os.environ, "PYTHONPATH": os.pathsep.join((str(ROOT), str(ROOT / "environment")))}
    done = subprocess.run(
        [*command, "--sensors", str(sensors)], cwd=ROOT, env=variables, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise SystemExit(f"reading by {way} failed:\n{done.stderr}")
    return Cost(**json.loads(done.stdout))


def _memory() -> dict[str, float]:
    """Resident memory now and at its peak, in MiB."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return {line.split(":")[0]: int(line.split()[1]) / MIB for line in lines if line.startswith(("VmRSS", "VmHWM"))}


def _load() -> str:
    return " ".join(f"{each:.2f}" for each in os.getloadavg()) + f" on {os.cpu_count()} cores"


if __name__ == "__main__":
    sys.exit(main())
