"""What the pages name is there: files, tests, links, targets, commands, modules."""

import re
from importlib.util import find_spec
from typing import Any

import pytest
import typer.main

from cli.app import app
from local.supervisor import command_line
from tests.docs.pages import REPOSITORY, Page, file_names, page, pages

EVERY_PAGE = pytest.mark.parametrize("read", pages(), ids=lambda read: read.name)

#: What a span must look like to be taken for a path. Names of places, such as `<plant>`, stand for any name.
_PATH = re.compile(r"\.?[\w.<>*-]+(/[\w.<>*-]+)*/?")
_OWN_FILE = re.compile(r"\.?[\w-]+\.(py|md|yml|toml)")

#: These are made by whoever runs something, in a data directory or by hand; a checkout does not have them.
_MADE_LATER = {"policies.yml"}
_BUILT = ("board/dist", "board/screens")


def is_path(text: str) -> bool:
    """True for what begins with a file or folder of the repository's top."""
    if not _PATH.fullmatch(text) or "/" not in text or text.startswith(_BUILT):
        return False
    first = text.split("/")[0]
    return first not in ("", ".", "..") and (REPOSITORY / first).exists()


@EVERY_PAGE
def test_every_file_named_in_backticks_exists(read: Page) -> None:
    """`a/b.py::name` also needs a function or class of that name."""
    missing = []
    for span in read.spans:
        path, _, name = span.partition("::")
        if is_path(path):
            found = list(REPOSITORY.glob(re.sub(r"<[^>]*>", "*", path.rstrip("/"))))
            if not found or (name and not re.search(rf"\b(def|class) {name}\b", found[0].read_text())):
                missing.append(span)
        elif _OWN_FILE.fullmatch(path) and path not in _MADE_LATER and path not in file_names():
            missing.append(span)
    assert missing == []


@EVERY_PAGE
def test_every_relative_link_resolves(read: Page) -> None:
    """The file is there, and so is the heading behind `#`."""
    broken = []
    for link in read.links:
        if re.match(r"[a-z]+:", link):
            continue
        target, _, anchor = link.partition("#")
        file = (read.path.parent / target).resolve() if target else read.path
        if not file.exists() or (anchor and anchor not in page(file.relative_to(REPOSITORY).as_posix()).anchors):
            broken.append(link)
    assert broken == []


@EVERY_PAGE
def test_every_make_target_is_in_the_makefile(read: Page) -> None:
    """Targets with their help text are those that `make help` shows."""
    targets = set(re.findall(r"^([a-z-]+):", (REPOSITORY / "Makefile").read_text(), re.MULTILINE))
    named = {words[0] for words in read.commands("make") if words}

    assert named <= targets


def test_the_readme_names_every_target_that_make_help_shows() -> None:
    """Nobody has to read the Makefile to know what there is."""
    shown = set(re.findall(r"^([a-z-]+):.*##", (REPOSITORY / "Makefile").read_text(), re.MULTILINE))
    named = {words[0] for words in page("README.md").commands("make") if words}

    assert shown - named <= {"help", "install"}


@EVERY_PAGE
def test_every_command_line_of_the_cli_exists_with_its_options(read: Page) -> None:
    """`switchyard <command> --option`: both are the command's own."""
    for words in read.commands("switchyard"):
        command: Any = typer.main.get_command(app)
        if words[:1] == ["local"]:  # passed on
            words, command = words[1:], typer.main.get_command(command_line.app)
        for word in words:
            if word.startswith("-"):
                assert word in _options(command), f"there is no {word} in {' '.join(words)}"
            elif hasattr(command, "commands"):
                assert word in command.commands, f"there is no {word} in {' '.join(words)}"
                command = command.commands[word]


def _options(command: Any) -> set[str]:
    return {"--help", *(option for parameter in command.params for option in parameter.opts)}


def test_the_pages_show_every_command_of_the_cli() -> None:
    """An operator meets each of them; and it shows that the test above sees commands at all."""
    shown = {words[0] for read in pages() for words in read.commands("switchyard") if words}
    root: Any = typer.main.get_command(app)

    assert set(root.commands) <= shown | {word for word in root.commands if word in page("README.md").spans}


@EVERY_PAGE
def test_every_module_that_is_run_exists(read: Page) -> None:
    """`python -m package.module`; names in angle brackets stand for any."""
    for words in read.commands("python -m"):
        module = words[0] if words else ""
        if re.fullmatch(r"[\w.]+", module):
            assert find_spec(module) is not None, f"there is no module {module}"
