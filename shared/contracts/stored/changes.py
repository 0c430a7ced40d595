"""Records of changes as JSON text in the table, with a version, and the message that has a change looked at.

Same rules as for releases (release_json, messages): unknown versions and fields are refused, the text is plain ASCII,
and everything in a message is nested under one key.
"""

import json

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from shared.contracts.messages import MessageError, seal, unseal
from shared.contracts.stored.releases import StoredFormError
from shared.domain.changes.record import ChangeRecord

SCHEMA_V = 1
MESSAGE_KIND = "TakeChange"

_RECORD = TypeAdapter(tuple[ChangeRecord], config=ConfigDict(strict=True, extra="forbid"))


class TakeChange(BaseModel):
    """Look at the change of this commit. `tries` counts how often it was put off."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    change_id: str = Field(pattern=r"^([0-9a-f]{40}|[0-9a-f]{64})$")
    tries: int = Field(default=0, ge=0, le=1000)


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


def encode_take(change_id: str, tries: int = 0) -> str:
    """The body of the message."""
    return seal(MESSAGE_KIND, TakeChange(change_id=change_id, tries=tries).model_dump())


def decode_take(body: str | bytes) -> TakeChange:
    """The message of a body. Raises MessageError."""
    kind, data = unseal(body)
    if kind != MESSAGE_KIND:
        raise MessageError(f"{kind!r} is no kind of message of this queue: it takes {MESSAGE_KIND}")
    try:
        return TakeChange.model_validate(data)
    except ValidationError as error:
        raise MessageError(f"{MESSAGE_KIND}: {_faults(error)}") from error


def _faults(error: ValidationError) -> str:
    faults = error.errors(include_url=False, include_input=False)
    return "; ".join(f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in faults)
