"""The Bicep files taken apart, as far as the tests need it: no compiler, no network.

Blocks are found by matching brackets outside strings and comments; values are read by regular expressions.
"""

import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
INFRA = REPOSITORY / "infra"

#: A comment, or a string; `${...}` in a string holds no bracket that matters, because it is inside the string.
_COMMENT_OR_STRING = re.compile(r"//[^\n]*|/\*.*?\*/|'(?:\\.|[^'\\\n])*'", re.DOTALL)
_OPENING = {"{": "}", "[": "]", "(": ")"}


@dataclass(frozen=True)
class Module:
    """One call of a module: where it is, and which parameters it is given."""

    symbol: str
    path: str
    given: frozenset[str]


@dataclass(frozen=True)
class Bicep:
    """One file."""

    path: Path

    @cached_property
    def text(self) -> str:
        return self.path.read_text(encoding="utf-8")

    @cached_property
    def bare(self) -> str:
        """The text with comments and the inside of strings blanked; every character keeps its place."""

        def blank(match: re.Match[str]) -> str:
            found = match.group()
            return f"'{' ' * (len(found) - 2)}'" if found.startswith("'") else " " * len(found)

        return _COMMENT_OR_STRING.sub(blank, self.text)

    @cached_property
    def code(self) -> str:
        """The text without comments."""
        return _COMMENT_OR_STRING.sub(lambda m: m.group() if m.group().startswith("'") else "", self.text)

    @property
    def parameters(self) -> dict[str, bool]:
        """Declared parameters; True where one must be given."""
        lines = re.findall(r"^param (\w+)([^=\n]*)(=?)", self.bare, re.MULTILINE)
        return {name: not default for name, _, default in lines}

    @property
    def outputs(self) -> set[str]:
        return set(re.findall(r"^output (\w+)", self.bare, re.MULTILINE))

    @property
    def modules(self) -> list[Module]:
        found = []
        for match in re.finditer(r"^module (\w+) '([^']+)'", self.text, re.MULTILINE):
            params = self.block(self.bare.index("params:", match.end()))
            found.append(Module(match[1], match[2], frozenset(_keys(params))))
        return found

    def resource(self, symbol: str) -> str:
        """The body of a resource, comments removed."""
        start = re.search(rf"^ *resource {symbol} '", self.text, re.MULTILINE)
        assert start, f"there is no resource {symbol} in {self.path.name}"
        begin, end = self._span(self.bare.index("=", start.end()))
        return _COMMENT_OR_STRING.sub(
            lambda m: m.group() if m.group().startswith("'") else "", self.text[begin + 1 : end]
        )

    def block(self, position: int) -> str:
        """The inside of the first brackets at or after a position, strings blanked."""
        begin, end = self._span(position)
        return self.bare[begin + 1 : end]

    def unbalanced(self) -> list[str]:
        """What is wrong with the brackets, and strings that do not end on their line."""
        waiting: list[tuple[str, int]] = []
        for position, character in enumerate(self.bare):
            if character in _OPENING:
                waiting.append((_OPENING[character], position))
            elif character in _OPENING.values() and (not waiting or waiting.pop()[0] != character):
                return [f"{self.path.name}:{self._line(position)}: {character} closes nothing"]
        problems = [f"{self.path.name}:{self._line(position)}: {want} is missing" for want, position in waiting]
        return problems + [
            f"{self.path.name}:{number}: a string does not end"
            for number, line in enumerate(self.bare.splitlines(), start=1)
            if line.count("'") % 2
        ]

    def _span(self, position: int) -> tuple[int, int]:
        begin = min(found for each in _OPENING if (found := self.bare.find(each, position)) >= 0)
        depth = 0
        for end in range(begin, len(self.bare)):
            depth += (self.bare[end] in _OPENING) - (self.bare[end] in _OPENING.values())
            if depth == 0:
                return begin, end
        raise AssertionError(f"{self.path.name}: a bracket does not close")

    def _line(self, position: int) -> int:
        return self.bare.count("\n", 0, position) + 1


def files() -> list[Bicep]:
    """Every Bicep file."""
    return [Bicep(path) for path in sorted(INFRA.rglob("*.bicep"))]


def main() -> Bicep:
    return Bicep(INFRA / "main.bicep")


def module(name: str) -> Bicep:
    return Bicep(INFRA / "modules" / f"{name}.bicep")


def _keys(block: str) -> list[str]:
    """The keys at the top level of an object's inside."""
    depth, top = 0, ""
    for character in block:
        depth += character in _OPENING
        top += character if depth == 0 else " "
        depth -= character in _OPENING.values()
    return re.findall(r"(?:^|[,\n])\s*(\w+):", top)
