"""Reads what an executed Jupyter notebook shows of an environment. It is never run and never rendered.

Each required content (R-EVID-2) is a section: a heading, and the code below it up to the next heading of the same or a
higher level. A heading is a Markdown heading (`## 4. Execute scoring`, the number is optional) or a numbered comment
at the start of a line of code (`# 4. Execute scoring`), as people write them. Case, small words and closing marks do
not matter; `docs/evidence.md` lists the accepted headings.

A content is found when code below its heading ran; where the content is to be *shown* (environment, predictions, no
errors), that code must also have printed something or ended in a value, and for the environment that is its
`name:version`. Output belongs to a cell as a whole, so sections that share a cell share its output.

The file is foreign text: its size is limited before and after it is parsed, only plain text of outputs is read (no
HTML, no pictures), and control characters are taken out of what is passed on. Importing this module loads nbformat
(0.2 s), so it is imported where it is first needed.
"""

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from nbformat import ValidationError
from nbformat.validator import get_validator

from shared.domain.errors import InvalidRequest
from shared.domain.evidence.matrix import NOTEBOOK_BYTES_MAX, CodeCell, Content, ContentFact, ErrorOutput, NotebookFacts

CELLS_MAX = 500
OUTPUTS_MAX = 1_000
OUTPUT_CHARS_MAX = 1_000_000
"""Of one cell, pictures included."""

COUNT_MAX = 1_000_000
"""Largest number of a run; a kernel counts from 1."""

FACTS_MAX = 20
"""Errors and environments that are passed on: enough to decide, small enough for a row of the release."""

TEXT_CHARS_MAX = 200

_FORMAT = 4
_FORMAT_MINOR_MAX = 4  # later ones only add ids of cells, which say nothing here

_TITLES = {
    Content.ENVIRONMENT: r"(load|show|print) (the )?environment( version)?",
    Content.MODEL: r"load (a |the )?(test )?model",
    Content.DATA: r"load (the )?(sample|test) data",
    Content.SCORING: r"(execute|run) (the )?scoring",
    Content.PREDICTIONS: r"(display|show|print) (the )?predictions",
    Content.NO_ERRORS: r"(show|assert|check)( that there are)? no errors",
}
_SHOWN = frozenset({Content.ENVIRONMENT, Content.PREDICTIONS, Content.NO_ERRORS})

_HEADING = re.compile(r" {0,3}(#{1,6})[ \t]+(.*)")
_FENCE = re.compile(r" {0,3}(```|~~~)")
_NUMBERED_COMMENT = re.compile(r"#{1,6} ?([0-9]{1,2}[.)] .*)")
_COMMENT_LEVEL = 7  # below any Markdown heading, so that each of those ends a section of a comment

_NAMED = re.compile(
    r"(?<![\w.-])([A-Za-z0-9][\w.-]{0,254}):([0-9]{1,6}\.[0-9]{1,6}\.[0-9]{1,6})(?![\w-]|\.\w)", re.ASCII
)
_RESOURCE = re.compile(
    r"/environments/([A-Za-z0-9][\w.-]{0,254})/versions/([0-9]{1,6}\.[0-9]{1,6}\.[0-9]{1,6})(?![\w-]|\.\w)", re.ASCII
)
_TRACEBACK = "Traceback (most recent call last)"
_ANSI = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")


@dataclass(frozen=True, slots=True)
class _Cell:
    """`number` counts from 1; `output` is the plain text of what the cell printed or ended in, warnings left out."""

    number: int
    is_code: bool
    source: str
    execution_count: int | None
    output: str
    errors: tuple[str, ...]


@dataclass(slots=True)
class _Section:
    content: Content
    level: int
    cell: int
    code: list[_Cell] = field(default_factory=list)


