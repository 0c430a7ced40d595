"""Schedules of releases of models. Those with environments are in a file of their own, to run beside these."""

import pytest

from tests.simulation.schedules import CHUNKS, of_chunk, run_seeds


@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_nothing_that_must_never_happen_happens_to_models(chunk: int) -> None:
    """I1-I7, I9-I22, I27-I29 under faults, L1-L3 and L6 once they stop."""
    run_seeds("releases", of_chunk(chunk, 0))
