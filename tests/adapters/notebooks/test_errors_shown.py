"""Errors count wherever and however a notebook shows them; what nobody can judge from the file asks a person."""

from typing import Any

import pytest

from shared.adapters.notebook_evidence import read_notebook
from shared.domain.evidence.matrix import Advice, Content, assess
from shared.domain.release.policy import Stage
from tests.support.notebooks import ENVIRONMENT, Cell, code, error, notebook, printed, text, value

TRACEBACK = "Traceback (most recent call last):\n  File ...\nKeyError: 'C001'\n"
VIEW = "application/vnd.jupyter.widget-view+json"
STATE = "application/vnd.jupyter.widget-state+json"


def shown(**data: Any) -> dict[str, Any]:
    return {"output_type": "display_data", "metadata": {}, "data": data}


def view(model: str) -> dict[str, Any]:
    return shown(**{VIEW: {"model_id": model, "version_major": 2, "version_minor": 0}, "text/plain": "Output()"})


def state(**models: Any) -> dict[str, Any]:
    return {"widgets": {STATE: {"version_major": 2, "version_minor": 0, "state": models}}}


def model(**fields: Any) -> dict[str, Any]:
    return {"model_name": "OutputModel", "model_module": "@jupyter-widgets/output", "state": fields}


def complete(*outputs: dict[str, Any], metadata: dict[str, Any] | None = None, of_cell: Any = None) -> bytes:
    """Complete evidence; `outputs` and `of_cell` are those of its scoring, cell 8."""
    cells: list[Cell] = []
    for count, content in enumerate(Content, start=1):
        is_scoring = content is Content.SCORING
        cell = code("x", printed(f"{ENVIRONMENT}\n"), *(outputs if is_scoring else ()), count=count)
        cells += [text(f"## {content.value}"), cell | ({"metadata": of_cell or {}} if is_scoring else {})]
    return notebook(*cells, metadata=metadata or {})


def advice(raw: bytes) -> Advice:
    return assess(read_notebook(raw), environment=ENVIRONMENT, stage=Stage.REGISTRY).advice


SHOWN = {
    "an error": error("no"),
    "a printed traceback": printed(TRACEBACK),
    "a traceback on standard error": printed(TRACEBACK, "stderr"),
    "on a stream of another name": printed(TRACEBACK, "log"),
    "coloured": printed(TRACEBACK.replace("Traceback", "\x1b[0;31mTrace\x1b[0mback")),
    "lines": printed(TRACEBACK.splitlines(keepends=True)),
    "IPython's own": printed("KeyError        Traceback (most recent call last)\nCell In[4], line 1\n\nKeyError: 1"),
    "the last line alone": printed("ValueError: shapes differ\n", "stderr"),
    "a caught error printed": printed("scoring\nRuntimeError('no rows')\n"),
    "the value of the cell": value(text_plain="ValueError('no rows')"),
    "a crash": printed("Fatal Python error: Segmentation fault\n", "stderr"),
    "a group of errors": printed("  + Exception Group Traceback (most recent call last):\n  | ExceptionGroup: two\n"),
    "an interrupt": printed("scoring\nKeyboardInterrupt\n", "stderr"),
    "an exit": printed("An exception has occurred, use %tb to see the full traceback.\n\nSystemExit: 1", "stderr"),
    "an exit by its number": printed("SystemExit: 1"),
    "a list of errors": value(text_plain="[ValueError('no rows')]"),
    "emphasis": shown(**{"text/markdown": "**ValueError**: no rows"}),
    "displayed text": shown(**{"text/plain": TRACEBACK}),
    "markdown": shown(**{"text/markdown": f"```\n{TRACEBACK}```"}),
    "HTML": shown(**{"text/html": "<pre><b>Traceback</b> (most&nbsp;recent\ncall last)<br>Key&#69;rror: 1</pre>"}),
    "the name in HTML": shown(**{"text/html": '<p>scored</p><p><span class="red">ValueError</span>: no</p>'}),
    "a drawing with text": shown(**{"image/svg+xml": f"<svg><text>{TRACEBACK}</text></svg>"}),
    "JSON": shown(**{"application/json": {"log": ["fine", {"last": TRACEBACK}]}}),
    "Jupyter's own type": shown(**{"application/vnd.jupyter.error": {"message": "no"}}),
    "Visual Studio Code": shown(**{"application/vnd.code.notebook.error": {"name": "E", "message": "no"}}),
    "Databricks": shown(**{"application/vnd.databricks.v1+output": {"type": "ipynbError", "errorSummary": "no"}}),
    "metadata of an output": shown(**{"text/html": ""}) | {"metadata": {"x": {"ename": "E", "evalue": "no"}}},
}


@pytest.mark.parametrize("output", SHOWN.values(), ids=SHOWN)
def test_an_error_counts_however_it_is_shown(output: dict[str, Any]) -> None:
    raw = complete(output)

    assert {each.cell for each in read_notebook(raw).errors} == {8}
    assert advice(raw) is Advice.REJECT


def test_a_traceback_that_was_sent_in_pieces_is_one() -> None:
    pieces = [printed("Traceback (most rec", "stderr"), printed("10 rows\n"), printed("ent call last)\n", "stderr")]

    assert advice(complete(*pieces)) is Advice.REJECT


def test_an_error_that_the_author_expected_is_an_error() -> None:
    assert advice(complete(error("no"), of_cell={"tags": ["raises-exception"]})) is Advice.REJECT


