"""Windows of the load, and what the end of one means."""

from datetime import UTC, datetime, timedelta

import pytest

from shared.domain.etl.load import Finding, LoadEnd, LoadSummary, before, job_name, judge, window_of

CLEAN = LoadSummary()


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


@pytest.mark.parametrize(
    ("now", "begin"),
    [
        ("2025-12-09T03:00:00+00:00", "2025-12-09T03:00:00+00:00"),
        ("2025-12-09T05:58:59+00:00", "2025-12-09T03:00:00+00:00"),
        ("2025-12-09T05:59:59.900000+00:00", "2025-12-09T06:00:00+00:00"),  # a timer that fires a moment early
        ("2025-12-31T23:59:30+00:00", "2026-01-01T00:00:00+00:00"),
        ("2024-02-29T22:00:00+00:00", "2024-02-29T21:00:00+00:00"),
        ("2025-03-30T04:30:00+02:00", "2025-03-30T00:00:00+00:00"),  # summer time has begun, and is nobody's business
    ],
)
def test_a_moment_belongs_to_the_window_of_three_hours_of_utc(now: str, begin: str) -> None:
    assert window_of(at(now)) == at(begin)
    assert window_of(at(now)).tzinfo is UTC


def test_a_day_has_eight_windows_one_after_the_other() -> None:
    midnight = datetime(2024, 2, 29, tzinfo=UTC)
    windows = {window_of(midnight + timedelta(minutes=number)) for number in range(24 * 60 - 1)}
    assert sorted(windows) == [midnight + timedelta(hours=3 * number) for number in range(8)]
    assert all(before(later) == earlier for earlier, later in zip(sorted(windows), sorted(windows)[1:], strict=False))


def test_a_moment_without_a_zone_belongs_to_no_window() -> None:
    with pytest.raises(ValueError, match="time zone"):
        window_of(datetime(2025, 12, 9))  # noqa: DTZ001


def test_the_name_of_a_job_follows_from_its_window() -> None:
    """As Azure ML writes it, and as its part of a path."""
    assert job_name(datetime(2025, 12, 9, 3, tzinfo=UTC)) == "sensor-etl-20251209t0300z"


@pytest.mark.parametrize(
    ("status", "summary", "end", "severity"),
    [
        (None, None, LoadEnd.MISSING, 2),
        ("Failed", None, LoadEnd.FAILED, 1),
        ("Canceled", CLEAN, LoadEnd.FAILED, 1),
        ("NotResponding", None, LoadEnd.FAILED, 1),
        ("Running", None, LoadEnd.LATE, 2),
        ("Queued", None, LoadEnd.LATE, 2),
        ("Completed", None, LoadEnd.NOT_CLEAN, 2),
        ("Completed", LoadSummary(quarantined=2, violations=1), LoadEnd.NOT_CLEAN, 3),
        ("Completed", LoadSummary(warnings=("1 gap(s)",)), LoadEnd.NOT_CLEAN, 3),
    ],
)
def test_what_people_should_hear_of_a_window(
    status: str | None, summary: LoadSummary | None, end: LoadEnd, severity: int
) -> None:
    found = judge(status, "see the studio", summary)
    assert found is not None
    assert (found.end, found.severity) == (end, severity)
    assert found.reason


def test_a_clean_load_is_no_news() -> None:
    assert judge("Completed", "see the studio", CLEAN) is None


def test_a_reason_says_what_the_load_said() -> None:
    """The counts that are not zero, and its warnings; of a failed one its problems."""
    summary = LoadSummary(quarantined=2, late_rows=3, warnings=("1 gap(s)",), problems=("a day has changed",))
    assert judge("Completed", "", summary) == Finding(
        end=LoadEnd.NOT_CLEAN,
        severity=3,
        reason="2 file(s) in quarantine; 3 row(s) that came after their day was closed; 1 gap(s)",
    )
    failed = judge("Failed", "", summary)
    assert failed is not None
    assert failed.reason == "the load ended as Failed: a day has changed"