def read_notebook(raw: bytes) -> NotebookFacts:
    """The facts of one `.ipynb` file (format 4). InvalidRequest says what is wrong with a file that is none."""
    try:
        cells = [_cell(number, node) for number, node in enumerate(_parsed(raw)["cells"], start=1)]
    except RecursionError as error:
        raise _refused("it is nested too deeply", "upload the .ipynb file that Jupyter saved") from error
    sections = list(_sections(cells))
    errors = [ErrorOutput(cell=cell.number, text=text) for cell in cells for text in cell.errors]
    shown = [cell.output for section in sections if section.content is Content.ENVIRONMENT for cell in section.code]
    environments = list(dict.fromkeys(name for output in shown for name in _environments(output)))
    return NotebookFacts(
        sha256=hashlib.sha256(raw).hexdigest(),
        contents={content: _content(content, sections) for content in Content},
        errors=tuple(errors[:FACTS_MAX]),
        code_cells=tuple(
            CodeCell(cell=cell.number, execution_count=cell.execution_count)
            for cell in cells
            if cell.is_code and cell.source.strip()  # Jupyter does not run a blank cell
        ),
        environments=tuple(environments[:FACTS_MAX]),
    )


def _parsed(raw: bytes) -> Mapping[str, Any]:
    """A valid notebook within the limits.

    The schema's own validator is asked. `nbformat.validate` looks for a better message when something is wrong; that
    takes 12 s for a file of 4 MiB, and fails by itself where the type of a cell is no text.
    """
    if len(raw) > NOTEBOOK_BYTES_MAX:
        raise _refused(
            f"the file is larger than {NOTEBOOK_BYTES_MAX // 1024**2} MiB", "clear pictures and long outputs"
        )
    try:
        content = json.loads(raw.decode("utf-8"))
    except ValueError as error:
        raise _refused("it is not JSON in UTF-8", "upload the .ipynb file that Jupyter saved") from error
    if not isinstance(content, dict) or not isinstance(content.get("cells"), list):
        raise _refused("it has no list of cells", "upload the .ipynb file that Jupyter saved")
    minor = content.get("nbformat_minor")
    if content.get("nbformat") != _FORMAT or not isinstance(minor, int) or minor < 0:
        raise _refused(f"its format is not {_FORMAT}", "open it in a current Jupyter and save it")
    if len(content["cells"]) > CELLS_MAX:
        raise _refused(f"it has more than {CELLS_MAX} cells", "keep what shows the six required contents")
    try:
        validator = get_validator(_FORMAT, min(minor, _FORMAT_MINOR_MAX), relax_add_props=True)  # type: ignore[no-untyped-call]
        validator.validate(content)
    except ValidationError as error:
        reason = _one_line(error.message).removeprefix("data.")
        raise _refused(f"it is no valid notebook ({reason})", "save it again with Jupyter") from error
    return content


def _joined(text: str | list[str]) -> str:
    """Jupyter saves longer texts as lists of lines."""
    return text if isinstance(text, str) else "".join(text)


def _refused(reason: str, fix: str) -> InvalidRequest:
    return InvalidRequest(f"the notebook cannot be read: {reason}; {fix}")


def _cell(number: int, node: Mapping[str, Any]) -> _Cell:
    outputs = node.get("outputs", [])
    if len(outputs) > OUTPUTS_MAX or sum(map(_size, outputs)) > OUTPUT_CHARS_MAX:
        limits = f"{OUTPUTS_MAX} outputs or {OUTPUT_CHARS_MAX} characters of output"
        raise _refused(f"cell {number} has more than {limits}", "print less there and run it again")
    count = node.get("execution_count")
    if count is not None and not 0 <= count <= COUNT_MAX:
        raise _refused(f"cell {number} has a count that no kernel reaches", "run all cells again and save")
    return _Cell(
        number=number,
        is_code=node["cell_type"] == "code",
        source=_joined(node["source"]),
        execution_count=count,
        output="\n".join(_text(output) for output in outputs if output.get("name") != "stderr"),
        errors=tuple(filter(None, map(_error, outputs))),
    )


def _size(output: Mapping[str, Any]) -> int:
    return len(json.dumps(output, ensure_ascii=False))


