"""Reads what an executed Jupyter notebook shows of an environment. It is never run and never rendered.

Each required content (R-EVID-2) is a section: a heading, and the code below it up to the next heading of the same or a
higher level. A heading is a Markdown heading (`## 4. Execute scoring`, the number is optional) or a numbered comment
at the start of a line of code (`# 4. Execute scoring`), as people write them. Case, small words and closing marks do
not matter; `docs/evidence.md` lists the accepted headings.

A content is found when code below its heading ran; where the content is to be *shown* (environment, predictions, no
errors), that code must also have printed something or ended in a value, and for the environment that is its
`name:version`. Output belongs to a cell as a whole, so sections that share a cell share its output.

`notebook_file` checks the file's form and limits, `notebook_errors` finds the errors it shows. Only plain text counts
as printed (no HTML, no pictures, no widgets), and control characters are taken out of what is passed on.
"""

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import islice

from shared.adapters.notebook_errors import FACTS_MAX, VIEW, errors_and_doubts, plain
from shared.adapters.notebook_file import Cell, Notebook, Output, parse_notebook
from shared.domain.errors import InvalidRequest
from shared.domain.evidence.matrix import CodeCell, Content, ContentFact, NotebookFacts

_TITLES = {
    Content.ENVIRONMENT: r"(load|show|print) (the )?environment( version)?",
    Content.MODEL: r"load (a |the )?(test )?model",
    Content.DATA: r"load (the )?(sample|test) data",
    Content.SCORING: r"(execute|run) (the )?scoring",
    Content.PREDICTIONS: r"(display|show|print) (the )?predictions",
    Content.NO_ERRORS: r"(show|assert|check)( that there are)? no errors",
}
_SHOWN = frozenset({Content.ENVIRONMENT, Content.PREDICTIONS, Content.NO_ERRORS})

_TITLE = re.compile("|".join(f"(?P<{content.name}>{pattern})" for content, pattern in _TITLES.items()))
_TITLE_CHARS_MAX = 100
_NOUN = re.compile(r"environment|model|data|scoring|predictions|errors", re.IGNORECASE)  # quick: most titles have none

_MARKDOWN = re.compile(r"^ {0,3}(?:(#{1,6})[ \t]+([^\n]*)|(?:```|~~~))", re.MULTILINE)
_NUMBERED_COMMENT = re.compile(r"^#{1,6} ?([0-9]{1,2}[.)] [^\n]*)", re.MULTILINE)
_CODE = re.compile(r"^[ \t\f]*[^\s#]", re.MULTILINE)
_COMMENT_LEVEL = 7  # below any Markdown heading, so that each of those ends a section of a comment

_NAMED = re.compile(
    r"(?<![\w.-])([A-Za-z0-9][\w.-]{0,254}):([0-9]{1,6}\.[0-9]{1,6}\.[0-9]{1,6})(?![\w-]|\.\w)", re.ASCII
)
_RESOURCE = re.compile(
    r"/environments/([A-Za-z0-9][\w.-]{0,254})/versions/([0-9]{1,6}\.[0-9]{1,6}\.[0-9]{1,6})(?![\w-]|\.\w)", re.ASCII
)


@dataclass(frozen=True, slots=True)
class _Code:
    """A cell with code, as its sections need it; read once, as many sections may share one cell."""

    number: int
    ran: bool
    prints: bool
    environments: tuple[str, ...]


@dataclass(slots=True)
class _Section:
    content: Content
    level: int
    cell: int
    code: list[_Code] = field(default_factory=list)


def read_notebook(raw: bytes) -> NotebookFacts:
    """The facts of one `.ipynb` file (format 4). InvalidRequest says what is wrong with a file that is none."""
    try:
        notebook = parse_notebook(raw)
        errors, doubts = errors_and_doubts(notebook)
    except RecursionError as error:
        raise InvalidRequest(
            "the notebook cannot be read: it is nested too deeply; upload the .ipynb file that Jupyter saved"
        ) from error
    sections = list(_sections(notebook))
    shown = {code.number: code for each in sections if each.content is Content.ENVIRONMENT for code in each.code}
    environments = dict.fromkeys(name for code in shown.values() for name in code.environments)
    return NotebookFacts(
        sha256=hashlib.sha256(raw).hexdigest(),
        contents={content: _content(content, sections) for content in Content},
        errors=errors,
        doubts=doubts,
        code_cells=tuple(
            CodeCell(cell=cell.number, execution_count=cell.execution_count)
            for cell in notebook.cells
            if cell.is_code and cell.source.strip()  # Jupyter does not run a blank cell
        ),
        environments=tuple(environments)[:FACTS_MAX],
    )


