"""Facts from real notebook files: what counts as shown, and what does not."""

import hashlib
from pathlib import Path
from typing import Any

import pytest

from shared.adapters.notebook_errors import TEXT_CHARS_MAX
from shared.adapters.notebook_evidence import read_notebook
from shared.adapters.notebook_file import CELLS_MAX, OUTPUT_CHARS_MAX, OUTPUTS_MAX
from shared.domain.evidence.matrix import NOTEBOOK_BYTES_MAX, Advice, Content, NotebookFacts, assess
from shared.domain.release.policy import Stage
from tests.support.notebooks import ENVIRONMENT, EXAMPLE, PAGE, Cell, code, error, facts, found, printed, text, value


def advice(read: NotebookFacts) -> Advice:
    return assess(read, environment=ENVIRONMENT, stage=Stage.REGISTRY).advice


# The example


def test_the_example_of_the_documentation_passes() -> None:
    """It was run by a real kernel, with a real model and real rows."""
    read = read_notebook(EXAMPLE.read_bytes())

    assert found(read) == set(Content)
    assert (read.errors, read.environments) == ((), (ENVIRONMENT,))
    assert advice(read) is Advice.APPROVE


@pytest.mark.parametrize("content", Content)
def test_the_example_without_one_heading_does_not_pass(content: Content) -> None:
    raw = EXAMPLE.read_text(encoding="utf-8")
    assert raw.count(content.value) == 1

    read = read_notebook(raw.replace(content.value, "Something else").encode())

    assert found(read) == set(Content) - {content}
    assert advice(read) is Advice.REJECT


def test_the_example_is_no_evidence_for_another_version() -> None:
    read = read_notebook(EXAMPLE.read_bytes())

    assessed = assess(read, environment="custom-tf-env:1.5.1", stage=Stage.REGISTRY)

    assert assessed.advice is Advice.REJECT


def test_one_cell_with_numbered_comments_is_enough() -> None:
    """One cell, as people write it in a hurry."""
    source = """
# Environment Evidence Notebook
# 1. Load environment
print(environment)
# 2. Load test model
model = load()
# 3. Load sample data
data = read()
# 4. Execute scoring
predictions = model.predict(data)
# 5. Display predictions
print(predictions[:10])
# 6. Assert no errors
assert len(predictions) > 0
"""
    read = facts(code(source, printed(f"Environment: azureml:{ENVIRONMENT}\n[0.1 0.2]\n")))

    assert found(read) == set(Content)
    assert advice(read) is Advice.APPROVE


def test_the_hash_is_of_the_bytes_as_uploaded() -> None:
    raw = EXAMPLE.read_bytes()

    assert read_notebook(raw).sha256 == hashlib.sha256(raw).hexdigest()
    assert read_notebook(raw + b"\n").sha256 != read_notebook(raw).sha256


def test_the_page_for_authors_names_every_heading_limit_and_advice() -> None:
    page = PAGE.read_text(encoding="utf-8")

    assert [content for content in Content if f"`{content.value}`" not in page] == []
    assert [each for each in Advice if f"`{each.value}`" not in page] == []
    limits = (
        f"{NOTEBOOK_BYTES_MAX // 1024**2} MiB",
        f"{CELLS_MAX:,}",
        f"{OUTPUTS_MAX:,}",
        f"{OUTPUT_CHARS_MAX:,} char",
    )
    assert [limit for limit in limits if f"| {limit}" not in page] == []


# Headings


@pytest.mark.parametrize(
    "heading",
    [
        "## 2. Load test model",
        "# Load test model",
        "###### 2) load the test model ##",
        "## **Load model**",
        "Some words before.\n\n## Load a test model:",
        "```\nprint()\n```\n## Load test model",
    ],
)
def test_a_heading_counts_in_any_level_with_or_without_number(heading: str) -> None:
    assert found(facts(text(heading), code("model = load()"))) == {Content.MODEL}


@pytest.mark.parametrize(
    "heading",
    [
        "Load test model",
        "#Load test model",
        "## Load test model and data",
        "## Why we load no test model",
        "```\n## Load test model\n```",
        "~~~python\n# Load test model\n~~~",
        "    # Load test model",
    ],
    ids=["no heading", "no blank", "more", "a sentence", "fenced", "fenced with waves", "indented code"],
)
def test_what_only_looks_like_a_heading_does_not_count(heading: str) -> None:
    assert found(facts(text(heading), code("model = load()"))) == set()


def test_a_comment_without_a_number_is_a_comment() -> None:
    """`# load model` is in every notebook."""
    assert found(facts(code("# Load test model\nmodel = load()"))) == set()


def test_a_section_ends_at_the_next_heading_of_its_level() -> None:
    """Not at one below it."""
    below = facts(text("## Load test model"), text("### The first one"), code("model = load()"))
    beside = facts(text("## Load test model"), text("## Appendix"), code("model = load()"))

    assert found(below) == {Content.MODEL}
    assert found(beside) == set()
    assert "there is no code below" in beside.contents[Content.MODEL].detail


def test_the_output_of_another_section_does_not_count() -> None:
    read = facts(
        text("## Display predictions"),
        code("x = 1"),
        text("## Show no errors"),
        code("print('fine')", printed("fine\n"), count=2),
    )

    assert found(read) == {Content.NO_ERRORS}


def test_one_complete_section_of_two_with_the_same_heading_is_enough() -> None:
    read = facts(text("## Execute scoring"), text("## Execute scoring"), code("score()"), text("## Execute scoring"))

    assert found(read) == {Content.SCORING}


