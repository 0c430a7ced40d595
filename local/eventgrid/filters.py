"""Which events a subscription wants: by type, by subject, and by advanced filters on any field.

Source: "Understand event filtering for Event Grid subscriptions" (Event Grid docs). Strings are compared without
regard to case. A filter with several values wants one of them, a filter with `Not` in its name none of them; all
filters have to agree. An absent field equals nothing, so that only a `Not` filter and IsNullOrUndefined let it pass.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, StrictBool, StrictFloat, StrictInt, model_validator

from local.eventgrid.documents import Document

MAX_FILTERS = 25
MAX_VALUES = 25
"""Of all advanced filters of a subscription together."""
MAX_STRING = 512

Number = StrictInt | StrictFloat
Text = Annotated[str, Field(max_length=MAX_STRING)]
Range = tuple[Number, Number]


class _Filter(Document):
    operator_type: str
    key: str = Field(min_length=1)

    def wanted(self) -> tuple[Any, ...]:
        """The values to compare with."""
        return ()


class _OfNumbers(_Filter):
    operator_type: Literal["NumberIn", "NumberNotIn"]
    values: tuple[Number, ...] = Field(min_length=1)

    def wanted(self) -> tuple[Any, ...]:
        return self.values


class _OfRanges(_Filter):
    operator_type: Literal["NumberInRange", "NumberNotInRange"]
    values: tuple[Range, ...] = Field(min_length=1)

    def wanted(self) -> tuple[Any, ...]:
        return self.values


class _OfANumber(_Filter):
    operator_type: Literal["NumberLessThan", "NumberLessThanOrEquals", "NumberGreaterThan", "NumberGreaterThanOrEquals"]
    value: Number

    def wanted(self) -> tuple[Any, ...]:
        return (self.value,)


class _OfABool(_Filter):
    operator_type: Literal["BoolEquals"]
    value: StrictBool

    def wanted(self) -> tuple[Any, ...]:
        return (self.value,)


class _OfStrings(_Filter):
    operator_type: Literal[
        "StringIn", "StringContains", "StringBeginsWith", "StringEndsWith",
        "StringNotIn", "StringNotContains", "StringNotBeginsWith", "StringNotEndsWith",
    ]  # fmt: skip
    values: tuple[Text, ...] = Field(min_length=1)

    def wanted(self) -> tuple[Any, ...]:
        return tuple(text.casefold() for text in self.values)


class _OfPresence(_Filter):
    operator_type: Literal["IsNullOrUndefined", "IsNotNull"]


AdvancedFilter = Annotated[
    _OfNumbers | _OfRanges | _OfANumber | _OfABool | _OfStrings | _OfPresence, Field(discriminator="operator_type")
]


class Filter(Document):
    """Which events a subscription wants; without arguments all of them."""

    included_event_types: tuple[str, ...] = ()
    subject_begins_with: str = ""
    subject_ends_with: str = ""
    is_subject_case_sensitive: bool = False
    advanced_filters: tuple[AdvancedFilter, ...] = Field(default=(), max_length=MAX_FILTERS)
    enable_advanced_filtering_on_arrays: bool = False

    @model_validator(mode="after")
    def _few_values(self) -> Filter:
        count = sum(len(each.wanted()) for each in self.advanced_filters)
        if count > MAX_VALUES:
            raise ValueError(f"the advanced filters hold {count} values; {MAX_VALUES} are allowed together")
        return self

    def wants(self, event_type: str, body: Mapping[str, Any]) -> bool:
        """Whether an event of this type with these fields passes."""
        types = {name.casefold() for name in self.included_event_types}
        if types and event_type.casefold() not in types:
            return False
        return self._wants_subject(str(body.get("subject") or "")) and all(
            _passes(each, body, self.enable_advanced_filtering_on_arrays) for each in self.advanced_filters
        )

    def _wants_subject(self, subject: str) -> bool:
        fold: Callable[[str], str] = str if self.is_subject_case_sensitive else str.casefold
        begin, end = fold(self.subject_begins_with), fold(self.subject_ends_with)
        return fold(subject).startswith(begin) and fold(subject).endswith(end)


_CLOUD_EVENTS = {"eventid": "id", "eventtype": "type"}
"""Fields of CloudEvents under the names that a filter uses for them."""

_COMPARE: Mapping[str, Callable[[Any, Any], bool]] = {
    "NumberIn": lambda found, wanted: found == wanted,
    "NumberInRange": lambda found, wanted: wanted[0] <= found <= wanted[1],
    "NumberLessThan": lambda found, wanted: found < wanted,
    "NumberLessThanOrEquals": lambda found, wanted: found <= wanted,
    "NumberGreaterThan": lambda found, wanted: found > wanted,
    "NumberGreaterThanOrEquals": lambda found, wanted: found >= wanted,
    "BoolEquals": lambda found, wanted: found is wanted,
    "StringIn": lambda found, wanted: found == wanted,
    "StringContains": lambda found, wanted: wanted in found,
    "StringBeginsWith": lambda found, wanted: found.startswith(wanted),
    "StringEndsWith": lambda found, wanted: found.endswith(wanted),
}


def _passes(each: _Filter, body: Mapping[str, Any], on_arrays: bool) -> bool:
    found = _field(each.key, body)
    if isinstance(each, _OfPresence):
        return (found is None) == (each.operator_type == "IsNullOrUndefined")
    positive = each.operator_type.replace("Not", "", 1)
    items = found if on_arrays and isinstance(found, list) else [found]
    return _any_equal(positive, items, each.wanted()) == (positive == each.operator_type)


def _any_equal(operator: str, items: Iterable[Any], wanted: tuple[Any, ...]) -> bool:
    comparable = [item.casefold() if isinstance(item, str) else item for item in items if _is_kind(operator, item)]
    return any(_COMPARE[operator](item, value) for item in comparable for value in wanted)


def _is_kind(operator: str, item: Any) -> bool:
    """Whether a value is of the kind that an operator compares; True is no number."""
    if operator.startswith("String"):
        return isinstance(item, str)
    return isinstance(item, bool) == (operator == "BoolEquals") and isinstance(item, int | float)


def _field(key: str, body: Mapping[str, Any]) -> Any:
    """The value under a key such as `Subject` or `data.model.name`; None if there is none.

    Fields of the envelope are found in any case, those of the data in their own.
    """
    head, *path = key.split(".")
    known = {name.casefold(): name for name in body}
    wanted = head.casefold()
    found = body.get(known.get(wanted) or _CLOUD_EVENTS.get(wanted, ""))
    for step in path:
        found = found.get(step) if isinstance(found, Mapping) else None
    return found
