"""Bicep as a tree: as much of the language as the templates use, and an error for all else.

The compiler is no package of a registry that this project installs from, and the grammars that are packages refuse
parameter files (tree-sitter-bicep 1.1.0) or loops with a condition (pycep-parser 0.7.1).
"""

from dataclasses import dataclass, field
from typing import Any

from infra.check.lexer import BicepSyntaxError, Token, tokens


@dataclass(frozen=True)
class Node:
    """A part of an expression: its kind, and its parts in order."""

    kind: str
    line: int
    parts: tuple[Any, ...] = ()


@dataclass
class Declaration:
    """A statement: `kind` is param, var, resource, module or output."""

    kind: str
    name: str
    line: int
    of: Any = None
    """Of a resource its type, of a module its path, of a parameter or output its type."""
    value: Node | None = None
    existing: bool = False
    decorators: dict[str, tuple[Node, ...]] = field(default_factory=dict)


@dataclass
class File:
    """One file: what it declares by name, outputs apart, since an output may be named like a parameter."""

    declared: dict[str, Declaration] = field(default_factory=dict)
    outputs: dict[str, Declaration] = field(default_factory=dict)
    scope: str = "resourceGroup"
    using: str | None = None


_LEVELS = (("??",), ("||",), ("&&",), ("==", "!=", "=~", "!~"), ("<", ">", "<=", ">="), ("+", "-"), ("*", "/", "%"))


