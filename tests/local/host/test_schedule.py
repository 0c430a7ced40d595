"""NCRONTAB expressions are due when Azure says so."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from local.host.schedule import Schedule, ScheduleError

NOON = datetime(2026, 11, 20, 12, 0, 0, tzinfo=UTC)  # a Friday


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("*/10 * * * * *", "2026-11-20T12:00:10+00:00"),
        ("0 */5 * * * *", "2026-11-20T12:05:00+00:00"),
        ("*/5 * * * *", "2026-11-20T12:05:00+00:00"),
        ("30 0 6 * * *", "2026-11-21T06:00:30+00:00"),
        ("0 0 6 * * Mon-Fri", "2026-11-23T06:00:00+00:00"),
        ("0 0 0 1 Jan *", "2027-01-01T00:00:00+00:00"),
        ("0 0 0 * * 0", "2026-11-22T00:00:00+00:00"),
        ("0 15,45 12-13 * * *", "2026-11-20T12:15:00+00:00"),
    ],
)
def test_the_next_occurrence(expression: str, expected: str) -> None:
    """Seconds come first; five fields mean second 0."""
    assert Schedule(expression).next_after(NOON).isoformat() == expected


def test_day_and_weekday_must_both_match() -> None:
    """Friday the 13th, not every 13th and every Friday as in Unix cron."""
    assert Schedule("0 0 0 13 * 5").next_after(NOON).date().isoformat() == "2027-08-13"


@pytest.mark.parametrize(
    "expression",
    ["* * *", "60 * * * * *", "@daily", "0 0 0 L * *", "0 0 0 * * 7", "0 0 0 ? * *", "00:00:30", "0 0 0 * foo *"],
)
def test_what_azure_does_not_know_is_refused(expression: str) -> None:
    """Whatever else the cron library accepts."""
    with pytest.raises(ScheduleError, match="schedule"):
        Schedule(expression)


def test_schedules_within_a_minute_are_frequent() -> None:
    """They keep no status."""
    assert Schedule("*/30 * * * * *").is_frequent(NOON)
    assert not Schedule("0 * * * * *").is_frequent(NOON)
