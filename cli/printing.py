"""How things are printed: what is to be pasted or clicked stays in one piece, in a terminal of any width."""

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from cli.session import console

NARROW = 80
"""Columns below which tables become lines and frames are left out: both would break ids and sentences."""


def is_narrow(columns: int = NARROW) -> bool:
    """True in a terminal that has fewer columns."""
    return console.width < columns


def say(text: str, style: str | None = None) -> None:
    """A line as it is. Where it is longer than the terminal the terminal goes on below, and copies it in one piece."""
    console.print(text, markup=False, soft_wrap=True, style=style)


def put(shown: RenderableType) -> None:
    """Tables and frames; a table in a narrow terminal as lines. What is `whole` in them is not cut at the edge."""
    lines = is_narrow() and isinstance(shown, Table) and shown.show_header
    console.print(as_lines(shown) if lines and isinstance(shown, Table) else shown, crop=False)


def as_lines(table: Table) -> Group:
    """The first cell of each row in one piece; below it the others, each behind what its column is called."""
    parts: list[RenderableType] = [whole(Text(str(table.title), "bold"))] if table.title else []
    rows = zip(*(column.cells for column in table.columns), strict=True)
    for first, *others in rows:
        parts.append(whole(Text(str(first), "bold")))
        for column, cell in zip(table.columns[1:], others, strict=True):
            if str(cell):
                value = cell if isinstance(cell, Text) else Text(str(cell))
                parts.append(Padding(Text.assemble((f"{column.header}  ", "dim"), value), (0, 0, 0, 2)))
    return Group(*parts)


def whole(text: str | Text) -> Text:
    """A line that is neither broken nor cut."""
    line = text.copy() if isinstance(text, Text) else Text(text)
    line.no_wrap, line.overflow = True, "ignore"
    return line


def framed(title: str, *parts: RenderableType, border: str = "none") -> RenderableType:
    """In a frame with its title; in a narrow terminal below a line of it, which can be copied."""
    if is_narrow():
        return Group(whole(Text(title, "bold")), *parts)
    return Panel(Group(*parts), title=Text(title), title_align="left", border_style=border)
