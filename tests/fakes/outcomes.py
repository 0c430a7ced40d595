"""BatchOutcomes in memory."""

from collections.abc import Collection, Mapping
from datetime import datetime

from shared.application.release.ports import Outcomes


class MemoryBatchOutcomes:
    """`ended` holds the jobs that ended, each with circuit, time, and whether it succeeded."""

    def __init__(self) -> None:
        self.ended: list[tuple[str, datetime, bool]] = []

    def end(self, circuit: str, at: datetime, *, succeeded: int = 0, failed: int = 0) -> None:
        """So many jobs of the circuit ended at this time."""
        self.ended += [(circuit, at, True)] * succeeded + [(circuit, at, False)] * failed

    async def since(self, circuits: Collection[str], since: datetime) -> Mapping[str, Outcomes]:
        found = {}
        for circuit in circuits:
            well = [succeeded for key, at, succeeded in self.ended if key == circuit and at >= since]
            found[circuit] = Outcomes(succeeded=well.count(True), failed=well.count(False))
        return found
