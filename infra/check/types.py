"""Microsoft's types of the resources that the templates name, in one small table: `types.json`.

`python -m infra.check.types DIR` writes the table anew from the `types.json` files below DIR, for exactly the types and
versions that the templates name. DIR is the folder `generated` of Azure/bicep-types-az on GitHub (MIT licence).
"""

import json
import sys
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

TABLE = Path(__file__).with_name("types.json")

REQUIRED, READ_ONLY = 1, 2

SUBSCRIPTION, RESOURCE_GROUP, EXTENSION = 4, 8, 16
"""Bits of the scopes that a resource can be deployed to."""


class Table:
    """The table, read once. A type is a list: its kind, and what that kind needs."""

    def __init__(self, document: dict[str, Any]) -> None:
        self.types: list[list[Any]] = document["types"]
        self.resources: dict[str, list[int]] = document["resources"]
        self._by_name = {name.lower(): name for name in self.resources}

    def resource(self, name: str) -> tuple[str, int, int] | None:
        """The exact name, the type of the body and the scopes of `Microsoft.X/y@version`; None if there is none."""
        exact = self._by_name.get(name.lower())
        return (exact, *self.resources[exact]) if exact else None

    def versions(self, name: str) -> list[str]:
        """The versions of a type that the table has."""
        return [each.partition("@")[2] for each in self.resources if each.lower().partition("@")[0] == name.lower()]

    def property(self, type_id: int, name: str) -> int | None:
        """The type of a property of an object; None where there is no such property. `any` has all."""
        kind, *rest = self.types[type_id]
        if kind == "any":
            return type_id
        found: dict[str, list[int]] = rest[0] if kind == "object" else {}
        more: int | None = rest[1] if kind == "object" else None
        if kind == "choice":
            _, found, elements = rest
            for each in elements.values():
                found = {**found, **self.types[each][1]}
        return found[name][0] if name in found else more


@cache
def table() -> Table:
    """The table of this folder."""
    return Table(json.loads(TABLE.read_text(encoding="utf-8")))


class _Writer:
    """Copies types out of Microsoft's files, with what they refer to, and each of one content once."""

    def __init__(self) -> None:
        self.types: list[list[Any]] = []
        self._leaves: dict[str, int] = {}

    def add(self, document: list[Any], reference: dict[str, str], seen: dict[int, int]) -> int:
        number = int(reference["$ref"].rpartition("/")[2])
        if number in seen:
            return seen[number]
        source = document[number]
        kind = source["$type"]
        leaf = self._leaf(document, source)
        if leaf is not None:
            seen[number] = self._leaves.setdefault(json.dumps(leaf), len(self.types))
            if seen[number] == len(self.types):
                self.types.append(leaf)
            return seen[number]
        seen[number] = mine = len(self.types)
        self.types.append([])

        def child(each: dict[str, str]) -> int:
            return self.add(document, each, seen)

        def properties(of: dict[str, Any]) -> dict[str, list[int]]:
            return {name: [child(each["type"]), each["flags"]] for name, each in of.items()}

        if kind == "ArrayType":
            row: list[Any] = ["array", child(source["itemType"])]
        elif kind == "DiscriminatedObjectType":
            elements = {name: child(each) for name, each in source["elements"].items()}
            row = ["choice", source["discriminator"], properties(source["baseProperties"]), elements]
        else:
            more = source.get("additionalProperties")
            row = ["object", properties(source["properties"]), child(more) if more else None]
        self.types[mine] = row
        return mine

    def _leaf(self, document: list[Any], source: dict[str, Any]) -> list[Any] | None:
        kind = source["$type"]
        if kind == "StringType":
            return ["string", {key: source[key] for key in ("minLength", "maxLength", "pattern") if key in source}]
        if kind == "IntegerType":
            return ["int", {key: source[key] for key in ("minValue", "maxValue") if key in source}]
        if kind == "StringLiteralType":
            return ["enum", [source["value"]]]
        if kind == "UnionType":
            elements = [document[int(each["$ref"].rpartition("/")[2])] for each in source["elements"]]
            words = [each["value"] for each in elements if each["$type"] == "StringLiteralType"]
            others = [each for each in elements if each["$type"] != "StringLiteralType"]
            only_text = all(each["$type"] == "StringType" for each in others)
            return ["enum", words] if only_text and words else ["any"]
        return {"BooleanType": ["bool"], "AnyType": ["any"], "NullType": ["any"]}.get(kind)


def write(sources: Iterable[Path], wanted: set[str], target: Path) -> list[str]:
    """Writes the table for the wanted names; answers those that no source has."""
    writer, resources = _Writer(), {}
    missing = {name.lower(): name for name in wanted}
    for path in sorted(sources):
        document = json.loads(path.read_text(encoding="utf-8"))
        seen: dict[int, int] = {}
        for each in document:
            if each["$type"] == "ResourceType" and each["name"].lower() in missing:
                del missing[each["name"].lower()]
                resources[each["name"]] = [writer.add(document, each["body"], seen), each["writableScopes"]]
    rows = ",\n".join(json.dumps(each, separators=(",", ":")) for each in writer.types)
    names = ",\n".join(f"{json.dumps(name)}:{json.dumps(resources[name])}" for name in sorted(resources))
    target.write_text(f'{{"resources":{{\n{names}\n}},"types":[\n{rows}\n]}}\n', encoding="utf-8")
    return sorted(missing.values())


def main() -> int:
    """Writes the table anew."""
    from infra.check.template import named_types

    missing = write(Path(sys.argv[1]).rglob("types.json"), named_types(), TABLE)
    for name in missing:
        sys.stderr.write(f"no source has {name}\n")
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
