"""FactPublisher in memory."""

from datetime import datetime

from shared.application.errors import PortError
from shared.application.ports import OwnFinding


class MemoryFactPublisher:
    """What was told, by fact id: receivers drop duplicates by it. Of `faults` each call raises the next."""

    def __init__(self) -> None:
        self.facts: dict[str, tuple[str, str, dict[str, str]]] = {}
        self.faults: list[PortError] = []

    async def publish(self, fact_id: str, kind: str, subject: str, data: dict[str, str], at: datetime) -> None:
        if self.faults:
            raise self.faults.pop(0)
        self.facts[fact_id] = (kind, subject, data)


class MemoryFindingLog:
    """What was found, by its id. Of `faults` each call raises the next."""

    def __init__(self) -> None:
        self.findings: dict[str, OwnFinding] = {}
        self.faults: list[PortError] = []

    async def report(self, finding: OwnFinding) -> None:
        if self.faults:
            raise self.faults.pop(0)
        self.findings.setdefault(finding.finding_id, finding)
