"""TrainingSlots on Azure Tables: one row with everybody who trains, changed under its ETag.

One row and not one per slot: whoever counts and whoever takes does both in the same write, so that no two can take the
last slot, and a smaller limit counts at once.
"""

import json
from collections.abc import Callable
from datetime import datetime

from shared.adapters.tables.access import Table
from shared.adapters.tables.reading import reading
from shared.adapters.tables.rows import TRAINING_SLOTS, Row
from shared.adapters.tables.writes import update_row
from shared.application.training.ports import Slot

_KEY = "fleet"
_TRIES = 20  # every training of the fleet writes this one row


class TableTrainingSlots:
    """The row says who has a slot, so that a write without an answer is settled by reading it again."""

    def __init__(self, table: Table) -> None:
        self._table = table

    async def claim(self, run_id: str, now: datetime, parallel_max: int) -> bool:
        """Takes a slot, or finds the own one."""

        def with_own(slots: list[Slot]) -> list[Slot]:
            if _has(slots, run_id) or len(slots) >= parallel_max:
                return slots
            return [*slots, Slot(run_id=run_id, since=now)]

        return _has(await self._updated(with_own), run_id)

    async def free(self, run_id: str) -> bool:
        """Gives the slot back."""
        held = False

        def without_own(slots: list[Slot]) -> list[Slot]:
            nonlocal held  # as it was first read: the own write may be met again after a lost answer
            held = held or _has(slots, run_id)
            return [slot for slot in slots if slot.run_id != run_id]

        await self._updated(without_own)
        return held

    async def taken(self) -> list[Slot]:
        """Every slot that is held, the oldest first."""
        return _slots_of(await self._table.get(TRAINING_SLOTS, _KEY))

    async def _updated(self, change: Callable[[list[Slot]], list[Slot]]) -> list[Slot]:
        def columns(row: Row) -> Row | None:
            before = _slots_of(row)
            after = change(before)
            return _columns(after) if after != before else None

        return _slots_of(await update_row(self._table, TRAINING_SLOTS, _KEY, columns, tries=_TRIES))


def _has(slots: list[Slot], run_id: str) -> bool:
    return any(slot.run_id == run_id for slot in slots)


def _columns(slots: list[Slot]) -> Row:
    return {"slots": json.dumps([{"run_id": slot.run_id, "since": slot.since.isoformat()} for slot in slots])}


def _slots_of(row: Row | None) -> list[Slot]:
    with reading("the row of the training slots"):
        content = json.loads(row["slots"]) if row else []
        return [Slot(run_id=each["run_id"], since=datetime.fromisoformat(each["since"])) for each in content]
