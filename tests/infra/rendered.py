"""The templates as Azure would be asked for them, with the parameters of the example."""

import json
from functools import cache
from typing import Any

from infra.check import cases
from infra.check.problem import Report
from infra.check.template import INFRA, Resource, render
from infra.check.types import table

REPOSITORY = INFRA.parent


@cache
def _example(file: str, changed: str) -> tuple[Resource, ...]:
    changes = json.loads(changed)
    case = next(each for each in cases.of(INFRA) if each.path == INFRA / file)
    report = Report()
    found = render(case.path, {**case.given, **changes}, table(), report).deployed()
    assert report.problems == set()
    return tuple(found)


def example(file: str = "main.bicep", **changes: Any) -> tuple[Resource, ...]:
    """Every resource of a template with the example's parameters, some of them changed."""
    return _example(file, json.dumps(changes))


def of(kind: str, resources: tuple[Resource, ...] | None = None) -> dict[str, Resource]:
    """The resources of one type, by their names: `of("Microsoft.Web/sites")`."""
    return {str(each.name): each for each in resources or example() if each.type == kind}


def one(kind: str, resources: tuple[Resource, ...] | None = None) -> Resource:
    """The only resource of a type."""
    found = list(of(kind, resources).values())
    assert len(found) == 1, [each.name for each in found]
    return found[0]


def app_settings() -> dict[str, Any]:
    """The app settings; a value that only a deployment knows is no string."""
    listed = one("Microsoft.Web/sites").body["properties"]["siteConfig"]["appSettings"]
    return {each["name"]: each["value"] for each in listed}
