"""Hypothesis strategies for any dataclass of the domain, from its type hints alone: a new field needs nothing here."""

import types
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, is_dataclass
from datetime import UTC, date, datetime
from enum import Enum
from typing import Any, Union, get_args, get_origin, get_type_hints

from hypothesis import strategies as st

from shared.domain.release.commands import COMMAND_TYPES
from shared.domain.release.events import EVENT_TYPES, Event

_PLAIN: dict[type, st.SearchStrategy[Any]] = {
    str: st.text(max_size=12),
    int: st.integers(min_value=-(2**53), max_value=2**53),
    bool: st.booleans(),
    float: st.floats(allow_nan=False, allow_infinity=False),
    date: st.dates(),
    type(None): st.none(),
    datetime: st.datetimes(min_value=datetime(2000, 1, 1), max_value=datetime(2200, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
}


def anything_of(hint: Any) -> st.SearchStrategy[Any]:
    """Values of a type hint: what the domain's dataclasses use, nothing else."""
    if hint is Event:
        return st.deferred(events)
    if hint in _PLAIN:
        return _PLAIN[hint]
    if get_origin(hint) in (Union, types.UnionType):
        return st.one_of([anything_of(option) for option in get_args(hint)])
    if get_origin(hint) in (tuple, Sequence):
        return st.lists(anything_of(get_args(hint)[0]), max_size=2).map(tuple)
    if get_origin(hint) in (dict, Mapping):
        key, value = get_args(hint)
        return st.dictionaries(anything_of(key), anything_of(value), max_size=2)
    if isinstance(hint, type) and issubclass(hint, Enum):
        return st.sampled_from(hint)
    if is_dataclass(hint):
        return _dataclass_of(hint)
    raise TypeError(f"no strategy for {hint!r}")


def _dataclass_of(kind: Callable[..., Any]) -> st.SearchStrategy[Any]:
    hints = get_type_hints(kind)
    return st.builds(kind, **{field.name: anything_of(hints[field.name]) for field in fields(kind)})  # type: ignore[arg-type]


def events() -> st.SearchStrategy[Any]:
    """Any event of any type."""
    return st.one_of([_dataclass_of(kind) for kind in EVENT_TYPES])


def commands() -> st.SearchStrategy[Any]:
    """Any command of any type."""
    return st.one_of([_dataclass_of(kind) for kind in COMMAND_TYPES])
