"""Records of changes as JSON text in the table, with a version, and the message that has a change looked at.

Same rules as for releases (release_json, messages): unknown versions and fields are refused, the text is plain ASCII,
and everything in a message is nested under one key.
"""

import json
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from shared.contracts.messages import ENVELOPE_KEY, VERSION, MessageError
from shared.contracts.release_json import StoredFormError
from shared.domain.config_changes_record import ChangeRecord

SCHEMA_V = 1
MESSAGE_KIND = "TakeChange"
BODY_BYTES_MAX = 4_000

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
    data = TakeChange(change_id=change_id, tries=tries).model_dump()
    return json.dumps({ENVELOPE_KEY: {"v": VERSION, "kind": MESSAGE_KIND, "data": data}}, separators=(",", ":"))


def decode_take(body: str | bytes) -> TakeChange:
    """The message of a body. Raises MessageError."""
    if len(body) > BODY_BYTES_MAX:
        raise MessageError(f"the body has {len(body)} bytes; the limit is {BODY_BYTES_MAX}")
    try:
        outer: Any = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise MessageError(f"the body is not JSON: {error}") from error
    envelope = outer.get(ENVELOPE_KEY) if isinstance(outer, dict) and len(outer) == 1 else None
    if not isinstance(envelope, dict) or (envelope.get("v"), envelope.get("kind")) != (VERSION, MESSAGE_KIND):
        raise MessageError(f"the body is no {MESSAGE_KIND} of version {VERSION} under the key {ENVELOPE_KEY!r}")
    try:
        return TakeChange.model_validate(envelope.get("data"))
    except ValidationError as error:
        raise MessageError(f"{MESSAGE_KIND}: {_faults(error)}") from error


def _faults(error: ValidationError) -> str:
    faults = error.errors(include_url=False, include_input=False)
    return "; ".join(f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in faults)
