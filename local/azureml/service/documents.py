"""The parts every ARM document has: identity, `systemData`, and pages of a list."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from local.azureml.service.clock import CLOCK
from local.azureml.service.store import Document

PAGE_SIZE = 100  # documents per page of a list; the SDK follows `nextLink`


def utc_now() -> str:
    return CLOCK.now().isoformat().replace("+00:00", "Z")


class Application(str):
    """The name of a caller that is no person."""


def system_data(caller: str, old: Document | None) -> dict[str, str]:
    """Who created and last changed a resource: the caller's name from the token, and whether that is a person."""
    now, kind = utc_now(), "Application" if isinstance(caller, Application) else "User"
    changed = {"lastModifiedBy": caller, "lastModifiedByType": kind, "lastModifiedAt": now}
    if old:
        return {**old["systemData"], **changed}
    return {"createdBy": caller, "createdByType": kind, "createdAt": now, **changed}


def touched(document: Document) -> Document:
    """The document with the time of this change. `lastModifiedBy` stays, since the service made the change."""
    return {**document, "systemData": {**document["systemData"], "lastModifiedAt": utc_now()}}


def page(items: list[Document], query: Mapping[str, str], url: str) -> dict[str, Any]:
    """One page of a list. `$top` bounds the whole list, `$skip` is this server's own continuation."""
    if top := query.get("$top"):
        return {"value": items[: int(top)], "nextLink": None}
    start = int(query.get("$skip", "0"))
    end = start + PAGE_SIZE
    if end >= len(items):
        return {"value": items[start:], "nextLink": None}
    rest = "&".join(f"{name}={value}" for name, value in query.items() if name != "$skip")
    return {"value": items[start:end], "nextLink": f"{url}?{rest}&$skip={end}"}
