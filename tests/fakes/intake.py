"""IntakeLog in memory."""

from datetime import datetime

from shared.application.ports import IntakeResult


class MemoryIntakeLog:
    """What came in and led to no release event, by id."""

    def __init__(self) -> None:
        self.records: dict[str, tuple[IntakeResult, str, str]] = {}

    async def record(self, intake_id: str, result: IntakeResult, subject: str, reason: str, at: datetime) -> None:
        self.records.setdefault(intake_id, (result, subject, reason))
