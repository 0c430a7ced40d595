"""Compares what the app's identity may do with what the app asks for (`needs.yml`): enough, and no more.

`python -m infra.check.rights` writes the table of rights into `docs/deploying.md`; with `--check` it only compares.
"""

import re
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from infra.check.problem import Report
from infra.check.roles import BUILT_IN, Rights, name_of
from infra.check.template import INFRA, Resource

_ML = "Microsoft.MachineLearningServices/"
PAGE = INFRA.parent / "docs" / "deploying.md"
BEGIN, END = "<!-- rights: written by python -m infra.check.rights -->", "<!-- end of rights -->"


@dataclass(frozen=True)
class Grant:
    """A role that is given to the app on one scope."""

    assignment: Resource
    role: str
    rights: Rights
    scope: str
    why: str
    is_own: bool


@dataclass(frozen=True)
class Need:
    """A right that the app needs somewhere, and who asks for it."""

    place: str
    right: str
    by: str


@cache
def document() -> dict[str, Any]:
    """`needs.yml`."""
    found: dict[str, Any] = yaml.safe_load(Path(__file__).with_name("needs.yml").read_text(encoding="utf-8"))
    return found


def needs() -> list[Need]:
    """Every right that the app needs."""
    read = document()
    found = [
        Need(place, _ML + right, operation)
        for place, seen in read["seen"].items()
        for operation in seen
        for right in read["operations"][operation]
    ]
    for block in read["documented"]:
        found += [Need(place, _ML + right, "a job") for place in block["places"] for right in block["rights"]]
    return found + [Need(each["place"], each["right"], each["by"]) for each in read["others"]]


def grants(resources: list[Resource], principal: str) -> list[Grant]:
    """The roles that an identity is given."""
    own = {str(each.id).lower(): each for each in resources if each.type == "Microsoft.Authorization/roleDefinitions"}
    found = []
    for each in resources:
        properties = each.body.get("properties", {})
        if each.type != "Microsoft.Authorization/roleAssignments" or properties.get("principalId") != principal:
            continue
        role_id = str(properties["roleDefinitionId"]).lower()
        definition = own.get(role_id)
        name = name_of(role_id)
        if definition:
            said = definition.body["properties"]
            block = said["permissions"][0]
            rights = Rights(
                tuple(block["actions"]), tuple(block.get("notActions", ())), tuple(block.get("dataActions", ()))
            )
            found.append(Grant(each, said["roleName"].rpartition(" ")[0], rights, str(each.scope), _why(each), True))
        elif name:
            found.append(Grant(each, name, BUILT_IN[name].rights, str(each.scope), _why(each), False))
    return found


def _why(resource: Resource) -> str:
    said = resource.declaration.decorators.get("description")
    return str(resource.template.evaluator.value(said[0])) if said else ""


def _place(scope: str) -> str | None:
    places: dict[str, str] = document()["places"]
    return next((name for name, end in places.items() if re.search(f"(^|/){end}$", scope)), None)


def check(resources: list[Resource], report: Report) -> None:
    """Says every right that is missing, and every one that nothing needs."""
    given = grants(resources, "<switchyard-app.properties.principalId>")
    wanted = needs()
    by_place: dict[str, list[Grant]] = {}
    for grant in given:
        place = _place(grant.scope)
        if place is None:
            report.say(
                grant.assignment.place,
                f"{grant.role} is given on {grant.scope}, which infra/check/needs.yml does not know",
            )
            continue
        by_place.setdefault(place, []).append(grant)
        if not grant.why:
            report.say(
                grant.assignment.place, f"{grant.assignment.declaration.name} says not why: it needs a @description"
            )
        here = [need.right for need in wanted if need.place == place]
        for pattern in _in_question(grant):
            one = Rights((pattern,)) if isinstance(pattern, str) else pattern
            if not any(one.allow(right) for right in here):
                what = pattern if isinstance(pattern, str) else grant.role
                report.say(grant.assignment.place, f"nothing in {place} needs {what}")
    where = given[0].assignment.place if given else None
    for need in wanted:
        if where and not any(grant.rights.allow(need.right) for grant in by_place.get(need.place, [])):
            report.say(where, f"the app may not {need.right} in {need.place}, which {need.by} needs")


def _in_question(grant: Grant) -> list[str | Rights]:
    """Of a role of our own each right, of a built-in one the whole."""
    return [*grant.rights.actions, *grant.rights.data_actions] if grant.is_own else [grant.rights]


def table(resources: list[Resource]) -> str:
    """The rights of the app, for people."""
    rows = ["| role | on | because |", "|---|---|---|"]
    for grant in grants(resources, "<switchyard-app.properties.principalId>"):
        role = f"{grant.role} (made here)" if grant.is_own else grant.role
        rows.append(f"| {role} | {_said(grant.scope)} | {grant.why} |")
    return "\n".join(dict.fromkeys(rows))


def _said(scope: str) -> str:
    place = _place(scope) or scope
    words = {
        "dev": "the dev workspace",
        "test": "the test workspace",
        "production": "the production workspace",
        "queues": "each queue",
        "state containers": "each container of the app in the state's storage account",
        "workspace storage": "the storage account of each workspace",
    }
    return words.get(place, f"the {place}")


def main() -> int:
    """Writes or compares the table of the page."""
    from infra.check import cases
    from infra.check.template import render
    from infra.check.types import table as types

    case = next(each for each in cases.of(INFRA) if each.path == INFRA / "main.bicep")
    rows = table(render(case.path, case.given, types(), Report()).deployed())
    text = PAGE.read_text(encoding="utf-8")
    before, _, rest = text.partition(BEGIN)
    new = f"{before}{BEGIN}\n\n{rows}\n\n{END}{rest.partition(END)[2]}"
    if "--check" in sys.argv:
        if new != text:
            sys.stderr.write(f"{PAGE.name} is old: python -m infra.check.rights\n")
        return int(new != text)
    PAGE.write_text(new, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
