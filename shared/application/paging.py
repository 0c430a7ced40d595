"""Lists that grow are read a page at a time: from where the last page ended, in an order that no new record changes."""

from dataclasses import dataclass, field
from typing import Generic, TypeVar

from shared.application.listed import Listed

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Page(Generic[T]):
    """Some records of a list, and those among them that this version cannot read.

    `after` is where the next page begins; empty when this was the last. A page may hold fewer records than were asked
    for, even none, and not be the last.
    """

    records: Listed[T] = field(default_factory=Listed)
    after: str = ""
