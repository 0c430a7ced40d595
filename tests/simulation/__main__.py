"""`python -m tests.simulation SCHEDULES [FIRST_SEED] [KIND]`: many schedules on all cores, their rate and outcomes.

KIND is one of `KINDS` in `schedules.py`; releases when it is left out. `python -m tests.simulation 1 SEED KIND`
repeats one schedule. Odd seeds of releases have environments beside models, even ones models only.
"""

import logging
import os
import sys
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from itertools import accumulate, repeat

from tests.simulation.schedules import KINDS
from tests.simulation.violation import Violation

CHUNK = 50


def run_chunk(kind: str, first: int, count: int) -> tuple[int, Counter[str], list[str]]:
    """Steps and outcomes of `count` seeds from `first` on, and the violations."""
    logging.disable(logging.CRITICAL)
    steps, outcomes, violations = 0, Counter[str](), []
    for seed in range(first, first + count):
        world = KINDS[kind](seed)
        try:
            world.run()
        except Violation as violation:
            violations.append(f"seed {seed}: {violation}")
        steps += world.scheduler.steps
        outcomes.update(world.ends())
    return steps, outcomes, violations


def main() -> int:
    """Exit code 1 when anything that must never happen happened."""
    schedules, first, kind = (*sys.argv[1:], *("0", "releases")[len(sys.argv) - 2 :])
    starts = range(int(first), int(first) + int(schedules), CHUNK)
    counts = [min(CHUNK, int(first) + int(schedules) - start) for start in starts]
    steps, outcomes, violations = 0, Counter[str](), list[str]()
    began = time.monotonic()
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        chunks = pool.map(run_chunk, repeat(kind), starts, counts)
        for done, (taken, counted, found) in zip(accumulate(counts), chunks, strict=True):
            steps += taken
            outcomes += counted
            violations += found
            sys.stderr.write(f"\r{done} schedules, {len(violations)} violations")
    elapsed_s = time.monotonic() - began
    print(f"\n{schedules} schedules of {kind}, {int(schedules) / elapsed_s:.0f}/s, {steps / elapsed_s:.0f} steps/s")
    print(f"outcomes {dict(outcomes)}")
    print("\n".join(violations) or "no violation")
    return 1 if violations else 0


if __name__ == "__main__":
    sys.exit(main())
