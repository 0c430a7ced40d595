"""Azure ML's words for jobs."""

import pytest

from shared.domain.job_ends import JobEnded, ended


@pytest.mark.parametrize(
    ("status", "end"),
    [
        ("Completed", JobEnded.COMPLETED),
        ("Failed", JobEnded.FAILED),
        ("Canceled", JobEnded.CANCELLED),
        ("NotResponding", JobEnded.NOT_RESPONDING),
        ("Not Responding", JobEnded.NOT_RESPONDING),
    ],
)
def test_an_end_is_known_in_every_spelling(status: str, end: JobEnded) -> None:
    assert {ended(status), ended(status.lower()), ended(status.upper())} == {end}


@pytest.mark.parametrize("status", ["", "Queued", "Running", "CancelRequested", "Finalizing"])
def test_a_job_that_goes_on_has_not_ended(status: str) -> None:
    assert ended(status) is None
