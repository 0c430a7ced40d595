"""Tasks, proposals and the messages about tasks as JSON: what is kept in the table and sent on the queue `routines`."""

import json
import re
from functools import cache
from typing import Any, TypeVar

from pydantic import ConfigDict, TypeAdapter, ValidationError

from shared.contracts.messages import MessageError, seal, unseal
from shared.contracts.stored.releases import StoredFormError
from shared.domain.errors import InvalidRequest
from shared.domain.routines.cutoff import Proposal
from shared.domain.routines.task import JobEnd, PeriodWish, Routine, Task, TaskRef, days_of

VERSION = 1
_LOOK, _MAKE = "LookAtTask", "MakeTasks"
_CIRCUIT = re.compile(r"P[0-9]{3,6}-C[0-9]{3,6}")

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


def encode(message: TaskRef | PeriodWish) -> str:
    """Says which task to look at, or which period's tasks to make."""
    data: dict[str, str | bool] = {"routine": message.routine.value, "period": message.period}
    if isinstance(message, TaskRef):
        return seal(_LOOK, {**data, "circuit": message.circuit})
    return seal(_MAKE, {**data, "again": message.again})


def decode(body: str | bytes) -> TaskRef | PeriodWish:
    """The task to look at, or the period. Raises MessageError."""
    kind, data = unseal(body)
    if kind not in (_LOOK, _MAKE):
        raise MessageError(f"{kind!r} is no kind of message of this queue: it takes {_LOOK} and {_MAKE}")
    try:
        routine, period = Routine(data["routine"]), str(data["period"])
        days_of(routine, period)
        if kind == _MAKE:
            return PeriodWish(routine=routine, period=period, again=data["again"] is True)
        circuit = str(data["circuit"])
    except (ValueError, KeyError, TypeError, InvalidRequest) as error:
        raise MessageError(f"{kind}: {type(error).__name__} {error}") from error
    if not _CIRCUIT.fullmatch(circuit):
        raise MessageError(f"{circuit!r} is no key of a circuit")
    return TaskRef(routine=routine, period=period, circuit=circuit)
