"""Periods of routines, at every edge of the calendar, and what a look does."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import pytest

from shared.domain.errors import Conflict, InvalidRequest
from shared.domain.names import file_of
from shared.domain.routines.cutoff import branch_of, with_cutoff
from shared.domain.routines.task import (
    EndKind,
    Routine,
    Task,
    TaskAction,
    TaskLimits,
    TaskState,
    claimed,
    days_of,
    failed,
    finished,
    judge,
    period_before,
    reopened,
)

NOW = datetime(2026, 1, 6, 3, 30, tzinfo=UTC)
LIMITS = TaskLimits()
TASK = Task(
    routine=Routine.INFERENCE,
    period="2026-01-05",
    circuit="P001-C001",
    endpoint_name="batch-endpoint-plant-P001",
    deployment_name="deployment-circuit-c001",
    model="m",
    created_at=NOW,
    look_at=NOW,
)


@pytest.mark.parametrize(
    ("routine", "today", "period", "first", "last"),
    [
        (Routine.INFERENCE, "2026-01-01", "2025-12-31", "2025-12-31", "2025-12-31"),
        (Routine.INFERENCE, "2024-03-01", "2024-02-29", "2024-02-29", "2024-02-29"),
        (Routine.INFERENCE, "2026-03-01", "2026-02-28", "2026-02-28", "2026-02-28"),
        (Routine.PERFORMANCE, "2026-01-01", "2025-12", "2025-12-01", "2025-12-31"),
        (Routine.PERFORMANCE, "2024-03-31", "2024-02", "2024-02-01", "2024-02-29"),
        (Routine.PERFORMANCE, "2100-03-01", "2100-02", "2100-02-01", "2100-02-28"),
        (Routine.PERFORMANCE, "2026-12-31", "2026-11", "2026-11-01", "2026-11-30"),
        (Routine.DRIFT, "2026-01-01", "2025-q4", "2025-10-01", "2025-12-31"),
        (Routine.DRIFT, "2026-03-31", "2025-q4", "2025-10-01", "2025-12-31"),
        (Routine.DRIFT, "2024-04-01", "2024-q1", "2024-01-01", "2024-03-31"),
        (Routine.DRIFT, "2026-07-01", "2026-q2", "2026-04-01", "2026-06-30"),
        (Routine.DRIFT, "2026-12-31", "2026-q3", "2026-07-01", "2026-09-30"),
    ],
)
def test_the_period_before_a_day_and_its_days(routine: Routine, today: str, period: str, first: str, last: str) -> None:
    assert period_before(routine, date.fromisoformat(today)) == period
    assert days_of(routine, period) == (date.fromisoformat(first), date.fromisoformat(last))


@pytest.mark.parametrize(
    ("routine", "period"),
    [
        (Routine.INFERENCE, "2026-02-29"),
        (Routine.INFERENCE, "2026-1-5"),
        (Routine.INFERENCE, "20260105"),
        (Routine.PERFORMANCE, "2026-13"),
        (Routine.PERFORMANCE, "2026-01-05"),
        (Routine.DRIFT, "2026-q5"),
        (Routine.DRIFT, "2026-Q1"),
        (Routine.DRIFT, "0000-q1"),
        (Routine.DRIFT, ""),
    ],
)
def test_what_is_no_period_is_refused(routine: Routine, period: str) -> None:
    with pytest.raises(InvalidRequest, match="write it like"):
        days_of(routine, period)


@pytest.mark.parametrize("routine", list(Routine))
def test_the_periods_of_a_leap_year_follow_each_other_without_a_gap(routine: Routine) -> None:
    days, day = [], date(2023, 12, 31)
    while day <= date(2025, 1, 1):
        first, last = days_of(routine, period_before(routine, day))
        assert first <= last < day
        if not days or days[-1] != (first, last):
            days.append((first, last))
        day += timedelta(days=1)
    assert all(later[0] == earlier[1] + timedelta(days=1) for earlier, later in pairwise(days))


RUNNING = claimed(TASK, NOW)


@pytest.mark.parametrize(
    ("task", "status", "after_s", "move"),
    [
        (TASK, None, 0, TaskAction.START),
        (replace(TASK, look_at=NOW + timedelta(seconds=1)), None, 0, TaskAction.WAIT),
        (RUNNING, None, 179, TaskAction.WAIT),
        (RUNNING, None, 180, TaskAction.START_AGAIN),
        (RUNNING, None, 7201, TaskAction.FAIL),
        (RUNNING, "Running", 7200, TaskAction.WAIT),
        (RUNNING, "Running", 7201, TaskAction.STOP),
        (RUNNING, "Completed", 9000, TaskAction.COLLECT),
        (RUNNING, "Failed", 1, TaskAction.FAIL),
        (RUNNING, "Not Responding", 1, TaskAction.FAIL),
        (RUNNING, "Canceled", 1, TaskAction.FAIL),
        (finished(RUNNING, NOW, "", {}), "Failed", 0, TaskAction.NOTHING),
    ],
)
def test_what_a_look_does(task: Task, status: str | None, after_s: float, move: TaskAction) -> None:
    assert judge(task, status, NOW + timedelta(seconds=after_s), LIMITS) is move


def test_job_names_follow_from_task_and_try() -> None:
    again = failed(RUNNING, NOW, "it failed", LIMITS, EndKind.FAILED)
    assert (RUNNING.job_name, claimed(again, NOW).job_name) == (
        "inference-2026-01-05-p001-c001-1",
        "inference-2026-01-05-p001-c001-2",
    )


def test_the_last_try_ends_the_task() -> None:
    task = TASK
    for _ in range(3):
        assert not task.state.is_over
        task = failed(claimed(task, NOW), NOW, "it failed", LIMITS, EndKind.FAILED)
    assert (task.state, task.attempt, len(task.ends), task.is_done) == (TaskState.FAILED, 3, 3, False)


def test_a_task_is_tried_again_only_after_it_failed_and_not_for_ever() -> None:
    succeeded = finished(RUNNING, NOW, "", {})
    assert reopened(succeeded, NOW, LIMITS) == succeeded
    task = replace(TASK, state=TaskState.FAILED, attempt=3)
    rounds = 0
    while (again := reopened(task, NOW, LIMITS)) != task and rounds < 50:
        rounds += 1
        while not again.state.is_over:
            again = failed(claimed(again, NOW), NOW, "it failed", LIMITS, EndKind.FAILED)
        task = again
    assert len(task.ends) <= 20
    assert rounds < 50


TEXT = 'a: 1\ntraining:\n  cutoff_date: "2025-12-09"  # why\n  other: 2\n'


def test_only_the_date_of_the_file_changes() -> None:
    changed = with_cutoff(TEXT, file_of("P001-C001"), date(2025, 12, 31))
    assert changed is not None
    assert changed.text == TEXT.replace("2025-12-09", "2025-12-31")
    assert changed.old_cutoff == date(2025, 12, 9)


@pytest.mark.parametrize("quote", ["'", ""])
def test_other_ways_to_write_the_date_stay(quote: str) -> None:
    text = TEXT.replace('"', quote)
    changed = with_cutoff(text, "f", date(2025, 12, 31))
    assert changed is not None
    assert changed.text == text.replace("2025-12-09", "2025-12-31")


def test_a_date_that_is_as_late_needs_no_change() -> None:
    assert with_cutoff(TEXT, "f", date(2025, 12, 9)) is None


@pytest.mark.parametrize("text", ["training: {}\n", TEXT + TEXT, "training: {cutoff_date: 2025-12-09}\n"])
def test_a_file_without_one_such_line_is_left_to_people(text: str) -> None:
    with pytest.raises(Conflict, match="change it by hand"):
        with_cutoff(text, "f", date(2025, 12, 31))


def test_a_branch_names_circuit_and_quarter() -> None:
    assert branch_of("P001-C001", "2025-q4") == "drift/p001-c001-2025-q4"
