"""Compares the commands of the Azure CLI in pages and scripts with what its own parser takes: `az_commands.json`.

`python -m infra.check.az` writes the table anew, for the commands that are written somewhere; it needs the package
azure-cli, which is none of this project's: run it with the Python of an environment that has it. Commands of extensions
are not in the table.
"""

import json
import re
import shlex
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parents[2]
TABLE = Path(__file__).with_name("az_commands.json")

#: Groups of commands that come with an extension: what they take cannot be known from azure-cli itself.
OF_EXTENSIONS = ("ml ", "monitor app-insights ")

#: Options that every command takes.
_GLOBAL = {"--debug", "--help", "-h", "--only-show-errors", "--output", "-o", "--query", "--verbose", "--subscription"}


@dataclass(frozen=True)
class Command:
    """A command as it is written, with the line it begins on."""

    file: str
    line: int
    words: tuple[str, ...]


def sources(root: Path = REPOSITORY) -> list[Path]:
    """Pages and scripts that have commands of the Azure CLI."""
    pages = [each for pattern in ("docs/**/*.md", "infra/hooks/*.sh", "docs/ci/*.yml") for each in root.glob(pattern)]
    return sorted(each for each in pages if re.search(r"\baz [a-z]", each.read_text(encoding="utf-8")))


def commands(path: Path, root: Path = REPOSITORY) -> Iterator[Command]:
    """Every `az ...` of a file: of a page those in blocks of code and in backticks."""
    text = path.read_text(encoding="utf-8")
    for match in re.finditer(r"(?<![\w/.-])az(?= [a-z])", text):
        start = match.start()
        if path.suffix == ".md" and not _is_code(text, start):
            continue
        words = _words(text[start:])
        if words:
            yield Command(path.relative_to(root).as_posix(), text.count("\n", 0, start) + 1, tuple(words[1:]))


def _is_code(text: str, at: int) -> bool:
    before = text[:at]
    return len(re.findall(r"^```", before, re.MULTILINE)) % 2 == 1 or text[at - 1] in "`"


def _words(text: str) -> list[str]:
    """The words of one command: up to the end of its line, a backtick, bracket, pipe or semicolon."""
    text = text.replace("\\\n", "  ")
    end, quote = len(text), ""
    for position, sign in enumerate(text):
        if quote:
            quote = "" if sign == quote and text[position - 1] != "\\" else quote
        elif sign in "\"'":
            quote = sign
        elif sign in "`\n|;)&":
            end = position
            break
    try:
        return shlex.split(text[:end].split(" 2>")[0].replace("<", "_").replace(">", "_"))
    except ValueError:
        return []


def problems(table: dict[str, Any], root: Path = REPOSITORY) -> list[str]:
    """What is wrong with the commands, by file and line."""
    found = []
    for path in sources(root):
        for each in commands(path, root):
            where = f"{each.file}:{each.line}: az {' '.join(each.words[:4])}"
            if f"{' '.join(each.words)} ".startswith(OF_EXTENSIONS):
                continue
            name = command_of(each.words, table)
            if name is None:
                found.append(f"{where}: there is no such command")
                continue
            found += [f"{where}: {problem}" for problem in _options(each.words[len(name.split()) :], table[name])]
    return found


def command_of(words: tuple[str, ...], table: dict[str, Any]) -> str | None:
    """The longest beginning of the words that is a command."""
    names = [" ".join(words[:count]) for count in range(len(words), 0, -1)]
    return next((name for name in names if name in table), None)


def _options(words: tuple[str, ...], known: dict[str, Any]) -> Iterator[str]:
    given = [word.partition("=")[0] for word in words if re.match(r"--?[a-z]", word)]
    takes = {option for options in known["options"] for option in options} | _GLOBAL
    yield from (f"it takes no {option}" for option in given if option not in takes)
    for options in known["required"]:
        if not set(options) & set(given):
            yield f"it needs {options[0]}"
    if words and not words[0].startswith("-") and not known["positional"]:
        yield f"it takes no word like {words[0]}"


def _parser_of(parser: Any, name: str) -> Any:
    """The part of the parser that is for one command."""
    words = tuple(name.split())
    return parser.subparsers[words[:-1]].choices[words[-1]]


def _taken_by(parser: Any) -> dict[str, Any]:
    actions = [each for each in parser._actions if each.help != "==SUPPRESS==" or each.option_strings]
    return {
        "options": sorted(sorted(map(str, each.option_strings)) for each in actions if each.option_strings),
        "required": sorted(
            sorted(map(str, each.option_strings)) for each in actions if each.option_strings and each.required
        ),
        "positional": any(not each.option_strings for each in actions),
    }


def main() -> int:
    """Asks the parser of the Azure CLI, and writes the table."""
    from azure.cli.core import get_default_cli  # type: ignore[import-untyped]  # no package of this project
    from azure.cli.core.parser import AzCliCommandParser  # type: ignore[import-untyped]

    cli = get_default_cli()
    cli.invocation = cli.invocation_cls(
        cli, commands_loader_cls=cli.commands_loader_cls, parser_cls=AzCliCommandParser, help_cls=cli.help_cls
    )
    loader = cli.invocation.commands_loader
    loader.load_command_table(None)
    known = dict.fromkeys(loader.command_table)
    wanted = {name for path in sources() for each in commands(path) if (name := command_of(each.words, known))}
    loader.load_arguments(None)
    cli.invocation.parser.load_command_table(loader)
    table = {name: _taken_by(_parser_of(cli.invocation.parser, name)) for name in sorted(wanted)}
    rows = ",\n".join(f"{json.dumps(name)}:{json.dumps(table[name])}" for name in table)
    TABLE.write_text(f"{{\n{rows}\n}}\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
