"""Seeded schedules of the real application code; a failing seed is printed and repeats exactly."""

import os

import pytest

from tests.simulation.oracle import Violation
from tests.simulation.world import World

SCHEDULES = int(os.environ.get("SIM_SCHEDULES", "2000"))
CHUNKS = 10
PER_CHUNK = SCHEDULES // CHUNKS


def run_seeds(chunk: int, first: int) -> None:
    """Every second seed of a chunk from its `first` on: 0 for worlds of models only, 1 for those with environments."""
    for seed in range(chunk * PER_CHUNK + first, (chunk + 1) * PER_CHUNK, 2):
        try:
            World(seed).run()
        except Violation as violation:
            pytest.fail(f"seed {seed}: {violation}; it repeats with python -m tests.simulation 1 {seed}")