def _code(cell: Cell) -> _Code:
    printed = plain("\n".join(map(_printed, cell.outputs)))
    return _Code(cell.number, cell.execution_count is not None, bool(printed.strip()), tuple(_environments(printed)))


def _printed(output: Output) -> str:
    """The plain text of one output, without warnings and without the text that only stands for a widget."""
    if output.data is None:
        return "" if output.name == "stderr" else output.text
    return "" if VIEW in output.data else str(output.data.get("text/plain", ""))


def _sections(notebook: Notebook) -> Iterator[_Section]:
    """The sections of required contents, in order; a content may have several."""
    current: _Section | None = None
    for cell in notebook.cells:
        code = _code(cell)
        for level, title, has_code in _parts(cell):
            content = _content_of(title) if level else None
            if content:
                if current:
                    yield current
                current = _Section(content, level, cell.number)
            elif current and 0 < level < _COMMENT_LEVEL and level <= current.level:
                yield current
                current = None
            if current and has_code and code not in current.code[-1:]:
                current.code.append(code)
    if current:
        yield current


def _parts(cell: Cell) -> Iterator[tuple[int, str, bool]]:
    """Each heading with its level, its title and whether code follows; what stands before the first has level 0."""
    source = cell.source.replace("\r\n", "\n").replace("\r", "\n")
    if not cell.is_code:
        fenced = False
        for mark in _MARKDOWN.finditer(source):
            if mark[1] is None:
                fenced = not fenced
            elif not fenced:
                yield len(mark[1]), mark[2], False
        return
    marks = list(_NUMBERED_COMMENT.finditer(source))
    ends = [*(mark.start() for mark in marks), len(source)]
    yield 0, "", _CODE.search(source, 0, ends[0]) is not None
    for mark, end in zip(marks, ends[1:], strict=True):
        yield _COMMENT_LEVEL, mark[1], _CODE.search(source, mark.end(), end) is not None


@lru_cache(maxsize=256)
def _content_of(title: str) -> Content | None:
    """The content that a heading names; the number in front, emphasis and closing marks are left out."""
    if len(title) > _TITLE_CHARS_MAX or not _NOUN.search(title):
        return None
    words = re.sub(r"^[0-9]{1,2}[.)]\s+", "", title.strip().lower().strip("*_#: "))
    found = _TITLE.fullmatch(" ".join(words.strip("*_#:. ").split()))
    return Content[found.lastgroup] if found and found.lastgroup else None


def _content(content: Content, sections: list[_Section]) -> ContentFact:
    """Found when one section of it shows what it must; otherwise what the last one lacks."""
    own = [section for section in sections if section.content is content]
    if not own:
        return ContentFact(found=False, detail=f'there is no heading "{content.value}": add it above the code')
    found = next((section for section in own if section.code and not _lack(section)), None)
    detail = f"cell {found.code[0].number}" if found else _lack(own[-1])
    return ContentFact(found=found is not None, detail=detail)


def _lack(section: _Section) -> str:
    """What the section would need to count; empty when it counts."""
    where = f'below the heading "{section.content.value}" in cell {section.cell}'
    ran = [cell for cell in section.code if cell.ran]
    if not section.code:
        return f"there is no code {where}"
    if not ran:
        return f"the code {where} did not run"
    if section.content in _SHOWN and not any(cell.prints for cell in ran):
        return f"the code {where} prints nothing"
    if section.content is Content.ENVIRONMENT and not any(cell.environments for cell in ran):
        return f"the code {where} prints no environment: print it as name:version, such as custom-tf-env:1.5.1"
    return ""


def _environments(output: str) -> Iterator[str]:
    """Each `name:version` or resource id in the text once, as `name:version`; the first few are enough."""
    found = (f"{each[1]}:{each[2]}" for pattern in (_NAMED, _RESOURCE) for each in pattern.finditer(output))
    return islice(dict.fromkeys(found), FACTS_MAX)
