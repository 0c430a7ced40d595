"""What a notebook must show, rule by rule, and every row of the approval decision matrix."""

from dataclasses import replace
from itertools import product
from typing import Any

import pytest

from shared.domain.evidence.matrix import (
    Advice,
    Assessment,
    CodeCell,
    Content,
    ContentFact,
    ErrorOutput,
    FleetResult,
    NotebookFacts,
    Quality,
    Reason,
    advise,
    assess,
)
from shared.domain.release.model import Verdict
from shared.domain.release.policy import Stage

ENVIRONMENT = "custom-tf-env:1.5.1"
PASSED: dict[str, Verdict | None] = {f"P001-C{n:03}": Verdict.PASSED for n in range(1, 76)}


def some_facts(**changed: Any) -> NotebookFacts:
    """Of a complete notebook."""
    facts = NotebookFacts(
        sha256="a" * 64,
        contents={content: ContentFact(found=True, detail="cell 3") for content in Content},
        code_cells=tuple(CodeCell(cell=2 * n, execution_count=n) for n in (1, 2, 3)),
        environments=(ENVIRONMENT,),
    )
    return replace(facts, **changed)


def counts(*values: int | None) -> tuple[CodeCell, ...]:
    return tuple(CodeCell(cell=n, execution_count=value) for n, value in enumerate(values, start=1))


def at_production(facts: NotebookFacts | None, results: dict[str, Verdict | None] | None = None) -> Assessment:
    return assess(
        facts, environment=ENVIRONMENT, stage=Stage.PRODUCTION, results=PASSED if results is None else results
    )


def reason(assessment: Assessment, rule: str) -> Reason:
    (found,) = [each for each in assessment.reasons if each.rule == rule]
    return found


# R-EVID-5 to R-EVID-7, row by row


def test_a_complete_notebook_and_all_models_passing_is_approve() -> None:
    found = at_production(some_facts())

    assert (found.advice, found.quality, found.fleet) == (Advice.APPROVE, Quality.COMPLETE, FleetResult.ALL_PASSED)
    assert all(each.holds for each in found.reasons)
    assert reason(found, "tests of all models").text == "all 75 pass"


def test_a_complete_notebook_and_some_models_failing_needs_a_person() -> None:
    """Investigate, likely reject."""
    found = at_production(some_facts(), PASSED | {"P002-C001": Verdict.FAILED})

    assert (found.advice, found.fleet) == (Advice.NEEDS_PERSON, FleetResult.SOME_FAILED)
    assert reason(found, "tests of all models").text == "1 of 76 fail (P002-C001): investigate, likely reject"


@pytest.mark.parametrize("results", [PASSED, {}, {"P002-C001": Verdict.FAILED}], ids=["pass", "none", "fail"])
@pytest.mark.parametrize("stage", [Stage.REGISTRY, Stage.PRODUCTION])
@pytest.mark.parametrize(
    ("facts", "quality"),
    [
        (some_facts(contents={}), Quality.INCOMPLETE),
        (None, Quality.MISSING),
        (some_facts(errors=(ErrorOutput(cell=4, text="ValueError: no"),)), Quality.WITH_ERRORS),
    ],
    ids=["incomplete", "no notebook", "with errors"],
)
def test_any_other_notebook_is_reject_whatever_the_tests_say(
    facts: NotebookFacts | None, quality: Quality, stage: Stage, results: dict[str, Verdict | None]
) -> None:
    """Three rows of the matrix."""
    found = assess(facts, environment=ENVIRONMENT, stage=stage, results=results)

    assert (found.advice, found.quality) == (Advice.REJECT, quality)


@pytest.mark.parametrize("results", [PASSED, {}, {"P002-C001": Verdict.FAILED}], ids=["pass", "none", "fail"])
@pytest.mark.parametrize("stage", [Stage.REGISTRY, Stage.PRODUCTION])
def test_what_cannot_be_judged_needs_a_person_whatever_the_tests_say(
    stage: Stage, results: dict[str, Verdict | None]
) -> None:
    """The reason says where to look."""
    doubts = (ErrorOutput(cell=4, text="a widget"), ErrorOutput(cell=None, text="a log"))
    found = assess(some_facts(doubts=doubts), environment=ENVIRONMENT, stage=stage, results=results)

    assert (found.advice, found.quality) == (Advice.NEEDS_PERSON, Quality.INCONCLUSIVE)
    assert reason(found, "nothing in doubt").text == "cell 4: a widget; no cell: a log: open the notebook and look"


@pytest.mark.parametrize("worse", [{"contents": {}}, {"errors": (ErrorOutput(cell=4, text="no"),)}], ids=str)
def test_a_doubt_makes_nothing_better(worse: dict[str, Any]) -> None:
    facts = some_facts(doubts=(ErrorOutput(cell=4, text="a widget"),), **worse)

    assert at_production(facts).advice is Advice.REJECT


def test_the_matrix_answers_every_combination_and_approves_only_complete_evidence() -> None:
    approved = [pair for pair in product(Quality, FleetResult) if advise(*pair) is Advice.APPROVE]

    assert approved == [
        (Quality.COMPLETE, FleetResult.ALL_PASSED),
        (Quality.COMPLETE, FleetResult.NOT_DUE),
    ]


# What the matrix leaves open


