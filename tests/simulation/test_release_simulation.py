"""Seeded schedules of the real application code; a failing seed is printed and repeats exactly."""

import os

import pytest

from tests.simulation.oracle import Violation
from tests.simulation.world import World

SCHEDULES = int(os.environ.get("SIM_SCHEDULES", "2000"))
CHUNKS = 20


@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_nothing_that_must_never_happen_happens_in_any_schedule(chunk: int) -> None:
    """I1-I7, I9-I22 under faults, L1-L3 and L6 once they stop; odd seeds release environments. Rollbacks, freezes and
    evidence come in as well."""
    per_chunk = SCHEDULES // CHUNKS
    for seed in range(chunk * per_chunk, (chunk + 1) * per_chunk):
        try:
            World(seed).run()
        except Violation as violation:
            pytest.fail(f"seed {seed}: {violation}; it repeats with python -m tests.simulation 1 {seed}")
