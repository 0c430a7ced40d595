"""Sets of parameters that the templates are rendered for: the example, the shortest names and the longest."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from infra.check.functions import scope_of
from infra.check.problem import Report
from infra.check.syntax import Declaration
from infra.check.template import Template
from infra.check.types import table

#: Longer than any name: what a parameter without a limit may be.
_ENDLESS = 300


EXAMPLE = "as it stands"

_SUBNET = f"{scope_of(group='network')}/providers/Microsoft.Network/virtualNetworks/v/subnets/s"
_GROUP = "0a0b0c0d-0000-4000-8000-00000000000"

#: What is left out of the example, by file: given with the long names, so that everything that is optional is rendered.
OPTIONAL: dict[str, dict[str, Any]] = {
    "main.bicep": {
        "appSubnetId": _SUBNET,
        "allowedIps": ["203.0.113.0/24", "198.51.100.7"],
        "callPhones": [{"countryCode": "1", "phoneNumber": "5550100"}],
        "changesTokenUri": "https://sw.vault.azure.net/secrets/token",
        "alwaysReady": [{"name": "http", "instanceCount": 1}],
    },
    "platform.bicep": {
        "subnetIds": [_SUBNET],
        "clusterSubnetId": _SUBNET,
        "allowedIps": ["203.0.113.0/24", "198.51.100.7"],
        "dataScientistsId": f"{_GROUP}1",
        "mlEngineersId": f"{_GROUP}2",
        "devOpsId": f"{_GROUP}3",
        "dataEngineersId": f"{_GROUP}4",
    },
}


@dataclass
class Case:
    """A file to deploy, with its parameters."""

    label: str
    path: Path
    given: dict[str, Any] = field(default_factory=dict)


def of(root: Path) -> Iterator[Case]:
    """Every parameter file as it stands; then names short and all options off; then names long and all options on."""
    for path in sorted(root.glob("*.bicepparam")):
        file = Template(path, {}, scope_of(), table(), Report(), root)
        if not file.tree.using:
            continue
        target = (path.parent / file.tree.using).resolve()
        example = {name: file.look_up(name, None) for name in file.tree.declared}  # type: ignore[arg-type]  # it finds each
        yield Case(EXAMPLE, target, example)
        if target in {root / "main.bicep", root / "platform.bicep"} and path.stem == target.stem:
            declared = Template(target, example, scope_of(), table(), Report(), root).tree.declared
            parameters = {name: each for name, each in declared.items() if each.kind == "param"}
            evaluate = Template(target, example, scope_of(), table(), Report(), root).evaluator.value
            yield Case("short names", target, {**example, **_extremes(parameters, evaluate, example, longest=False)})
            longest = _extremes(parameters, evaluate, example, longest=True)
            yield Case("long names", target, {**example, **longest, **OPTIONAL[target.name]})


def _extremes(
    parameters: dict[str, Declaration], evaluate: Any, example: dict[str, Any], longest: bool
) -> dict[str, Any]:
    """Texts at their limits and switches on or off; addresses, ids and whatever has a list of values stay."""
    found: dict[str, Any] = {}
    for name, each in parameters.items():
        limits = {word: evaluate(arguments[0]) for word, arguments in each.decorators.items() if arguments}
        usual = example.get(name, evaluate(each.value) if each.value else "")
        if each.of == "bool":
            found[name] = longest
        elif each.of == "string" and "allowed" not in limits and not _is_address(name, usual):
            length = limits.get("maxLength", _ENDLESS) if longest else limits.get("minLength", 1)
            filler = name.lower() * length  # of its own, so that two that have to differ do
            found[name] = f"{usual if longest else ''}{filler}"[:length]
    return found


def _is_address(name: str, usual: Any) -> bool:
    words = (
        "location",
        "uri",
        "id",
        "api",
        "mail",
        "date",
        "size",
        "sku",
        "version",
        "repository",
        "branch",
        "role",
        "url",
    )
    return not isinstance(usual, str) or any(sign in usual for sign in "/:@<") or name.lower().endswith(words)
