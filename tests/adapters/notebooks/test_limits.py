"""Files that are no notebooks, or too much of one: refused with a reason, and nothing else ever happens."""

import copy
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.adapters.notebook_evidence import (
    CELLS_MAX,
    COUNT_MAX,
    FACTS_MAX,
    OUTPUT_CHARS_MAX,
    OUTPUTS_MAX,
    read_notebook,
)
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
        (b"[]", "no list of cells"),
        (b"{}", "no list of cells"),
        (b'{"cells": {}, "nbformat": 4}', "no list of cells"),
        (b'{"nbformat": ' + b"9" * 5000 + b', "cells": []}', "not JSON"),
        (notebook(nbformat=3), "format is not 4"),
        (notebook(nbformat="4"), "format is not 4"),
        (notebook(nbformat_minor=None), "format is not 4"),
        (notebook(nbformat_minor=-1), "format is not 4"),
        (notebook(metadata=None), "no valid notebook"),
        (notebook(7), "no valid notebook"),
        (notebook(code("x") | {"cell_type": 7}), "no valid notebook"),
        (notebook(code("x") | {"source": [1]}), "no valid notebook"),
        (notebook(code("x", {"output_type": "stream"})), "no valid notebook"),
        (notebook(code("x", printed([None]))), "no valid notebook"),  # type: ignore[list-item]
        (notebook(code("x", count=COUNT_MAX + 1)), "no kernel reaches"),
        (notebook(code("x", count=-1)), "no valid notebook"),
    ],
)
def test_a_file_that_is_no_notebook_is_refused_with_the_reason(raw: bytes, reason: str) -> None:
    with pytest.raises(InvalidRequest, match=f"the notebook cannot be read: .*{reason}.*; "):
        read_notebook(raw)


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
