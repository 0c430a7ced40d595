"""Lists of stored records. One that this version cannot read harms itself: the list goes on, and tells its id."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable
from typing import TypeVar

from shared.application.errors import Unreadable

log = logging.getLogger(__name__)

AT_ONCE = 10
"""Records read at the same time: quick enough for a page, and far from what one table partition serves."""

T = TypeVar("T")
Item = TypeVar("Item")


class Listed(list[T]):
    """The records that could be read, in order; `unreadable` says which could not, and why."""

    def __init__(self, records: Iterable[T] = (), unreadable: Iterable[Unreadable] = ()) -> None:
        super().__init__(records)
        self.unreadable = tuple(unreadable)


def listed(items: Iterable[Item], read: Callable[[Item], T]) -> Listed[T]:
    """What `read` makes of each item; those of which it raises Unreadable are logged as errors."""
    found = Listed[T]()
    for item in items:
        try:
            found.append(read(item))
        except Unreadable as error:
            found.unreadable += (_told(error),)
    return found


def or_unreadable(load: Callable[[str], Awaitable[T | None]]) -> Callable[[str], Awaitable[T | Unreadable | None]]:
    """`load`, but with the Unreadable, which is logged as an error, as its answer."""

    async def loaded(record_id: str) -> T | Unreadable | None:
        try:
            return await load(record_id)
        except Unreadable as error:
            return _told(error)

    return loaded


async def each_of(record_ids: Iterable[str], load: Callable[[str], Awaitable[T | None]]) -> Listed[T]:
    """The records of these ids, each loaded once, without those that are gone."""
    return parted([await or_unreadable(load)(record_id) for record_id in dict.fromkeys(record_ids)])


async def all_of(record_ids: Iterable[str], load: Callable[[str], Awaitable[T | None]]) -> Listed[T]:
    """As `each_of`, AT_ONCE at a time: for a page that somebody waits for."""
    ids = list(dict.fromkeys(record_ids))
    found: list[T | Unreadable | None] = []
    for start in range(0, len(ids), AT_ONCE):
        found += await asyncio.gather(*(or_unreadable(load)(each) for each in ids[start : start + AT_ONCE]))
    return parted(found)


def parted(loaded: Iterable[T | Unreadable | None]) -> Listed[T]:
    """The answers of `or_unreadable` as a list."""
    answers = list(loaded)
    return Listed(
        (each for each in answers if each is not None and not isinstance(each, Unreadable)),
        (each for each in answers if isinstance(each, Unreadable)),
    )


def _told(error: Unreadable) -> Unreadable:
    log.error("a record that cannot be read is left out of a list: %s", error)
    return error
