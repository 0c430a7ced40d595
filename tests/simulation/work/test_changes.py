"""Schedules of merged changes."""

import pytest

from tests.simulation.schedules import WORK_CHUNKS, of_work, run_seeds


@pytest.mark.parametrize("chunk", range(WORK_CHUNKS))
def test_whatever_fails_each_merged_change_is_acted_on_once_or_refused_as_a_whole(chunk: int) -> None:
    """A circuit at a commit has one training, of valid files and with a registered environment; the branch is taken
    forward only, and never past what nobody trains; afterwards all of it was taken."""
    run_seeds("changes", of_work(chunk))
