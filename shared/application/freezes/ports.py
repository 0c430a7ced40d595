"""What the application needs of the store of freezes. All times are UTC and aware; every method may raise
TransientFault. The adapter is in `shared/adapters`, the fake in `tests/fakes`; one contract suite runs on both."""

from datetime import datetime
from typing import Protocol

from shared.domain.freezes.freeze import Freeze


class FreezeLog(Protocol):
    """Freezes, for ever: who stopped what, why and how long can be read long after."""

    async def put(self, freeze: Freeze) -> Freeze:
        """Keeps `freeze` under its id and end; one that is there already stays. Returns what is kept. Once it has
        returned, every reader sees it."""

    async def lift(self, lifted: Freeze) -> Freeze:
        """Keeps who lifted it, when and why; the first lift stays. Returns what is kept. Raises LookupError for a
        freeze that was never put."""

    async def not_ended(self, now: datetime) -> list[Freeze]:
        """Every freeze whose end lies after `now`: planned, active and lifted ones; the next end first.
        One that this version cannot read counts, with `unreadable`."""
