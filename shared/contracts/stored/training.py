"""A training run as JSON, as the table keeps it."""

import json
from functools import cache
from typing import Any

from pydantic import ConfigDict, TypeAdapter, ValidationError

from shared.contracts.stored.releases import StoredFormError
from shared.domain.training.model import TrainingRun


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
