"""A run and the messages about it as JSON: what is kept in the table and sent on the queue `trainings`."""

import json
from functools import cache
from typing import Any

from pydantic import ConfigDict, TypeAdapter, ValidationError

from shared.domain.training.model import TrainingRun

ENVELOPE_KEY = "switchyard"
VERSION = 1
RUN_ID_CHARS_MAX = 80
_LOOK = "LookAtTraining"


class TrainingMessageError(ValueError):
    """The text is not what this version writes."""


@cache
def _runs() -> TypeAdapter[tuple[TrainingRun]]:
    shape: Any = tuple[TrainingRun]
    return TypeAdapter(shape, config=ConfigDict(extra="forbid"))


def encode_run(run: TrainingRun) -> str:
    """A run as ASCII JSON."""
    return json.dumps(_runs().dump_python((run,), mode="json")[0], separators=(",", ":"))


def decode_run(text: str) -> TrainingRun:
    """The run of `encode_run`. Raises TrainingMessageError."""
    try:
        return _runs().validate_json(f"[{text}]")[0]
    except ValidationError as error:
        raise TrainingMessageError(f"no training run: {error}") from error


def encode_look(run_id: str, serial: int | None = None) -> str:
    """Says which run to look at, and with `serial` that the look is for this state of it only."""
    return json.dumps({ENVELOPE_KEY: {"v": VERSION, "kind": _LOOK, "data": {"run_id": run_id, "serial": serial}}})


def decode_look(body: str | bytes) -> tuple[str, int | None]:
    """The run to look at, and its serial. Raises TrainingMessageError."""
    try:
        envelope = json.loads(body)[ENVELOPE_KEY]
        version, kind, run_id = envelope["v"], envelope["kind"], envelope["data"]["run_id"]
        serial = envelope["data"].get("serial")
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise TrainingMessageError(f"the body is no message of this queue: {type(error).__name__} {error}") from error
    if (version, kind) != (VERSION, _LOOK):
        raise TrainingMessageError(
            f"kind {kind!r} of version {version!r} is unknown; this code reads {_LOOK} {VERSION}"
        )
    if not isinstance(run_id, str) or not 0 < len(run_id) <= RUN_ID_CHARS_MAX:
        raise TrainingMessageError("run_id is no id of a training run")
    if serial is not None and (not isinstance(serial, int) or isinstance(serial, bool)):
        raise TrainingMessageError("serial is no number")
    return run_id, serial
