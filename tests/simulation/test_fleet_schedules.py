"""Schedules of releases of environments beside those of models, with rollbacks, freezes and evidence."""

import pytest

from tests.simulation.schedules import CHUNKS, of_chunk, run_seeds


@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_nothing_that_must_never_happen_happens_to_fleets(chunk: int) -> None:
    """I1-I7, I9-I22, I27-I29 under faults, L1-L3 and L6 once they stop."""
    run_seeds("releases", of_chunk(chunk, 1))
