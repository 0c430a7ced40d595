"""Tasks, their ends and proposals as JSON, as the table keeps them."""

import json
from functools import cache
from typing import Any, TypeVar

from pydantic import ConfigDict, TypeAdapter, ValidationError

from shared.contracts.stored.releases import StoredFormError
from shared.domain.routines.cutoff import Proposal
from shared.domain.routines.task import JobEnd, Task

VERSION = 1

T = TypeVar("T", Task, Proposal, JobEnd)


_KINDS: dict[str, Any] = {kind.__name__: kind for kind in (Task, Proposal, JobEnd)}


@cache
def _adapter(name: str) -> TypeAdapter[tuple[Any]]:
    """Built when the first of its kind comes: a cold start pays for no other."""
    kind = _KINDS[name]
    shape: Any = tuple[kind]  # type: ignore[valid-type]
    return TypeAdapter(shape, config=ConfigDict(extra="forbid"))


def dump(value: Task | Proposal | JobEnd) -> str:
    """As ASCII JSON."""
    data = _adapter(type(value).__name__).dump_python((value,), mode="json")[0]
    return json.dumps({"v": VERSION, "data": data}, separators=(",", ":"))


def load(kind: type[T], text: str) -> T:
    """What `dump` wrote. Raises StoredFormError."""
    name = kind.__name__
    try:
        outer = json.loads(text)
        if not isinstance(outer, dict) or outer.get("v") != VERSION:
            raise StoredFormError(f"no {name} of version {VERSION}: deploy the version that wrote it")
        value: T = _adapter(name).validate_json(json.dumps([outer.get("data")]))[0]
    except (ValidationError, json.JSONDecodeError) as error:
        raise StoredFormError(f"no {name}: {error}") from error
    return value
