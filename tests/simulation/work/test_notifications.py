"""Schedules of notifications."""

import pytest

from tests.simulation.schedules import WORK_CHUNKS, of_work, run_seeds


@pytest.mark.parametrize("chunk", range(WORK_CHUNKS))
def test_whatever_fails_nothing_is_lost_and_nobody_is_told_twice(chunk: int) -> None:
    """With 30 % of all tries of channels failing, crashes everywhere, lost messages and facts that come again."""
    run_seeds("notifications", of_work(chunk))
