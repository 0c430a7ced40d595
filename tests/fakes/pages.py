"""Pages of a list in memory."""

from collections.abc import Callable, Sequence
from typing import TypeVar

from shared.application.listed import Listed
from shared.application.paging import Page

T = TypeVar("T")


def page_of(records: Sequence[T], limit: int, after: str, place: Callable[[T], str]) -> Page[T]:
    """At most `limit` of `records` behind the one whose place is `after`; from the first on where there is none."""
    places = [place(each) for each in records]
    begin = places.index(after) + 1 if after in places else 0
    shown = records[begin : begin + limit]
    return Page(records=Listed(shown), after=place(shown[-1]) if begin + limit < len(records) else "")
