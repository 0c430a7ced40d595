"""Has the core become dearer? `python -m benchmarks.check` compares counts with `benchmarks/counts.json`.

What is counted is the same on every machine and at every load: commits, messages, operations of the table, lines of
`shared/` that are run, and the steps and commits of simulated schedules. Seconds are left to `make bench`. With
`--write` the counts of now become the ones to compare with: look at the difference, and say in the commit why it is
right.
"""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

from benchmarks.core_world import CoreWorld
from tests.simulation.world import World

BASELINE = Path(__file__).with_name("counts.json")
REPOSITORY = Path(__file__).parent.parent

#: Two sizes of a fleet: what a target of the larger one costs says whether the cost grows with the fleet.
SMALL, LARGE = 50, 200
GROWTH_MAX = 1.1

SEEDS = range(12)

Counts = dict[str, dict[str, float]]

#: By how much a count may be above the baseline: lines move with every change of the code, schedules with every rule.
_TOLERANCE = {"lines": 1.05, "schedule": 1.25}
_TOLERANCE_ELSE = 1.01

#: What grows with the fleet and is known to: every commit writes the release, which holds the epochs of all locks.
_GROWS = frozenset({"bytes written"})


@dataclass
class LineCounter:
    """Counts the lines of `folder` that are run while it is active, each as often as it is run."""

    folder: Path
    lines: int = 0

    def __enter__(self) -> LineCounter:
        sys.settrace(self._entered)
        return self

    def __exit__(self, *error: object) -> None:
        sys.settrace(None)

    def _entered(self, frame: FrameType, event: str, argument: Any) -> Any:
        return self._ran if frame.f_code.co_filename.startswith(str(self.folder)) else None

    def _ran(self, frame: FrameType, event: str, argument: Any) -> Any:
        self.lines += event == "line"
        return self._ran


def counted() -> Counts:
    """The counts of now, per target and per schedule."""
    found = {f"{targets} targets": _of_core(targets) for targets in (SMALL, LARGE)}
    return {**found, "schedule": _of_schedules()}


def _of_core(targets: int) -> dict[str, float]:
    CoreWorld(10, with_rows=True).measure()  # what is made once is not counted
    with LineCounter(REPOSITORY / "shared") as counter:
        measured = CoreWorld(targets, with_rows=True).measure()
    return {**measured.counts, "lines": counter.lines / targets}


def _of_schedules() -> dict[str, float]:
    steps = commits = 0
    for seed in SEEDS:
        world = World(seed)
        steps += world.run()
        commits += sum(partition.version for partition in world.store.partitions.values())
    return {"steps": steps / len(SEEDS), "commits": commits / len(SEEDS)}


def dearer(now: Counts, before: Counts) -> list[str]:
    """What costs more than it did, or more in a large fleet than in a small one, in words."""
    said = []
    for what, counts in now.items():
        for name, number in counts.items():
            known = before.get(what, {}).get(name)
            most = _TOLERANCE.get(name) or _TOLERANCE.get(what) or _TOLERANCE_ELSE
            if known is None:
                said.append(f"{name} of {what}: not in the baseline")
            elif number > known * most:
                said.append(f"{name} of {what}: {number:.1f}, was {known:.1f}")
    return said + _grown(now.get(f"{SMALL} targets", {}), now.get(f"{LARGE} targets", {}))


def _grown(small: Mapping[str, float], large: Mapping[str, float]) -> list[str]:
    return [
        f"{name} per target: {large[name]:.1f} of {LARGE} targets, {number:.1f} of {SMALL}: it must not grow"
        for name, number in small.items()
        if name in large and name not in _GROWS and large[name] > number * GROWTH_MAX
    ]


def main(arguments: list[str]) -> int:
    """Exit code 1 when anything is dearer."""
    logging.disable(logging.CRITICAL)  # what the schedules complain about is no news
    now = counted()
    if arguments == ["--write"]:
        rounded = {what: {name: round(number, 2) for name, number in counts.items()} for what, counts in now.items()}
        BASELINE.write_text(json.dumps(rounded, indent=2) + "\n", encoding="utf-8")
        return 0
    said = dearer(now, json.loads(BASELINE.read_text(encoding="utf-8")))
    print("\n".join(said) or "the core costs no more than it did")
    if said:
        print("where that is meant: python -m benchmarks.check --write")
    return int(bool(said))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
