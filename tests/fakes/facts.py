"""FactPublisher in memory."""

from datetime import datetime


class MemoryFactPublisher:
    """What was told, by fact id: receivers drop duplicates by it."""

    def __init__(self) -> None:
        self.facts: dict[str, tuple[str, str, dict[str, str]]] = {}

    async def publish(self, fact_id: str, kind: str, subject: str, data: dict[str, str], at: datetime) -> None:
        self.facts[fact_id] = (kind, subject, data)
