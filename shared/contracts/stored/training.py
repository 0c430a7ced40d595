"""A run and the messages about it as JSON: what is kept in the table and sent on the queue `trainings`."""

import json
from functools import cache
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from shared.contracts.messages import MessageError, seal, unseal
from shared.contracts.stored.releases import StoredFormError
from shared.domain.training.model import TrainingRun

RUN_ID_CHARS_MAX = 80
MESSAGE_KIND = "LookAtTraining"


class LookAtTraining(BaseModel):
    """Look at this run; with `serial`, only if nothing has happened to it since."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    run_id: str = Field(min_length=1, max_length=RUN_ID_CHARS_MAX)
    serial: int | None = None


@cache
def _runs() -> TypeAdapter[tuple[TrainingRun]]:
    shape: Any = tuple[TrainingRun]
    return TypeAdapter(shape, config=ConfigDict(extra="forbid"))


def encode_run(run: TrainingRun) -> str:
    """A run as ASCII JSON."""
    return json.dumps(_runs().dump_python((run,), mode="json")[0], separators=(",", ":"))


def decode_run(text: str) -> TrainingRun:
    """The run of `encode_run`. Raises StoredFormError."""
    try:
        return _runs().validate_json(f"[{text}]")[0]
    except ValidationError as error:
        raise StoredFormError(f"a stored training run cannot be read: {error}") from error


def encode_look(run_id: str, serial: int | None = None) -> str:
    """Says which run to look at, and with `serial` that the look is for this state of it only."""
    return seal(MESSAGE_KIND, {"run_id": run_id, "serial": serial})


def decode_look(body: str | bytes) -> tuple[str, int | None]:
    """The run to look at, and its serial. Raises MessageError."""
    kind, data = unseal(body)
    if kind != MESSAGE_KIND:
        raise MessageError(f"{kind!r} is no kind of message of this queue: it takes {MESSAGE_KIND}")
    try:
        look = LookAtTraining.model_validate(data)
    except ValidationError as error:
        raise MessageError(f"{MESSAGE_KIND}: {error}") from error
    return look.run_id, look.serial
