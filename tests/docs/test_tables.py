"""Every table is one: a header, a line under it, and as many cells in each row."""

import re

import pytest

from tests.docs.pages import Page, pages

EVERY_PAGE = pytest.mark.parametrize("read", pages(), ids=lambda read: read.name)


def problems_of(read: Page) -> list[str]:
    """A blank line inside a table leaves rows without a header: viewers show them as text."""
    found = []
    for table in read.tables:
        header = " | ".join(table[0])
        if len(table) < 2 or not all(re.fullmatch(r":?-{3,}:?", cell) for cell in table[1]):
            found.append(f"no header above: {header}")
        elif not table[2:]:
            found.append(f"no rows below: {header}")
        found += [f"not {len(table[0])} cells: {' | '.join(row)}" for row in table if len(row) != len(table[0])]
    return found


@EVERY_PAGE
def test_every_table_has_a_header_and_as_many_cells_in_each_row(read: Page) -> None:
    assert problems_of(read) == []


def test_there_are_tables() -> None:
    assert sum(len(read.tables) for read in pages()) > 50


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("| a | b |\n|---|---|\n| 1 | 2 |\n\n| 3 | 4 |\n", "no header above: 3 | 4"),
        ("| a | b |\n|---|---|\n| 1 |\n", "not 2 cells: 1"),
        ("| a | b |\n|---|---|\n", "no rows below: a | b"),
    ],
)
def test_a_torn_table_is_noticed(text: str, problem: str) -> None:
    """The tests above see something."""
    assert problems_of(Page("page", text)) == [problem]
