"""Schedules of notifications."""

import pytest

from tests.simulation.schedules import WORK_CHUNKS, run_seeds

PER_CHUNK = 4
"""Some 80 facts and 500 messages; `make sim KIND=notifications SCHEDULES=500` has 10,000 facts."""


@pytest.mark.parametrize("chunk", range(WORK_CHUNKS))
def test_whatever_fails_nothing_is_lost_and_nobody_is_told_twice(chunk: int) -> None:
    """With 30 % of all tries of channels failing, crashes everywhere, lost messages and facts that come again."""
    run_seeds("notifications", range(chunk * PER_CHUNK, (chunk + 1) * PER_CHUNK))
