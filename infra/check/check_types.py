"""Compares a rendered body with Microsoft's type of it."""

import re
from dataclasses import dataclass
from typing import Any

from infra.check.problem import Place, Report
from infra.check.types import READ_ONLY, REQUIRED, Table
from infra.check.values import Obj, Unknown

#: Of the body of a resource: what Bicep itself reads.
OF_BICEP = {"parent", "scope", "dependsOn"}

#: Path and value of what Azure takes although its list does not have it yet; most of the lists are open.
NEW_WORDS: set[tuple[str, str]] = set()

_KINDS = {"string": str, "int": int, "bool": bool, "object": dict, "array": list, "choice": dict, "enum": str}


@dataclass
class TypeCheck:
    """Says every value of a body that its type does not allow."""

    table: Table
    report: Report

    def body(self, type_id: int, body: Obj, name: str) -> None:
        """Checks the body of a resource."""
        assert body.place  # nosec B101 # for the type checker: bodies of resources have one
        self._check(type_id, body, name, body.place, top=True)

    def _check(self, type_id: int, value: Any, path: str, place: Place, top: bool = False) -> None:
        kind, *rest = self.table.types[type_id]
        if isinstance(value, Unknown) or kind == "any" or value is None:
            return
        wanted: type = _KINDS[kind]
        fits = isinstance(value, wanted) and not (wanted is int and isinstance(value, bool))
        if not fits:
            self.report.say(place, f"{path} is {_word(value)}, {kind} is wanted")
        elif kind == "enum":
            words = rest[0]
            near = [word for word in words if word.lower() == value.lower()]
            if value not in words and (path, value) not in NEW_WORDS:
                self.report.say(place, f"{path} is {value!r}, one of {', '.join(near or words)} is wanted")
        elif kind == "string":
            self._text(rest[0], value, path, place)
        elif kind == "int":
            low, high = rest[0].get("minValue", value), rest[0].get("maxValue", value)
            if not low <= value <= high:
                self.report.say(place, f"{path} is {value}, which is not within {low} and {high}")
        elif kind == "array":
            for number, each in enumerate(value):
                self._check(rest[0], each, f"{path}[{number}]", getattr(each, "place", None) or place)
        elif kind == "choice":
            self._choice(rest, value, path, place, top)
        elif kind == "object":
            self._object(rest[0], rest[1], value, path, place, top)

    def _text(self, limits: dict[str, Any], value: str, path: str, place: Place) -> None:
        if len(value) < limits.get("minLength", 0) or len(value) > limits.get("maxLength", len(value)):
            low, high = limits.get("minLength", 0), limits.get("maxLength", "any number")
            self.report.say(place, f"{path} has {len(value)} characters, {low} to {high} are allowed")
        elif "pattern" in limits and not re.search(limits["pattern"], value):
            self.report.say(place, f"{path} is {value!r}, which is not like {limits['pattern']}")

    def _choice(self, rest: list[Any], value: dict[str, Any], path: str, place: Place, top: bool) -> None:
        by, base, elements = rest
        chosen = value.get(by)
        if by not in value:
            self.report.say(place, f"{path}.{by} is missing: it says which kind this is")
        elif isinstance(chosen, str) and chosen not in elements:
            self.report.say(_at(value, by, place), f"{path}.{by} is {chosen!r}, one of {', '.join(elements)} is wanted")
        elif isinstance(chosen, str):
            _, properties, more = self.table.types[elements[chosen]]
            self._object({**base, **properties}, more, value, path, place, top)

    def _object(
        self,
        properties: dict[str, list[int]],
        more: int | None,
        value: dict[str, Any],
        path: str,
        place: Place,
        top: bool,
    ) -> None:
        for key, each in value.items():
            at = _at(value, key, place)
            if key in properties:
                type_id, flags = properties[key]
                if flags & READ_ONLY and not (top and key in ("name", "id")):
                    self.report.say(at, f"{path}.{key} is read-only")
                self._check(type_id, each, f"{path}.{key}", getattr(each, "place", None) or at)
            elif more is not None:
                self._check(more, each, f"{path}.{key}", getattr(each, "place", None) or at)
            elif not (top and key in OF_BICEP):
                near = [name for name in properties if name.lower() == key.lower()]
                hint = f", {near[0]} is" if near else ""
                self.report.say(at, f"{path}.{key} is no property{hint}")
        for key, (_, flags) in properties.items():
            if flags & REQUIRED and not flags & READ_ONLY and value.get(key) is None:
                self.report.say(place, f"{path}.{key} is missing")


def _at(value: dict[str, Any], key: str, place: Place) -> Place:
    return (value.place_of(key) if isinstance(value, Obj) else None) or place


def _word(value: Any) -> str:
    words = {bool: "bool", str: "string", int: "int", list: "array"}
    return words.get(type(value), "object")