def test_before_promotion_the_notebook_alone_decides() -> None:
    """The tests run after the registry gate."""
    found = assess(some_facts(), environment=ENVIRONMENT, stage=Stage.REGISTRY)

    assert (found.advice, found.fleet) == (Advice.APPROVE, FleetResult.NOT_DUE)


@pytest.mark.parametrize("results", [None, {}], ids=["none", "empty"])
def test_before_production_unknown_is_not_passed(results: dict[str, Verdict | None] | None) -> None:
    """Invariant I16."""
    found = assess(some_facts(), environment=ENVIRONMENT, stage=Stage.PRODUCTION, results=results)

    assert (found.advice, found.fleet) == (Advice.NEEDS_PERSON, FleetResult.UNDECIDED)


@pytest.mark.parametrize("verdict", [None, Verdict.ERRORED, Verdict.INCONCLUSIVE])
def test_one_model_without_a_clear_result_needs_a_person(verdict: Verdict | None) -> None:
    found = at_production(some_facts(), PASSED | {"P002-C001": verdict})

    assert (found.advice, found.fleet) == (Advice.NEEDS_PERSON, FleetResult.UNDECIDED)
    assert "1 of 76 have no clear result (P002-C001)" in reason(found, "tests of all models").text


def test_failed_and_unclear_models_are_both_named_and_failed_weighs_more() -> None:
    found = at_production(some_facts(), {"b": Verdict.FAILED, "a": Verdict.FAILED, "c": None, "d": Verdict.PASSED})

    assert found.fleet is FleetResult.SOME_FAILED
    text = reason(found, "tests of all models").text
    assert "2 of 4 fail (a, b)" in text
    assert "1 of 4 have no clear result (c)" in text


def test_a_fleet_that_fails_is_told_in_one_short_line() -> None:
    found = at_production(some_facts(), dict.fromkeys(PASSED, Verdict.FAILED))

    text = reason(found, "tests of all models").text
    assert "75 of 75 fail" in text
    assert "and 65 more" in text
    assert len(text) < 250


# The rules of a complete notebook


@pytest.mark.parametrize("content", Content)
def test_each_of_the_six_contents_is_needed(content: Content) -> None:
    """The reason is the content's own."""
    lacking = some_facts().contents | {content: ContentFact(found=False, detail="there is no heading")}

    found = at_production(some_facts(contents=lacking))

    assert found.quality is Quality.INCOMPLETE
    assert [each.rule for each in found.reasons if not each.holds] == [content.value]
    assert reason(found, content.value).text == "there is no heading"


@pytest.mark.parametrize("content", Content)
def test_a_content_that_nobody_looked_for_is_not_found(content: Content) -> None:
    some = {other: fact for other, fact in some_facts().contents.items() if other is not content}

    assert not reason(at_production(some_facts(contents=some)), content.value).holds


def test_an_error_output_weighs_more_than_what_is_missing() -> None:
    """Every rule still tells its reason."""
    found = at_production(some_facts(contents={}, errors=(ErrorOutput(cell=4, text="ValueError: no"),)))

    assert found.quality is Quality.WITH_ERRORS
    assert reason(found, "no error outputs").text == "cell 4: ValueError: no"
    assert len([each for each in found.reasons if not each.holds]) == 7


@pytest.mark.parametrize(
    ("cells", "text"),
    [
        (counts(1, None, 2), "cell 2 did not run, not as number 2"),
        (counts(1, 3, 4), "cell 2 ran as number 3, not as number 2"),
        (counts(2, 1, 3), "cell 1 ran as number 2, not as number 1"),
        (counts(5, 6, 7), "cell 1 ran as number 5, not as number 1"),
        (counts(1, 1, 2), "cell 2 ran as number 1, not as number 2"),
        (counts(), "no cell with code"),
    ],
    ids=["not run", "gap", "out of order", "used kernel", "twice", "no code"],
)
def test_cells_must_have_run_once_in_order_in_a_fresh_kernel(cells: tuple[CodeCell, ...], text: str) -> None:
    found = at_production(some_facts(code_cells=cells))

    assert found.quality is Quality.INCOMPLETE
    assert text in reason(found, "execution order").text


@pytest.mark.parametrize(
    ("printed", "text"),
    [
        ((), "no version of custom-tf-env is printed"),
        (("other-env:1.5.1",), "no version of custom-tf-env is printed"),
        (("custom-tf-env:1.5.0",), "it ran in custom-tf-env:1.5.0,"),
        (("custom-tf-env:1.5.0", ENVIRONMENT), "it ran in custom-tf-env:1.5.0, custom-tf-env:1.5.1,"),
    ],
    ids=["none", "another name", "another version", "two versions"],
)
def test_it_must_have_run_in_exactly_the_released_version(printed: tuple[str, ...], text: str) -> None:
    found = at_production(some_facts(environments=printed))

    assert found.quality is Quality.INCOMPLETE
    assert text in reason(found, "environment version").text
    assert f"run it in {ENVIRONMENT}" in reason(found, "environment version").text


def test_versions_of_other_things_may_be_printed_beside_it() -> None:
    assert at_production(some_facts(environments=("tensorflow:2.21.0", ENVIRONMENT))).advice is Advice.APPROVE


def test_the_hash_that_approvals_bind_to_is_told() -> None:
    assert "a" * 64 in reason(at_production(some_facts()), "notebook").text


def test_without_a_notebook_the_reason_says_what_to_do() -> None:
    assert "upload one" in reason(at_production(None), "notebook").text
