"""What starting the whole local cloud costs: the time until every part serves, and the memory of all processes.

`python -m benchmarks.local_start` starts it on a fresh directory, several times, with the app of this checkout. Memory
is the proportional set size: what several processes share counts once. It is taken when the cloud is ready and again
after SETTLE_S, when the app has run its timers. Exit status 1 above LIMIT_S (the quickest start counts, since the
processor time of all parts is spread over the cores that are free) or LIMIT_MB (the largest counts).
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import psutil

from local.supervisor.cloud import LocalCloud
from local.supervisor.ledger import Ledger

LIMIT_S = 6.0
LIMIT_MB = 400.0
SETTLE_S = 5.0
MB = 2**20


@dataclass(frozen=True, kw_only=True)
class Start:
    """One start; seconds, and megabytes by part."""

    wall: float
    processor: dict[str, float]
    at_ready: dict[str, float]
    settled: dict[str, float]

    @property
    def megabytes(self) -> float:
        return max(sum(self.at_ready.values()), sum(self.settled.values()))


def main() -> int:
    parser = argparse.ArgumentParser(description="Measure the start of the local cloud.")
    parser.add_argument("--rounds", type=int, default=3)
    starts = [measure() for _ in range(parser.parse_args().rounds)]
    best = min(starts, key=lambda start: start.wall)
    print(f"{'part':<12}{'processor s':>12}{'MB at ready':>13}{'MB settled':>12}")
    for part, seconds in best.processor.items():
        print(f"{part:<12}{seconds:>12.2f}{best.at_ready[part]:>13.0f}{best.settled[part]:>12.0f}")
    sums = [sum(column.values()) for column in (best.processor, best.at_ready, best.settled)]
    print(f"{'all':<12}{sums[0]:>12.2f}{sums[1]:>13.0f}{sums[2]:>12.0f}")
    print(f"ready after {', '.join(f'{start.wall:.1f} s' for start in starts)}; at most {LIMIT_S:g} s")
    most = max(start.megabytes for start in starts)
    print(f"memory {most:.0f} MB; at most {LIMIT_MB:g} MB")
    return 1 if best.wall > LIMIT_S or most > LIMIT_MB else 0


def measure() -> Start:
    """Start and stop one cloud."""
    with tempfile.TemporaryDirectory(prefix="switchyard-start-") as name:
        cloud = LocalCloud(Path(name))
        began = time.monotonic()
        with cloud:
            wall = time.monotonic() - began
            processes = _processes(cloud.data)
            processor = {part: sum(sum(each.cpu_times()[:2]) for each in found) for part, found in processes.items()}
            at_ready = _megabytes(processes)
            time.sleep(SETTLE_S)
            settled = _megabytes(_processes(cloud.data))
    return Start(wall=wall, processor=processor, at_ready=at_ready, settled=settled)


def _processes(data: Path) -> dict[str, list[psutil.Process]]:
    """Every part's process with what it started."""
    found = {}
    for part, record in Ledger.read(data / "pids.json").parts.items():
        process = psutil.Process(record.pid)
        found[part] = [process, *process.children(recursive=True)]
    return found


def _megabytes(processes: dict[str, list[psutil.Process]]) -> dict[str, float]:
    return {part: sum(each.memory_full_info().pss for each in found) / MB for part, found in processes.items()}


if __name__ == "__main__":
    sys.exit(main())
