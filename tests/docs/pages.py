"""The pages of the repository, taken apart: prose, code blocks, what stands in backticks, headings, links."""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]

_FENCE = re.compile(r"^[ ]*```.*?^[ ]*```[ ]*$", re.MULTILINE | re.DOTALL)
_SPAN = re.compile(r"`([^`\n]+)`")
_LINK = re.compile(r"\[[^\]\n]*\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#{1,6} +(.+?) *$", re.MULTILINE)
_END_OF_COMMAND = re.compile(r"\s{2,}|(^|\s)#|[`;|)]")  # a gap, a comment, a pipe, the end of what it stands in


@dataclass(frozen=True)
class Page:
    """One Markdown file; `name` is its path inside the repository."""

    name: str
    text: str

    @property
    def path(self) -> Path:
        return REPOSITORY / self.name

    @property
    def prose(self) -> str:
        """The text without its code blocks."""
        return _FENCE.sub("", self.text)

    @property
    def code(self) -> str:
        """The code blocks alone."""
        return "\n".join(_FENCE.findall(self.text))

    @property
    def spans(self) -> list[str]:
        """What stands in backticks; a table's escaped bar is a bar."""
        return [span.replace("\\|", "|") for span in _SPAN.findall(self.prose)]

    @property
    def links(self) -> list[str]:
        return _LINK.findall(_SPAN.sub("", self.prose))

    @property
    def anchors(self) -> set[str]:
        """What `#...` may point to, by the rule of the usual Markdown viewers."""
        titles = [title.replace("`", "").lower() for title in _HEADING.findall(self.prose)]
        return {re.sub(r"[^\w\- ]", "", title).replace(" ", "-") for title in titles}

    @property
    def tables(self) -> list[list[list[str]]]:
        """Every run of lines that begin with a bar, as rows of cells. A blank line ends one, as it does for viewers."""
        blocks = re.findall(r"(?:^[ ]*\|.*(?:\n|$))+", self.prose, re.MULTILINE)
        return [[cells_of(line) for line in block.splitlines()] for block in blocks]

    def section(self, title: str) -> "Page":
        """What stands below a heading, up to the next heading, as a page of its own."""
        found = re.search(rf"^(#+) {re.escape(title)}\n(.*?)(?=^#{{1,6}} |\Z)", self.text, re.MULTILINE | re.DOTALL)
        assert found, f"{self.name} has no section {title}"
        return Page(self.name, found.group(2))

    def headings(self, level: int) -> list[str]:
        return re.findall(rf"^{'#' * level} +(.+?) *$", self.prose, re.MULTILINE)

    def commands(self, program: str) -> Iterator[list[str]]:
        """The words after each `program` that the page tells people to type, in backticks or in a code block. What an
        option takes as a name, or what is in an address, is no program."""
        for text in (*self.spans, *self.code.splitlines()):
            for start in re.finditer(rf"(?<![\w-])(?<!-name )(?<!://){re.escape(program)}(?= |$)", text):
                yield _END_OF_COMMAND.split(text[start.end() :].strip(), maxsplit=1)[0].split()


def cells_of(line: str) -> list[str]:
    """The cells of a row of a table; an escaped bar belongs to its cell."""
    return [cell.strip() for cell in re.split(r"(?<!\\)\|", line.strip().removeprefix("|").removesuffix("|"))]


def pages() -> list[Page]:
    """Every page that people read: at the top, and below docs/."""
    files = [*REPOSITORY.glob("*.md"), *(REPOSITORY / "docs").rglob("*.md")]
    return [page(file.relative_to(REPOSITORY).as_posix()) for file in sorted(files)]


@cache
def file_names() -> frozenset[str]:
    """The names, without folders, of all files but those that were installed or made by a run."""
    found: set[str] = set()
    for _, below, files in os.walk(REPOSITORY):
        below[:] = [name for name in below if not name.startswith(".") and name != "node_modules"]
        found.update(files)
    return frozenset(found)


def page(name: str) -> Page:
    return Page(name, (REPOSITORY / name).read_text(encoding="utf-8"))
