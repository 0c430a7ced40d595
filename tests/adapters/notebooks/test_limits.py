"""Files that are no notebooks, or too much of one: refused with a reason, and nothing else ever happens."""

import contextlib
import copy
import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.adapters.notebook_errors import FACTS_MAX
from shared.adapters.notebook_evidence import read_notebook
from shared.adapters.notebook_file import CELLS_MAX, COUNT_MAX, OUTPUT_CHARS_MAX, OUTPUTS_MAX
from shared.domain.errors import InvalidRequest
from shared.domain.evidence.matrix import NOTEBOOK_BYTES_MAX, Content
from tests.support.notebooks import EXAMPLE, code, error, facts, found, notebook, printed, text, value


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"", "not JSON"),
        (b"\xff\xfe", "not JSON"),
        (b"{", "not JSON"),
        (b"[" * 100_000, "nested too deeply"),
        (b"[]", "no nbformat"),
        (b"{}", "no nbformat"),
        (b'{"cells": {}, "nbformat": 4, "nbformat_minor": 5}', "no list of cells"),
        (b'{"nbformat": ' + b"9" * 5000 + b', "cells": []}', "not JSON"),
        (notebook(nbformat=3, cells=None, worksheets=[]), r"format is not 4 \(nbformat 3\)"),
        (notebook(nbformat="4"), "format is not 4"),
        (notebook(nbformat=True), "format is not 4"),
        (notebook(nbformat_minor=None), "nbformat_minor is no whole number"),
        (notebook(nbformat_minor=-1), "nbformat_minor is no whole number"),
        (notebook(metadata=None), "metadata of the notebook is null, not an object"),
        (notebook(7), "cell 1 is a number, not an object"),
        (notebook(text("x"), code("x") | {"cell_type": 7}), "cell_type of cell 2 is 7, not code"),
        (notebook(code("x") | {"source": [1]}), "source of cell 1 is a list of other things than text, not text"),
        (notebook(code("x") | {"metadata": []}), "metadata of cell 1 is a list"),
        (notebook(code("x") | {"outputs": {}}), "outputs of cell 1 is an object, not a list"),
        (notebook(code("x", {})), "output 1 of cell 1 has no output_type"),
        (notebook(code("x", {"output_type": "pyerr"})), "output_type of output 1 of cell 1 is pyerr"),
        (notebook(code("x", {"output_type": "stream"})), "output 1 of cell 1 has no name"),
        (notebook(code("x", printed("a"), printed([None]))), "text of output 2 of cell 1 is a list of"),  # type: ignore[list-item]
        (notebook(code("x", error("no") | {"evalue": None})), "evalue of output 1 of cell 1 is null, not text"),
        (notebook(code("x", count=COUNT_MAX + 1)), "execution_count of cell 1 is one that no kernel reaches"),
        (notebook(code("x", count=-1)), "execution_count of cell 1 is -1, not a count"),
        (notebook(code("x", count=True)), "execution_count of cell 1 is True, not a count"),
    ],
)
def test_a_file_that_is_no_notebook_is_refused_with_the_reason(raw: bytes, reason: str) -> None:
    with pytest.raises(InvalidRequest, match=f"the notebook cannot be read: .*{reason}.*; "):
        read_notebook(raw)


@pytest.mark.parametrize("place", ["cell_type", "source", "metadata", "execution_count", "outputs"])
def test_a_field_that_is_missing_is_named_with_its_cell(place: str) -> None:
    """Cells are counted from 1, as the page for authors does."""
    damaged = {key: content for key, content in code("x").items() if key != place}

    with pytest.raises(InvalidRequest, match=f"cell 2 has no {place}; run all cells again in Jupyter and save it"):
        facts(text("x"), damaged)


