"""NCRONTAB expressions are due when Azure says so."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from local.host.schedule import NEVER_DUE, Schedule, ScheduleError

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


def _hours(expression: str) -> list[int]:
    """The hours of the day after NOON at which it is due."""
    schedule, hours, moment = Schedule(expression), [], NOON.replace(hour=23, minute=59)
    while (moment := schedule.next_after(moment)).day == NOON.day + 1:
        hours.append(moment.hour)
    return hours


def _weekdays(expression: str) -> list[str]:
    """The days of the week at whose midnight it is due."""
    schedule, days, moment = Schedule(expression), [], NOON
    for _ in range(7):
        moment = schedule.next_after(moment)
        days.append(moment.strftime("%a"))
    return list(dict.fromkeys(days))


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("0 0 22-2 * * *", list(range(2, 23))),
        ("0 0 22-2/10 * * *", [2, 12, 22]),
        ("0 0 20/2 * * *", [20, 22]),
        ("0 0 */0 * * *", list(range(24))),
        ("0 0 */-3 * * *", list(range(24))),
        ("0 0 5,1-2,01 * * *", [1, 2, 5]),
    ],
)
def test_ranges_and_steps_mean_what_ncrontab_takes_them_for(expression: str, expected: list[int]) -> None:
    """The ends of a range that runs backwards are swapped, so that a night becomes a day."""
    assert _hours(expression) == expected


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("0 0 0 * * FRI-MON", ["Mon", "Tue", "Wed", "Thu", "Fri"]),
        ("0 0 0 * * SAT-SUN", ["Sat", "Sun", "Mon", "Tue", "Wed", "Thu", "Fri"]),
        ("0 0 0 * * t", ["Tue"]),
        ("0 0 0 * * Wednesday,su", ["Sun", "Wed"]),
    ],
)
def test_days_of_the_week_run_from_sunday_and_their_names_may_be_cut(expression: str, expected: list[str]) -> None:
    """A weekend from Saturday to Sunday is the whole week."""
    assert _weekdays(expression) == expected


@pytest.mark.parametrize(("month", "number"), [("january", 1), ("Ma", 3), ("JU", 6), ("sept", 9)])
def test_a_month_is_the_first_whose_name_begins_so(month: str, number: int) -> None:
    """Whole names too."""
    assert Schedule(f"0 0 0 1 {month} *").next_after(NOON).month == number


def test_a_leap_day_waits_for_its_day_of_the_week() -> None:
    """Over a century that leaves one out: 2096, then 2104."""
    schedule = Schedule("0 0 0 29 2 *")
    assert schedule.next_after(datetime(2096, 2, 29, tzinfo=UTC)).year == 2104
    assert Schedule("0 0 0 29 2 MON").next_after(datetime(2072, 3, 1, tzinfo=UTC)).year == 2112


def test_a_day_that_no_calendar_has_is_never_due_and_is_remarked_on() -> None:
    """Azure's host starts and the function never runs."""
    schedule = Schedule("0 0 6 30 2 *")
    assert schedule.next_after(NOON) == NEVER_DUE
    assert schedule.remarks == ["is never due: no month that it names has such a day"]


def test_a_range_that_runs_backwards_is_remarked_on() -> None:
    """Azure takes it without a word."""
    assert "'22-2', which runs backwards" in Schedule("0 0 22-2 * * *").remarks[0]
    assert Schedule("0 0 2-22 * * *").remarks == []


@pytest.mark.parametrize(
    "expression",
    [
        "* * *",
        "60 * * * * *",
        "@daily",
        "0 0 0 L * *",
        "0 0 0 * * 7",
        "0 0 0 ? * *",
        "00:00:30",
        "0 0 0 * foo *",
        "0 0 *-5 * * *",
        "0 0 5/ * * *",
        "0 0 5- * * *",
        "0 0 1,,2 * * *",
        "0 0 0 1 mayday *",
        "0\t0 0 * * *",
        "0 0 1_0 * * *",
        "0 0 \u0661 * * *",
    ],
)
def test_what_azure_does_not_know_is_refused(expression: str) -> None:
    """In the words of the field that is wrong."""
    with pytest.raises(ScheduleError, match="schedule"):
        Schedule(expression)


def test_schedules_within_every_minute_are_frequent() -> None:
    """They keep no status. One that pauses for hours is none, however often it is due between."""
    assert Schedule("*/30 * * * * *").is_frequent()
    assert not Schedule("0 * * * * *").is_frequent()
    assert not Schedule("*/30 * 3 * * *").is_frequent()
