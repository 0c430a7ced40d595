"""The message that has a piece of work looked at: kind `Look`, in the envelope of every message."""

import json
import re

from pydantic import BaseModel, ConfigDict, ValidationError

from shared.application.work.look import Look, WorkKind
from shared.contracts.messages import MessageError, seal, unseal
from shared.contracts.old_looks import OLD_KINDS, read_old
from shared.domain.errors import InvalidRequest
from shared.domain.routines.task import PeriodWish, TaskRef

MESSAGE_KIND = "Look"
_KEYS = {
    WorkKind.ALERT: re.compile(r"[0-9a-f]{32}"),
    WorkKind.CHANGE: re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}"),
    WorkKind.TRAINING: re.compile(r"[a-z0-9-]{1,80}"),
    WorkKind.NOTICE: re.compile(r"[0-9a-f]{32}"),
    WorkKind.DELIVERY: re.compile(r"[0-9a-f]{32}"),
}


class _Form(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)

    kind: WorkKind
    key: str
    serial: int | None = None


def encode_look(look: Look) -> str:
    """The body of the message."""
    return seal(MESSAGE_KIND, {"kind": look.kind.value, "key": look.key, "serial": look.serial})


def decode_look(body: str | bytes) -> Look:
    """The look of a body. Raises MessageError, also for a key that this kind of work cannot have."""
    look = look_of(body)
    if look is None:
        raise MessageError(f"this queue takes messages of the kind {MESSAGE_KIND} only")
    return look


def look_of(body: str | bytes) -> Look | None:
    """The look of a body; None when it is a message of another kind. Raises MessageError when it cannot be read."""
    kind, data = unseal(body)
    if kind in OLD_KINDS:
        look = read_old(kind, data)
    elif kind == MESSAGE_KIND:
        try:
            look = Look(**_Form.model_validate_json(json.dumps(data)).model_dump())
        except ValidationError as error:
            raise MessageError(f"{MESSAGE_KIND}: {error}") from error
    else:
        return None
    _check_key(look)
    return look


def _check_key(look: Look) -> None:
    try:
        if look.kind is WorkKind.TASK:
            TaskRef.of(look.key)
        elif look.kind is WorkKind.PERIOD:
            PeriodWish.of(look.key)
        elif not _KEYS[look.kind].fullmatch(look.key):
            raise InvalidRequest(f"{look.key!r} is no key")
    except InvalidRequest as error:
        raise MessageError(f"{look.kind.value}: {error}") from error