@pytest.mark.parametrize("shown", [None, 1, [1], [None], True, {"a": "b"}], ids=str)
@pytest.mark.parametrize("media", ["text/plain", "text/html", "image/png"])
def test_what_is_shown_must_be_text(media: str, shown: object) -> None:
    with pytest.raises(InvalidRequest, match=rf'data\["{media}"\] of output 1 of cell 1 is .*, not text; '):
        facts(code("x", value(**{media.replace("/", "_"): shown})))


@pytest.mark.parametrize("media", ["application/json", "application/geo+json"])
def test_what_is_shown_as_json_may_be_anything(media: str) -> None:
    assert facts(code("x", value() | {"data": {media: [None, 1]}})).errors == ()


def test_a_mark_of_byte_order_says_nothing() -> None:
    """Tools of Windows write one."""
    assert found(read_notebook(b"\xef\xbb\xbf" + EXAMPLE.read_bytes())) == set(Content)


class _Size:
    """A share of the largest file."""

    def __init__(self, share: float) -> None:
        self._share = share

    def count(self, count: int) -> int:
        """So many, in the largest file."""
        return int(count * self._share)

    def full(self, part: str, count: int = 0, end: str = "") -> str:
        """So many parts, or as many as the largest file holds."""
        most = (NOTEBOOK_BYTES_MAX - 1000) // len(json.dumps(part)[1:-1])
        return part * self.count(count or most) + end


_EXPENSIVE: dict[str, Callable[[_Size], bytes]] = {
    "headings": lambda size: notebook(text(size.full("# a\n"))),
    "headings that name a content": lambda size: notebook(text(size.full("# run scoring\n"))),
    "headings that almost name one": lambda size: notebook(text(size.full("# scoring x\n"))),
    "blanks in a heading": lambda size: notebook(text("# " + size.full(" ", end="scoring"))),
    "numbered comments": lambda size: notebook(
        code(size.full("# 1. show no errors\nx\n", 150_000), printed(size.full(" ", 900_000)))
    ),
    "sections that share a long output": lambda size: notebook(
        code(size.full("# 1. load environment\nx\n", 150_000), printed(size.full("a:1.0.0 ", 100_000)))
    ),
    "lines of code": lambda size: notebook(code(size.full("x\n"))),
    "small outputs": lambda size: notebook(*[code("x", *[printed("", "")] * 1_000)] * size.count(90)),
    "too many outputs": lambda size: notebook(code("x", *[{}] * size.count(1_000_000))),
    "errors": lambda size: notebook(*[code("x", *[error("")] * 1_000)] * size.count(50)),
    "small texts in widgets": lambda size: notebook(
        metadata={"widgets": {"a": {"state": {"b": ["x"] * size.count(1_000_000)}}}}
    ),
    "references of widgets": lambda size: notebook(
        metadata={"widgets": {"a": {"state": {"b": ["IPY_MODEL_b"] * size.count(300_000)}}}}
    ),
    "marks of HTML": lambda size: notebook(*[code("x", value(text_html=size.full("<", 900_000, "Error")))] * 5),
    "colours": lambda size: notebook(*[code("x", printed(size.full("\x1b[", 120_000, "Error")))] * 6),
    "almost tracebacks": lambda size: notebook(*[code("x", printed(size.full("Traceback ", 90_000)))] * 5),
    "almost errors": lambda size: notebook(*[code("x", printed(size.full("aError", 150_000)))] * 5),
    "almost errors in lines": lambda size: notebook(*[code("x", printed(size.full("a.Error\n", 90_000)))] * 6),
    "almost lines of a log": lambda size: notebook(*[code("x", printed(size.full("- - ERRO", 100_000, "ERROR")))] * 6),
    "almost versions": lambda size: notebook(*[code("x", printed(size.full("a-", 450_000)))] * 5),
}


MEASURED_MAX = 3
LARGE_S_MAX = 2.0
"""The largest file takes four times as long."""


def _seconds(raw: bytes) -> float:
    """What reading a file takes of the processor."""
    assert len(raw) <= NOTEBOOK_BYTES_MAX
    begun = time.process_time()
    with contextlib.suppress(InvalidRequest):
        read_notebook(raw)
    return time.process_time() - begun


