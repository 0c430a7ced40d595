"""Every requirement has one id, and either a place and a test that are there or the work that it waits for."""

import re

import pytest

from tests.docs.pages import Page, page
from tests.docs.requirements import INDEX, problems_of, requirement_pages, requirements, rows_of, subjects

#: Fewer rows than this mean that pages were lost or are no longer understood.
ROWS_MIN = 400


def test_there_are_as_many_rows_as_ids_in_the_first_column() -> None:
    """No row escapes because it is written a little differently."""
    begun = [line for each in requirement_pages() for line in each.text.splitlines() if re.match(r"\|\s*R-", line)]

    assert len(requirements()) == len(begun) >= ROWS_MIN


def test_an_id_is_given_once() -> None:
    ids = [row.id for row in requirements()]

    assert sorted({each for each in ids if ids.count(each) > 1}) == []


def test_the_index_links_every_page_and_names_its_groups() -> None:
    lines = page(INDEX).text.splitlines()

    assert len(requirement_pages()) >= 5
    for each in requirement_pages():
        groups = list(dict.fromkeys(row.group for row in rows_of(each.text)))
        listed = [line for line in lines if f"](requirements/{each.path.name})" in line]
        assert len(listed) == 1, f"{each.name} is not in the index"
        assert re.findall(r"`(R-[A-Z]+)`", listed[0]) == groups


@pytest.mark.parametrize("read", requirement_pages(), ids=lambda read: read.path.name)
def test_every_row_names_a_place_and_a_test_that_are_there_or_the_work_it_waits_for(read: Page) -> None:
    assert [problem for row in rows_of(read.text) for problem in problems_of(row)] == []


def test_every_subject_of_the_index_has_something_that_waits_for_it() -> None:
    """A piece of work that is done leaves the index."""
    assert {row.missing for row in requirements() if row.missing} == subjects()


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        (
            "| R-X-1 | Something | `shared/nowhere.py` | `tests/docs/test_pages.py::test_there` |",
            "nowhere.py is not there",
        ),
        (
            "| R-X-2 | Something | `README.md` | `tests/docs/test_pages.py::test_nothing` |",
            "no test tests/docs/test_pages",
        ),
        ("| R-X-3 | Something | `shared/domain/errors.py::nobody` | `README.md` |", "::nobody is not there"),
        ("| R-X-4 | Something | `README.md` | |", "no test"),
        ("| R-X-5 | Something | | missing: some day |", "no subject 'some day'"),
        ("| R-X-6 | Something | `README.md` | missing: speed and scale |", "is missing and names README.md"),
    ],
)
def test_a_wrong_row_is_noticed(line: str, problem: str) -> None:
    """The test above sees something."""
    (row,) = rows_of(line)

    assert any(problem in found for found in problems_of(row))
