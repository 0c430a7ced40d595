"""What all that other systems send us has in common: a key that is null counts as one that is missing.

Azure Monitor, GitHub and Azure DevOps write null where their own documents say that a key may be left out. A model
therefore never sees a null: where a key may be missing, its default holds; where it may not, it is missing.
"""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, model_validator


class Wire(BaseModel):
    """Unknown keys are ignored, as senders add new ones; errors never repeat what was sent."""

    model_config = ConfigDict(extra="ignore", frozen=True, defer_build=True, hide_input_in_errors=True)

    @model_validator(mode="before")
    @classmethod
    def _null_is_missing(cls, sent: Any) -> Any:
        return without_nulls(sent) if isinstance(sent, Mapping) else sent


def without_nulls(sent: Mapping[Any, Any]) -> dict[Any, Any]:
    """`sent` without the keys that are null."""
    return {key: value for key, value in sent.items() if value is not None}
