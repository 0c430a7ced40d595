"""The check of what the core costs: what it counts, and what it calls dearer."""

import json
from pathlib import Path

from benchmarks.check import BASELINE, LARGE, SMALL, LineCounter, dearer
from benchmarks.core_world import CoreWorld

TARGETS = {"commits": 4.0, "bytes written": 100.0, "lines": 1000.0}
SAME = {f"{SMALL} targets": TARGETS, f"{LARGE} targets": TARGETS, "schedule": {"steps": 5000.0}}


def test_what_is_as_it_was_is_not_dearer() -> None:
    assert dearer(SAME, SAME) == []


def test_one_more_commit_is_told_and_a_few_more_lines_are_not() -> None:
    more = {**SAME, f"{SMALL} targets": {**TARGETS, "commits": 4.1, "lines": 1040.0}}
    assert dearer(more, SAME) == [f"commits of {SMALL} targets: 4.1, was 4.0"]


def test_what_grows_with_the_fleet_is_told_even_if_it_did_so_before() -> None:
    grown = {**SAME, f"{LARGE} targets": {**TARGETS, "lines": 1200.0, "bytes written": 400.0}}
    assert dearer(grown, grown) == [f"lines per target: 1200.0 of {LARGE} targets, 1000.0 of {SMALL}: it must not grow"]


def test_a_count_that_nobody_compared_before_is_told() -> None:
    assert dearer(SAME, {**SAME, "schedule": {}}) == ["steps of schedule: not in the baseline"]


def test_every_turn_of_a_loop_is_counted() -> None:
    """A walk over all targets must be seen, also one that calls nothing."""

    def walk(turns: int) -> int:
        with LineCounter(Path(__file__).parent) as counter:
            _ = [turn + 1 for turn in range(turns)]
        return counter.lines

    assert walk(1000) - walk(10) >= 990


def test_the_same_is_counted_each_time() -> None:
    first, second = (CoreWorld(20, with_rows=True).measure().counts for _ in range(2))
    assert first == second
    assert set(first) | {"lines"} == set(json.loads(BASELINE.read_text(encoding="utf-8"))[f"{SMALL} targets"])
