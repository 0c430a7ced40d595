"""The errors that a notebook shows, wherever they stand, and what it shows that nobody can judge from the file.

An error counts in an output of a cell, printed to either stream, in anything that is displayed (text, HTML, JSON), in
the saved state of a widget, and in what papermill says of a cell. Pictures, sound and film are passed over: no kernel
shows an error so. Doubts are what may be an error: the lines of a log at the level of errors, names of exceptions that
are not Python's own, words of a shell, marks of HTML, and a widget whose state was not saved with the file.
"""

import builtins
import html
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from shared.adapters.notebook_file import Cell, Notebook
from shared.domain.evidence.matrix import ErrorOutput

FACTS_MAX = 20
"""Of each kind that are passed on: enough to decide, small enough for a row of the release."""

TEXT_CHARS_MAX = 200
_READ_MAX = 5 * TEXT_CHARS_MAX  # of a text that will be cut to one line

VIEW = "application/vnd.jupyter.widget-view+json"
"""What a cell shows of a widget: only its id."""

_ERROR_TYPES = frozenset({"application/vnd.jupyter.error", "application/vnd.code.notebook.error"})
_PICTURES = re.compile(r"(?:image|audio|video|font)/(?!svg)")
_REFERENCE = "IPY_MODEL_"  # how the state of one widget names another

_ANSI = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]")
_TAG = re.compile(r"<(/?(?:br|p|div|pre|li|tr|h[1-6])\b)?[^<>]*>", re.IGNORECASE)  # the group: those that end a line
_WORDS = re.compile(
    r"error|exception|traceback|critical|fatal|interrupt|exit|stop|danger|fault|core dumped|not found|of memory",
    re.IGNORECASE,
)
_TRACEBACK = re.compile(r"Traceback\s{0,9}\(most\s{1,9}recent\s{1,9}call\s{1,9}(?:last|first)\)", re.IGNORECASE)
_OWN = "|".join(
    name
    for name, each in sorted(vars(builtins).items())
    if isinstance(each, type) and issubclass(each, BaseException) and not issubclass(each, Warning)
)
_MODULE = r"(?:[A-Za-z_][\w.]{0,120}\.)?"
_ERROR_LINE = re.compile(
    rf"^[*_`\[(]{{0,4}}{_MODULE}(?:{_OWN})[*_`]{{0,4}}(?:[:(].*|[ \t]*$)|^Fatal Python error: .*"
    r"|^An exception has occurred, use %tb.*",
    re.MULTILINE,
)
_NO_METRIC = r"(?![-+]?[0-9.]+(?:e[-+]?[0-9]+)?[ \t]*$)"  # `SquaredError: 0.1` is a metric
_DOUBTFUL_LINE = re.compile(
    r"^[\s|+>#*_`\[({'\"-]{0,20}"
    rf"{_MODULE}\w{{0,80}}(?:Error|Exception)[*_`]{{0,4}}(?:\(|:[ \t]*$|:[ \t]+{_NO_METRIC}).*"
    r"|^(?:.{0,80}?[\[|\-0-9][ \t]?)?(?:ERROR|CRITICAL|FATAL)(?:\]|:|\s).*",
    re.MULTILINE,
)
_DOUBTFUL_WORDS = re.compile(
    r"segmentation fault.*|core dumped.*|command not found.*|out of memory.*"
    r"|error[\"'][ \t]{0,9}:[ \t]{0,9}[\"'][^\"'].*"
    r"|class[ \t]{0,9}=[ \t]{0,9}[\"'][^\"'<>]{0,100}?(?:error|danger|stderr|traceback).{0,200}",
    re.IGNORECASE,
)


@dataclass(slots=True)
class _Seen:
    """What was found in one part of the file."""

    errors: list[str] = field(default_factory=list)
    doubts: list[str] = field(default_factory=list)
    references: list[str] = field(default_factory=list)


def errors_and_doubts(notebook: Notebook) -> tuple[tuple[ErrorOutput, ...], tuple[ErrorOutput, ...]]:
    """What shows an error, and what may show one, each with its cell; None for what no cell shows."""
    models, odd = _widgets(notebook.metadata.get("widgets"))
    seen = {name: _look(model) for name, model in models.items()}
    found: list[tuple[int | None, _Seen]] = []
    placed: set[str] = set()
    for cell in notebook.cells:
        own = _of_cell(cell)
        found.append((cell.number, own))
        waiting = own.references
        while waiting:
            name = waiting.pop()
            if name not in seen:
                own.doubts.append("a widget whose state was not saved: save it with the notebook, or print instead")
            elif name not in placed:
                placed.add(name)
                found.append((cell.number, seen[name]))
                waiting.extend(seen[name].references)
    found += [(None, each) for name, each in seen.items() if name not in placed]
    found.append((None, odd))
    if _failed(notebook.metadata.get("papermill")):
        found.append((None, _Seen(errors=["papermill says that it failed"])))
    errors = ((cell, text) for cell, each in found for text in each.errors)
    doubts = dict.fromkeys((cell, text) for cell, each in found for text in each.doubts)
    return _first(errors), _first(doubts)


