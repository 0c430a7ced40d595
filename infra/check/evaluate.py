"""Evaluates expressions, as far as that is possible before a deployment: what is not known stays Unknown."""

import operator
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from infra.check.functions import FUNCTIONS, STRUCTURAL
from infra.check.problem import Place, Report
from infra.check.syntax import Declaration, Node
from infra.check.types import Table
from infra.check.values import Obj, Unknown, is_known

_OPERATORS: Mapping[str, Callable[[Any, Any], Any]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "=~": lambda a, b: a.lower() == b.lower(),
    "!~": lambda a, b: a.lower() != b.lower(),
    "<": operator.lt,
    ">": operator.gt,
    "<=": operator.le,
    ">=": operator.ge,
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.floordiv,
    "%": operator.mod,
}


class Readable(Protocol):
    """What has members of its own to read: a resource, a module."""

    def member(self, name: str, place: Place) -> Any:
        """The value of a member; says a problem and answers Unknown where there is none."""

    def nested(self, name: str, place: Place) -> Any:
        """A resource that is declared inside."""


class Names(Protocol):
    """What the names of a file stand for."""

    def look_up(self, name: str, place: Place) -> Any:
        """The value of a parameter, variable, resource or module."""

    def call(self, name: str, arguments: list[Any], place: Place) -> Any:
        """The answer of a function that depends on the file or its scope; NotImplemented if it is none of those."""

    def declare_nested(self, declaration: Declaration) -> None:
        """A resource that stands inside another's body."""


