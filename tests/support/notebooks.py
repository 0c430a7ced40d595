"""Notebook files, cell by cell."""

import json
from pathlib import Path
from typing import Any

from shared.adapters.notebook_evidence import read_notebook
from shared.domain.evidence.matrix import Content, NotebookFacts

DOCS = Path(__file__).resolve().parents[2] / "docs"
EXAMPLE = DOCS / "examples" / "evidence.ipynb"
PAGE = DOCS / "evidence.md"
ENVIRONMENT = "custom-tf-env:1.5.0"

Cell = dict[str, Any]


def text(source: str) -> Cell:
    return {"cell_type": "markdown", "metadata": {}, "source": source}


def code(source: str, *outputs: dict[str, Any], count: int | None = 1) -> Cell:
    return {"cell_type": "code", "metadata": {}, "source": source, "outputs": list(outputs), "execution_count": count}


def printed(content: str | list[str], name: str = "stdout") -> dict[str, Any]:
    return {"output_type": "stream", "name": name, "text": content}


def value(**data: Any) -> dict[str, Any]:
    """What a cell ends in, by type: `text_plain`, `text_html`."""
    named = {key.replace("_", "/"): content for key, content in data.items()}
    return {"output_type": "execute_result", "execution_count": 1, "metadata": {}, "data": named}


def error(evalue: str, ename: str = "ValueError") -> dict[str, Any]:
    return {"output_type": "error", "ename": ename, "evalue": evalue, "traceback": ["..."]}


def notebook(*cells: Any, **changed: Any) -> bytes:
    content = {"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": list(cells)}
    return json.dumps(content | changed).encode()


def facts(*cells: Cell) -> NotebookFacts:
    return read_notebook(notebook(*cells))


def found(read: NotebookFacts) -> set[Content]:
    return {content for content, fact in read.contents.items() if fact.found}


def complete(version: str = "1.5.1") -> bytes:
    """The example of the documentation as if it had been run in this version: complete evidence."""
    raw = EXAMPLE.read_text(encoding="utf-8")
    assert raw.count(ENVIRONMENT) == 1
    return raw.replace(ENVIRONMENT, f"custom-tf-env:{version}").encode()


def incomplete(version: str = "1.5.1") -> bytes:
    """It shows no predictions."""
    return complete(version).replace(Content.PREDICTIONS.value.encode(), b"Something else")


def with_error(version: str = "1.5.1") -> bytes:
    """Its last cell ends in an error."""
    content = json.loads(complete(version))
    content["cells"][-1]["outputs"].append(error("no rows were scored"))
    return json.dumps(content).encode()


HOSTILE: dict[str, bytes] = {
    "deep nesting": b"[" * 100_000,
    "deep nesting inside a notebook": b'{"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": '
    + b"[" * 100_000,
    "no JSON": b"<html><script>alert(1)</script></html>",
    "no UTF-8": b"\xff\xfe{}",
    "nothing": b"",
    "a list": b"[]",
    "cells that are none": notebook("x", 7, None),
    "outputs of a wrong type": notebook(code("x") | {"outputs": {"output_type": "stream"}}),
    "a source of a wrong type": notebook(code("x") | {"source": {"a": 1}}),
    "a count of a wrong type": notebook(code("x") | {"execution_count": "1"}),
    "a huge number": b'{"nbformat": ' + b"9" * 5000 + b', "cells": []}',
}
"""Files that are no notebooks, and that somebody may send all the same."""
