"""IntakeLog on Azure Tables: what came in and led to no release event, by the hash of its id (I13)."""

from datetime import datetime

from shared.adapters.tables.access import Table
from shared.adapters.tables.rows import INTAKE, TEXT_CHARS_MAX, hashed, time_text
from shared.adapters.tables.writes import create_row
from shared.application.ports import IntakeResult

_TEXT_CHARS_MAX = TEXT_CHARS_MAX // 2  # texts come from outside; some of their characters take two UTF-16 units


class TableIntakeLog:
    """The first record of an id stays."""

    def __init__(self, table: Table) -> None:
        self._table = table

    async def record(self, intake_id: str, result: IntakeResult, subject: str, reason: str, at: datetime) -> None:
        """Texts beyond 15,000 characters are cut."""
        row = {
            "PartitionKey": INTAKE,
            "RowKey": hashed(intake_id),
            "intake_id": intake_id[:_TEXT_CHARS_MAX],
            "result": result.value,
            "subject": subject[:_TEXT_CHARS_MAX],
            "reason": reason[:_TEXT_CHARS_MAX],
            "recorded_at": time_text(at),
        }
        await create_row(self._table, row)
