"""TrainingSlots on Azure Tables: one row with everybody who trains, changed under its ETag.

One row and not one per slot: whoever counts and whoever takes does both in the same write, so that no two can take the
last slot, and a smaller limit counts at once.
"""

import json
from datetime import datetime

from shared.adapters.tables.access import Table, Unsettled, etag_of
from shared.adapters.tables.rows import TRAINING_SLOTS, Row, insert, replace
from shared.application.errors import TransientFault
from shared.application.training.ports import Slot

_KEY = "fleet"
_TRIES = 20  # each one is lost only to another writer or to a fault


class TableTrainingSlots:
    """The row says who has a slot, so that a write without an answer is settled by reading it again."""

    def __init__(self, table: Table) -> None:
        self._table = table

    async def claim(self, run_id: str, now: datetime, parallel_max: int) -> bool:
        """Takes a slot, or finds the own one."""
        for _ in range(_TRIES):
            row = await self._table.get(TRAINING_SLOTS, _KEY)
            slots = _slots_of(row)
            if any(slot.run_id == run_id for slot in slots):
                return True
            if len(slots) >= parallel_max:
                return False
            if await self._written([*slots, Slot(run_id=run_id, since=now)], row):
                return True
        raise TransientFault(f"the training slots kept changing while {run_id} tried to take one")

    async def free(self, run_id: str) -> bool:
        """Gives the slot back."""
        for _ in range(_TRIES):
            row = await self._table.get(TRAINING_SLOTS, _KEY)
            slots = _slots_of(row)
            kept = [slot for slot in slots if slot.run_id != run_id]
            if len(kept) == len(slots):
                return False
            if await self._written(kept, row):
                return True
        raise TransientFault(f"the training slots kept changing while {run_id} tried to give its own back")

    async def taken(self) -> list[Slot]:
        """Every slot that somebody holds, the oldest first."""
        return _slots_of(await self._table.get(TRAINING_SLOTS, _KEY))

    async def _written(self, slots: list[Slot], before: Row | None) -> bool:
        content = [{"run_id": slot.run_id, "since": slot.since.isoformat()} for slot in slots]
        row: Row = {"PartitionKey": TRAINING_SLOTS, "RowKey": _KEY, "slots": json.dumps(content)}
        try:
            await self._table.write(replace(row, etag_of(before)) if before else insert(row))
        except Unsettled:
            return False
        return True


def _slots_of(row: Row | None) -> list[Slot]:
    content = json.loads(row["slots"]) if row else []
    return [Slot(run_id=each["run_id"], since=datetime.fromisoformat(each["since"])) for each in content]
