"""Quiet hours in the reader's own time zone, whatever the clock does."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.notifications.calendar import next_digest, quiet_until
from shared.domain.notifications.policy import QuietHours

NIGHT = QuietHours(begins=time(20), ends=time(7))
ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu")


@pytest.mark.parametrize(
    ("at", "until"),
    [
        (datetime(2026, 1, 5, 18, 59, tzinfo=UTC), None),  # 19:59 in Berlin
        (datetime(2026, 1, 5, 19, 0, tzinfo=UTC), datetime(2026, 1, 6, 6, 0, tzinfo=UTC)),
        (datetime(2026, 1, 6, 5, 59, tzinfo=UTC), datetime(2026, 1, 6, 6, 0, tzinfo=UTC)),
        (datetime(2026, 1, 6, 6, 0, tzinfo=UTC), None),
        (datetime(2026, 3, 28, 20, 0, tzinfo=UTC), datetime(2026, 3, 29, 5, 0, tzinfo=UTC)),  # summer time begins
        (datetime(2026, 10, 24, 20, 0, tzinfo=UTC), datetime(2026, 10, 25, 6, 0, tzinfo=UTC)),  # and ends
    ],
)
def test_a_night_ends_by_the_clock_on_the_wall(at: datetime, until: datetime | None) -> None:
    assert quiet_until(at, NIGHT, "Europe/Berlin") == until


def test_a_weekend_is_quiet_from_friday_night_to_monday_morning() -> None:
    friday, monday = datetime(2026, 1, 9, 21, tzinfo=UTC), datetime(2026, 1, 12, 7, tzinfo=UTC)

    assert quiet_until(friday, QuietHours(begins=time(20), ends=time(7), weekends=True), "UTC") == monday
    assert quiet_until(friday, NIGHT, "UTC") == datetime(2026, 1, 10, 7, tzinfo=UTC)


def test_hours_of_one_day_do_not_pass_midnight() -> None:
    lunch = QuietHours(begins=time(12), ends=time(13))

    assert quiet_until(datetime(2026, 1, 5, 12, 30, tzinfo=UTC), lunch, "UTC") == datetime(2026, 1, 5, 13, tzinfo=UTC)
    assert quiet_until(datetime(2026, 1, 5, 13, tzinfo=UTC), lunch, "UTC") is None


moments = st.datetimes(datetime(2025, 1, 1), datetime(2028, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001  # bounds
minutes = st.builds(time, st.integers(0, 23), st.integers(0, 59))


@given(moments, st.builds(QuietHours, begins=minutes, ends=minutes, weekends=st.booleans()), st.sampled_from(ZONES))
def test_quiet_ends_later_within_days_and_never_in_quiet(at: datetime, quiet: QuietHours, zone: str) -> None:
    until = quiet_until(at, quiet, zone)

    if until is not None:
        assert at < until <= at + timedelta(days=4)
        assert quiet_until(until, quiet, zone) is None


@given(moments, minutes, st.sampled_from(ZONES))
def test_a_digest_comes_within_a_day_or_so(at: datetime, digest_at: time, zone: str) -> None:
    due = next_digest(at, digest_at, zone)

    assert at < due <= at + timedelta(hours=26)
    local = due.astimezone(ZoneInfo(zone))
    skipped = digest_at < time(3) or zone == "Australia/Lord_Howe"
    assert skipped or local.time() == digest_at


@given(moments, minutes, st.sampled_from(ZONES), st.integers(0, 3600))
def test_what_happens_before_a_digest_is_in_it(at: datetime, digest_at: time, zone: str, later_s: int) -> None:
    due, later = next_digest(at, digest_at, zone), at + timedelta(seconds=later_s)

    assert next_digest(later, digest_at, zone) == due or later >= due
