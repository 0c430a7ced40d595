"""What a durable result of a check costs that takes no time, beside DBOS doing the same: `python -m
benchmarks.durable_checks --dbos PYTHON [--checks N ...]`.

PYTHON is the interpreter of an environment with `benchmarks/requirements-dbos.txt`. Both sides run alternately, on the
same cores. Here the checks of an environment release go through the real use cases and the real table adapter with
Azurite, on queues in memory: Service Bus is left out, as DBOS has none. A result is committed, with its place in the
history and what follows from it, and the next check begins. CPU is that of the process that decides; Azurite's, which
stands for a service, is told beside it. DBOS has its database, SQLite, in its process. Prints; judges nothing.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil
from azure.data.tables.aio import TableServiceClient

from benchmarks.core_world import CoreWorld
from benchmarks.event_load import load
from local.supervisor.cloud import LocalCloud
from shared.adapters.tables.access import CLIENT_OPTIONS, Table
from shared.adapters.tables.releases import TableReleaseStore
from shared.domain.release.model import Phase


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dbos", required=True, help="an interpreter that has DBOS")
    parser.add_argument("--checks", type=int, nargs="+", default=(200, 1000))
    parser.add_argument("--rounds", type=int, default=3, help="how often each side runs")
    options = parser.parse_args()
    logging.disable(logging.CRITICAL)
    print(f"load before: {load()}")
    print(f"{'checks':>7}  {'side':<12}{'wall/result':>12}{'CPU/result':>12}{'Azurite':>10}")
    with (
        tempfile.TemporaryDirectory(prefix="durable-") as folder,
        LocalCloud(Path(folder), parts=("azurite",)) as cloud,
    ):
        os.environ.update(cloud.env())
        for checks in options.checks:
            for number in range(options.rounds):
                _tell(checks, "Switchyard", asyncio.run(_ours(checks, f"checks{checks}round{number}")))
                _tell(checks, "DBOS", _theirs(options.dbos, checks))
    print(f"load after: {load()}")
    return 0


def _tell(checks: int, side: str, took: dict[str, float]) -> None:
    figures = [1000 * took.get(name, 0.0) / checks for name in ("wall_s", "cpu_s", "azurite_s")]
    print(f"{checks:>7}  {side:<12}{figures[0]:>9.1f} ms{figures[1]:>9.1f} ms{figures[2]:>7.1f} ms", flush=True)


def _theirs(interpreter: str, checks: int) -> dict[str, float]:
    script = str(Path(__file__).with_name("durable_checks_dbos.py"))
    told = subprocess.run([interpreter, script, str(checks)], capture_output=True, text=True, check=True, timeout=500)
    took: dict[str, float] = json.loads(told.stdout.splitlines()[-1])
    return took


async def _ours(checks: int, table: str) -> dict[str, float]:
    """From the first check to the gate behind the last one."""
    storage = os.environ["STATE_STORAGE"]
    async with TableServiceClient.from_connection_string(storage, **CLIENT_OPTIONS) as service:
        world = CoreWorld(checks, store=TableReleaseStore(Table(service, table)))
        await world.up_to_the_checks()
        began, cpu_s, azurite_s = time.perf_counter(), time.process_time(), _azurite_s()
        await world.up_to(Phase.AWAITING_PRODUCTION_APPROVAL)
        return {
            "wall_s": time.perf_counter() - began,
            "cpu_s": time.process_time() - cpu_s,
            "azurite_s": _azurite_s() - azurite_s,
        }


def _azurite_s() -> float:
    """Processor time of the storage that this process has started."""
    started = [each for each in psutil.Process().children() if any("azurite" in part for part in each.cmdline())]
    return sum(sum(each.cpu_times()[:2]) for each in started)


if __name__ == "__main__":
    sys.exit(main())
