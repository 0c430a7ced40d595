"""Schedules of training."""

import pytest

from tests.simulation.schedules import WORK_CHUNKS, of_work, run_seeds


@pytest.mark.parametrize("chunk", range(WORK_CHUNKS))
def test_whatever_fails_every_run_ends_and_makes_one_model_or_says_why(chunk: int) -> None:
    """Never more trainings at once than there are slots, bounded tries, one model per run, one end told, no slot left
    over."""
    run_seeds("trainings", of_work(chunk))
