"""A file with its parameters, rendered: the resources that Azure would be asked for."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from infra.check.check_types import TypeCheck
from infra.check.evaluate import Evaluator
from infra.check.functions import GROUP, SUBSCRIPTION, TENANT, provider, scope_of
from infra.check.lexer import BicepSyntaxError
from infra.check.parameters import checked
from infra.check.problem import Place, Report
from infra.check.syntax import Declaration, File, Node, parse
from infra.check.types import EXTENSION, RESOURCE_GROUP, Table
from infra.check.types import SUBSCRIPTION as AT_SUBSCRIPTION
from infra.check.values import Obj, Unknown

INFRA = Path(__file__).resolve().parents[1]

_SCOPES = {"resourceGroup": RESOURCE_GROUP, "subscription": AT_SUBSCRIPTION}


_parsed = cache(parse)


def read(path: Path) -> File:
    """A file as a tree; the same text is read once, wherever it stands."""
    return _parsed(path.read_text(encoding="utf-8"))


def named_types(root: Path = INFRA) -> set[str]:
    """Types and versions that any file below `root` names; of nested resources with the type around them."""

    def of(declaration: Declaration, around: str) -> Iterator[str]:
        kind, _, version = declaration.of.partition("@")
        outer, _, outer_version = around.partition("@")
        name = f"{outer}/{kind}@{version or outer_version}" if around else declaration.of
        yield name
        for nested in _nested(declaration.value):
            yield from of(nested, name)

    files = [read(path) for path in root.rglob("*.bicep")]
    found = [each for file in files for each in file.declared.values() if each.kind == "resource"]
    return {name for each in found for name in of(each, "")}


def _nested(node: Node | None) -> list[Declaration]:
    while node and node.kind in ("for", "if"):
        node = node.parts[-1]
    return [part[1] for part in node.parts if len(part) == 2] if node else []


@dataclass(eq=False)
class Resource:
    """A resource of one deployment."""

    template: "Template"
    declaration: Declaration
    type: str
    version: str
    body: Obj
    parent: "Resource | None" = None
    deployed: bool = True

    @property
    def place(self) -> Place:
        """Where it is declared."""
        return Place(self.template.file, self.declaration.line)

    @property
    def name(self) -> Any:
        """The full name: with the parent's."""
        own = self.body.get("name", Unknown("name"))
        if isinstance(own, Unknown) or not self.parent:
            return own
        return Unknown("name") if isinstance(self.parent.name, Unknown) else f"{self.parent.name}/{own}"

    @property
    def scope(self) -> Any:
        """What it belongs to: the resource that it extends, or its group or subscription."""
        if self.parent:
            return self.parent.scope
        given = self.body.get("scope")
        return given.id if isinstance(given, Resource) else given if isinstance(given, str) else self.template.scope

    @property
    def id(self) -> Any:
        """The ARM id."""
        if isinstance(self.name, Unknown) or isinstance(self.scope, Unknown):
            return Unknown("id")
        return f"{self.scope}{provider(self.type, self.name)}"

    def member(self, name: str, place: Place) -> Any:
        """A property, as an expression of the template reads it."""
        if name in ("id", "type"):
            return self.id if name == "id" else self.type
        if name == "name":
            return self.body.get("name", Unknown("name"))
        if not self.deployed:
            self.template.report.say(place, f"{self.declaration.name} is read, and its condition does not hold")
        known = self.template.table.resource(f"{self.type}@{self.version}")
        if not known:
            return Unknown()
        whose = self.declaration.name if isinstance(self.name, Unknown) else self.name
        return self.template.evaluator.member_of(Unknown(whose, known[1]), name, place)

    def nested(self, name: str, place: Place) -> Any:
        """A resource that is declared inside this one."""
        for each in _nested(self.declaration.value):
            if each.name == name:
                return self.template.resource_of(each, self)
        self.template.report.say(place, f"{self.declaration.name} has no resource {name} in it")
        return Unknown()


@dataclass(eq=False)
class Module:
    """A module of one deployment."""

    template: "Template"
    name: str
    deployed: bool = True

    def member(self, name: str, place: Place) -> Any:
        """Its outputs; nothing else of a module is read."""
        return Outputs(self) if name == "outputs" else self.name if name == "name" else Unknown()


@dataclass(eq=False)
class Outputs:
    """What a module answers."""

    module: Module

    def member(self, name: str, place: Place) -> Any:
        """The value of one output."""
        template = self.module.template
        if not self.module.deployed:
            template.report.say(place, f"{name} is read of a module whose condition does not hold")
        if name not in template.tree.outputs:
            template.report.say(place, f"{template.file} has no output {name}")
            return Unknown()
        return template.output(name)


