"""The rows of the requirements: one per id, with the place that carries it out and the tests that show it."""

import re
from dataclasses import dataclass
from functools import cache

from tests.docs.pages import REPOSITORY, Page, page

INDEX = "docs/requirements.md"

_ROW = re.compile(r"^\| (R-[A-Z]+-\d+) \|([^|]*)\|([^|]*)\|([^|]*)\|$", re.MULTILINE)
_SUBJECT = re.compile(r"^\| ([a-zA-Z, ]+) \| [^|`]+ \|$", re.MULTILINE)
_MISSING = re.compile(r"missing: (.+)")
_SPAN = re.compile(r"`([^`]+)`")


@dataclass(frozen=True)
class Requirement:
    """One row; `missing` is the subject of the work that it waits for, and empty where it is met."""

    id: str
    text: str
    places: tuple[str, ...]
    tests: tuple[str, ...]
    missing: str

    @property
    def group(self) -> str:
        return self.id.rpartition("-")[0]


def requirement_pages() -> list[Page]:
    """The pages that the index links to, and every other one beside them."""
    return [
        page(file.relative_to(REPOSITORY).as_posix())
        for file in sorted((REPOSITORY / "docs/requirements").glob("*.md"))
    ]


def rows_of(text: str) -> list[Requirement]:
    """Every row of a page's tables that begins with an id."""
    found = []
    for number, what, where, shown in _ROW.findall(text):
        missing = _MISSING.fullmatch(shown.strip())
        found.append(
            Requirement(
                id=number,
                text=what.strip(),
                places=tuple(_SPAN.findall(where)),
                tests=tuple(_SPAN.findall(shown)),
                missing=missing.group(1) if missing else "",
            )
        )
    return found


@cache
def requirements() -> tuple[Requirement, ...]:
    return tuple(row for each in requirement_pages() for row in rows_of(each.text))


def subjects() -> set[str]:
    """The pieces of work that the index names."""
    _, _, table = page(INDEX).text.partition("| subject |")
    return set(_SUBJECT.findall(table))


def problems_of(row: Requirement) -> list[str]:
    """What is wrong with a row: no place or test, one that is not there, or a subject that the index does not know."""
    if row.missing:
        known = [] if row.missing in subjects() else [f"{row.id}: there is no subject {row.missing!r}"]
        return known + [f"{row.id}: is missing and names {each}" for each in (*row.places, *row.tests)]
    lacks = [f"{row.id}: no {what}" for what, given in (("place", row.places), ("test", row.tests)) if not given]
    places = [f"{row.id}: {each} is not there" for each in row.places if not _is_there(each)]
    tests = [f"{row.id}: there is no test {each}" for each in row.tests if not _is_test(each)]
    return lacks + places + tests


def _is_there(place: str) -> bool:
    """A file; behind `::` a function or class that is defined in it."""
    path, _, name = place.partition("::")
    file = REPOSITORY / path
    defined = rf"^ *(async def|def|class) {name}\b"
    return file.is_file() and (not name or bool(re.search(defined, file.read_text(encoding="utf-8"), re.MULTILINE)))


def _is_test(test: str) -> bool:
    path, _, name = test.partition("::")
    return bool(re.fullmatch(r"tests/(\w+/)*test_\w+\.py", path)) and name.startswith("test_") and _is_there(test)
