"""Stored records that this version of the app cannot read, as every list of the API names them."""

from collections.abc import Iterable
from typing import Literal

from shared.application.errors import Unreadable
from shared.contracts.base import Contract


class UnreadableView(Contract):
    """A stored record that this version of the app cannot read, and why. Everything else goes on without it."""

    id: str
    state: Literal["unreadable"] = "unreadable"
    reason: str


def unreadable_of(found: Iterable[Unreadable]) -> list[UnreadableView]:
    """The records that could not be read, as they are shown."""
    return [UnreadableView(id=each.record_id, reason=each.reason) for each in found]
