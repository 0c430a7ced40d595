"""How long the parts of the demo took."""

from __future__ import annotations

from rich.table import Table
from rich.text import Text


class Times:
    """Seconds by what was done, in the order in which they were added."""

    def __init__(self) -> None:
        self._seconds: list[tuple[str, float]] = []

    def add(self, what: str, seconds: float) -> None:
        self._seconds.append((what, seconds))

    def table(self) -> Table:
        """To be shown at the end."""
        table = Table("what", "seconds", title="How long it took", title_justify="left")
        table.columns[1].justify = "right"
        for what, seconds in self._seconds:
            table.add_row(Text(what), Text(f"{seconds:.1f}"))
        return table