@pytest.mark.parametrize("made", _EXPENSIVE.values(), ids=_EXPENSIVE)
def test_the_cost_of_a_file_grows_with_its_size_and_stays_below_a_few_seconds(made: Callable[[_Size], bytes]) -> None:
    """Four times the size may cost eight times as much on a busy machine; with its square it would be sixteen times.

    The collection of a large process's garbage may fall into one measurement, and not into all of them.
    """
    small, large = made(_Size(1 / 16)), made(_Size(1 / 4))
    costs: list[tuple[float, float]] = []
    while len(costs) < MEASURED_MAX:
        costs.append((_seconds(small), _seconds(large)))
        if costs[-1][1] < min(8 * costs[-1][0] + 0.1, LARGE_S_MAX):
            return
    pytest.fail(f"seconds for a file and for one of four times its size: {costs}")


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (notebook(text("x" * NOTEBOOK_BYTES_MAX)), "larger than 5 MiB"),
        (notebook(*[text("x")] * (CELLS_MAX + 1)), f"more than {CELLS_MAX} cells"),
        (notebook(code("x", *[printed("x")] * (OUTPUTS_MAX + 1))), f"cell 1 has more than {OUTPUTS_MAX} outputs"),
        (notebook(code("x", printed("x" * OUTPUT_CHARS_MAX))), f"{OUTPUT_CHARS_MAX} characters of output"),
        (notebook(code("x", value(image_png="x" * OUTPUT_CHARS_MAX))), f"{OUTPUT_CHARS_MAX} characters of output"),
    ],
    ids=["bytes", "cells", "outputs", "text", "pictures"],
)
def test_a_notebook_above_a_limit_is_refused_with_the_limit(raw: bytes, reason: str) -> None:
    with pytest.raises(InvalidRequest, match=reason):
        read_notebook(raw)


def test_a_notebook_at_the_limits_is_read() -> None:
    outputs = [printed("x")] * OUTPUTS_MAX

    assert len(facts(*[text("x")] * (CELLS_MAX - 1), code("x", *outputs)).code_cells) == 1


def test_only_so_many_errors_and_environments_are_passed_on() -> None:
    names = " ".join(f"env-{n}:1.0.0" for n in range(100))
    read = facts(text("## Load environment"), code("x", printed(names), *[error("no")] * 100))

    assert (len(read.errors), len(read.environments)) == (FACTS_MAX, FACTS_MAX)


@pytest.mark.parametrize("minor", [0, 1, 2, 3, 4, 5, 6, 99])
def test_every_minor_version_of_the_format_is_read(minor: int) -> None:
    """Later ones with cell ids, also missing or repeated ones."""
    cells = [text("## Load test model") | {"id": "a"}, code("x") | {"id": "a"}, code("y", count=2)]

    assert found(read_notebook(notebook(*cells, nbformat_minor=minor))) == {Content.MODEL}


def _places(node: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    children = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    return [path, *(place for key, child in children for place in _places(child, (*path, key)))]


_CONTENT = json.loads(EXAMPLE.read_text(encoding="utf-8"))
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=5), inner, max_size=2),
    max_leaves=4,
)


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(_places(_CONTENT)[1:]), _JSON)
def test_a_damaged_notebook_is_read_or_refused_and_nothing_else_happens(place: tuple[Any, ...], damage: Any) -> None:
    """Any part of the example replaced by anything."""
    content = copy.deepcopy(_CONTENT)
    node = content
    for key in place[:-1]:
        node = node[key]
    node[place[-1]] = damage

    try:
        outcome: object = set(read_notebook(json.dumps(content).encode()).contents)
    except InvalidRequest as refused:
        outcome = str(refused).partition(":")[0]

    assert outcome in (set(Content), "the notebook cannot be read")
