"""What crosses our HTTP border has in common."""

from pydantic import BaseModel, ConfigDict


class Contract(BaseModel):
    """Unknown fields are refused; values never change."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)