# What a section must show


@pytest.mark.parametrize(
    ("cells", "detail"),
    [
        ([], 'there is no heading "Display predictions"'),
        ([text("## Display predictions")], "there is no code below"),
        ([text("## Display predictions"), code("# print(predictions)\n")], "there is no code below"),
        ([text("## Display predictions"), code("print(1)", count=None)], "did not run"),
        ([text("## Display predictions"), code("x = 1")], "prints nothing"),
        ([text("## Display predictions"), code("x = 1", printed(" \n"))], "prints nothing"),
        ([text("## Display predictions"), code("x = 1", printed("W0000 no GPU\n", "stderr"))], "prints nothing"),
        ([text("## Display predictions"), code("x", value(text_html="<b>1</b>"))], "prints nothing"),
        ([text("## Load environment"), code("x", printed("Environment: None\n"))], "prints no environment"),
    ],
    ids=["heading", "code", "comment", "not run", "silent", "blank", "warnings", "html", "environment"],
)
def test_what_a_section_lacks_is_told(cells: list[Cell], detail: str) -> None:
    read = facts(*cells)

    assert found(read) == set()
    assert any(detail in fact.detail for fact in read.contents.values())


@pytest.mark.parametrize(
    "output",
    [printed("[0.1]\n"), printed(["[0.1,\n", " 0.2]"]), value(text_plain="0.1"), value(text_plain=["0.1\n", "0.2"])],
    ids=["printed", "lines", "value", "value of lines"],
)
def test_predictions_may_be_printed_or_be_the_value_of_the_cell(output: dict[str, Any]) -> None:
    assert found(facts(text("## Display predictions"), code("x", output))) == {Content.PREDICTIONS}


def test_loading_and_scoring_may_be_silent() -> None:
    read = facts(
        text("## Load test model"), code("a"), text("## Load sample data"), code("b"), text("## Run scoring"), code("c")
    )

    assert found(read) == {Content.MODEL, Content.DATA, Content.SCORING}


@pytest.mark.parametrize(
    ("output", "names"),
    [
        ("custom-tf-env:1.5.0", (ENVIRONMENT,)),
        ("Environment: azureml:custom-tf-env:1.5.0.", (ENVIRONMENT,)),
        ("azureml://registries/shared/environments/custom-tf-env/versions/1.5.0", (ENVIRONMENT,)),
        ("custom-tf-env:1.5.0 custom-tf-env:1.5.0", (ENVIRONMENT,)),
        ("custom-tf-env:1.5.1 custom-tf-env:1.5.0", ("custom-tf-env:1.5.1", ENVIRONMENT)),
        ("\x1b[32mcustom-tf-env:1.5.0\x1b[0m", (ENVIRONMENT,)),
        ("custom-tf-env:1.5.0-rc1 custom-tf-env:1.5.0.1 custom-tf-env:1.5 at 10:30:00", ()),
    ],
    ids=["short", "sentence", "resource id", "twice", "two", "coloured", "other versions"],
)
def test_the_environments_that_are_printed_are_named(output: str, names: tuple[str, ...]) -> None:
    assert facts(text("## Load environment"), code("x", printed(output))).environments == names


def test_an_environment_that_is_only_written_in_the_text_does_not_count() -> None:
    """Nor one that is printed elsewhere: it must be the kernel that says so, where it is looked for."""
    read = facts(
        text(f"# Evidence for {ENVIRONMENT}\n## Load environment"),
        code(f"# {ENVIRONMENT}\nx = 1"),
        text("## Appendix"),
        code("y", printed(ENVIRONMENT), count=2),
    )

    assert read.environments == ()


# Errors and order


def test_an_error_output_is_told_with_its_cell() -> None:
    read = facts(text("# Evidence"), code("score()", error("shapes differ")))

    assert [(each.cell, each.text) for each in read.errors] == [(2, "ValueError: shapes differ")]
    assert advice(read) is Advice.REJECT


@pytest.mark.parametrize("name", ["stdout", "stderr"])
def test_an_error_that_was_caught_and_printed_is_an_error(name: str) -> None:
    output = printed("Traceback (most recent call last):\n  File ...\nKeyError: 'C001'\n", name)

    (each,) = facts(code("try_it()", output)).errors

    assert each.text == "a printed traceback: KeyError: 'C001'"


def test_the_counts_of_all_cells_with_code_are_facts_and_blank_cells_are_not() -> None:
    """Jupyter gives a blank cell no count."""
    read = facts(text("# Title"), code("a"), code(" \n", count=None), code("b", count=None), code("c", count=2))

    assert [(each.cell, each.execution_count) for each in read.code_cells] == [(2, 1), (4, None), (5, 2)]


def test_texts_are_short_and_cannot_act_on_a_terminal() -> None:
    read = facts(code("x", error("\x1b[31mred\x1b]0;title\x07\r\nmore\ud800 " + "9" * 500)))

    (each,) = read.errors
    assert each.text.isprintable()
    assert len(each.text) == TEXT_CHARS_MAX
    assert each.text.startswith("ValueError: red ")


def test_code_in_a_notebook_is_never_run(tmp_path: Path) -> None:
    trace = tmp_path / "trace"
    source = f"open({str(trace)!r}, 'w').close()"

    facts(text("## Execute scoring"), code(source), code(f"!touch {trace}"), code(f"%run {trace}"))

    assert not trace.exists()