class Evaluator:
    """Expressions of one file."""

    def __init__(self, file: str, names: Names, table: Table, report: Report) -> None:
        self.file = file
        self.names = names
        self.table = table
        self.report = report

    def value(self, node: Node, local: Mapping[str, Any] = {}) -> Any:  # never written to
        """The value of an expression; `local` are the variables of loops around it."""
        return getattr(self, f"_{node.kind}")(node, local)

    def _place(self, node: Node) -> Place:
        return Place(self.file, node.line)

    def _literal(self, node: Node, local: Mapping[str, Any]) -> Any:
        return node.parts[0]

    def _string(self, node: Node, local: Mapping[str, Any]) -> Any:
        parts = [each if isinstance(each, str) else self.value(each, local) for each in node.parts]
        if not all(is_known(each) for each in parts):
            return Unknown("string")
        return "".join(FUNCTIONS["string"](each) for each in parts)

    def _name(self, node: Node, local: Mapping[str, Any]) -> Any:
        name = node.parts[0]
        return local[name] if name in local else self.names.look_up(name, self._place(node))

    def _object(self, node: Node, local: Mapping[str, Any]) -> Obj:
        found = Obj(place=self._place(node))
        for line, *rest in node.parts:
            if len(rest) == 1:
                self.names.declare_nested(rest[0])
                continue
            key = rest[0] if isinstance(rest[0], str) else self.value(rest[0], local)
            if isinstance(key, Unknown):
                continue
            if key in found:
                self.report.say(Place(self.file, line), f"{key} is given twice")
            found[key] = self.value(rest[1], local)
            found.places[key] = Place(self.file, line)
        return found

    def _list(self, node: Node, local: Mapping[str, Any]) -> list[Any]:
        return [self.value(each, local) for each in node.parts]

    def _for(self, node: Node, local: Mapping[str, Any]) -> Any:
        item, index, over, body = node.parts
        values = self.value(over, local)
        if isinstance(values, Unknown):
            return Unknown("array")
        inner = [{**local, item: value, **({index: number} if index else {})} for number, value in enumerate(values)]
        found = [self.value(body, each) for each in inner]
        return [each for each in found if each is not None]

    def _if(self, node: Node, local: Mapping[str, Any]) -> Any:
        condition, body = node.parts
        holds = self.value(condition, local)
        return self.value(body, local) if isinstance(holds, Unknown) or holds else None

    def _ternary(self, node: Node, local: Mapping[str, Any]) -> Any:
        condition, yes, no = node.parts
        holds = self.value(condition, local)
        if isinstance(holds, Unknown):
            self.value(yes, local), self.value(no, local)
            return Unknown()
        return self.value(yes if holds else no, local)

    def _unary(self, node: Node, local: Mapping[str, Any]) -> Any:
        sign, inner = node.parts
        value = self.value(inner, local)
        if isinstance(value, Unknown):
            return value
        return not value if sign == "!" else -value

    def _binary(self, node: Node, local: Mapping[str, Any]) -> Any:
        sign, left_node, right_node = node.parts
        left = self.value(left_node, local)
        if sign == "??":
            return self.value(right_node, local) if left is None else left
        if sign in ("&&", "||") and isinstance(left, bool) and left == (sign == "||"):
            return left
        right = self.value(right_node, local)
        if isinstance(left, Unknown) or isinstance(right, Unknown):
            return Unknown()
        return right if sign in ("&&", "||") else _OPERATORS[sign](left, right)

    def _lambda(self, node: Node, local: Mapping[str, Any]) -> Callable[[Any], Any]:
        name, body = node.parts
        return lambda value: self.value(body, {**local, name: value})

    def _call(self, node: Node, local: Mapping[str, Any]) -> Any:
        name, arguments = node.parts[0], [self.value(each, local) for each in node.parts[1]]
        answer = self.names.call(name, arguments, self._place(node))
        if answer is not NotImplemented:
            return answer
        if name in ("map", "filter") and not isinstance(arguments[0], Unknown):
            found = [(each, arguments[1](each)) for each in arguments[0]]
            return [new for _, new in found] if name == "map" else [old for old, keep in found if keep]
        if name not in FUNCTIONS:
            self.report.say(self._place(node), f"there is no function {name}")
            return Unknown()
        looked_into = [each for each in arguments if name not in STRUCTURAL or isinstance(each, Unknown)]
        if not all(is_known(each) for each in looked_into):
            return Unknown()
        try:
            return FUNCTIONS[name](*arguments)
        except (TypeError, ValueError, AttributeError, IndexError) as error:
            self.report.say(self._place(node), f"{name}() cannot take that: {error}")
            return Unknown()

    def _member(self, node: Node, local: Mapping[str, Any]) -> Any:
        return self.member_of(self.value(node.parts[0], local), node.parts[1], self._place(node))

    def _maybe(self, node: Node, local: Mapping[str, Any]) -> Any:
        value = self.value(node.parts[0], local)
        return value.get(node.parts[1]) if isinstance(value, dict) else Unknown() if value is not None else None

    def _nested(self, node: Node, local: Mapping[str, Any]) -> Any:
        owner: Readable = self.value(node.parts[0], local)
        return owner.nested(node.parts[1], self._place(node))

    def _index(self, node: Node, local: Mapping[str, Any]) -> Any:
        value, key = self.value(node.parts[0], local), self.value(node.parts[1], local)
        if isinstance(value, Unknown) or isinstance(key, Unknown):
            return Unknown()
        try:
            return value[key]
        except (KeyError, IndexError, TypeError):
            self.report.say(self._place(node), f"there is no [{key!r}]")
            return Unknown()

    def member_of(self, value: Any, name: str, place: Place) -> Any:
        """A member of any value."""
        if isinstance(value, dict):
            if name not in value:
                self.report.say(place, f"there is no {name} to read")
            return value.get(name, Unknown())
        if isinstance(value, Unknown):
            if value.type_id is None:
                return Unknown()
            found = self.table.property(value.type_id, name)
            if found is None:
                self.report.say(place, f"{value.what} has no property {name} to read")
            return Unknown(f"{value.what}.{name}", found)
        if hasattr(value, "member"):
            return value.member(name, place)
        self.report.say(place, f"nothing has a member {name} here")
        return Unknown()
