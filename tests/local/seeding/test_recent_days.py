"""The sample data ends yesterday, and covers what a check of the last quarter looks at."""

from datetime import date

import pytest

from local.seeding.model_factory import recent_days


@pytest.mark.parametrize(
    ("today", "first"),
    [
        (date(2026, 12, 1), date(2026, 7, 1)),
        (date(2026, 1, 1), date(2025, 10, 1)),
        (date(2026, 3, 31), date(2025, 10, 1)),
        (date(2026, 4, 1), date(2026, 1, 1)),
    ],
)
def test_recent_days_begin_with_the_last_full_quarter(today: date, first: date) -> None:
    begin, end = recent_days(today)

    assert begin == first
    assert (today - end).days == 1
