"""A name stands for one thing: whoever greps for a class or a type finds the one that is meant."""

import ast
import re
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

import pytest

from tests.docs.pages import REPOSITORY

#: One namespace each. The operators' command is a program of its own: it knows the API's answers only, and calls what
#: it reads of them like the thing in the app. What it calls without a class are options, which stay in their file.
APP, COMMAND = ("shared", "functions"), ("cli",)

_TYPE = re.compile(r"[A-Z]\w*[a-z]\w*")


def defined(source: str, *, with_types: bool) -> list[str]:
    """Public classes at the top of a file; `with_types` also names given to types, such as `Row = dict[str, Any]`."""
    found = []
    for node in ast.parse(source).body:
        if isinstance(node, ast.ClassDef):
            found.append(node.name)
        elif with_types and isinstance(node, ast.Assign):
            found += [target.id for target in node.targets if isinstance(target, ast.Name)]
        elif with_types and isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            found.append(node.target.id)
    return [name for name in found if _TYPE.fullmatch(name)]


def twice(files: Iterable[tuple[str, str]], *, with_types: bool) -> dict[str, list[str]]:
    """Names that more than one of the files (name and source) defines, and where."""
    places = defaultdict(list)
    for file, source in files:
        for name in defined(source, with_types=with_types):
            places[name].append(file)
    return {name: where for name, where in places.items() if len(where) > 1}


def sources(folders: tuple[str, ...]) -> list[tuple[str, str]]:
    found: list[Path] = [file for folder in folders for file in sorted((REPOSITORY / folder).rglob("*.py"))]
    return [(file.relative_to(REPOSITORY).as_posix(), file.read_text()) for file in found]


@pytest.mark.parametrize(("folders", "with_types"), [(APP, True), (COMMAND, False)], ids=["app", "command"])
def test_no_name_stands_for_two_classes(folders: tuple[str, ...], with_types: bool) -> None:
    assert twice(sources(folders), with_types=with_types) == {}


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ("class Move:\n    class Inner: ...\n", ["Move"]),
        ("Move = dict[str, str]\nMOVE = 1\n_Move = int\nmove = 2\n", ["Move"]),
        ("Move: TypeAlias = int\n", ["Move"]),
        ("def move():\n    class Move: ...\n", []),
    ],
)
def test_classes_and_types_are_seen(source: str, names: list[str]) -> None:
    """The test above sees something."""
    assert defined(source, with_types=True) == names
    assert twice([("a.py", source), ("b.py", source)], with_types=True) == {name: ["a.py", "b.py"] for name in names}
