"""What code, configuration and pages give as their source can be opened: an id of a requirement, a page, a standard."""

import re
from collections.abc import Callable

import pytest

from tests.docs.pages import REPOSITORY, file_names, page
from tests.docs.requirements import requirements
from tests.docs.test_repository import tracked_texts

# Split, so that this file does not name them itself. Nobody who has only the repository can open these.
_UNAVAILABLE = re.compile(
    r"wire"
    r" notes|azure-ml"
    r"-wire|environment"
    r"-management|reliability"
    r"-and-security"
    r"|environment"
    r"-only-pipeline|rollback"
    r"-procedures|integration"
    r"-branch-cicd|functions"
    r"-host facts"
    r"|notes on the"
    r" Azure ML client|the"
    r" references' |architecture(\.md)?,? (section )?\d+\.\d",
    re.IGNORECASE,
)
_ID = re.compile(r"\bR-[A-Z]+-\d+\b")
_PAGE = re.compile(r"(?<![\w/.*>-])((?:[\w-]+/)*[\w-]+\.md)\b(?:#([\w-]+))?")
_SECTION = re.compile(r"\bsections? \d", re.IGNORECASE)
_STANDARD = re.compile(r"AMQP|OASIS|RFC")

#: They hold wrong rows and wrong sources on purpose, or list what was installed.
_LEFT_OUT = {"tests/docs/test_requirements.py", "tests/docs/test_sources.py", "package-lock.json"}

TEXTS = [(name, text) for name, text in tracked_texts() if name not in _LEFT_OUT]


def unknown_ids(text: str) -> list[str]:
    """Ids that no requirement has."""
    known = {row.id for row in requirements()}
    return [each for each in _ID.findall(text) if each not in known]


def unavailable(text: str) -> list[str]:
    """Documents that are not here, and numbered sections of anything but a public standard."""
    lines = text.splitlines()
    sections = [
        line.strip()
        for before, line in zip(["", *lines], lines, strict=False)
        if _SECTION.search(line) and not _STANDARD.search(before + line)
    ]
    return [hit.group() for hit in _UNAVAILABLE.finditer(text)] + sections


def lost_pages(text: str) -> list[str]:
    """`docs/<page>.md#<heading>` that does not resolve, or a page of which there is none by that name."""
    found = []
    for path, anchor in _PAGE.findall(text):
        if path.startswith("docs/"):
            there = (REPOSITORY / path).is_file() and (not anchor or anchor in page(path).anchors)
        else:  # a link from where it stands, which test_references.py follows
            there = path.rpartition("/")[2] in file_names()
        if not there:
            found.append(f"{path}#{anchor}" if anchor else path)
    return found


LOOKS = pytest.mark.parametrize("look", [unknown_ids, unavailable, lost_pages], ids=lambda look: look.__name__)


@LOOKS
def test_every_source_that_is_named_can_be_opened(look: Callable[[str], list[str]]) -> None:
    """Docstrings, comments, configuration, descriptions of schemas and of the API, pages."""
    assert len(TEXTS) > 500
    assert [f"{name}: {problem}" for name, text in TEXTS for problem in look(text)] == []


def test_sources_are_named_at_all() -> None:
    """The test above would pass on a repository that names none."""
    named = [name for name, text in TEXTS if _ID.search(text) and not name.startswith("docs/requirements")]
    facts = [name for name, text in TEXTS if "docs/azure-facts.md#" in text]

    assert len(named) > 50
    assert len(facts) > 20


@pytest.mark.parametrize(
    ("look", "text", "problem"),
    [
        (unknown_ids, "the right one (R-REL-2) and R-REL-2000", "R-REL-2000"),
        (unavailable, "Thresholds: Architecture 5.2.", "Architecture 5.2"),
        (unavailable, "as architecture.md 4.3 says", "architecture.md 4.3"),
        (unavailable, "Rules: the platform's paper, section 4.2.", "Rules: the platform's paper, section 4.2."),
        (lost_pages, "in docs/azure-facts.md#tokens and docs/azure-facts.md#coins", "docs/azure-facts.md#coins"),
        (lost_pages, "as the plan.md says, and README.md", "plan.md"),
    ],
)
def test_a_source_that_leads_nowhere_is_noticed(look: Callable[[str], list[str]], text: str, problem: str) -> None:
    """The test above sees something."""
    assert look(text) == [problem]


def test_a_section_of_a_standard_may_be_named() -> None:
    assert unavailable("Source: OASIS AMQP 1.0, part 2,\nsection 2.5.") == []
