"""Changes one value of a circuit's file and nothing else: comments, order, quotes of others and line ends stay.

The line is found by the strict reader and replaced as text; then the file is read again, and every other value must be
what it was.
"""

import re

from shared.adapters.config.files import ConfigError
from shared.adapters.config.strict_yaml import Path, parse
from shared.domain.changes.versions import SemanticVersion
from shared.domain.errors import InvalidRequest

_AFTER_KEY = r"""\s*:\s+)(?P<old>"[^"\\]*"|'[^']*'|[^\s"'#]\S*)(?P<after>\s*(?:#.*)?)"""
"""The rest of a line that holds one key and one value: quoted or plain, and perhaps a comment."""


class EditError(ValueError):
    """The file is not changed; the text says why and what to do."""


def with_environment_version(text: str, version: str, file: str) -> str:
    """The text with `training.environment_version` set. Raises EditError and, for a file that is wrong, ConfigError."""
    try:
        SemanticVersion.parse(version)
    except InvalidRequest as error:
        raise EditError(str(error)) from error
    return with_text(text, ("training", "environment_version"), version, file)


def with_environment_raised(text: str, version: str, file: str) -> str:
    """The same, but a text that names this version or a later one stays as it is. Raises EditError for any mistake."""
    path = ("training", "environment_version")
    try:
        named = dict(_leaves(parse(text.encode(), file).value)).get(path)
        if SemanticVersion.parse(str(named)) >= SemanticVersion.parse(version):
            return text
        return with_environment_version(text, version, file)
    except (ConfigError, InvalidRequest) as error:
        raise EditError(str(error)) from error


def with_text(text: str, path: Path, value: str, file: str) -> str:
    """The text with the value at `path`, which is text on one line of its own, set to `value`, in double quotes.

    `value` holds no quotes, backslashes and line breaks. Raises EditError, and ConfigError for a file that is wrong.
    """
    if re.search(r'["\\\x00-\x1f\x7f]', value):
        raise EditError(f"{value!r} cannot be written in quotes on one line")
    before = parse(text.encode(), file)
    origin = before.origins.get(path)
    if origin is None:
        raise EditError(f"{file} has no {'.'.join(map(str, path))}: add it by hand")
    lines = text.splitlines(keepends=True)
    line = lines[origin.line - 1]
    body = line.rstrip("\r\n")
    found = re.fullmatch(rf"(?P<before>\s*{re.escape(str(path[-1]))}" + _AFTER_KEY, body)
    if not found:
        raise EditError(f"{file}:{origin.line} is not one key and one value on a line: change it by hand")
    if found["old"] in (f'"{value}"', f"'{value}'"):
        return text
    lines[origin.line - 1] = f'{found["before"]}"{value}"{found["after"]}{line[len(body) :]}'
    changed = "".join(lines)
    _check(text, changed, path, value, file)
    return changed


def _check(before: str, after: str, path: Path, value: str, file: str) -> None:
    """Raises EditError unless exactly this one value differs."""
    wanted = dict(_leaves(parse(before.encode(), file).value))
    wanted[path] = value
    try:
        found = dict(_leaves(parse(after.encode(), file).value))
    except ConfigError as error:
        raise EditError(f"{file} would not be valid any more: change it by hand") from error
    if found != wanted:
        raise EditError(f"{file} would change elsewhere too: change it by hand")


def _leaves(value: object, path: Path = ()) -> list[tuple[Path, object]]:
    if isinstance(value, dict):
        return [leaf for key, inner in value.items() for leaf in _leaves(inner, (*path, key))]
    if isinstance(value, list):
        return [leaf for number, inner in enumerate(value) for leaf in _leaves(inner, (*path, number))]
    return [(path, value)]
