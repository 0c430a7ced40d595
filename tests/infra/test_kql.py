"""The queries of the alert rules, looked at by Microsoft's own analysis of the language."""

from typing import Any

import pytest

from infra.check import kql

WRONG: list[tuple[str, list[str], str]] = [
    ("AppMetrics | wher Sum > 1", [], "Query operator expected."),
    ("AppMetrics | where Nmae == 'x'", [], "The name 'Nmae' does not refer to any known column"),
    ("AppMetrik | take 1", [], "The name 'AppMetrik' does not refer to any known"),
    ("AppMetrics | extend kind = Name", [], "The name 'kind' needs to be bracketed"),
    ("AppMetrics | summarize sweeps = count()", ["Sum"], "the result has no column Sum"),
    ("AppMetrics | where tostring(Properties.rule) == 'r'", ["plant_id"], "the result has no column plant_id"),
]
"""Queries with a mistake, the columns that they are asked for, and what has to be said."""


@pytest.fixture(scope="module")
def said() -> dict[str, list[str]]:
    """What is said to each query. Loading the analysis takes seconds, so that all are looked at together."""
    asked: list[dict[str, Any]] = [kql.asked_by(each) for each in kql.rules()]
    asked += [{"query": query, "columns": columns} for query, columns, _ in WRONG]
    return dict(zip((each["query"] for each in asked), kql.problems(asked), strict=True))


def test_every_query_is_one_and_has_the_columns_of_its_rule(said: dict[str, list[str]]) -> None:
    rules = kql.rules()

    assert len(rules) >= 14
    assert {str(rule.name): found for rule in rules if (found := said[kql.asked_by(rule)["query"]])} == {}


@pytest.mark.parametrize(("query", "words"), [(query, words) for query, _, words in WRONG])
def test_a_wrong_query_is_found(said: dict[str, list[str]], query: str, words: str) -> None:
    assert any(words in each for each in said[query]), said[query]
