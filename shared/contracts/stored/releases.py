"""Releases, targets, history entries and alerts as JSON text in the table, with a version.

Every text carries `schema_v`. Unknown versions and unknown fields are refused, so that code that was rolled back never
drops what newer code wrote (R-FAULT-27). The text is plain ASCII: its length is its size in UTF-16 units and in UTF-8
bytes alike.
"""

import json
from typing import Any, TypeVar

from pydantic import ConfigDict, TypeAdapter, ValidationError

from shared.domain.alerts.model import AlertRecord
from shared.domain.release.history import HistoryEntry
from shared.domain.release.model import FleetTarget, Release, Target

SCHEMA_V = 1

_STRICT = ConfigDict(strict=True, extra="forbid")
# Tuples of one: pydantic takes a strict configuration for them, and the domain's dataclasses inside inherit it.
_RELEASE = TypeAdapter(tuple[Release], config=_STRICT)
_TARGET = TypeAdapter(tuple[Target], config=_STRICT)
_FLEET_TARGET = TypeAdapter(tuple[FleetTarget], config=_STRICT)
_ENTRY = TypeAdapter(tuple[HistoryEntry], config=_STRICT)
_ALERT = TypeAdapter(tuple[AlertRecord], config=_STRICT)

T = TypeVar("T")


class StoredFormError(ValueError):
    """A stored text that this version cannot read. Nothing may act on it; deploy the version that wrote it."""


def dump_release(release: Release) -> str:
    """`release` as JSON text."""
    return _dump("release", _RELEASE.dump_python((release,), mode="json"))


def load_release(text: str) -> Release:
    """The release of `text`. Raises StoredFormError."""
    return _load("release", text, _RELEASE)


def dump_target(target: Target) -> str:
    """`target` as JSON text."""
    return _dump("target", _TARGET.dump_python((target,), mode="json"))


def load_target(text: str) -> Target:
    """The target of `text`. Raises StoredFormError."""
    return _load("target", text, _TARGET)


def dump_fleet_target(target: FleetTarget) -> str:
    """`target` as JSON text."""
    return _dump("fleet_target", _FLEET_TARGET.dump_python((target,), mode="json"))


def load_fleet_target(text: str) -> FleetTarget:
    """The target of `text`. Raises StoredFormError."""
    return _load("fleet_target", text, _FLEET_TARGET)


def dump_entry(entry: HistoryEntry) -> str:
    """`entry` as JSON text."""
    return _dump("entry", _ENTRY.dump_python((entry,), mode="json"))


def load_entry(text: str) -> HistoryEntry:
    """The history entry of `text`. Raises StoredFormError."""
    return _load("entry", text, _ENTRY)


def dump_alert(record: AlertRecord) -> str:
    """`record` as JSON text."""
    return _dump("alert", _ALERT.dump_python((record,), mode="json"))


def load_alert(text: str) -> AlertRecord:
    """The record of `text`. Raises StoredFormError."""
    return _load("alert", text, _ALERT)


def _dump(what: str, values: tuple[Any]) -> str:
    return json.dumps({"schema_v": SCHEMA_V, what: values[0]}, separators=(",", ":"))


def _load(what: str, text: str, adapter: TypeAdapter[tuple[T]]) -> T:
    try:
        outer = json.loads(text)
    except ValueError as error:
        raise StoredFormError(f"a stored {what} is not JSON: {error}") from error
    if not isinstance(outer, dict) or "schema_v" not in outer:
        raise StoredFormError(f"a stored {what} has no schema_v")
    version = outer["schema_v"]
    if version != SCHEMA_V or version is True:
        raise StoredFormError(
            f"a stored {what} has schema_v {version!r}; this code reads {SCHEMA_V}: deploy the version that wrote it"
        )
    if set(outer) != {"schema_v", what}:
        raise StoredFormError(f"a stored {what} must hold schema_v and {what}, not {', '.join(sorted(outer))}")
    try:
        (value,) = adapter.validate_json(json.dumps([outer[what]]))
    except ValidationError as error:
        faults = (f"{'.'.join(map(str, f['loc'][1:]))}: {f['msg']}" for f in error.errors(include_url=False))
        raise StoredFormError(f"a stored {what} cannot be read: {'; '.join(faults)}") from error
    return value