@pytest.mark.parametrize("said", [{"exception": True}, {"status": "failed"}])
def test_what_papermill_says_of_a_cell_or_of_the_notebook_counts(said: dict[str, Any]) -> None:
    assert advice(complete(of_cell={"papermill": said})) is Advice.REJECT
    assert advice(complete(metadata={"papermill": said})) is Advice.REJECT
    assert advice(complete(of_cell={"papermill": {"exception": False, "status": "completed"}})) is Advice.APPROVE


IN_WIDGETS = {
    "an error": model(outputs=[error("no")]),
    "a printed traceback": model(outputs=[printed(TRACEBACK, "stderr")]),
    "the value of a text field": model(value=TRACEBACK),
    "HTML": model(value="<b>Traceback</b> (most recent call last)"),
    "a form nobody knows": [[{"deep": error("no")}]],
}


@pytest.mark.parametrize("widget", IN_WIDGETS.values(), ids=IN_WIDGETS)
def test_an_error_in_the_saved_state_of_a_widget_is_told_with_the_cell_that_shows_it(widget: Any) -> None:
    raw = complete(view("a"), metadata=state(a=widget))

    assert [each.cell for each in read_notebook(raw).errors] == [8]
    assert advice(raw) is Advice.REJECT


def test_an_error_in_a_widget_inside_another_is_found() -> None:
    """Boxes name what they hold; two that hold each other do no harm."""
    box = model(children=["IPY_MODEL_b"])
    raw = complete(view("a"), metadata=state(a=box, b=model(box="IPY_MODEL_a", outputs=[error("no")])))

    assert [(each.cell, each.text) for each in read_notebook(raw).errors] == [(8, "ValueError: no")]


def test_an_error_in_a_widget_that_no_cell_shows_counts() -> None:
    raw = complete(metadata=state(a=model(outputs=[error("no")])))

    assert [each.cell for each in read_notebook(raw).errors] == [None]
    assert advice(raw) is Advice.REJECT


@pytest.mark.parametrize(
    "metadata",
    [
        {},
        {"widgets": None},
        {"widgets": {}},
        {"widgets": {STATE: {"state": {}}}},
        {"widgets": 7},
        {"widgets": {STATE: [1]}},
        state(b=model()),
        state(a=model(children=["IPY_MODEL_c"])),
    ],
    ids=str,
)
def test_a_widget_whose_state_is_not_in_the_file_asks_a_person(metadata: dict[str, Any]) -> None:
    """What it showed is lost: it may have been an error."""
    read = read_notebook(complete(view("a"), metadata=metadata))

    assert (read.errors, bool(read.doubts)) == ((), True)
    assert advice(complete(view("a"), metadata=metadata)) is Advice.NEEDS_PERSON


@pytest.mark.parametrize(
    "line",
    [
        "ERROR:root:no rows",
        "2026-01-02 10:00:00,123 - score - ERROR - no rows",
        "2026-01-02 10:00:00,123 ERROR no rows",
        "[ERROR] no rows",
        "CRITICAL: no rows",
        "Error: no rows",
        "py4j.protocol.Py4JJavaError: no rows",
        "java.lang.IllegalStateException: no rows",
        "Segmentation fault (core dumped)",
        "/bin/bash: line 1: python4: command not found",
        "{'rows': 0, 'error': 'no rows'}",
        "- ValueError: where there are no rows",
        '<div class="alert alert-danger">no rows</div>',
    ],
)
def test_a_line_that_may_be_an_error_asks_a_person_and_is_shown(line: str) -> None:
    raw = complete(printed(f"scoring\n{line}\n", "stderr"))

    (doubt,) = read_notebook(raw).doubts
    assert doubt.cell == 8
    assert doubt.text.startswith("this may be an error: ")
    assert line.endswith(doubt.text.removeprefix("this may be an error: "))
    assert advice(raw) is Advice.NEEDS_PERSON


def test_json_that_tells_an_error_asks_a_person() -> None:
    assert advice(complete(shown(**{"application/json": [{"error": "no rows"}]}))) is Advice.NEEDS_PERSON
    assert advice(complete(shown(**{"application/json": [{"error": "", "errors": 0}]}))) is Advice.APPROVE


@pytest.mark.parametrize(
    "output",
    [
        printed("No errors, mean error 0.3\nMeanSquaredError: 0.031\nMeanAbsoluteError: 1e-3\n"),
        printed("{'error': '', 'errors': 0}\n3 rows not found, MeanError()\n", "stdout"),
        printed("UserWarning: slow\nDeprecationWarning('old')\n", "stderr"),
        printed("E0000 00:00:1 24357 cuda.cc:8310] failed call to cuInit: UNKNOWN ERROR (303)\n", "stderr"),
        shown(**{"text/html": "<table><td>error &lt; 1</td></table>", "text/plain": "error\n0 0.1"}),
        shown(**{"image/png": "ValueError: no", "text/plain": "<Figure size 640x480 with 1 Axes>"}),
        shown(**{"application/vnd.plotly.v1+json": {"data": [{"error_y": None, "name": "errors"}]}}),
    ],
    ids=["metrics", "no error", "warnings", "no graphics card", "table", "picture", "chart"],
)
def test_what_only_speaks_of_errors_is_none(output: dict[str, Any]) -> None:
    assert advice(complete(output)) is Advice.APPROVE


def test_a_widget_whose_state_is_there_is_no_doubt_and_counts_as_nothing_printed() -> None:
    """`Output()` stands where the widget is."""
    raw = complete(view("a"), metadata=state(a=model(outputs=[printed("fine")])))
    silent = notebook(text("## Display predictions"), code("x", view("a")), metadata=state(a=model()))

    assert advice(raw) is Advice.APPROVE
    assert "prints nothing" in read_notebook(silent).contents[Content.PREDICTIONS].detail
