"""Schedules of daily inference and of monitoring."""

import pytest

from tests.simulation.schedules import WORK_CHUNKS, of_work, run_seeds


@pytest.mark.parametrize("chunk", range(WORK_CHUNKS))
def test_whatever_fails_each_try_has_one_job_each_end_is_told_once_and_every_task_ends(chunk: int) -> None:
    """Jobs are claimed before they start, alerts and proposals are deserved and made once, predictions are those of a
    completed job, tries are bounded, the watch counts what ended well or badly; afterwards nothing is open."""
    run_seeds("routines", of_work(chunk))