def _text(output: Mapping[str, Any]) -> str:
    """The plain text of one output; an error's text is in `_error`."""
    text = output["text"] if output["output_type"] == "stream" else output.get("data", {}).get("text/plain", "")
    return _ANSI.sub("", _joined(text))


def _error(output: Mapping[str, Any]) -> str:
    """The error that an output is, or shows because it was caught and printed; empty when there is none."""
    if output["output_type"] == "error":
        return _one_line(f"{output['ename']}: {output['evalue']}")
    text = _text(output)
    if _TRACEBACK in text:
        return _one_line("a printed traceback: " + (text.strip().splitlines() or [""])[-1])
    return ""


def _one_line(text: str) -> str:
    """Without colours, line breaks and control characters, which would act on the terminal of whoever reads it."""
    flat = " ".join("".join(c if c.isprintable() else " " for c in _ANSI.sub("", text)).split())
    return flat if len(flat) <= TEXT_CHARS_MAX else flat[: TEXT_CHARS_MAX - 1] + "…"


def _sections(cells: list[_Cell]) -> Iterator[_Section]:
    """The sections of required contents, in order; a content may have several."""
    current: _Section | None = None
    for cell in cells:
        for level, title, line in _lines(cell):
            content = _content_of(title) if level else None
            if content:
                if current:
                    yield current
                current = _Section(content, level, cell.number)
            elif current and 0 < level < _COMMENT_LEVEL and level <= current.level:
                yield current
                current = None
            elif current and cell.is_code and _is_code(line) and cell not in current.code[-1:]:
                current.code.append(cell)
    if current:
        yield current


def _lines(cell: _Cell) -> Iterator[tuple[int, str, str]]:
    """Each line with the level and the title of the heading it is; level 0 for any other line."""
    fenced = False
    for line in cell.source.splitlines():
        if cell.is_code:
            comment = _NUMBERED_COMMENT.fullmatch(line.rstrip())
            yield (_COMMENT_LEVEL, comment[1], line) if comment else (0, "", line)
            continue
        fenced ^= _FENCE.match(line) is not None
        heading = None if fenced else _HEADING.fullmatch(line)
        yield (len(heading[1]), heading[2], line) if heading else (0, "", line)


def _content_of(title: str) -> Content | None:
    """The content that a heading names; the number in front, emphasis and closing marks are left out."""
    words = re.sub(r"^[0-9]{1,2}[.)]\s+", "", title.strip().lower().strip("*_#: "))
    words = " ".join(words.strip("*_#:. ").split())
    return next((content for content, pattern in _TITLES.items() if re.fullmatch(pattern, words)), None)


def _is_code(line: str) -> bool:
    return bool(line.strip()) and not line.lstrip().startswith("#")


def _content(content: Content, sections: list[_Section]) -> ContentFact:
    """Found when one section of it shows what it must; otherwise what the last one lacks."""
    fact = ContentFact(found=False, detail=f'there is no heading "{content.value}": add it above the code')
    for section in sections:
        if section.content is content:
            lack = _lack(section)
            fact = ContentFact(found=not lack, detail=lack or f"cell {section.code[0].number}")
            if fact.found:
                break
    return fact


def _lack(section: _Section) -> str:
    """What the section would need to count; empty when it counts."""
    where = f'below the heading "{section.content.value}" in cell {section.cell}'
    ran = [cell for cell in section.code if cell.execution_count is not None]
    if not section.code:
        return f"there is no code {where}"
    if not ran:
        return f"the code {where} did not run"
    if section.content in _SHOWN and not any(cell.output.strip() for cell in ran):
        return f"the code {where} prints nothing"
    if section.content is Content.ENVIRONMENT and not any(_environments(cell.output) for cell in ran):
        return f"the code {where} prints no environment: print it as name:version, such as custom-tf-env:1.5.1"
    return ""


def _environments(output: str) -> list[str]:
    """Each `name:version` or resource id in the text, as `name:version`."""
    return [f"{found[1]}:{found[2]}" for pattern in (_NAMED, _RESOURCE) for found in pattern.finditer(output)]
