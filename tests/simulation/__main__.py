"""`python -m tests.simulation SCHEDULES [FIRST_SEED]`: many schedules on all cores, with their rate and outcomes.

Odd seeds release environments beside models, even ones models only; `python -m tests.simulation 1 SEED` repeats one.
"""

import logging
import os
import sys
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from itertools import accumulate

from tests.simulation.oracle import Violation
from tests.simulation.world import World

CHUNK = 50


def run_chunk(first: int, count: int) -> tuple[Counter[str], list[str]]:
    """Outcomes of `count` seeds from `first` on, and the violations."""
    logging.disable(logging.CRITICAL)
    outcomes: Counter[str] = Counter()
    violations = []
    for seed in range(first, first + count):
        world = World(seed)
        try:
            world.run()
        except Violation as violation:
            violations.append(f"seed {seed}: {violation}")
        releases = (partition.release for partition in world.store.partitions.values())
        outcomes.update(f"{release.kind.value} {release.phase.value}" for release in releases)
    return outcomes, violations


def main() -> int:
    """Exit code 1 when anything that must never happen happened."""
    schedules, first = int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 0
    starts = range(first, first + schedules, CHUNK)
    counts = [min(CHUNK, first + schedules - start) for start in starts]
    outcomes: Counter[str] = Counter()
    violations: list[str] = []
    began = time.monotonic()
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        for done, (counted, found) in zip(accumulate(counts), pool.map(run_chunk, starts, counts), strict=True):
            outcomes += counted
            violations += found
            sys.stderr.write(f"\r{done} schedules, {len(violations)} violations")
    rate = schedules / (time.monotonic() - began)
    print(f"\n{schedules} schedules, {rate:.0f}/s, outcomes {dict(outcomes)}")
    print("\n".join(violations) or "no violation")
    return 1 if violations else 0


if __name__ == "__main__":
    sys.exit(main())
