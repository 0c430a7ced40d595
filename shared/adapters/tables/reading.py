"""What a row says, or that this version cannot read it: newer code may have written it, or it was cut.

Whatever a row lacks or holds too much of shows as ValueError (of its form, of a message, of a time), LookupError or
TypeError. All of them become Unreadable, with the id by which people know the record.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from shared.adapters.tables.rows import Row
from shared.application.errors import Unreadable
from shared.application.listed import Listed, T, listed

_ODD = (ValueError, LookupError, TypeError)


@contextmanager
def reading(record_id: str) -> Iterator[None]:
    """Raises Unreadable for a record that cannot be read inside; only for code that reads what is there already."""
    try:
        yield
    except _ODD as error:
        odd = f"its row lacks {error}: deploy the version that wrote it" if isinstance(error, KeyError) else str(error)
        raise Unreadable(record_id, odd) from error


def row_id(row: Row) -> str:
    """The last part of the row's key: what it is about."""
    return str(row["RowKey"]).rpartition("|")[2]


def listed_rows(rows: Iterable[Row], read: Callable[[Row], T], id_of: Callable[[Row], str] = row_id) -> Listed[T]:
    """The records of `rows`, and which of them cannot be read, by their ids."""

    def one(row: Row) -> T:
        with reading(id_of(row)):
            return read(row)

    return listed(rows, one)
