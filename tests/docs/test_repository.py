"""No file of the repository knows the machine it was written on, or where its packages were downloaded."""

import re
import subprocess
from collections.abc import Iterator

from tests.docs.pages import REPOSITORY

# Written apart, so that this file does not name them itself.
# From the root only: `application/work/` is a folder of ours.
_HOMES = re.compile(r"(?<![\w.-])/" + r"(home|root|Users|work)/[\w.-]+")
_HOSTS = re.compile(
    r"(py" r"pi\.org|pythonhosted" r"\.org|npm" r"js\.org|npm" r"mirror|proxy\.go" r"lang)", re.IGNORECASE
)

BYTES_MAX = 2_000_000


def tracked_texts() -> Iterator[tuple[str, str]]:
    """Path and text of every tracked file that is text; one that was just removed is skipped."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=REPOSITORY, capture_output=True, check=True).stdout.decode()
    for name in filter(None, listed.split("\0")):
        file = REPOSITORY / name
        if not file.is_file() or file.stat().st_size > BYTES_MAX:
            continue
        raw = file.read_bytes()
        if b"\0" not in raw:
            yield name, raw.decode(errors="replace")


def found(pattern: re.Pattern[str]) -> list[str]:
    return [f"{name}: {hit.group()}" for name, text in tracked_texts() if (hit := pattern.search(text))]


def test_no_file_names_a_path_of_somebodys_machine() -> None:
    assert found(_HOMES) == []


def test_no_file_names_a_host_of_a_package_registry() -> None:
    """Where packages come from is the business of whoever installs them."""
    assert found(_HOSTS) == []


def test_every_change_is_formatted_linted_typed_and_tested() -> None:
    """What continuous integration runs is `make check` and `make test`, and both do what they say."""
    made = (REPOSITORY / "Makefile").read_text()
    recipes = dict(re.findall(r"^([a-z-]+):[^\n]*\n((?:\t[^\n]*\n)+)", made, re.MULTILINE))
    tools = ("ruff format --check", "ruff check", "mypy", "lint-imports", "bandit")

    assert {"make check", "make test"} <= set((REPOSITORY / ".ci" / "run").read_text().splitlines())
    assert [tool for tool in tools if tool not in recipes["check"]] == []
    assert "pytest" in recipes["test"]
    assert "--require-hashes -r requirements-dev.txt" in made
