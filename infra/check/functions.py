"""The functions of Bicep that the templates use. Ids that they make up have the form of real ones."""

import hashlib
import ipaddress
import json
import uuid
from collections.abc import Callable
from typing import Any

SUBSCRIPTION = "5f1d2c3b-0000-4000-8000-000000000001"
TENANT = "7a2e4d5c-0000-4000-8000-000000000002"
GROUP = "switchyard-rg"


def scope_of(subscription: str = SUBSCRIPTION, group: str | None = None) -> str:
    """The id of a subscription, or of a resource group in it."""
    return f"/subscriptions/{subscription}" + (f"/resourceGroups/{group}" if group else "")


def unique_string(*parts: str) -> str:
    """13 small letters and digits, the same for the same parts."""
    number = int.from_bytes(hashlib.sha256("|".join(parts).encode()).digest()[:9], "big")
    letters = "abcdefghijklmnopqrstuvwxyz234567"
    return "".join(letters[number >> 5 * place & 31] for place in range(13))


def _items(value: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"key": key, "value": value[key]} for key in sorted(value)]


def _string(value: Any) -> str:
    if isinstance(value, bool):
        return str(value)  # as Resource Manager writes it, with a capital
    return value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))


def _format(template: str, *values: Any) -> str:
    for number, value in enumerate(values):
        template = template.replace(f"{{{number}}}", _string(value))
    return template


def _contains(where: Any, what: Any) -> bool:
    return what in where


def _union(*values: Any) -> Any:
    if isinstance(values[0], dict):
        return {key: each for value in values for key, each in value.items()}
    found: list[Any] = []
    for value in values:
        found += [each for each in value if each not in found]
    return found


def _concat(*values: Any) -> Any:
    if isinstance(values[0], list):
        return [each for value in values for each in value]
    return "".join(values)


def _resource_id(*parts: str) -> str:
    """Of `[group,] type, names...` in the subscription; the templates name nothing in another one this way."""
    group = GROUP
    if "/" not in parts[0]:
        group, *rest = parts
        parts = tuple(rest)
    return scope_of(group=group) + provider(parts[0], "/".join(parts[1:]))


def provider(resource_type: str, name: str) -> str:
    """The end of an id: `/providers/Microsoft.X/a/name-of-a/b/name-of-b`."""
    namespace, *kinds = resource_type.split("/")
    pairs = zip(kinds, name.split("/"), strict=True)
    return f"/providers/{namespace}/" + "/".join(f"{kind}/{each}" for kind, each in pairs)


def _parse_cidr(text: str) -> dict[str, str]:
    network = ipaddress.ip_network(text)
    hosts = list(network.hosts())
    return {"network": str(network.network_address), "firstUsable": str(hosts[0]), "lastUsable": str(hosts[-1])}


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "any": lambda value: value,
    "bool": lambda text: text.lower() == "true",
    "concat": _concat,
    "contains": _contains,
    "empty": lambda value: not value,
    "endsWith": lambda text, end: text.lower().endswith(end.lower()),
    "first": lambda value: value[0] if value else None,
    "flatten": lambda value: [each for inner in value for each in inner],
    "format": _format,
    "guid": lambda *parts: str(uuid.uuid5(uuid.NAMESPACE_OID, "|".join(parts))),
    "int": int,
    "items": _items,
    "join": lambda parts, by: by.join(parts),
    "last": lambda value: value[-1] if value else None,
    "length": len,
    "min": min,
    "max": max,
    "parseCidr": _parse_cidr,
    "range": lambda start, count: list(range(start, start + count)),
    "replace": lambda text, old, new: text.replace(old, new),
    "resourceId": _resource_id,
    "split": lambda text, by: text.split(by),
    "startsWith": lambda text, begin: text.lower().startswith(begin.lower()),
    "string": _string,
    "subscriptionResourceId": lambda kind, *names: scope_of() + provider(kind, "/".join(names)),
    "take": lambda value, count: value[:count],
    "toLower": str.lower,
    "trim": str.strip,
    "union": _union,
    "uniqueString": unique_string,
}
"""Without what depends on the file or its scope; those are in `template.py`."""

STRUCTURAL = {"any", "concat", "empty", "first", "flatten", "items", "last", "length", "union"}
"""They move parts of lists and objects about, and need not know what is in them."""