class Template:
    """One file in one deployment."""

    def __init__(
        self,
        path: Path,
        given: dict[str, Any],
        scope: str,
        table: Table,
        report: Report,
        root: Path = INFRA,
        place: Place | None = None,
    ) -> None:
        self.path, self.scope, self.table, self.report, self.root = path, scope, table, report, root
        self.file = path.relative_to(root).as_posix()
        try:
            self.tree = read(path)
        except BicepSyntaxError as error:
            report.say(Place(self.file, error.line), str(error))
            self.tree = File()
        self.evaluator = Evaluator(self.file, self, table, report)
        self.given = given
        self._memo: dict[Any, Any] = {}
        self._modules: list[Template] = []
        checked(self.tree, given, self.evaluator, place or Place(self.file, 1))

    # What the evaluator asks.

    def look_up(self, name: str, place: Place) -> Any:
        """The value of a name."""
        declaration = self.tree.declared.get(name)
        if declaration is None:
            self.report.say(place, f"{name} is not declared")
            return Unknown()
        if name not in self._memo:
            self._memo[name] = Unknown(name)  # what asks for itself stays unknown
            self._memo[name] = self._value(declaration)
        return self._memo[name]

    def declare_nested(self, declaration: Declaration) -> None:
        """Nested resources are found in the tree."""

    def call(self, name: str, arguments: list[Any], place: Place) -> Any:
        """Functions that depend on where the file is, or is deployed to."""
        subscription, _, group = self.scope.removeprefix("/subscriptions/").partition("/resourceGroups/")
        if name == "resourceGroup" and not arguments:
            if not group:
                self.report.say(place, "there is no resource group in a deployment to a subscription")
            return {"id": self.scope, "name": group, "location": "westeurope"}
        if name == "resourceGroup":
            known = not any(isinstance(each, Unknown) for each in arguments)
            return scope_of(*arguments if len(arguments) == 2 else (subscription, arguments[0])) if known else Unknown()
        if name == "subscription":
            given = arguments[0] if arguments else subscription
            return {"id": scope_of(given), "subscriptionId": given, "tenantId": TENANT}
        if name == "tenant":
            return {"tenantId": TENANT}
        if name == "environment":
            endpoint = {"loginEndpoint": "https://login.microsoftonline.com/"}
            return {
                "authentication": endpoint,
                "suffixes": {"storage": "core.windows.net"},
                "resourceManager": "https://management.azure.com/",
            }
        if name == "readEnvironmentVariable":
            return arguments[1] if len(arguments) > 1 else f"<{arguments[0]}>"
        if name in ("loadJsonContent", "loadYamlContent", "loadTextContent"):
            path = (self.path.parent / arguments[0]).resolve()
            if not path.is_file():
                self.report.say(place, f"there is no file {arguments[0]}")
                return Unknown()
            text = path.read_text(encoding="utf-8")
            return json.loads(text) if "Json" in name else yaml.safe_load(text) if "Yaml" in name else text
        return NotImplemented

    def output(self, name: str) -> Any:
        """The value of an output."""
        node = self.tree.outputs[name].value
        return self.evaluator.value(node) if node else Unknown()

    # What is rendered.

    def _value(self, declaration: Declaration) -> Any:
        if declaration.kind == "param" and declaration.name in self.given:
            return self.given[declaration.name]
        if declaration.kind == "resource":
            return self.resource_of(declaration, None)
        if declaration.kind == "module":
            return self._module_of(declaration)
        return self.evaluator.value(declaration.value) if declaration.value else Unknown(declaration.name)

    def resource_of(self, declaration: Declaration, around: Resource | None) -> Any:
        """The resource, or the list of them, that a declaration makes."""
        key = (id(declaration), id(around))
        if key not in self._memo:
            self._memo[key] = self._each(
                declaration, lambda body, holds: self._resource(declaration, body, holds, around)
            )
        return self._memo[key]

    def _each(self, declaration: Declaration, made: Any) -> Any:
        """What a body makes: one thing, or with a loop a list. A body whose condition does not hold is read as well."""
        node, evaluate = declaration.value, self.evaluator.value
        assert node  # nosec B101 # for the type checker: the parser gives each of them a value
        if node.kind == "for":
            item, index, over, inner = node.parts
            values = evaluate(over)
            if isinstance(values, Unknown):
                self.report.say(Place(self.file, node.line), "a loop needs a list that is known before the deployment")
                return []
            return [
                made(evaluate(_bare(inner), local), _holds(inner, local, evaluate))
                for local in (
                    {item: value, **({index: number} if index else {})} for number, value in enumerate(values)
                )
            ]
        return made(evaluate(_bare(node)), _holds(node, {}, evaluate))

    def _resource(self, declaration: Declaration, body: Any, holds: bool, around: Resource | None) -> Resource:
        kind, _, version = declaration.of.partition("@")
        parent = around or body.get("parent")
        if around:
            kind, version = f"{around.type}/{kind}", version or around.version
        place = Place(self.file, declaration.line)
        parent = parent if isinstance(parent, Resource) else None
        deployed = holds and (parent is None or parent.deployed)
        made = Resource(self, declaration, kind, version, body, parent, deployed)
        known = self.table.resource(f"{kind}@{version}")
        if not known:
            have = self.table.versions(kind)
            self.report.say(
                place, f"there is no type {kind}@{version}" + (f"; {', '.join(have)} is known" if have else "")
            )
        elif known[0] != f"{kind}@{version}":
            self.report.say(place, f"{kind} is written {known[0].partition('@')[0]}")
        elif declaration.existing:
            pass
        elif isinstance(made.name, Unknown):
            self.report.say(place, f"the name of {declaration.name} is known during the deployment only")
        elif not known[2] & (EXTENSION if isinstance(body.get("scope"), Resource) else _SCOPES[self.tree.scope]):
            self.report.say(place, f"{kind} cannot be made in a {self.tree.scope}")
        else:
            TypeCheck(self.table, self.report).body(known[1], body, kind.partition("/")[2])
        return made

    def _module_of(self, declaration: Declaration) -> Any:
        path = (self.path.parent / declaration.of).resolve()
        place = Place(self.file, declaration.line)
        if not path.is_file():
            self.report.say(place, f"there is no module {declaration.of}")
            return Unknown()

        def made(body: Any, holds: bool) -> Module:
            for key in body.keys() - {"name", "scope", "params", "dependsOn"}:
                self.report.say(place, f"a module has no {key}")
            scope, name = body.get("scope", self.scope), body.get("name", "")
            if isinstance(name, str) and not re.fullmatch(r"[-\w.()]{1,64}", name):
                self.report.say(
                    place, f"{name!r} cannot be the name of a deployment: 1 to 64 letters, digits, - _ . ( )"
                )
            given = {key: _at_start(value) for key, value in body.get("params", Obj()).items()}
            template = Template(
                path, given, scope if isinstance(scope, str) else scope["id"], self.table, self.report, self.root, place
            )
            if (template.tree.scope == "resourceGroup") != ("/resourceGroups/" in template.scope):
                self.report.say(place, f"{template.file} is for a {template.tree.scope}")
            self._modules.append(template)
            return Module(template, name, holds)

        return self._each(declaration, made)

    def deployed(self) -> list[Resource]:
        """Every resource that would be made, those of modules among them."""
        found: list[Resource] = []

        def add(resource: Any) -> None:
            for each in resource if isinstance(resource, list) else [resource]:
                for nested in _nested(each.declaration.value):
                    add(self.resource_of(nested, each))
                if each.deployed and not each.declaration.existing:
                    found.append(each)

        for name, declaration in self.tree.declared.items():
            value = self.look_up(name, Place(self.file, declaration.line))
            if declaration.kind == "resource":
                add(value)
            elif declaration.kind == "module" and not isinstance(value, Unknown):
                for each in value if isinstance(value, list) else [value]:
                    found += each.template.deployed() if each.deployed else []
        for name in self.tree.outputs:
            self.output(name)
        return found

    def files(self) -> set[Path]:
        """This file and those of its modules, whether their conditions hold or not."""
        return {self.path}.union(*(each.files() for each in self._modules))


def _bare(node: Node) -> Node:
    return node.parts[1] if node.kind == "if" else node


def _holds(node: Node, local: dict[str, Any], evaluate: Any) -> bool:
    holds = evaluate(node.parts[0], local) if node.kind == "if" else True
    return isinstance(holds, Unknown) or bool(holds)


def _at_start(value: Any) -> Any:
    """A module begins when its parameters are known: what names an unknown text stands for it."""
    return f"<{value.what}>" if isinstance(value, Unknown) and value.what not in ("", "array") else value


def render(path: Path, given: dict[str, Any], table: Table, report: Report, root: Path = INFRA) -> Template:
    """A file as it would be deployed to the resource group, or to the subscription, of `functions.py`."""
    group = GROUP if "targetScope = 'subscription'" not in path.read_text(encoding="utf-8") else None
    return Template(path, given, scope_of(SUBSCRIPTION, group), table, report, root)