def _first(found: Iterable[tuple[int | None, str]]) -> tuple[ErrorOutput, ...]:
    return tuple(ErrorOutput(cell=cell, text=one_line(text)) for cell, text in islice(found, FACTS_MAX))


def plain(text: str) -> str:
    """Without the colours of a terminal."""
    return _ANSI.sub("", text)


def one_line(text: str) -> str:
    """Without colours, line breaks and control characters, which would act on the terminal of whoever reads it."""
    flat = " ".join("".join(c if c.isprintable() else " " for c in plain(text[:_READ_MAX])).split())
    return flat if len(flat) <= TEXT_CHARS_MAX else flat[: TEXT_CHARS_MAX - 1] + "…"


def _widgets(state: object) -> tuple[Mapping[str, object], _Seen]:
    """The state of each widget by the id that views and other widgets name, and what is in no form that has them."""
    models: dict[str, object] = {}
    odd = _Seen()
    for content in state.values() if isinstance(state, dict) else [] if state is None else [state]:
        inner = content.get("state", content) if isinstance(content, dict) else None
        if isinstance(inner, dict):
            models.update(inner)
        else:
            odd.doubts.append("the saved state of widgets has an unknown form: save it again, or print instead")
    return models, odd


def _of_cell(cell: Cell) -> _Seen:
    seen = _Seen()
    if _failed(cell.metadata.get("papermill")):
        seen.errors.append("papermill says that it failed")
    streams: dict[str, list[str]] = {}
    for output in cell.outputs:
        if output.data is None and not output.is_error:
            streams.setdefault(output.name, []).append(output.text)
            continue
        _look(output.node, seen)
        if output.data is not None and VIEW in output.data:
            view = output.data[VIEW]
            seen.references.append(str(view.get("model_id")) if isinstance(view, dict) else "")
    for texts in streams.values():  # a kernel may send one text in pieces
        _judge("".join(texts), seen)
    return seen


def _failed(papermill: object) -> bool:
    return isinstance(papermill, dict) and (papermill.get("exception") is True or papermill.get("status") == "failed")


def _look(node: object, seen: _Seen | None = None) -> _Seen:
    """Everything below `node`: errors in their own form, and the texts, in their order."""
    seen = seen or _Seen()
    texts = []
    waiting = [node]
    while waiting:
        each = waiting.pop()
        if isinstance(each, str):
            texts.append(each)
            if each.startswith(_REFERENCE):
                seen.references.append(each.removeprefix(_REFERENCE))
        elif isinstance(each, list):
            waiting.extend(reversed(each))
        elif isinstance(each, dict):
            error = _error_of(each)
            if error:
                seen.errors.append(error)
                continue
            if isinstance(said := each.get("error"), str) and said:
                seen.doubts.append(f"this may be an error: {said}")
            waiting.extend(child for key, child in reversed(each.items()) if not _PICTURES.match(key))
    _judge("\n".join(texts), seen)
    return seen


def _error_of(node: Mapping[str, Any]) -> str:
    """The error that an object is, in the forms of Jupyter, Databricks and Visual Studio Code; empty if it is none."""
    if node.get("output_type") == "error" or (node.get("ename") and "evalue" in node):
        return f"{_short(node.get('ename'))}: {_short(node.get('evalue'))}"
    if node.get("type") == "ipynbError":
        return f"an error: {_short(node.get('errorSummary'))}"
    shown = next((node[media] for media in _ERROR_TYPES if media in node), None)
    return "" if shown is None else f"an error: {_short(shown)}"


def _short(value: object) -> str:
    return str(value)[:_READ_MAX]


def _judge(text: str, seen: _Seen) -> None:
    """One error and one doubt of a text at most: the first of each is enough."""
    if not _WORDS.search(text):
        return
    for form in _forms(plain(text)):
        traceback = _TRACEBACK.search(form)
        line = _ERROR_LINE.search(form, traceback.end() if traceback else 0)
        if traceback:
            last = line[0] if line else (form.strip().splitlines() or [""])[-1]
            seen.errors.append("a printed traceback: " + last.strip())
            return
        if line:
            seen.errors.append("a printed error: " + line[0].strip())
            return
        doubtful = _DOUBTFUL_LINE.search(form) or _DOUBTFUL_WORDS.search(form)
        if doubtful:
            seen.doubts.append("this may be an error: " + doubtful[0].strip())
            return


def _forms(text: str) -> Iterator[str]:
    """The text as it stands and, where it has marks of HTML, as a page would show it."""
    yield text
    if "<" in text or "&" in text:
        yield html.unescape(_TAG.sub(lambda tag: "\n" if tag[1] else "", text))