class _Parser:
    def __init__(self, found: list[Token]) -> None:
        self.found = found
        self.at = 0

    @property
    def here(self) -> Token:
        return self.found[self.at]

    def error(self, text: str) -> BicepSyntaxError:
        return BicepSyntaxError(self.here.line, text)

    def take(self, kind: str) -> Token:
        token = self.here
        if token.kind != kind:
            raise self.error(f"{kind} is wanted, not {token.value or token.kind}")
        self.at += 1
        return token

    def have(self, kind: str, value: Any = None) -> bool:
        if self.here.kind == kind and (value is None or self.here.value == value):
            self.at += 1
            return True
        return False

    def lines(self) -> None:
        while self.have("newline"):
            pass

    def file(self) -> File:
        result = File()
        self.lines()
        while self.here.kind != "end":
            self.statement(result)
            if self.here.kind != "end":
                self.take("newline")
            self.lines()
        return result

    def decorators(self) -> dict[str, tuple[Node, ...]]:
        found: dict[str, tuple[Node, ...]] = {}
        while self.have("@"):
            call = self.expression()
            if call.kind != "call":
                raise self.error("a decorator is a call")
            found[call.parts[0]] = call.parts[1]
            self.take("newline")
            self.lines()
        return found

    def statement(self, result: File) -> None:
        decorators = self.decorators()
        word = self.take("name")
        if word.value == "targetScope":
            self.take("=")
            result.scope = self.take("string").value[0]
            return
        if word.value == "using":
            result.using = self.take("string").value[0]
            return
        if word.value not in ("param", "var", "resource", "module", "output"):
            raise BicepSyntaxError(word.line, f"{word.value} begins no statement that is known here")
        name = self.take("name").value
        declaration = Declaration(word.value, name, word.line, decorators=decorators)
        names = result.outputs if word.value == "output" else result.declared
        if name in names:
            raise BicepSyntaxError(word.line, f"{name} is declared twice")
        names[name] = declaration
        if word.value in ("resource", "module"):
            declaration.of = self.plain()
            declaration.existing = self.have("name", "existing")
            self.take("=")
            declaration.value = self.body()
            return
        if word.value in ("param", "output") and self.here.kind != "=":
            declaration.of = self.type()
        if word.value != "param" or self.here.kind == "=":
            self.take("=")
            declaration.value = self.expression()

    def plain(self) -> str:
        parts = self.take("string").value
        if len(parts) != 1 or not isinstance(parts[0], str):
            raise self.error("a plain string is wanted")
        return str(parts[0])

    def type(self) -> Any:
        """A type as written: its name, with [] for lists; a union of texts as their list."""
        if self.here.kind == "string":
            words = [self.plain()]
            while self.have("|"):
                words.append(self.plain())
            return words
        name = str(self.take("name").value)
        while self.have("["):
            self.take("]")
            name += "[]"
        return name

    def body(self) -> Node:
        """What follows `resource x '...' =`: an object, a condition, or a loop over one of the two."""
        if self.have("name", "if"):
            line = self.here.line
            self.take("(")
            condition = self.expression()
            self.take(")")
            return Node("if", line, (condition, self.expression()))
        return self.expression()

    def expression(self) -> Node:
        first = self.level(0)
        if not self.have("?"):
            return first
        self.lines()
        yes = self.expression()
        self.lines()
        self.take(":")
        self.lines()
        return Node("ternary", first.line, (first, yes, self.expression()))

    def level(self, number: int) -> Node:
        if number == len(_LEVELS):
            return self.unary()
        left = self.level(number + 1)
        while self.here.kind in _LEVELS[number]:
            operator = self.take(self.here.kind)
            left = Node("binary", operator.line, (operator.kind, left, self.level(number + 1)))
        return left

    def unary(self) -> Node:
        if self.here.kind in ("!", "-"):
            operator = self.take(self.here.kind)
            return Node("unary", operator.line, (operator.kind, self.unary()))
        return self.suffixes(self.primary())

    def suffixes(self, node: Node) -> Node:
        while True:
            line = self.here.line
            if self.here.kind in (".", ".?"):
                kind = self.take(self.here.kind).kind
                node = Node("member" if kind == "." else "maybe", line, (node, self.take("name").value))
            elif self.have("::"):
                node = Node("nested", line, (node, self.take("name").value))
            elif self.have("["):
                node = Node("index", line, (node, self.expression()))
                self.take("]")
            elif self.here.kind == "!" and self.found[self.at + 1].kind != "=":
                self.take("!")
            else:
                return node

    def primary(self) -> Node:
        token = self.here
        if token.kind == "string":
            self.at += 1
            parts = [each if isinstance(each, str) else _Parser(each).whole() for each in token.value]
            return Node("string", token.line, tuple(parts))
        if token.kind == "number":
            self.at += 1
            return Node("literal", token.line, (token.value,))
        if token.kind == "{":
            return self.object()
        if token.kind == "[":
            return self.list()
        if self.have("("):
            self.lines()
            inner = self.expression()
            self.lines()
            self.take(")")
            return inner
        name = self.take("name").value
        if name in ("true", "false", "null"):
            return Node("literal", token.line, ({"true": True, "false": False, "null": None}[name],))
        if self.have("=>"):
            self.lines()
            return Node("lambda", token.line, (name, self.expression()))
        if self.here.kind != "(":
            return Node("name", token.line, (name,))
        self.take("(")
        return Node("call", token.line, (name, tuple(self.items(")"))))

    def whole(self) -> Node:
        node = self.expression()
        self.take("end")
        return node

    def items(self, closing: str) -> list[Node]:
        """Separated by commas, or in a list by line ends."""
        found: list[Node] = []
        self.lines()
        while not self.have(closing):
            if found and not self.have(",") and (closing == ")" or self.found[self.at - 1].kind != "newline"):
                raise self.error("a comma or a line end is wanted")
            self.lines()
            if self.have(closing):
                break
            found.append(self.expression())
            self.lines()
        return found

    def object(self) -> Node:
        line = self.take("{").line
        found: list[tuple[Any, ...]] = []
        self.lines()
        while not self.have("}"):
            found.append(self.member())
            if self.here.kind not in ("}", ",", "newline"):
                raise self.error("a comma, a line end or } is wanted")
            self.have(",")
            self.lines()
        return Node("object", line, tuple(found))

    def member(self) -> tuple[Any, ...]:
        """A property as (line, key, value), or a nested resource as (line, Declaration)."""
        decorators = self.decorators()
        token = self.here
        following = self.found[self.at + 1 : self.at + 3]
        if token.value == "resource" and [each.kind for each in following] == ["name", "string"]:
            self.take("name")
            nested = Declaration("resource", self.take("name").value, token.line, decorators=decorators)
            nested.of = self.plain()
            nested.existing = self.have("name", "existing")
            self.take("=")
            nested.value = self.body()
            return (token.line, nested)
        key: Any = self.primary() if token.kind == "string" else self.take("name").value
        self.take(":")
        return (token.line, key, self.expression())

    def list(self) -> Node:
        line = self.take("[").line
        self.lines()
        if not (self.here.kind == "name" and self.here.value == "for"):
            return Node("list", line, tuple(self.items("]")))
        self.take("name")
        if self.have("("):
            item, index = self.take("name").value, (self.take(","), self.take("name").value)[1]
            self.take(")")
        else:
            item, index = self.take("name").value, None
        if not self.have("name", "in"):
            raise self.error("in is wanted")
        over = self.expression()
        self.take(":")
        self.lines()
        body = self.body()
        self.lines()
        self.take("]")
        return Node("for", line, (item, index, over, body))


def parse(text: str) -> File:
    """Reads the text of one file. Raises BicepSyntaxError."""
    return _Parser(tokens(text)).file()
