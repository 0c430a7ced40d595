"""Queues, partitions, triggers and folders that the pages name are those that there are."""

import json
import re
import tomllib

import pytest

from shared.adapters.tables.rows import PARTITIONS, PARTITIONS_BEGIN_WITH
from tests.docs.pages import REPOSITORY, Page, page, pages
from tests.functions.test_index import BOARD, OTHERS, QUEUES

NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
ARCHITECTURE = "docs/architecture.md"


def queues() -> dict[str, bool]:
    """Names of the queues, and whether they have sessions. `tests/infra` compares the template with the same file."""
    listed = json.loads((REPOSITORY / "local" / "servicebus" / "queues.json").read_text())["queues"]
    return {each["name"]: each["requiresSession"] for each in listed}


def contract_row() -> Page:
    """The line of the local cloud's contract that lists the queues."""
    lines = page("docs/local-cloud-contract.md").text.splitlines()
    return Page(
        "docs/local-cloud-contract.md", next(line for line in lines if line.startswith("| Service Bus queues |"))
    )


def first_cells(read: Page, table: int = 0) -> list[str]:
    """What stands in backticks in the first column of a table."""
    return [span for row in read.tables[table][2:] for span in re.findall(r"`([^`]+)`", row[0])]


def test_the_architecture_lists_every_queue_with_its_sessions() -> None:
    rows = page(ARCHITECTURE).section("Queues and message ids").tables[0][2:]

    assert {row[0].strip("`"): row[1].startswith("sessions") for row in rows} == queues()


def test_the_contract_of_the_local_cloud_lists_every_queue_with_its_sessions() -> None:
    listed = dict(re.findall(r"`([\w-]+)` \(([^)]*)\)", contract_row().text))

    assert {name: settings.startswith("sessions") for name, settings in listed.items()} == queues()


def test_the_page_of_the_local_service_bus_lists_every_queue() -> None:
    named = set(page("docs/local-servicebus.md").section("Queues").spans)

    assert {span for span in named if re.fullmatch(r"[a-z]+(-[a-z]+)*", span)} - {"name"} == set(queues())


@pytest.mark.parametrize("read", pages(), ids=lambda read: read.name)
def test_who_says_how_many_queues_there_are_says_it_right(read: Page) -> None:
    """A change log tells what was."""
    said = re.findall(rf"\b(both|{'|'.join(NUMBERS[2:])}) queues\b", read.prose, re.IGNORECASE)

    assert read.name == "CHANGELOG.md" or {word.lower() for word in said} <= {NUMBERS[len(queues())]}


def test_the_architecture_lists_every_partition_of_the_table() -> None:
    """Those of a fixed name, and those that go on behind a bar."""
    named = [cell.replace("\\|", "|") for cell in first_cells(page(ARCHITECTURE).section("The table"))]

    assert {name for name in named if "|" not in name} == PARTITIONS
    assert {name.partition("|")[0] for name in named if "|" in name} == PARTITIONS_BEGIN_WITH


def test_partitions_are_called_by_their_constants() -> None:
    """A literal would be a partition that the test above does not see."""
    sources = "".join(path.read_text() for path in (REPOSITORY / "shared" / "adapters" / "tables").glob("*.py"))

    assert sources.count('"PartitionKey":') > 10
    assert re.findall(r'"PartitionKey": f?"(?!\{)', sources) == []


def test_the_architecture_lists_every_function_but_those_of_the_api() -> None:
    """`tests/functions` compares the same names with what the worker library finds in the app."""
    named = {span for span in page(ARCHITECTURE).section("Triggers").spans if re.fullmatch(r"[a-z_]+", span)}

    assert named == {*QUEUES, *OTHERS, BOARD}


def test_contributing_describes_every_folder_of_tests() -> None:
    folders = {path.name for path in (REPOSITORY / "tests").iterdir() if (path / "__init__.py").exists()}
    described = set(re.findall(r"`tests/(\w+)/`", page("CONTRIBUTING.md").section("Tests").text))

    assert len(folders) > 10
    assert described == folders


def test_one_file_reads_the_clock() -> None:
    """As CONTRIBUTING says; a clock that is given can be given by a test."""
    reads = re.compile(r"datetime\.now\(|datetime\.today\(|utcnow\(|\btime\.time\(\)|date\.today\(")
    product = [path for folder in ("shared", "functions") for path in (REPOSITORY / folder).rglob("*.py")]
    readers = [path.relative_to(REPOSITORY).as_posix() for path in product if reads.search(path.read_text())]

    assert len(product) > 100
    assert readers == ["shared/adapters/system_clock.py"]
    assert f"`{readers[0]}`" in page("CONTRIBUTING.md").text


CONTEXT_PARTS = ["Files", "Where it lives", "What holds"]


def contexts() -> list[str]:
    """The folders that the rules and the use cases are in."""
    found = {
        path.parent.name
        for layer in ("domain", "application")
        for path in (REPOSITORY / "shared" / layer).glob("*/__init__.py")
    }
    return sorted(found)


@pytest.mark.parametrize("context", contexts())
def test_every_context_has_a_page_that_names_all_its_files(context: str) -> None:
    """What it is for, its files per layer, its queue, partition and ids, what holds; and the overview links it."""
    read = page(f"docs/architecture/{context}.md")
    files = [
        path.relative_to(REPOSITORY).as_posix()
        for layer in ("domain", "application")
        for path in (REPOSITORY / "shared" / layer / context).rglob("*.py")
        if path.name != "__init__.py"
    ]
    named = {span for other in contexts() for span in page(f"docs/architecture/{other}.md").spans}

    assert read.headings(2)[: len(CONTEXT_PARTS)] == CONTEXT_PARTS
    assert f"architecture/{context}.md" in page(ARCHITECTURE).links
    assert set(files) & set(read.spans)
    assert sorted(set(files) - named) == []  # a file may be on the page of the context that it works for


@pytest.mark.parametrize("layer", ["domain", "application"])
def test_every_context_is_named_where_the_imports_between_contexts_are_watched(layer: str) -> None:
    """A new folder would be free to import any other."""
    linter = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["tool"]["importlinter"]
    (watched,) = (
        each["modules"]
        for each in linter["contracts"]
        if each["type"] == "independence" and each["modules"][0].startswith(f"shared.{layer}.")
    )
    folders = [path.parent.name for path in (REPOSITORY / "shared" / layer).glob("*/__init__.py")]

    assert watched == [f"shared.{layer}.{name}" for name in sorted(folders)]


def test_every_page_of_a_context_has_its_folder() -> None:
    assert sorted(path.stem for path in (REPOSITORY / "docs" / "architecture").glob("*.md")) == contexts()
