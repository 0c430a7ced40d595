"""What the core costs per target, from small fleets to large ones: `python -m benchmarks.core_cost [--targets N ...]`.

CPU of rules and use cases alone, then with the rows of the table made and read as well; commits, messages and
operations of the table, which are counted and the same on every machine.
"""

from __future__ import annotations

import argparse
import cProfile
import pstats
import sys

from benchmarks.core_world import CoreWorld

SIZES = (200, 800, 2000, 10_000)
GROWTH_MAX = 1.2
GROWTH_WITH_ROWS_MAX = 2.5  # the release row, written with every commit, holds the epochs of all locks


def main() -> int:
    """Exit code 1 when the largest fleet costs more per target than the smallest one may."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--targets", type=int, nargs="+", default=SIZES)
    parser.add_argument("--profile", action="store_true", help="print where the time of the first size goes")
    parser.add_argument("--rows", action="store_true", help="profile with the rows of the table")
    options = parser.parse_args()
    if options.profile:
        profile = cProfile.Profile()
        profile.runcall(CoreWorld(options.targets[0], with_rows=options.rows).measure)
        pstats.Stats(profile).sort_stats("tottime").print_stats(45)
        return 0
    grown = []
    for with_rows in (False, True):
        print("\nwith the rows of the table" if with_rows else "\nrules and use cases")
        measured = []
        for targets in options.targets:
            measured.append(CoreWorld(targets, with_rows=with_rows).measure())
            print(f"{targets:>6} targets: {measured[-1].cpu_ms:.2f} ms of CPU per target", flush=True)
        for name in measured[0].counts:
            print(f"  {name:<20}" + "".join(f"{each.counts[name]:>10.2f}" for each in measured))
        grown.append(measured[-1].cpu_ms / measured[0].cpu_ms)
    print(
        f"\n{options.targets[-1]} targets cost {grown[0]:.2f} times as much each as {options.targets[0]}, at most "
        f"{GROWTH_MAX}; with rows {grown[1]:.2f} times, at most {GROWTH_WITH_ROWS_MAX}"
    )
    return int(grown[0] > GROWTH_MAX or grown[1] > GROWTH_WITH_ROWS_MAX)


if __name__ == "__main__":
    sys.exit(main())
