"""What the table keeps of a record: `{"schema_v": 1, "<what>": {...}}` as ASCII JSON.

A text that cannot be read whole is refused (R-FAULT-27). If unknown fields were left out, code that was rolled back
would delete with its next write what newer code had stored. ASCII, so that the length of a text is its size in UTF-16
units as well, in which the table counts.
"""

import json
from collections.abc import Callable
from contextlib import suppress
from functools import cached_property
from typing import Any, Generic, TypeVar

from pydantic import ConfigDict, TypeAdapter, ValidationError

SCHEMA_V = 1

T = TypeVar("T")


class StoredFormError(ValueError):
    """A stored text that this version cannot read. Nothing may act on it; deploy the version that wrote it."""


class StoredForm(Generic[T]):
    """How records of the dataclass `kind` become text and back.

    `what` names the record in the text and in errors. `upgraded` turns the outer object of a text that was written
    before all kinds had `schema_v` into today's; the record inside is the same.
    """

    def __init__(
        self, what: str, kind: type[T], *, upgraded: Callable[[dict[str, Any]], dict[str, Any]] | None = None
    ) -> None:
        self._what = what
        self._shape: Any = tuple[kind]  # type: ignore[valid-type]  # a value here, no annotation
        self._upgraded = upgraded
        self._head = f'{{"schema_v":{SCHEMA_V},"{what}":'  # of every text that `dump` makes

    @cached_property
    def _adapter(self) -> TypeAdapter[tuple[T]]:
        """Takes milliseconds to build, so a cold start builds only those it needs.

        A tuple of one, because pydantic takes no configuration beside a dataclass; the dataclasses inside inherit it.
        """
        return TypeAdapter(self._shape, config=ConfigDict(strict=True, extra="forbid", ser_json_inf_nan="constants"))

    def dump(self, record: T) -> str:
        """The text of `record`."""
        data = self._adapter.dump_json((record,), ensure_ascii=True, fallback=tuple)  # a roster is a list of its own
        return f"{self._head}{data.decode()[1:-1]}}}"

    def load(self, text: str) -> T:
        """The record of `text`. Raises StoredFormError."""
        if text.startswith(self._head) and text.endswith("}"):
            with suppress(ValidationError):  # what is wrong is said below
                (record,) = self._adapter.validate_json(f"[{text[len(self._head) : -1]}]")
                return record
        data = self._data(text)
        try:
            (record,) = self._adapter.validate_json(json.dumps([data]))
        except ValidationError as error:
            faults = (f"{'.'.join(map(str, f['loc'][1:]))}: {f['msg']}" for f in error.errors(include_url=False))
            raise self._refused(f"cannot be read: {'; '.join(faults)}") from error
        return record

    def _data(self, text: str) -> Any:
        try:
            outer = json.loads(text)
        except ValueError as error:
            raise self._refused(f"is not JSON: {error}") from error
        if isinstance(outer, dict) and "schema_v" not in outer and self._upgraded:
            outer = self._upgraded(outer)
        if not isinstance(outer, dict) or "schema_v" not in outer:
            raise self._refused("has no schema_v")
        version = outer["schema_v"]
        if type(version) is not int or version != SCHEMA_V:
            raise self._refused(f"has schema_v {version!r}; this code reads {SCHEMA_V}")
        if set(outer) != {"schema_v", self._what}:
            raise self._refused(f"must hold schema_v and {self._what}, not {', '.join(sorted(outer))}")
        return outer[self._what]

    def _refused(self, why: str) -> StoredFormError:
        return StoredFormError(f"a stored {self._what} {why}: deploy the version that wrote it")
