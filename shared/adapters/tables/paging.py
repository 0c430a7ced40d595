"""A page of rows: one row more is asked for than a page has, and says whether there is another page."""

from collections.abc import Callable, Sequence

from shared.adapters.tables.reading import listed_rows
from shared.adapters.tables.rows import Row
from shared.application.listed import T
from shared.application.paging import Page


def page_of(rows: Sequence[Row], limit: int, read: Callable[[Row], T]) -> Page[T]:
    """What `read` makes of the first `limit` of `rows`; the next page begins behind the last of these."""
    shown = rows[:limit]
    return Page(records=listed_rows(shown, read), after=shown[-1]["RowKey"] if len(rows) > limit else "")
