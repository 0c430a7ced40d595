"""What a comparison and the test of a slot say; what cannot be read never counts as better."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.online.judging import judged_comparison, judged_slot, percentile
from shared.domain.online.model import Measures
from shared.domain.release.model import Verdict
from tests.support.online_plans import an_online_plan

LIMITS = an_online_plan().tests
GOOD = Measures(asked=100, failed=0, p50_ms=10, p95_ms=20, p99_ms=30, error=0.5)
REPORT = {"improved": True, "candidate": {"mae": 1.9}, "baseline": {"mae": 2.2}}


def test_a_report_says_whether_the_candidate_is_better() -> None:
    verdict, told, found = judged_comparison(REPORT, "models/1")

    assert (verdict, told) == (Verdict.PASSED, "improved: mae 1.9, against mae 2.2")
    assert found
    assert (found.candidate, found.baseline, found.baseline_model) == ({"mae": 1.9}, {"mae": 2.2}, "models/1")
    assert judged_comparison({**REPORT, "improved": False}, "models/1")[0] is Verdict.FAILED


def test_the_first_model_is_compared_with_nothing() -> None:
    verdict, told, _ = judged_comparison({"improved": True, "candidate": {"mae": 1.9}}, "")

    assert (verdict, told) == (Verdict.PASSED, "improved: mae 1.9, and nothing served before")


@pytest.mark.parametrize(
    ("report", "told"),
    [
        (None, "no JSON object"),
        ([REPORT], "no JSON object"),
        ({}, "does not say improved"),
        ({**REPORT, "improved": "true"}, "does not say improved"),
        ({**REPORT, "improved": 1}, "does not say improved"),
        ({"improved": True}, "no metrics of the candidate"),
        ({**REPORT, "candidate": {}}, "no metrics of the candidate"),
        ({**REPORT, "candidate": {"mae": "1.9"}}, "no metrics of the candidate"),
        ({**REPORT, "candidate": {"mae": float("nan")}}, "no metrics of the candidate"),
        ({**REPORT, "candidate": {"mae": True}}, "no metrics of the candidate"),
        ({"improved": True, "candidate": {"mae": 1.9}}, "no metrics of models/1, which production serves"),
        ({**REPORT, "baseline": {"rmse": 2.2}}, "no metric of both models"),
    ],
)
def test_a_report_that_cannot_be_read_is_inconclusive(report: Any, told: str) -> None:
    verdict, said, found = judged_comparison(report, "models/1")

    assert (verdict, found) == (Verdict.INCONCLUSIVE, None)
    assert told in said


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(), lambda x: st.lists(x) | st.dictionaries(st.text(), x)
    )
)
def test_nothing_else_that_json_can_hold_passes(report: Any) -> None:
    assert judged_comparison(report, "models/1")[0] is not Verdict.PASSED


def test_a_slot_within_all_limits_passes_with_its_figures() -> None:
    verdict, told = judged_slot(GOOD, LIMITS)

    assert (verdict, told) == (
        Verdict.PASSED,
        "100 asked, 0 failed, p50 10 ms, p95 20 ms, p99 30 ms, error 0.5",
    )


@pytest.mark.parametrize(
    ("changes", "verdict", "told"),
    [
        (
            {"failed": 1, "failures": ("status 424",)},
            Verdict.FAILED,
            "1 of 100 requests failed, at most 0 % may: status 424",
        ),
        ({"p50_ms": 101.0}, Verdict.FAILED, "too slow: p50 101 ms above 100 ms"),
        ({"p95_ms": 201.0}, Verdict.FAILED, "p95 201 ms above 200 ms"),
        ({"p99_ms": 301.0}, Verdict.FAILED, "p99 301 ms above 300 ms"),
        ({"error": 1.01}, Verdict.FAILED, "mean absolute error 1.01 on the held set, at most 1"),
        ({"error": float("nan")}, Verdict.FAILED, "mean absolute error"),
        ({"asked": 0}, Verdict.INCONCLUSIVE, "nothing was asked"),
        ({"p50_ms": None, "foreign": 100}, Verdict.INCONCLUSIVE, "none of 100 answers came from the slot"),
    ],
)
def test_a_slot_outside_one_of_them_does_not(changes: dict[str, Any], verdict: Verdict, told: str) -> None:
    found, said = judged_slot(replace(GOOD, **changes), LIMITS)

    assert found is verdict
    assert told in said


def test_as_many_requests_may_fail_as_the_limits_say() -> None:
    some = replace(GOOD, failed=2, failures=("no answer in time",))

    assert judged_slot(some, replace(LIMITS, failures_max_pct=2))[0] is Verdict.PASSED
    assert judged_slot(some, replace(LIMITS, failures_max_pct=1.9))[0] is Verdict.FAILED


@given(st.lists(st.floats(0, 1e6), min_size=1), st.sampled_from((0.5, 0.95, 0.99)))
def test_a_percentile_is_a_value_that_so_many_do_not_exceed(values: list[float], share: float) -> None:
    found = percentile(values, share)

    assert found in values
    assert sum(value <= found for value in values) >= share * len(values)
