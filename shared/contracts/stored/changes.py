"""Records of changes as JSON text in the table, with a version.

Same rules as for releases (release_json): unknown versions and fields are refused, and the text is plain ASCII.
"""

import json

from pydantic import ConfigDict, TypeAdapter, ValidationError

from shared.contracts.stored.releases import StoredFormError
from shared.domain.changes.record import ChangeRecord

SCHEMA_V = 1

_RECORD = TypeAdapter(tuple[ChangeRecord], config=ConfigDict(strict=True, extra="forbid"))


def dump_change(record: ChangeRecord) -> str:
    """`record` as JSON text."""
    body = {"schema_v": SCHEMA_V, "change": _RECORD.dump_python((record,), mode="json")[0]}
    return json.dumps(body, separators=(",", ":"))


def load_change(text: str) -> ChangeRecord:
    """The record of `text`. Raises StoredFormError."""
    try:
        outer = json.loads(text)
    except ValueError as error:
        raise StoredFormError(f"a stored change is not JSON: {error}") from error
    if not isinstance(outer, dict) or set(outer) != {"schema_v", "change"} or outer["schema_v"] is True:
        raise StoredFormError("a stored change must hold schema_v and change")
    if outer["schema_v"] != SCHEMA_V:
        raise StoredFormError(f"a stored change has schema_v {outer['schema_v']!r}; this code reads {SCHEMA_V}")
    try:
        (record,) = _RECORD.validate_json(json.dumps([outer["change"]]))
    except ValidationError as error:
        raise StoredFormError(f"a stored change cannot be read: {_faults(error)}") from error
    return record


def _faults(error: ValidationError) -> str:
    faults = error.errors(include_url=False, include_input=False)
    return "; ".join(f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in faults)
